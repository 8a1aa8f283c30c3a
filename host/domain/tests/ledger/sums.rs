//! Equal references: summed inside a partition, never merged where they cannot be added.

use proptest::prelude::*;
use purser_domain::sum::{Conflict, Total, fold};
use purser_domain::{Balance, Contribution, PartitionNo, Share};

use crate::support::{contribution, decimal, month};

#[test]
fn equal_references_are_summed_by_record_and_counted() {
    let mut second = contribution("a", "0.217790327034891", "1.25");
    second.evidence[0].ordinal = 1;
    let folded = fold(contribution("a", "0.217790327034891", "1.25"), [second]);
    assert_eq!(folded.contribution.quantity.canonical(), "0.435580654069782");
    assert_eq!(folded.contribution.cost, Some(decimal("2.5")));
    assert_eq!(folded.contribution.evidence.len(), 2);
    assert_eq!((folded.duplicates.records, &folded.duplicates.sums["EUR"]), (1, &decimal("1.25")));
    assert!(folded.conflicts.is_empty());
}

/// What is different about the later record, and whether that is a conflict.
type Case = (fn(&mut Contribution), Option<Conflict>);

#[test]
fn what_cannot_be_added_is_set_aside_by_this_table() {
    let table: [Case; 9] = [
        (|_| {}, None),
        (|c| c.description.product_text = "other words".into(), None),
        (|c| c.description.product_key = "METER-1".into(), None),
        (|c| c.description.currency = Some("USD".parse().unwrap()), Some(Conflict::Currency)),
        (|c| c.description.currency = None, Some(Conflict::Currency)),
        (|c| c.description.unit = "GB".into(), Some(Conflict::Unit)),
        (|c| c.description.vendor_customer = "tenant-2".into(), Some(Conflict::Customer)),
        (|c| c.description.product_key = "meter-2".into(), Some(Conflict::Product)),
        (|c| c.description.amount = purser_domain::purchase::Amount::None, Some(Conflict::Amount)),
    ];
    for (number, (change, expected)) in table.into_iter().enumerate() {
        let mut later = contribution("a", "1", "1");
        change(&mut later);
        let folded = fold(contribution("a", "1", "1"), [later]);
        assert_eq!(folded.conflicts.first().map(|(_, conflict)| *conflict), expected, "row {number}");
        assert_eq!(folded.duplicates.records, u64::from(expected.is_none()), "row {number}");
    }
}

#[test]
fn a_conflict_keeps_the_balance_conserved() {
    let mut dollars = contribution("a", "1", "7");
    dollars.description.currency = Some("USD".parse().unwrap());
    let mut balance = Balance::default();
    for one in [&contribution("a", "1", "4"), &dollars] {
        balance.received.add_contribution(one);
        balance.purchased.add_contribution(one);
    }
    let folded = fold(contribution("a", "1", "4"), [dollars]);
    for (contribution, conflict) in &folded.conflicts {
        balance.set_aside(contribution, conflict.code());
    }
    assert_eq!(balance.adds_up(), Ok(()));
    assert_eq!((balance.purchased.records, balance.rejected_records()), (1, 1));
}

#[test]
fn no_cost_at_all_is_not_a_cost_of_zero() {
    let mut first = contribution("a", "1", "0");
    first.cost = None;
    let second = first.clone();
    assert_eq!(fold(first, [second]).contribution.cost, None);
}

proptest! {
    #[test]
    fn which_share_leads_does_not_depend_on_the_order(
        shares in prop::collection::vec((-3..3_i64, -3..3_i64, "[ab]"), 1..6).prop_shuffle(),
    ) {
        let shares: Vec<_> = shares
            .iter()
            .enumerate()
            .map(|(number, (quantity, cost, text))| {
                let mut contribution = contribution("a", &quantity.to_string(), &cost.to_string());
                contribution.description.product_text = text.clone();
                Share { partition: PartitionNo(number as i64), vendor_period: month("2026-09"), contribution }
            })
            .collect();
        let backwards: Vec<_> = shares.iter().rev().cloned().collect();
        prop_assert_eq!(Total::of(&shares), Total::of(&backwards));
    }
}
