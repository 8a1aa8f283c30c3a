//! Whatever came in went somewhere.

use proptest::prelude::*;
use purser_domain::conservation::Measure;
use purser_domain::{Balance, Currency, Tally};

use crate::support::{contribution, decimal};

fn tally(records: u64, sums: &[(&str, &str)]) -> Tally {
    Tally { records, sums: sums.iter().map(|(measure, sum)| ((*measure).to_owned(), decimal(sum))).collect() }
}

/// Received, purchased, ignored; what is missing, in which measure.
type Case = (&'static str, Tally, Tally, Tally, Option<(&'static str, &'static str)>);

#[test]
fn conservation_holds_or_names_what_is_missing_by_this_table() {
    let table: [Case; 7] = [
        ("nothing", tally(0, &[]), tally(0, &[]), tally(0, &[]), None),
        ("all bought", tally(2, &[("EUR", "3")]), tally(2, &[("EUR", "3.00")]), tally(0, &[]), None),
        (
            "one ignored",
            tally(2, &[("EUR", "3")]),
            tally(1, &[("EUR", "1")]),
            tally(1, &[("EUR", "2")]),
            None,
        ),
        (
            "a record lost",
            tally(2, &[("EUR", "3")]),
            tally(1, &[("EUR", "3")]),
            tally(0, &[]),
            Some(("records", "1")),
        ),
        (
            "a last digit lost",
            tally(1, &[("EUR", "3.0000000000000000001")]),
            tally(1, &[("EUR", "3")]),
            tally(0, &[]),
            Some(("EUR", "0.0000000000000000001")),
        ),
        ("out of nowhere", tally(1, &[]), tally(1, &[("USD", "1")]), tally(0, &[]), Some(("USD", "-1"))),
        (
            "two units never offset",
            tally(1, &[("quantity:h", "1")]),
            tally(1, &[("quantity:GB", "1")]),
            tally(0, &[]),
            Some(("quantity:h", "1")),
        ),
    ];
    for (case, received, purchased, ignored, missing) in table {
        let ignored = [("covered".to_owned(), ignored)].into();
        let balance = Balance { received, purchased, ignored, ..Balance::default() };
        let shown = balance.adds_up().err().map(|imbalance| (imbalance.measure, imbalance.difference));
        assert_eq!(shown, missing.map(|(measure, sum)| (measure.to_owned(), decimal(sum))), "{case}");
    }
}

#[test]
fn a_record_is_measured_in_money_else_in_quantity_else_only_counted() {
    let mut tally = Tally::default();
    let euro: Currency = "EUR".parse().unwrap();
    tally.add_record(Some((Measure::Money(&euro), &decimal("1.10"))));
    tally.add_record(Some((Measure::Quantity("GB"), &decimal("2"))));
    tally.add_record(None);
    let mut priced_later = contribution("a", "3", "0");
    priced_later.cost = None;
    tally.add_contribution(&priced_later);
    assert_eq!(tally, self::tally(4, &[("EUR", "1.1"), ("quantity:GB", "2"), ("quantity:Hours", "3")]));
}

#[test]
fn an_imbalance_says_what_happened_and_what_to_do() {
    let balance = Balance { received: tally(2, &[]), ..Balance::default() };
    let text = balance.adds_up().unwrap_err().to_string();
    assert_eq!(
        text,
        "LED-BALANCE records: received 2, accounted for 0, difference 2 · nothing was committed; look at the records in \
         the run's activity, and report the plugin version"
    );
}

proptest! {
    #[test]
    fn conservation_of_merged_pages_is_that_of_all_their_records(
        pages in prop::collection::vec(prop::collection::vec((any::<i32>(), 0..3), 0..8), 0..5),
    ) {
        let mut merged = Balance::default();
        let mut whole = Balance::default();
        for page in &pages {
            let mut balance = Balance::default();
            for (cents, fate) in page {
                let record = contribution("a", "1", &format!("{cents}e-2"));
                for balance in [&mut balance, &mut whole] {
                    balance.received.add_contribution(&record);
                    match fate {
                        0 => balance.purchased.add_contribution(&record),
                        1 => balance.ignored.entry("rule".into()).or_default().add_contribution(&record),
                        _ => balance.rejected.entry("reason".into()).or_default().add_contribution(&record),
                    }
                }
            }
            prop_assert_eq!(balance.adds_up(), Ok(()));
            merged.merge(&balance);
        }
        prop_assert_eq!(merged.adds_up(), Ok(()));
        prop_assert_eq!(merged, whole);
    }
}
