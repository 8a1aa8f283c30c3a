//! Sums for lists and charts.
#![expect(clippy::panic, reason = "tests")]

use purser_domain::purchase::State;
use purser_domain::replace::{Outcome, settle};
use purser_domain::rollup::Rollups;
use purser_domain::{Contribution, Purchase};

use crate::support::{TAKE, World, contribution, decimal, instant};

fn purchase(contribution: Contribution) -> Purchase {
    match settle(None, &[], Some(contribution), &World::new().commit(1, &TAKE)) {
        Outcome::Insert(row) => row.purchase,
        other => panic!("not inserted: {other:?}"),
    }
}

/// Purchases more and cost more, per day.
fn deltas(changes: &[(Option<&Purchase>, Option<&Purchase>)]) -> Vec<(String, i64, String)> {
    let mut rollups = Rollups::default();
    changes.iter().for_each(|(before, after)| rollups.change(*before, *after));
    rollups
        .into_deltas()
        .map(|(cell, delta)| (cell.day.to_string(), delta.purchases, delta.cost.canonical()))
        .collect()
}

#[test]
fn rows_change_cells_by_this_table() {
    let four = purchase(contribution("a", "2", "4"));
    let six = purchase(contribution("a", "2", "6"));
    let void = Purchase { state: State::Void, cost: Some(decimal("0")), ..four.clone() };
    let mut next_day = contribution("a", "2", "4");
    next_day.description.start = instant("2026-09-25T23:59:59Z");
    let next_day = purchase(next_day);
    let day = |day: &str, count, cost: &str| (format!("2026-09-{day}"), count, cost.to_owned());
    let table = [
        (vec![(None, Some(&four))], vec![day("24", 1, "4")]),
        (vec![(Some(&four), Some(&six))], vec![day("24", 0, "2")]),
        (vec![(Some(&four), Some(&void))], vec![day("24", -1, "-4")]),
        (vec![(Some(&void), Some(&six))], vec![day("24", 1, "6")]),
        (vec![(None, Some(&void))], vec![]),
        (vec![(Some(&four), Some(&next_day))], vec![day("24", -1, "-4"), day("25", 1, "4")]),
        (
            vec![(None, Some(&four)), (None, Some(&next_day)), (None, Some(&six))],
            vec![day("24", 2, "10"), day("25", 1, "4")],
        ),
        (vec![(Some(&four), Some(&six)), (Some(&six), Some(&four))], vec![]),
    ];
    for (number, (changes, expected)) in table.into_iter().enumerate() {
        assert_eq!(deltas(&changes), expected, "row {number}");
    }
}

#[test]
fn currencies_customers_and_periods_have_cells_of_their_own() {
    let euros = purchase(contribution("a", "1", "1"));
    let mut dollars = contribution("a", "1", "1");
    dollars.description.currency = Some("USD".parse().unwrap());
    let mut other = contribution("a", "1", "1");
    other.description.vendor_customer = "tenant-2".into();
    let later = Purchase { booked_period: "2026-10".parse().unwrap(), ..euros.clone() };
    let all = [&euros, &purchase(dollars), &purchase(other), &later];
    assert_eq!(deltas(&all.map(|purchase| (None, Some(purchase)))).len(), 4);
}
