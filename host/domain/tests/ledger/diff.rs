//! What another mapping of the same pages would change.

use std::collections::BTreeMap;

use proptest::prelude::*;
use purser_domain::diff::verdict::{Terms, Verdict, reasons};
use purser_domain::diff::{Class, Days, Diff, Fate, Field, Gathering, Place, Reading, compare};
use purser_domain::purchase::{Amount, Evidence};
use purser_domain::{AccountId, Contribution, Decimal, Digest, Tally};

use crate::support::{contribution, decimal, instant};

const ALL: Days = Days { from: None, to: None };

fn page() -> Digest {
    Digest::of(b"page")
}

/// What is read from these records of the page.
fn said(name: &str, quantity: &str, cost: &str, records: &[u32]) -> Contribution {
    let evidence = records.iter().map(|ordinal| Evidence { page: page(), ordinal: *ordinal }).collect();
    Contribution { evidence, ..contribution(name, quantity, cost) }
}

fn reading(contributions: &[Contribution]) -> Reading {
    Reading { contributions: contributions.to_vec(), left_out: BTreeMap::new() }
}

fn without(contributions: &[Contribution], left_out: &[(u32, Fate)]) -> Reading {
    Reading { left_out: left_out.iter().cloned().collect(), ..reading(contributions) }
}

/// One page after the other; each record weighs 1 EUR.
fn diff_in(days: Days, pages: Vec<(Reading, Reading)>) -> Diff {
    let mut gathering = Gathering::default();
    for (before, after) in pages {
        let place = Place { account: AccountId(1), feed: "usage", page: page(), days };
        let weigh = |_, tally: &mut Tally| {
            tally.records += 1;
            *tally.sums.entry("EUR".into()).or_default() += &decimal("1");
        };
        gathering.take(compare(&place, before, after, weigh));
    }
    gathering.finish()
}

fn diff(pages: Vec<(Reading, Reading)>) -> Diff {
    diff_in(ALL, pages)
}

fn verdict(diff: &Diff, terms: &Terms) -> (Verdict, Vec<String>) {
    let reasons = reasons(diff, terms);
    let worst = reasons.iter().map(|reason| reason.verdict).max().unwrap_or_default();
    (worst, reasons.into_iter().map(|reason| reason.code).collect())
}

fn euros(diff: &Diff) -> (Decimal, Decimal) {
    let total = diff.sums.total();
    let change = total.get(&"EUR".parse().unwrap()).cloned().unwrap_or_default();
    (change.before, change.after)
}

#[test]
fn a_reading_differs_in_nothing_from_itself() {
    let one = [said("a", "1", "2.5", &[0]), said("a", "1", "2.5", &[1]), said("b", "3", "0.1", &[2])];
    let diff = diff(vec![(reading(&one), reading(&one)); 2]);
    assert!(diff.is_empty(), "{diff:?}");
    assert_eq!((diff.counts.same, euros(&diff)), (2, (decimal("10.2"), decimal("10.2"))));
    assert_eq!(verdict(&diff, &Terms::default()), (Verdict::Clean, Vec::new()));
}

#[test]
fn what_is_new_gone_and_changed_is_told_apart_and_summed() {
    let before = [said("a", "1", "10", &[0]), said("b", "1", "20", &[1]), said("c", "1", "30", &[2])];
    let after = [said("a", "1", "10.01", &[0]), said("c", "1", "30", &[2]), said("d", "1", "4", &[3])];
    let gone = (1, Fate::Rejected("unreadable".into()));
    let unread = (3, Fate::Rejected("unreadable".into()));
    let diff = diff(vec![(without(&before, &[unread]), without(&after, &[gone]))]);
    let rows: Vec<_> =
        diff.rows.iter().map(|row| (row.reference.rsplit('/').next().unwrap(), row.class)).collect();
    let mut sorted = rows.clone();
    sorted.sort();
    assert_eq!(sorted, [("a", Class::Changed), ("b", Class::Removed), ("d", Class::Added)]);
    assert_eq!(euros(&diff), (decimal("60"), decimal("44.01")));
    // Without their signs: 0.01, 20 and 4.
    assert_eq!(diff.turnover[&"EUR".parse().unwrap()], decimal("24.01"));
    assert_eq!((diff.counts.same, diff.counts.changed, diff.counts.added, diff.counts.removed), (1, 1, 1, 1));
    let fates: Vec<_> = diff.fates.iter().map(|it| (&it.before, &it.after, it.tally.records)).collect();
    let rejected = Fate::Rejected("unreadable".into());
    assert_eq!(fates, [(&Fate::Purchased, &rejected, 1), (&rejected, &Fate::Purchased, 1)]);
    assert_eq!(diff.fates[0].tally.sums["EUR"], decimal("1"));
    let (worst, codes) = verdict(&diff, &Terms::default());
    assert_eq!(worst, Verdict::NeedsConfirmation);
    assert_eq!(codes, ["TRY-AMOUNT", "TRY-REMOVED", "TRY-ADDED", "TRY-QUANTITY", "TRY-REJECTED"]);
}

#[test]
fn the_same_records_under_another_reference_are_a_class_of_their_own() {
    let before = [said("a", "1", "10", &[0]), said("b", "1", "20", &[1, 2])];
    let after = [said("a", "1", "10", &[0]), said("B", "1", "20.5", &[1, 2])];
    let diff = diff(vec![(reading(&before), reading(&after))]);
    assert_eq!((diff.counts.moved, diff.rows.len(), diff.moved[0].records), (1, 0, 2));
    assert_eq!(euros(&diff), (decimal("30"), decimal("30.5")));
    assert_eq!(diff.turnover[&"EUR".parse().unwrap()], decimal("0.5"));
    assert_eq!(verdict(&diff, &Terms::default()).0, Verdict::Blocked);
    let accepted = Terms { threshold: decimal("1"), accept_references: true };
    assert_eq!(
        verdict(&diff, &accepted),
        (Verdict::NeedsConfirmation, vec!["TRY-REFERENCE".to_owned()]),
        "accepted, it still asks"
    );
}

#[test]
fn references_that_are_merged_into_one_that_there_is_are_exchanged_too() {
    let before = [said("a", "1", "10", &[0]), said("b", "1", "20", &[1])];
    let after = [said("a", "2", "30", &[0, 1])];
    let diff = diff(vec![(reading(&before), reading(&after))]);
    assert_eq!((diff.moved.len(), diff.rows.len()), (1, 0));
    assert_eq!((diff.moved[0].before.len(), diff.moved[0].after.len(), diff.moved[0].records), (2, 1, 1));
    assert!(!diff.turnover.values().any(|changed| !changed.is_zero()), "no money has moved");
    assert_eq!(verdict(&diff, &Terms::default()), (Verdict::Blocked, vec!["TRY-REFERENCE".to_owned()]));
}

#[test]
fn a_lost_record_blocks_whatever_is_accepted_and_shows_its_money() {
    let before = [said("a", "1", "10", &[0]), said("b", "1", "20", &[1])];
    let lost = (1, Fate::Lost("stands nowhere".into()));
    let diff = diff(vec![(reading(&before), without(&before[..1], &[lost]))]);
    let generous = Terms { threshold: decimal("1000"), accept_references: true };
    let (worst, codes) = verdict(&diff, &generous);
    assert_eq!((worst, codes[0].as_str()), (Verdict::Blocked, "TRY-DROPPED"));
    assert_eq!(euros(&diff), (decimal("30"), decimal("10")));
    assert_eq!(diff.fates[0].tally.sums["EUR"], decimal("1"));
}

#[test]
fn conflicting_records_count_as_a_commit_would_count_them() {
    let before = [said("a", "1", "10", &[0]), said("b", "1", "20", &[1])];
    let mut other = said("a", "1", "20", &[1]);
    other.description.unit = "Gigabytes".into();
    let diff = diff(vec![(reading(&before), reading(&[before[0].clone(), other]))]);
    assert_eq!(euros(&diff), (decimal("30"), decimal("10")));
    assert!(matches!(&diff.fates[0].after, Fate::Rejected(why) if why.starts_with("LED-CONFLICT-UNIT")));
    assert_eq!(verdict(&diff, &Terms::default()).0, Verdict::NeedsConfirmation);
}

#[test]
fn money_that_changes_hands_is_a_change_of_both() {
    let before = said("a", "1", "10", &[0]);
    let mut after = before.clone();
    after.description.vendor_customer = "tenant-2".into();
    let diff = diff(vec![(reading(&[before]), reading(&[after]))]);
    assert_eq!(diff.rows[0].fields, [Field::Customer]);
    assert_eq!(euros(&diff), (decimal("10"), decimal("10")));
    assert_eq!(diff.turnover[&"EUR".parse().unwrap()], decimal("20"));
    let by_customer: Vec<_> = diff
        .sums
        .iter()
        .map(|((_, customer), sum)| (customer, sum.money[&"EUR".parse().unwrap()].delta()))
        .collect();
    assert_eq!(by_customer, [("tenant-1", decimal("-10")), ("tenant-2", decimal("10"))]);
    assert_eq!(verdict(&diff, &Terms::default()).0, Verdict::NeedsConfirmation);
}

#[test]
fn a_threshold_lets_small_changes_of_money_pass_and_nothing_else() {
    let changed = |change: &dyn Fn(&mut Contribution)| {
        let before = said("a", "1", "10", &[0]);
        let mut after = before.clone();
        change(&mut after);
        verdict(
            &diff(vec![(reading(&[before]), reading(&[after]))]),
            &Terms { threshold: decimal("0.01"), accept_references: false },
        )
        .0
    };
    use Verdict::{Clean, NeedsConfirmation};
    assert_eq!(changed(&|it| it.cost = Some(decimal("10.01"))), Clean);
    assert_eq!(changed(&|it| it.cost = Some(decimal("9.989"))), NeedsConfirmation);
    assert_eq!(changed(&|it| it.description.product_text = "Other words".into()), Clean);
    assert_eq!(changed(&|it| drop(it.description.metadata.insert("own".into(), "x".into()))), Clean);
    assert_eq!(changed(&|it| it.quantity = decimal("2")), NeedsConfirmation);
    assert_eq!(changed(&|it| it.description.product_key = "meter-2".into()), NeedsConfirmation);
    assert_eq!(changed(&|it| it.description.unit_price = Some(decimal("0.6"))), NeedsConfirmation);
    assert_eq!(changed(&|it| it.description.end = instant("2026-09-26T00:00:00Z")), NeedsConfirmation);
    assert_eq!(changed(&|it| it.description.vendor_subscription = "s2".into()), NeedsConfirmation);
}

#[test]
fn a_purchase_of_two_pages_is_no_new_one_where_one_page_differs() {
    let part = said("a", "1", "10", &[0]);
    let pages = vec![
        (reading(std::slice::from_ref(&part)), reading(std::slice::from_ref(&part))),
        (without(&[], &[(0, Fate::Ignored("rule".into()))]), reading(&[part])),
    ];
    let diff = diff(pages);
    assert_eq!((diff.rows[0].class, diff.counts.same), (Class::Changed, 0));
    assert_eq!(euros(&diff), (decimal("10"), decimal("20")));
}

#[test]
fn only_the_days_that_are_asked_for_count_on_either_side() {
    let mut later = said("b", "1", "20", &[1]);
    later.description.start = instant("2026-10-01T00:00:00Z");
    later.reference = later.description.reference("b");
    let before = [said("a", "1", "10", &[0]), later];
    let september = Days { from: None, to: Some(instant("2026-10-01T00:00:00Z")) };
    let lost = without(&before[..1], &[(1, Fate::Lost("gone".into()))]);
    let of_september = diff_in(september, vec![(reading(&before), lost.clone())]);
    assert!(of_september.is_empty(), "{of_september:?}");
    assert_eq!(euros(&of_september), (decimal("10"), decimal("10")));
    let october = Days { from: Some(instant("2026-10-01T00:00:00Z")), to: None };
    assert_eq!(euros(&diff_in(october, vec![(reading(&before), lost)])), (decimal("20"), decimal("0")));
    // A record that moves out of the days takes its money with it.
    let mut moved = before.clone();
    moved[0].description.start = instant("2026-10-02T00:00:00Z");
    moved[0].reference = moved[0].description.reference("a");
    let left = diff_in(september, vec![(reading(&before), reading(&moved))]);
    assert_eq!((left.counts.moved, left.moved[0].records), (1, 1));
}

#[test]
fn what_the_host_prices_is_told_by_its_billing_cycle() {
    let tiered = |quantity: &str, key: &str| {
        let mut it = said("a", quantity, "0", &[0]);
        it.description.amount = Amount::Tiered { group: "s/2026-09-01".into(), key: key.into() };
        it.cost = None;
        it
    };
    let same = diff(vec![(reading(&[tiered("3", "Disk")]), reading(&[tiered("3", "DISK")]))]);
    assert!(same.cycles.is_empty(), "keys are compared without case: {:?}", same.cycles);
    let mut diff = diff(vec![(reading(&[tiered("3", "Disk")]), reading(&[tiered("5", "Disk")]))]);
    let cycle = &diff.cycles[0];
    assert_eq!((cycle.product.as_str(), cycle.used.delta()), ("disk", decimal("2")));
    assert!(verdict(&diff, &Terms::default()).1.contains(&"TRY-UNPRICED".to_owned()));
    let cost = purser_domain::diff::Change { before: decimal("8"), after: decimal("9") };
    diff.price(0, "EUR".parse().unwrap(), cost);
    assert_eq!(euros(&diff), (decimal("8"), decimal("9")));
    let codes = verdict(&diff, &Terms::default()).1;
    assert!(
        codes.contains(&"TRY-AMOUNT".to_owned()) && !codes.contains(&"TRY-UNPRICED".to_owned()),
        "{codes:?}"
    );
}

#[test]
fn what_is_not_listed_is_counted_and_summed() {
    let before: Vec<_> = (0..5).map(|number| said(&number.to_string(), "1", "10", &[number])).collect();
    let after: Vec<_> = (0..5).map(|number| said(&number.to_string(), "1", "11", &[number])).collect();
    let place = Place { account: AccountId(1), feed: "usage", page: page(), days: ALL };
    let mut gathering = Gathering::listing(2);
    gathering.take(compare(&place, reading(&before), reading(&after), |_, _| {}));
    let diff = gathering.finish();
    assert_eq!((diff.rows.len(), diff.counts.changed, diff.counts.unlisted), (2, 5, 3));
    assert_eq!(euros(&diff), (decimal("50"), decimal("55")));
    assert_eq!(diff.turnover[&"EUR".parse().unwrap()], decimal("5"));
    assert!(verdict(&diff, &Terms::default()).1.contains(&"TRY-UNLISTED".to_owned()));
}

/// Contributions of a few references and customers, by record.
fn any_reading() -> impl Strategy<Value = Vec<Contribution>> {
    let one = (0..4_u8, 0..2_u8, -9_999_i64..9_999, 0..3_u8);
    prop::collection::vec(one, 0..12).prop_map(|rows| {
        let row = |(ordinal, (name, customer, cents, currency)): (u32, (u8, u8, i64, u8))| {
            let cost = format!("{cents}e-{}", 2 + currency);
            let mut it = said(&format!("r{name}-{customer}-{currency}"), "1", &cost, &[ordinal]);
            it.description.vendor_customer = format!("tenant-{customer}");
            let currency = ["EUR", "USD", "CHF"].into_iter().nth(usize::from(currency));
            it.description.currency = currency.map(|currency| currency.parse().unwrap());
            it
        };
        (0..).zip(rows).map(row).collect()
    })
}

/// Sum of the costs by customer and currency.
fn recount(pages: &[Vec<Contribution>]) -> BTreeMap<(String, String), Decimal> {
    let mut sums = BTreeMap::<_, Decimal>::new();
    for it in pages.iter().flatten() {
        let currency = it.description.currency.as_ref().unwrap().to_string();
        *sums.entry((it.description.vendor_customer.clone(), currency)).or_default() +=
            it.cost.as_ref().unwrap();
    }
    sums
}

proptest! {
    #[test]
    fn the_sums_of_a_diff_are_the_sums_after_less_those_before(
        pages in prop::collection::vec((any_reading(), any_reading()), 0..5),
        room in 0..6_usize,
    ) {
        let (before, after): (Vec<_>, Vec<_>) = pages.iter().cloned().unzip();
        let mut gathering = Gathering::listing(room);
        for (old, new) in &pages {
            let place = Place { account: AccountId(1), feed: "usage", page: page(), days: ALL };
            gathering.take(compare(&place, reading(old), reading(new), |_, _| {}));
        }
        let diff = gathering.finish();
        let (before, after) = (recount(&before), recount(&after));
        let (mut seen, zero) = (0, Decimal::zero());
        for ((_, customer), sum) in diff.sums.iter() {
            for (currency, change) in &sum.money {
                let place = (customer.to_owned(), currency.to_string());
                prop_assert_eq!(&change.before, before.get(&place).unwrap_or(&zero));
                prop_assert_eq!(&change.after, after.get(&place).unwrap_or(&zero));
                seen += 1;
            }
        }
        let all: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        prop_assert_eq!(seen, all.len());
    }

    /// The rows and exchanged references, where all are listed, are the whole difference.
    #[test]
    fn what_is_listed_adds_up_to_the_sums(pages in prop::collection::vec((any_reading(), any_reading()), 0..5)) {
        let diff = diff(pages.iter().map(|(old, new)| (reading(old), reading(new))).collect());
        let mut listed = BTreeMap::<String, Decimal>::new();
        let mut add = |it: &Contribution, sign: i64| {
            let currency = it.description.currency.as_ref().unwrap().to_string();
            *listed.entry(currency).or_default() += &(it.cost.as_ref().unwrap() * &Decimal::from(sign));
        };
        let old = diff.rows.iter().filter_map(|row| row.before.as_ref());
        old.chain(diff.moved.iter().flat_map(|it| &it.before)).for_each(|it| add(it, -1));
        let new = diff.rows.iter().filter_map(|row| row.after.as_ref());
        new.chain(diff.moved.iter().flat_map(|it| &it.after)).for_each(|it| add(it, 1));
        for (currency, change) in diff.sums.total() {
            let zero = Decimal::zero();
            prop_assert_eq!(&change.delta(), listed.get(currency.as_str()).unwrap_or(&zero));
        }
    }

    #[test]
    fn equal_readings_give_an_empty_diff(pages in prop::collection::vec(any_reading(), 0..5)) {
        let diff = diff(pages.iter().map(|it| (reading(it), reading(it))).collect());
        prop_assert!(diff.is_empty());
        prop_assert!(reasons(&diff, &Terms::default()).is_empty());
    }
}
