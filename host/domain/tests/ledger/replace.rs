//! What a commit makes of one Purchase, case by case.
#![expect(clippy::panic, reason = "tests")]

use purser_domain::purchase::State;
use purser_domain::replace::{Outcome, settle, source_date};
use purser_domain::sum::Conflict;
use purser_domain::{Contribution, Ledgered, PartitionNo, Shares};

use crate::support::{HOLD, TAKE, World, contribution, instant, mapped_to, money, month};

fn inserted(world: &World, partition: i64, staged: Contribution) -> Ledgered {
    match settle(None, &[], Some(staged), &world.commit(partition, &TAKE)) {
        Outcome::Insert(row) => row,
        other => panic!("not inserted: {other:?}"),
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unchanged => "unchanged",
        Outcome::Reattribute(_) => "reattribute",
        Outcome::Held => "held",
        Outcome::Insert(_) => "insert",
        Outcome::Update(_) => "update",
        Outcome::Void(_) => "void",
        Outcome::Correct(_) => "correct",
        Outcome::Refused(_) => "refused",
    }
}

#[test]
fn a_commit_decides_by_this_table() {
    let world = World::new();
    let said = || contribution("a", "2", "4");
    let restated = || contribution("a", "2", "4.01");
    let mut other_page = said();
    other_page.evidence[0].ordinal = 7;
    let mut other_attribute = said();
    other_attribute.description.metadata.insert("tag".into(), "blue".into());
    let row = inserted(&world, 1, said());
    // existing row, committing partition, what it says now, whether voids wait → outcome
    let table = [
        (None, 1, None, false, "unchanged"),
        (None, 1, Some(said()), false, "insert"),
        (None, 1, Some(said()), true, "insert"),
        (Some(&row), 1, Some(said()), false, "unchanged"),
        (Some(&row), 1, Some(said()), true, "unchanged"),
        (Some(&row), 1, Some(other_page), false, "unchanged"),
        (Some(&row), 1, Some(other_attribute), false, "update"),
        (Some(&row), 1, Some(restated()), false, "update"),
        (Some(&row), 1, Some(restated()), true, "update"),
        (Some(&row), 1, None, false, "void"),
        (Some(&row), 1, None, true, "held"),
        (Some(&row), 2, Some(said()), false, "update"),
        (Some(&row), 2, None, false, "unchanged"),
        (Some(&row), 2, None, true, "unchanged"),
    ];
    for (number, (existing, partition, staged, hold, expected)) in table.into_iter().enumerate() {
        let voids = if hold { &HOLD } else { &TAKE };
        let outcome = settle(existing, &[], staged, &world.commit(partition, voids));
        assert_eq!(name(&outcome), expected, "row {number}");
    }
}

#[test]
fn one_contribution_is_stored_once() {
    let row = inserted(&World::new(), 1, contribution("a", "2", "4"));
    assert_eq!(row.shares, Shares::Same(PartitionNo(1)));
    assert_eq!(row.shares()[0].contribution, contribution("a", "2", "4"));
    assert_eq!(row.contribution_of(PartitionNo(1)), Some(contribution("a", "2", "4")));
    assert_eq!(row.contribution_of(PartitionNo(2)), None);
}

#[test]
fn two_partitions_add_and_one_leaves_again() {
    let mut world = World::new();
    let row = inserted(&world, 1, contribution("a", "2", "4"));
    let Outcome::Update(both) =
        settle(Some(&row), &[], Some(contribution("a", "3", "6")), &world.commit(2, &TAKE))
    else {
        panic!("no update");
    };
    assert_eq!(money(&both), ("5".into(), "10".into(), 2));
    assert_eq!(both.partitions().collect::<Vec<_>>(), [PartitionNo(1), PartitionNo(2)]);
    world.now = instant("2026-10-01T17:00:00Z");
    let Outcome::Update(one) = settle(Some(&both), &[], None, &world.commit(1, &TAKE)) else {
        panic!("no update")
    };
    assert_eq!(money(&one), ("3".into(), "6".into(), 3));
    assert_eq!(one.shares, Shares::Same(PartitionNo(2)));
}

#[test]
fn a_void_purchase_is_zero_and_stands_again_when_its_reference_returns() {
    let world = World::new();
    let row = inserted(&world, 1, contribution("a", "2", "4"));
    let Outcome::Void(void) = settle(Some(&row), &[], None, &world.commit(1, &TAKE)) else {
        panic!("no void")
    };
    assert_eq!((money(&void), void.purchase.state), (("0".into(), "0".into(), 2), State::Void));
    assert_eq!(void.shares, Shares::Own(vec![]));
    assert_eq!(settle(Some(&void), &[], None, &world.commit(1, &TAKE)), Outcome::Unchanged);
    let Outcome::Update(back) =
        settle(Some(&void), &[], Some(contribution("a", "2", "4")), &world.commit(1, &TAKE))
    else {
        panic!("no update");
    };
    assert_eq!((money(&back), back.purchase.state), (("2".into(), "4".into(), 3), State::Open));
}

#[test]
fn a_higher_stage_takes_the_lower_ones_place_and_a_restated_price_is_a_revision() {
    let world = World::new();
    let unbilled = [PartitionNo(1)];
    let row = inserted(&world, 1, contribution("a", "2", "4"));
    let mut billed = world.commit(2, &TAKE);
    billed.withdraws = &unbilled;
    let same = settle(Some(&row), &[], Some(contribution("a", "2", "4")), &billed);
    let Outcome::Reattribute(same) = same else { panic!("not reattributed: {same:?}") };
    assert_eq!((same.purchase, same.shares), (row.purchase.clone(), Shares::Same(PartitionNo(2))));
    let Outcome::Update(other) = settle(Some(&row), &[], Some(contribution("a", "2", "5")), &billed) else {
        panic!("no update");
    };
    assert_eq!(money(&other), ("2".into(), "5".into(), 2), "not 4 + 5");
    assert_eq!(
        name(&settle(Some(&row), &[], None, &billed)),
        "void",
        "what is only in the lower stage leaves"
    );
    billed.voids = &HOLD;
    assert_eq!(name(&settle(Some(&row), &[], None, &billed)), "held");
}

#[test]
fn partitions_that_cannot_be_added_are_refused_and_one_may_change_its_mind_alone() {
    let world = World::new();
    let row = inserted(&world, 1, contribution("a", "2", "4"));
    let mut dollars = contribution("a", "2", "4");
    dollars.description.currency = Some("USD".parse().unwrap());
    let refused = settle(Some(&row), &[], Some(dollars.clone()), &world.commit(2, &TAKE));
    assert_eq!(refused, Outcome::Refused(Conflict::Currency));
    assert_eq!(name(&settle(Some(&row), &[], Some(dollars), &world.commit(1, &TAKE))), "update");
}

#[test]
fn a_partitions_own_month_counts_before_the_start() {
    let world = World::new();
    let august = month("2026-08");
    let mut commit = world.commit(1, &TAKE);
    assert_eq!(inserted(&world, 1, contribution("a", "1", "1")).purchase.vendor_period, month("2026-09"));
    commit.month = Some(&august);
    let Outcome::Insert(row) = settle(None, &[], Some(contribution("a", "1", "1")), &commit) else {
        panic!()
    };
    assert_eq!((row.purchase.vendor_period, row.purchase.booked_period), (august.clone(), august));
}

#[test]
fn a_month_border_follows_the_zone() {
    let mut late = contribution("a", "1", "1");
    late.description.start = instant("2026-09-30T22:30:00Z");
    assert_eq!(inserted(&World::new(), 1, late).purchase.vendor_period, month("2026-10"), "00:30 in CEST");
}

#[test]
fn an_open_purchase_takes_a_changed_mapping_with_the_next_commit() {
    let mut world = World::new();
    let row = inserted(&world, 1, contribution("a", "1", "1"));
    assert_eq!(row.purchase.customer_code.as_deref(), Some("C-1"));
    world.customers = mapped_to(None);
    let Outcome::Update(row) =
        settle(Some(&row), &[], Some(contribution("a", "1", "1")), &world.commit(1, &TAKE))
    else {
        panic!("no update");
    };
    assert_eq!((row.purchase.customer_code, row.purchase.revision), (None, 2));
}

#[test]
fn source_dates_strictly_increase_in_whole_milliseconds() {
    let now = instant("2026-09-30T17:00:00.123456789Z");
    let table = [
        (None, "2026-09-30T17:00:00.123Z"),
        (Some("2026-09-29T17:00:00Z"), "2026-09-30T17:00:00.123Z"),
        (Some("2026-09-30T17:00:00.122Z"), "2026-09-30T17:00:00.123Z"),
        (Some("2026-09-30T17:00:00.123Z"), "2026-09-30T17:00:00.124Z"),
        (Some("2026-10-30T17:00:00Z"), "2026-10-30T17:00:00.001Z"),
    ];
    for (former, expected) in table {
        assert_eq!(source_date(former.map(instant), now), instant(expected), "{former:?}");
    }
}
