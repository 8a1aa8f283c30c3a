//! Graduated tiers: tables of worked examples, and what holds for any usage.
#![expect(clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use purser_domain::conservation::Measure;
use purser_domain::purchase::{Amount, State};
use purser_domain::replace::{Outcome, reprice, settle};
use purser_domain::sum::{Total, clash};
use purser_domain::tiers::{Cycle, Day, Rates, TIERS, Unusable, price, split};
use purser_domain::{Contribution, Decimal, Ledgered, PartitionNo};

use crate::support::{TAKE, World, contribution, decimal, month};

fn rates(tiers: &[(&str, &str)], included: &str) -> Rates {
    let tiers: Vec<_> = tiers.iter().map(|(from, rate)| (decimal(from), decimal(rate))).collect();
    Rates::new("EUR".parse().unwrap(), &tiers, Some(&decimal(included))).unwrap()
}

fn day(number: i8) -> Date {
    date(2026, 9, number)
}

fn cycle(days: &[(i8, &str)]) -> Cycle {
    let mut cycle = Cycle::default();
    days.iter().for_each(|(number, quantity)| cycle.add(day(*number), &decimal(quantity)));
    cycle
}

fn costs(cycle: &Cycle, rates: &Rates) -> Vec<String> {
    cycle.price(rates).values().map(|day| day.cost.to_string()).collect()
}

/// Lower bounds and rates.
type Tiers<'a> = &'a [(&'a str, &'a str)];

#[test]
fn tier_costs_follow_this_table() {
    let sheet: &[_] = &[("0", "1.00"), ("100", "0.80"), ("100000", "0.50")];
    let beyond: &[_] = &[("0", "2"), ("9223372036854780000", "1")];
    let card: &[_] = &[("0", "0.017"), ("51200", "0.01632"), ("512000", "0.01564")];
    let table: &[(Tiers<'_>, &str, &str, &str)] = &[
        // The vendor's example of graduated tiers: 101 units cost 100.80.
        (sheet, "0", "101", "100.8"),
        (sheet, "0", "0", "0"),
        (sheet, "0", "100", "100"),
        (sheet, "0", "100000", "80020"),
        (sheet, "0", "100001", "80020.5"),
        // Detail lines of one meter: 1338 = 1024 at one rate and 314 at another.
        (&[("0", "0"), ("1024", "0.1")], "0", "1338", "31.4"),
        (card, "0", "51200.000000000000001", "870.40000000000000001632"),
        // Lower bounds beyond every machine word.
        (beyond, "0", "9223372036854780001", "18446744073709560001"),
        // What is included comes first, and costs nothing.
        (sheet, "5", "5", "0"),
        (sheet, "5", "106", "100.8"),
        (sheet, "0.5", "0.75", "0.25"),
        // A cycle that ends below nothing costs nothing.
        (sheet, "0", "-7", "0"),
        // Nothing is charged before the first tier.
        (&[("10", "3")], "0", "12", "6"),
    ];
    for (tiers, included, quantity, cost) in table {
        assert_eq!(
            rates(tiers, included).cost(&decimal(quantity)),
            decimal(cost),
            "{tiers:?} {included} {quantity}"
        );
    }
}

#[test]
fn tiers_that_do_not_ascend_price_nothing() {
    let of = |tiers: &[(&str, &str)], included: &str| {
        let tiers: Vec<_> = tiers.iter().map(|(from, rate)| (decimal(from), decimal(rate))).collect();
        Rates::new("EUR".parse().unwrap(), &tiers, Some(&decimal(included))).err()
    };
    assert_eq!(of(&[], "0"), Some(Unusable::None));
    assert_eq!(of(&[("5", "1"), ("5.0", "2")], "0"), Some(Unusable::Bounds));
    assert_eq!(of(&[("10", "1"), ("9", "2")], "0"), Some(Unusable::Bounds));
    assert_eq!(of(&[("-1", "1")], "0"), Some(Unusable::Bounds));
    assert_eq!(of(&[("0", "1")], "-1"), Some(Unusable::Included));
}

#[test]
fn a_tier_day_costs_what_the_cycle_costs_more() {
    let rates = rates(&[("0", "1"), ("10", "0.5")], "2");
    let used = cycle(&[(1, "1"), (2, "3"), (3, "10"), (4, "-4"), (5, "0"), (6, "8")]);
    assert_eq!(costs(&used, &rates), ["0", "2", "9", "-3", "0", "5"]);
    let flat: Vec<_> =
        used.price(&rates).into_values().map(|day| day.flat.map(|it| it.to_string())).collect();
    let flat: Vec<_> = flat.iter().map(Option::as_deref).collect();
    assert_eq!(flat, [Some("0"), None, None, None, Some("1"), None]);
}

#[test]
fn a_tier_day_is_split_by_largest_remainders() {
    let of = |cost: &str, parts: &[&str], scale| {
        let parts: Vec<_> = parts.iter().map(|part| decimal(part)).collect();
        split(&decimal(cost), &parts, scale).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of("1", &["1", "1", "1"], 2), ["0.34", "0.33", "0.33"]);
    assert_eq!(of("2", &["1", "1", "1"], 2), ["0.67", "0.67", "0.66"]);
    assert_eq!(of("1", &["1", "2", "4"], 1), ["0.1", "0.3", "0.6"]);
    assert_eq!(of("1", &["3", "-1"], 1), ["1.5", "-0.5"]);
    assert_eq!(of("-1", &["-1", "-2"], 1), ["-0.3", "-0.7"]);
    assert_eq!(of("0.12345", &["1", "0"], 1), ["0.12345", "0"], "never fewer digits than the cost has");
    assert_eq!(of("1", &["1", "-1"], 1), ["1", "0"], "quantities that add up to nothing");
    assert_eq!(of("1", &[], 1), Vec::<String>::new());
}

/// Nothing but the meaning: every thousandth of a unit for itself.
fn naive(tiers: &[(i64, i64)], included: i64, thousandths: i64) -> Decimal {
    let rate = |place: i64| {
        let place = place - included * 1000;
        tiers.iter().rev().find(|(from, _)| from * 1000 <= place).map_or(0, |(_, rate)| *rate)
    };
    let sum: i64 = (0..thousandths).map(rate).sum();
    &Decimal::from(sum) * &decimal("0.001")
}

prop_compose! {
    fn some_tiers()(bounds in prop::collection::btree_set(1..40_i64, 0..4), seed in 0..1000_i64) -> Vec<(i64, i64)> {
        std::iter::once(0).chain(bounds).zip((1..).map(|n| (seed * n * 7919) % 500)).collect()
    }
}

fn card(tiers: &[(i64, i64)], included: i64) -> Rates {
    let tiers: Vec<_> =
        tiers.iter().map(|(from, rate)| (Decimal::from(*from), Decimal::from(*rate))).collect();
    Rates::new("EUR".parse().unwrap(), &tiers, Some(&Decimal::from(included))).unwrap()
}

/// Days of a month, and what was used in thousandths, corrections too.
fn some_usage() -> impl Strategy<Value = Vec<(i8, i64)>> {
    prop::collection::vec((1..29_i8, -9_000..20_000_i64), 0..40)
}

fn thousandths(count: i64) -> Decimal {
    &Decimal::from(count) * &decimal("0.001")
}

proptest! {
    #[test]
    fn tiers_cost_what_unit_by_unit_costs(tiers in some_tiers(), included in 0..9_i64, used in 0..60_000_i64) {
        prop_assert_eq!(card(&tiers, included).cost(&thousandths(used)), naive(&tiers, included, used));
    }

    #[test]
    fn tier_days_add_up_to_the_cycle(tiers in some_tiers(), included in 0..9_i64, usage in some_usage()) {
        let rates = card(&tiers, included);
        let mut cycle = Cycle::default();
        usage.iter().for_each(|(number, used)| cycle.add(day(*number), &thousandths(*used)));
        let total: i64 = usage.iter().map(|(_, used)| used).sum();
        let days = cycle.price(&rates);
        let sum: Decimal = days.values().map(|day| &day.cost).sum();
        prop_assert_eq!(sum, rates.cost(&thousandths(total)));
        for day in days.values().filter(|day| day.flat.is_some()) {
            prop_assert_eq!(&day.cost, &(&day.quantity * day.flat.as_ref().unwrap()));
        }
    }

    #[test]
    fn tier_costs_do_not_depend_on_order_or_splitting(
        tiers in some_tiers(), usage in some_usage(), cut in 1..9_i64,
    ) {
        let rates = card(&tiers, 1);
        let (mut whole, mut parts) = (Cycle::default(), Cycle::default());
        usage.iter().for_each(|(number, used)| whole.add(day(*number), &thousandths(*used)));
        for (number, used) in usage.iter().rev() {
            parts.add(day(*number), &thousandths(used / cut));
            parts.add(day(*number), &thousandths(used - used / cut));
        }
        prop_assert_eq!(whole.price(&rates), parts.price(&rates));
    }

    #[test]
    fn parts_of_a_tier_day_conserve_its_cost(
        cost in -99_999_999..99_999_999_i64, parts in prop::collection::vec(-9_000..20_000_i64, 1..30), scale in 0..30_u64,
    ) {
        let parts: Vec<_> = parts.into_iter().map(thousandths).collect();
        let cost = thousandths(cost);
        let costs = split(&cost, &parts, scale);
        prop_assert_eq!(costs.iter().sum::<Decimal>(), cost.clone());
        let whole: Decimal = parts.iter().sum();
        for (part, share) in parts.iter().zip(&costs).filter(|_| !whole.is_zero()) {
            // Never further from its exact share than one step.
            let off = (&(share * &whole) - &(&cost * part)).abs();
            prop_assert!(off < &Decimal::step(scale.max(cost.scale())) * &whole.abs(), "{part} has {share}");
        }
    }
}

/// A contribution that the host prices.
fn tiered(name: &str, quantity: &str) -> Contribution {
    let mut it = contribution(name, quantity, "0");
    it.cost = None;
    it.description.amount =
        Amount::Tiered { group: "subscription-1/2026-09-01".into(), key: "meter-1".into() };
    it.description.currency = None;
    it.description.unit_price = None;
    it.description.unit_price_currency = None;
    it
}

fn stored(world: &World, staged: Contribution) -> Ledgered {
    match settle(None, &[], Some(staged), &world.commit(1, &TAKE)) {
        Outcome::Insert(row) => row,
        other => panic!("{other:?}"),
    }
}

/// Prices the shares at so much each.
fn priced(world: &World, row: &Ledgered, corrections: &[Ledgered], rate: &str) -> Outcome {
    let rates = rates(&[("0", rate)], "0");
    let mut shares = row.shares();
    for share in &mut shares {
        let quantity = share.contribution.quantity.clone();
        let cost = rates.cost(&quantity);
        let day = Day { quantity, cost: cost.clone(), flat: Some(decimal(rate)) };
        price(&mut share.contribution, cost, &day, &rates);
    }
    reprice(row, corrections, shares, &world.rules())
}

fn updated(outcome: Outcome) -> Ledgered {
    match outcome {
        Outcome::Update(row) => row,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tier_price_is_a_revision_and_keeps_the_evidence() {
    let world = World::new();
    let new = stored(&world, tiered("a", "4"));
    assert_eq!((new.purchase.cost.clone(), new.purchase.description.currency.clone()), (None, None));
    let row = updated(priced(&world, &new, &[], "0.25"));
    assert_eq!(row.purchase.cost, Some(decimal("1")));
    assert_eq!(row.purchase.description.unit_price, Some(decimal("0.25")));
    assert_eq!(row.purchase.description.currency.as_ref().unwrap().as_str(), "EUR");
    assert_eq!((row.purchase.revision, &row.purchase.evidence), (2, &new.purchase.evidence));
    assert!(row.purchase.source_date > new.purchase.source_date);
    assert_eq!(priced(&world, &row, &[], "0.25"), Outcome::Unchanged);
}

#[test]
fn the_same_usage_again_keeps_its_tier_price() {
    let world = World::new();
    let row = updated(priced(&world, &stored(&world, tiered("a", "4")), &[], "0.25"));
    let again = settle(Some(&row), &[], Some(tiered("a", "4")), &world.commit(1, &TAKE));
    assert_eq!(again, Outcome::Unchanged);
    // Another quantity: the money is late, never gone.
    let changed = updated(settle(Some(&row), &[], Some(tiered("a", "6")), &world.commit(1, &TAKE)));
    assert_eq!(
        (changed.purchase.quantity.to_string(), changed.purchase.cost.clone()),
        ("6".into(), row.purchase.cost)
    );
    let row = updated(priced(&world, &changed, &[], "0.25"));
    assert_eq!(row.purchase.cost, Some(decimal("1.5")));
}

#[test]
fn late_usage_adds_up_beside_a_tier_price() {
    let world = World::new();
    let row = updated(priced(&world, &stored(&world, tiered("a", "4")), &[], "0.25"));
    let late = updated(settle(Some(&row), &[], Some(tiered("a", "1")), &world.commit(2, &TAKE)));
    assert_eq!(
        (late.purchase.quantity.to_string(), late.purchase.cost.clone()),
        ("5".into(), Some(decimal("1")))
    );
    assert_eq!(late.purchase.description.currency, row.purchase.description.currency);
    let late = updated(priced(&world, &late, &[], "0.25"));
    assert_eq!(late.purchase.cost, Some(decimal("1.25")));
    let total = Total::of(&late.shares()).unwrap();
    assert_eq!((total.cost, total.quantity), (late.purchase.cost, late.purchase.quantity));
}

#[test]
fn a_tier_price_changes_a_frozen_purchase_by_a_correction() {
    let mut world = World::new();
    let row = updated(priced(&world, &stored(&world, tiered("a", "4")), &[], "0.25"));
    world.closed = purser_domain::period::Closed::through(month("2026-09"));
    let Outcome::Correct(corrected) = priced(&world, &row, &[], "0.5") else { panic!("not corrected") };
    assert_eq!(corrected.origin.purchase, row.purchase);
    let [difference] = corrected.inserts.as_slice() else { panic!("{:?}", corrected.inserts) };
    assert_eq!(
        (difference.purchase.cost.clone(), difference.purchase.quantity.to_string()),
        (Some(decimal("1")), "0".into())
    );
    assert_eq!(
        (difference.purchase.state, &difference.purchase.booked_period),
        (State::Open, &month("2026-10"))
    );
    let again = priced(&world, &corrected.origin, &corrected.inserts, "0.5");
    assert_eq!(again, Outcome::Unchanged);
}

#[test]
fn what_tiers_price_is_measured_by_quantity() {
    let world = World::new();
    let new = stored(&world, tiered("a", "4"));
    let row = updated(priced(&world, &new, &[], "0.25"));
    for row in [&new, &row] {
        let contribution = row.contribution_of(PartitionNo(1)).unwrap();
        assert_eq!(Measure::of(&contribution), (Measure::Quantity("Hours"), &decimal("4")));
    }
    assert_eq!(clash(&row.contribution_of(PartitionNo(1)).unwrap(), &tiered("a", "1")), None);
}

#[test]
fn a_day_over_two_tiers_shows_them_and_no_unit_price() {
    let rates = rates(&[("0", "1"), ("10", "0.5")], "2");
    let day = cycle(&[(1, "14")]).price(&rates).into_values().next().unwrap();
    let mut it = tiered("a", "14");
    price(&mut it, day.cost.clone(), &day, &rates);
    assert_eq!((it.description.unit_price.clone(), it.cost.clone()), (None, Some(decimal("11"))));
    assert_eq!(it.description.metadata, BTreeMap::from([(TIERS.to_owned(), "2: 1, 12: 0.5".to_owned())]));
    let day = cycle(&[(1, "3")]).price(&rates).into_values().next().unwrap();
    assert_eq!(day.flat, None, "in and beyond what is included");
}
