//! Rows to Purchases: exact amounts, months, identities, and what is refused.

use crate::support::{kept, map, names, refusal, sums};

const FOCUS: &str = "focus-billed-cost";
const HEAD: &str = "BillingAccountId,SubAccountId,SubAccountName,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,\
ChargeCategory,SkuId,ChargeDescription,PricingQuantity,PricingUnit,BilledCost,EffectiveCost,BillingCurrency";

/// A row of FOCUS with this cost, and another effective one.
fn row(sku: &str, cost: &str) -> String {
    format!(
        "b-1,s-1,Blue,2026-11-01T00:00:00Z,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z,Usage,{sku},Hours of {sku},2,h,{cost},7,EUR"
    )
}

fn file(rows: &[String]) -> String {
    format!("{HEAD}\n{}\n", rows.join("\n"))
}

#[test]
fn amounts_in_scientific_notation_lose_no_digit() {
    for (cost, exact) in [
        ("1.0E-7", "0.00000010"),
        ("-2.5e+3", "-2500"),
        ("0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"),
        ("9.007199254740993E15", "9007199254740993"),
    ] {
        let mapped = map(FOCUS, "", &file(&[row("a", cost)]));
        assert_eq!(mapped.rejected, [], "{cost}");
        let exact = exact.parse::<bigdecimal::BigDecimal>().unwrap();
        assert_eq!(sums(&mapped.purchases)["EUR"], exact, "{cost}");
    }
}

#[test]
fn the_source_decides_which_cost_is_billed() {
    let text = file(&[row("a", "5")]);
    for (source, cost) in [(FOCUS, "5"), ("focus-effective-cost", "7")] {
        assert_eq!(map(source, "", &text).purchases[0].field("cost"), cost, "{source}");
    }
}

#[test]
fn a_file_is_read_with_a_mark_of_its_encoding_carriage_returns_and_quoted_line_breaks() {
    let quoted = row("a", "1").replace("Hours of a", "\"Hours, \"\"of\"\"\r\na\"");
    let text =
        format!("\u{feff}{}", file(&[quoted, row("b", "2")]).replace("\n", "\r\n").replace("\r\r", "\r"));
    let mapped = map(FOCUS, "", &text);
    assert_eq!((mapped.purchases.len(), mapped.rejected.len()), (2, 0), "{mapped:?}");
    assert_eq!(mapped.purchases[0].field("product-text"), "Hours, \"of\"\r\na");
    assert_eq!(kept(&mapped.purchases[1], "billing-account"), "b-1", "the first column, behind the mark");
}

#[test]
fn a_reference_does_not_follow_money_and_follows_the_charge() {
    let of = |row: String| map(FOCUS, "", &file(&[row])).purchases[0].field("reference").to_owned();
    let one = of(row("a", "1"));
    assert_eq!(one, of(row("a", "2")), "another cost");
    assert_eq!(one, of(row("a", "1").replace(",2,h,", ",3,h,")), "another quantity");
    assert_eq!(
        one,
        of(row("a", "1").replace("T00:00:00Z", "T00:00:00.000Z")),
        "another spelling of its time"
    );
    for other in [
        row("b", "1"),
        row("a", "1").replace(",s-1,", ",s-2,"),
        row("a", "1").replace("11-02T00", "11-02T01"),
        row("a", "1").replace("Usage", "Credit"),
        row("a", "1").replace(",EUR", ",USD"),
        row("a", "1").replace(",h,", ",d,"),
    ] {
        assert_ne!(one, of(other.clone()), "{other}");
    }
}

#[test]
fn a_row_of_another_month_is_never_billed_with_this_one() {
    let other = row("a", "1").replace("2026-11-01T", "2026-10-01T");
    let mapped = map(FOCUS, "", &file(&[row("b", "2"), other]));
    assert_eq!(mapped.purchases.len(), 1);
    assert_eq!(mapped.rejected, [(1, "it is billed in 2026-10, not in 2026-11".to_owned())]);
}

#[test]
fn what_cannot_be_read_is_set_aside_by_row_and_said() {
    let rows = [
        row("a", "x"),
        row("a", ""),
        row("a", "1").replace(",EUR", ",Euro"),
        row("a", "1").replace("2026-11-02T00:00:00Z", "soon"),
        row("a", "1").replace("2026-11-02T00:00:00Z", ""),
        row("a", "1").replace("2026-11-03T", "2026-11-01T"),
        row("a", "1").replace(",2,h,", ",two,h,"),
        "too,short".to_owned(),
    ];
    let mapped = map(FOCUS, "", &file(&rows));
    assert_eq!(mapped.purchases, []);
    let told: Vec<_> = mapped.rejected.iter().map(|(ordinal, reason)| (*ordinal, reason.as_str())).collect();
    let expected = [
        "the cost \"x\" is no number",
        "the cost is missing",
        "the currency \"Euro\" is no code of three letters",
        "\"soon\" is no date",
        "the start is missing",
        "the end lies before the start",
        "the quantity \"two\" is no number",
        "2 values where the header has 14",
    ];
    assert_eq!(told, (0..).zip(expected).collect::<Vec<_>>());
}

#[test]
fn a_file_of_another_kind_is_refused_as_a_whole() {
    for (text, reason) in [
        ("a,b\n1,2\n", "no column for the cost"),
        ("BilledCost,x\n1,2\n", "no column for the currency"),
        ("BilledCost;BillingCurrency\n1;EUR\n", "not separated by commas"),
        ("<html>\n<body>sign in</body>\n", "no column for the cost"),
    ] {
        let told = refusal(FOCUS, "", text);
        assert!(told.contains(reason) && told.starts_with("FCS-200"), "{text}: {told}");
    }
    let told = refusal(FOCUS, r#"{"column_region":"Zone"}"#, &file(&[row("a", "1")]));
    assert!(told.contains("\"Zone\""), "{told}");
}

#[test]
fn settings_choose_columns_periods_and_what_costs_nothing() {
    let text = file(&[row("a", "0.000"), row("b", "-0"), row("c", "1")]);
    let mapped = map(
        FOCUS,
        r#"{"zero_rows":"ignore","period":"billing","column_customer":"BillingAccountId","metadata_columns":["EffectiveCost"],"reference_columns":["SubAccountName"]}"#,
        &text,
    );
    assert_eq!(mapped.ignored, [("costs-nothing".to_owned(), vec![0, 1])]);
    let [purchase] = &mapped.purchases[..] else { panic!("{mapped:?}") };
    let of = |name| purchase.field(name);
    assert_eq!((of("start"), of("end")), ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
    assert_eq!((of("vendor-customer"), kept(purchase, "column:EffectiveCost")), ("b-1", "7"));
    assert!(of("reference").ends_with("|Blue"), "{}", of("reference"));
    assert_eq!(mapped.facts, [], "the sub-account's name is not the payer's");
    assert_eq!(map(FOCUS, "", &text).purchases.len(), 3, "else they are kept, with their quantity");
}

#[test]
fn customers_are_told_with_their_names() {
    let payer = row("t", "1").replace(",s-1,Blue,", ",,,");
    let mapped = map(FOCUS, "", &file(&[row("a", "1"), row("b", "1"), payer]));
    assert_eq!(names(&mapped), [("s-1", "Blue".to_owned())]);
    assert_eq!(mapped.purchases[2].field("vendor-customer"), "b-1", "what is nobody's own is the payer's");
}
