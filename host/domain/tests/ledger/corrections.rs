//! After a booked period has closed.

use purser_domain::period::Closed;
use purser_domain::purchase::State;

use crate::ledger::Ledger;
use crate::support::{TAKE, World, contribution, mapped_to, money, month};

/// A Purchase of 4 EUR, booked in September, which is closed.
fn closed() -> (World, Ledger) {
    let mut world = World::new();
    let mut ledger = Ledger::default();
    ledger.commit(vec![contribution("a", "2", "4")], &world.commit(1, &TAKE));
    world.closed = Closed::through(month("2026-09"));
    (world, ledger)
}

#[test]
fn a_restated_closed_purchase_is_frozen_and_corrected_in_the_open_period() {
    let (world, mut ledger) = closed();
    ledger.commit(vec![contribution("a", "3", "6")], &world.commit(1, &TAKE));
    assert_eq!(money(ledger.row("a").unwrap()), ("2".into(), "4".into(), 1));
    let correction = ledger.row("a#c1").unwrap();
    assert_eq!(money(correction), ("1".into(), "2".into(), 1));
    let purchase = &correction.purchase;
    assert_eq!((&purchase.vendor_period, &purchase.booked_period), (&month("2026-09"), &month("2026-10")));
    assert_eq!(purchase.customer_code.as_deref(), Some("C-1"));
}

#[test]
fn the_correction_is_revised_until_its_own_period_closes_then_another_follows() {
    let (mut world, mut ledger) = closed();
    for (cost, revision) in [("6", 1), ("7", 2), ("3", 3)] {
        ledger.commit(vec![contribution("a", "2", cost)], &world.commit(1, &TAKE));
        assert_eq!(ledger.row("a#c1").unwrap().purchase.revision, revision);
    }
    assert_eq!(money(ledger.row("a#c1").unwrap()).1, "-1");
    world.closed = Closed::through(month("2026-10"));
    ledger.commit(vec![contribution("a", "2", "3.5")], &world.commit(1, &TAKE));
    assert_eq!(money(ledger.row("a#c1").unwrap()).1, "-1", "frozen with its month");
    assert_eq!(money(ledger.row("a#c2").unwrap()).1, "0.5");
    assert_eq!(ledger.row("a#c2").unwrap().purchase.booked_period, month("2026-11"));
}

#[test]
fn a_correction_that_is_no_longer_needed_is_void() {
    let (world, mut ledger) = closed();
    ledger.commit(vec![contribution("a", "3", "6")], &world.commit(1, &TAKE));
    ledger.commit(vec![contribution("a", "2", "4")], &world.commit(1, &TAKE));
    let correction = ledger.row("a#c1").unwrap();
    assert_eq!((money(correction), correction.purchase.state), (("0".into(), "0".into(), 2), State::Void));
}

#[test]
fn a_vanished_closed_purchase_is_taken_back_whole() {
    let (world, mut ledger) = closed();
    ledger.commit(vec![], &world.commit(1, &TAKE));
    assert_eq!(money(ledger.row("a").unwrap()), ("2".into(), "4".into(), 1));
    assert_eq!(money(ledger.row("a#c1").unwrap()), ("-2".into(), "-4".into(), 1));
}

#[test]
fn a_changed_mapping_moves_a_closed_purchase_by_a_minus_and_a_plus() {
    let (mut world, mut ledger) = closed();
    world.customers = mapped_to(Some("C-2"));
    ledger.restamp(&world.rules());
    let of = |code: &str| {
        let rows = ledger.rows.values().filter(|row| row.purchase.customer_code.as_deref() == Some(code));
        rows.map(|row| money(row).1).collect::<Vec<_>>()
    };
    assert_eq!((of("C-1").len(), of("C-2")), (2, vec!["4".to_owned()]));
    assert!(of("C-1").contains(&"-4".to_owned()));
    let written = ledger.writes;
    ledger.restamp(&world.rules());
    assert_eq!(ledger.writes, written, "once is enough");
}

#[test]
fn usage_mapped_after_its_month_closed_is_booked_in_the_open_month() {
    let mut world = World::new();
    world.customers = mapped_to(None);
    let mut ledger = Ledger::default();
    ledger.commit(vec![contribution("a", "2", "4")], &world.commit(1, &TAKE));
    world.closed = Closed::through(month("2026-09"));
    ledger.restamp(&world.rules());
    assert_eq!(ledger.row("a").unwrap().purchase.booked_period, month("2026-09"), "nothing has changed");
    world.customers = mapped_to(Some("C-1"));
    ledger.restamp(&world.rules());
    let purchase = &ledger.row("a").unwrap().purchase;
    assert_eq!(
        (purchase.customer_code.as_deref(), &purchase.booked_period),
        (Some("C-1"), &month("2026-10"))
    );
    assert_eq!(ledger.rows.len(), 1, "it was billed to nobody: no correction");
}

#[test]
fn another_currency_after_close_takes_back_the_old_and_books_the_new() {
    let (world, mut ledger) = closed();
    let mut dollars = contribution("a", "2", "5");
    dollars.description.currency = Some("USD".parse().unwrap());
    ledger.commit(vec![dollars], &world.commit(1, &TAKE));
    let shown: Vec<_> = ["a#c1", "a#c2"].map(|name| ledger.row(name).unwrap()).into_iter().collect();
    let shown: Vec<_> = shown
        .into_iter()
        .map(|row| (row.purchase.description.currency.clone().unwrap().to_string(), money(row).1))
        .collect();
    assert_eq!(shown, [("EUR".to_owned(), "-4".to_owned()), ("USD".to_owned(), "5".to_owned())]);
}

#[test]
fn another_attribute_alone_corrects_no_money() {
    let (world, mut ledger) = closed();
    let mut staged = contribution("a", "2", "4");
    staged.description.metadata.insert("invoice".into(), "G1".into());
    ledger.commit(vec![staged], &world.commit(1, &TAKE));
    assert_eq!(ledger.rows.len(), 1);
    assert_eq!(ledger.row("a").unwrap().purchase.revision, 1);
}
