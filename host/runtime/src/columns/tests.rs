//! The decoder's claims: exact fields, and no shift or loss goes unnoticed.

use super::*;

const FIELDS: [&str; 18] = [
    "line-1",
    "customer",
    "subscription",
    "product:sku",
    "Product",
    "Category",
    "1.50",
    "1 Hour",
    "0.10",
    "USD",
    "0.14",
    "EUR",
    "0.93",
    "2026-11-01T00:00:00Z",
    "2026-11-02T00:00:00Z",
    "given",
    "",
    "",
];

#[derive(Default)]
struct Page {
    text: Vec<u8>,
    counts: Vec<u32>,
}

impl Page {
    fn strings(mut self, strings: &[&str]) -> Self {
        for string in strings {
            self.text.extend_from_slice(string.as_bytes());
            self.text.push(0);
        }
        self
    }

    fn counts(mut self, counts: &[u32]) -> Self {
        self.counts.extend_from_slice(counts);
        self
    }

    fn decode(&self, records: u32) -> Result<Mapped> {
        decode(&self.text, &self.counts, records, &Bounds::of(&Limits::default()))
    }
}

/// One purchase from record 0, with one field changed.
fn one_purchase(field: usize, value: &str) -> Page {
    let mut fields = FIELDS;
    fields[field] = value;
    Page::default().strings(&fields).counts(&[1, 0, 1, 0, 0, 0, 0])
}

fn mismatch(page: &Page, records: u32) -> String {
    match page.decode(records).unwrap_err() {
        Fault::Contract(text) => text.into_owned(),
        Fault::Limit(error) => panic!("{error}"),
    }
}

fn rejection(field: usize, value: &str) -> String {
    let mapped = one_purchase(field, value).decode(1).unwrap();
    assert!(mapped.purchases.is_empty());
    assert_eq!(mapped.rejected.len(), 1);
    mapped.rejected[0].1.clone()
}

#[test]
fn every_kind_of_place_is_read() {
    let page = Page::default()
        .strings(&FIELDS)
        .strings(&["invoice", "E123", "region", "Südkorea"])
        .strings(&["covered-by-rated-usage", "no date", "customer", "c-1", "{\"name\":\"A\"}"])
        .counts(&[1, 2, 2, 0, 3, 1, 1, 2, 1, 1, 1]);
    let mapped = page.decode(4).unwrap();
    let purchase = &mapped.purchases[0];
    assert_eq!(purchase.natural_reference, "line-1");
    assert_eq!(purchase.records, [0, 3]);
    assert_eq!(purchase.quantity.canonical(), "1.5");
    assert_eq!(purchase.cost.as_ref().unwrap().canonical(), "0.14");
    assert_eq!(purchase.description.metadata["region"], "Südkorea");
    assert_eq!(purchase.description.exchange_rate.as_ref().unwrap().canonical(), "0.93");
    assert_eq!(mapped.ignored, [("covered-by-rated-usage".to_owned(), vec![2])]);
    assert_eq!(mapped.rejected, [(1, "no date".to_owned())]);
    assert_eq!(mapped.facts[0].key, "c-1");
}

#[test]
fn an_empty_page_is_four_zeros_and_no_text() {
    assert_eq!(Page::default().counts(&[0, 0, 0, 0]).decode(0).unwrap(), Mapped::default());
}

#[test]
fn a_malformed_field_rejects_its_records_and_no_others() {
    let mut bad = FIELDS;
    bad[10] = "12,50";
    let page = Page::default().strings(&bad).strings(&FIELDS).counts(&[2, 0, 2, 0, 1, 0, 1, 2, 0, 0, 0]);
    let mapped = page.decode(3).unwrap();
    assert_eq!(mapped.purchases.len(), 1);
    assert_eq!(mapped.purchases[0].records, [2]);
    let reason = "the plugin gave the cost \"12,50\", not a decimal number";
    assert_eq!(mapped.rejected, [(0, reason.to_owned()), (1, reason.to_owned())]);
}

#[test]
fn each_field_says_what_is_wrong_with_it() {
    assert_eq!(rejection(0, ""), "the plugin gave no reference");
    assert_eq!(rejection(6, ""), "the plugin gave the quantity \"\", not a decimal number");
    assert_eq!(rejection(8, "NaN"), "the plugin gave the unit price \"NaN\", not a decimal number");
    assert_eq!(
        rejection(11, "Euro"),
        "the plugin gave the currency \"Euro\", not a currency code (three upper-case letters)"
    );
    assert_eq!(rejection(11, ""), "the plugin gave a cost without a currency");
    assert_eq!(
        rejection(13, "01.11.2026"),
        "the plugin gave the start \"01.11.2026\", not an instant (RFC 3339, UTC)"
    );
    assert_eq!(rejection(14, "2026-10-01T00:00:00Z"), "the plugin gave an end before the start");
    assert_eq!(
        rejection(15, "guess"),
        "the plugin gave the amount kind \"guess\", none of given, tiered, none"
    );
    assert_eq!(rejection(15, "none"), "the plugin gave a cost beside an amount kind other than \"given\"");
    assert_eq!(rejection(10, ""), "the plugin gave the amount kind \"given\" without a cost");
    assert!(rejection(6, &"9".repeat(2_000)).len() < 200);
}

#[test]
fn a_remembered_date_is_not_taken_for_another() {
    let mut second = FIELDS;
    second[13] = "2026-11-01T05:00:00Z";
    let page = Page::default()
        .strings(&FIELDS)
        .strings(&second)
        .strings(&FIELDS)
        .counts(&[3, 0, 1, 0, 0, 1, 1, 0, 1, 2, 0, 0, 0]);
    let starts = page.decode(3).unwrap().purchases;
    let starts = starts.iter().map(|p| p.description.start.to_string()).collect::<Vec<_>>();
    assert_eq!(starts, ["2026-11-01T00:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T00:00:00Z"]);
}

#[test]
fn metadata_that_stands_twice_is_rejected_in_any_order() {
    let page = Page::default()
        .strings(&FIELDS)
        .strings(&["b", "1", "a", "2", "b", "3"])
        .counts(&[1, 3, 1, 0, 0, 0, 0]);
    let mapped = page.decode(1).unwrap();
    assert_eq!(mapped.rejected[0].1, "the plugin gave the metadata name \"b\", in the same purchase twice");
}

#[test]
fn u0000_in_a_value_is_refused() {
    assert_eq!(mismatch(&one_purchase(4, "Pro\0duct"), 1), "1 strings more than the counts say");
}

#[test]
fn a_missing_string_is_refused() {
    let page = Page::default().strings(&FIELDS[..17]).counts(&[1, 0, 1, 0, 0, 0, 0]);
    assert_eq!(mismatch(&page, 1), "fewer strings than the counts say");
}

#[test]
fn a_string_that_is_not_ended_is_refused() {
    let mut page = Page::default().counts(&[0, 0, 0, 0]);
    page.text.push(b'x');
    assert_eq!(mismatch(&page, 0), "1 strings more than the counts say");
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    let page = Page { text: vec![0xff, 0], counts: vec![0, 0, 0, 0] };
    assert_eq!(mismatch(&page, 0), "the text is not UTF-8");
}

#[test]
fn a_record_stands_in_exactly_one_place() {
    let twice = Page::default().strings(&FIELDS).strings(&["rule"]).counts(&[1, 0, 1, 0, 1, 1, 0, 0, 0]);
    assert_eq!(mismatch(&twice, 1), "record 0 stands in two places");
    let nowhere = Page::default().counts(&[0, 0, 0, 0]);
    assert_eq!(mismatch(&nowhere, 2), "record 0 stands in no place");
    let beyond = Page::default().strings(&["why"]).counts(&[0, 0, 1, 7, 0]);
    assert_eq!(mismatch(&beyond, 1), "it names record 7 of a page with 1 records");
}

#[test]
fn counts_that_are_short_or_long_or_absurd_are_refused() {
    assert_eq!(mismatch(&Page::default(), 0), "the counts end too early");
    assert_eq!(mismatch(&Page::default().counts(&[u32::MAX]), 0), "the counts end too early");
    assert_eq!(mismatch(&Page::default().counts(&[1, 0, u32::MAX, 0]), 1), "the counts end too early");
    assert_eq!(mismatch(&Page::default().counts(&[0, 0, 0, 0, 5]), 0), "1 counts too many");
    assert_eq!(
        mismatch(&Page::default().counts(&[1, u32::MAX, 1, 0]), 1),
        "fewer strings than the counts say"
    );
    assert_eq!(
        mismatch(&Page::default().strings(&FIELDS).counts(&[1, 0, 0]), 0),
        "a purchase names no record"
    );
}

#[test]
fn a_fact_is_json_under_a_kind_and_a_key() {
    let fact = |strings: &[&str]| mismatch(&Page::default().strings(strings).counts(&[0, 0, 0, 1]), 0);
    assert_eq!(fact(&["customer", "c", "{"]), "the value of a fact of kind \"customer\" is not JSON");
    assert_eq!(fact(&["customer", "", "{}"]), "a fact without kind or key");
}

#[test]
fn a_group_without_a_rule_is_refused() {
    let page = Page::default().strings(&[""]).counts(&[0, 1, 1, 0, 0, 0]);
    assert_eq!(mismatch(&page, 1), "an ignored group names no rule");
}

/// One line that another feed bills, from record 0.
fn covered(rule: &str, billed_by: &str, cost: &str) -> Page {
    let mut fields = FIELDS;
    (fields[0], fields[10]) = ("", cost);
    fields[15..].copy_from_slice(&["covered", rule, billed_by]);
    Page::default().strings(&fields).counts(&[1, 0, 1, 0, 0, 0, 0])
}

#[test]
fn a_line_that_another_feed_bills_is_no_purchase() {
    let mapped = covered("covered-by-usage", "usage", "0.14").decode(1).unwrap();
    assert!(mapped.purchases.is_empty() && mapped.ignored.is_empty());
    let line = &mapped.covered[0];
    assert_eq!((line.rule.as_str(), line.billed_by.as_str()), ("covered-by-usage", "usage"));
    assert_eq!((line.line.cost.clone(), &line.line.records), (Some("0.14".parse().unwrap()), &vec![0]));
    assert_eq!(line.line.description.amount, purser_domain::purchase::Amount::Given);
}

#[test]
fn a_covered_line_names_its_rule_and_who_bills_it_and_says_an_amount() {
    for (rule, billed_by) in [("", "usage"), ("covered-by-usage", "")] {
        assert!(mismatch(&covered(rule, billed_by, "0.14"), 1).contains("covered line"));
    }
    let mapped = covered("covered-by-usage", "usage", "").decode(1).unwrap();
    assert!(mapped.covered.is_empty() && mapped.rejected[0].1.contains("without a cost"), "{mapped:?}");
}
