//! What a replay tells of mappings that go wrong in one way each.

mod world;

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::civil::date;
use purser_domain::Decimal;
use purser_domain::diff::verdict::Verdict;
use purser_runtime::contract::localisation::Products;
use purser_runtime::{CallError, Mapped};

use self::world::{ACCOUNT, House, NOVEMBER, Record, as_it_is, asked, context, fake, good, page};
use super::mapper::PageOf;
use super::*;

fn euros(report: &Report) -> (String, String) {
    let total = report.diff.sums.total();
    let change = total.values().next().cloned().unwrap_or_default();
    (change.before.canonical(), change.after.canonical())
}

fn codes(report: &Report) -> Vec<&str> {
    report.reasons.iter().map(|reason| reason.code.as_str()).collect()
}

#[tokio::test]
async fn every_page_is_mapped_once_by_the_version_in_use_and_twice_by_the_candidate() {
    let house = House::small().await;
    let (before, after) = (good("before"), good("after"));
    let report = house.try_out(before.clone(), after.clone()).await;
    assert_eq!((report.verdict, report.pages, report.records), (Verdict::Clean, 2, 4));
    assert_eq!((before.asked.load(Ordering::Relaxed), after.asked.load(Ordering::Relaxed)), (2, 4));
    assert_eq!(euros(&report), ("10.755".into(), "10.755".into()));
    assert_eq!((report.drift.partitions, report.diff.counts.same), (0, 4));
    assert!(report.admits(None));
}

#[tokio::test]
async fn a_candidate_that_says_two_things_of_one_page_is_refused_by_the_pages_name() {
    let house = House::small().await;
    let unstable = fake("after", |mut mapped, asked| {
        // Of each page it is asked twice, one after the other.
        if mapped.purchases[0].natural_reference == "c" && asked % 2 == 1 {
            mapped.purchases[0].cost = Some(Decimal::from_count(3_000));
        }
        Ok(mapped)
    });
    // One page at a time, so that the two askings of a page follow each other.
    let report = house.try_in(good("before"), unstable, (None, None), 1).await;
    let second = page(1, &[("c", "3", NOVEMBER), ("d", "4.5", NOVEMBER)], as_it_is).digest;
    assert_eq!((report.verdict, codes(&report)), (Verdict::Blocked, vec!["TRY-UNSTABLE"]));
    assert_eq!(report.findings[0].page, Some(second));
    assert!(report.reasons[0].what.contains(&second.to_string()), "{:?}", report.reasons);
    assert!(!report.admits(Some(report.digest)), "no yes lets it pass");
    // That answers come and fail in turns is two answers too.
    let flaky = fake("after", |mapped, asked| match asked % 2 {
        0 => Ok(mapped),
        _ => Err(CallError::Contract("now and then".into())),
    });
    let report = house.try_in(good("before"), flaky, (None, None), 1).await;
    assert_eq!(codes(&report)[0], "TRY-UNSTABLE");
}

/// Tells an answer with the locale it is told in: each time another one, or the same.
#[derive(Clone)]
struct Teller {
    turns: bool,
    asked: Arc<AtomicU32>,
}

impl Mapper for Teller {
    fn digest(&self) -> Digest {
        Digest::of(b"teller")
    }

    fn map(&self, _: &PageOf<'_>) -> Result<Mapped, CallError> {
        unreachable!("it is asked for texts")
    }

    fn products(&self, _: &PageOf<'_>) -> Result<Products, CallError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let answered = if self.turns { format!("en-{asked}") } else { "en".to_owned() };
        let requested = answered.clone();
        Ok(Products { requested, answered, texts: Vec::new(), rejected: Vec::new(), facts: Vec::new() })
    }
}

#[test]
fn a_candidate_is_asked_twice_for_texts_too() {
    let context = serde_json::from_str(&context(0)).unwrap();
    let page = PageOf { context: &context, bytes: b"", records: &[] };
    for turns in [false, true] {
        let teller = Teller { turns, asked: Arc::default() };
        let told = mapper::texts_twice(&teller, &page);
        assert_eq!(teller.asked.load(Ordering::Relaxed), 2);
        assert_eq!(told.err(), turns.then_some(mapper::Fault::Unstable));
    }
}

#[tokio::test]
async fn a_page_that_the_host_was_too_busy_for_is_no_unstable_one_and_still_blocks() {
    let house = House::small().await;
    let slow = fake("after", |mapped, asked| match asked {
        0 => Err(CallError::Deadline { used_ms: 9, limit_ms: 8 }),
        _ => Ok(mapped),
    });
    let report = house.try_in(good("before"), slow, (None, None), 1).await;
    assert_eq!((report.verdict, codes(&report)[0]), (Verdict::Blocked, "TRY-PAGE"));
    assert!(!codes(&report).contains(&"TRY-UNSTABLE"));
}

#[tokio::test]
async fn a_record_that_is_not_accounted_for_is_found_among_many_with_its_money() {
    let names: Vec<String> = (0..500).map(|number| format!("r{number}")).collect();
    let records: Vec<Record> =
        names.iter().map(|name| (&*name.clone().leak(), "1.5", NOVEMBER) as Record).collect();
    let house = House::with(vec![("p", vec![page(0, &records, as_it_is)])]).await;
    let dropping = fake("after", |mut mapped, _| {
        let all = mapped.purchases.len();
        mapped.purchases.retain(|purchase| purchase.natural_reference != "r321");
        let is_whole = mapped.purchases.len() == all;
        if is_whole { Ok(mapped) } else { Err(CallError::Contract("a record stands nowhere".into())) }
    });
    let report = house.try_out(good("before"), dropping.clone()).await;
    assert_eq!((report.verdict, codes(&report)[0]), (Verdict::Blocked, "TRY-PAGE"));
    assert!(codes(&report).contains(&"TRY-DROPPED") && codes(&report).contains(&"TRY-BALANCE"));
    assert_eq!(euros(&report), ("750".into(), "748.5".into()));
    let fate = &report.diff.fates[0];
    assert_eq!((fate.example.ordinal, fate.tally.records), (321, 1));
    assert_eq!(fate.tally.sums["EUR"].canonical(), "1.5");
    assert!(dropping.asked.load(Ordering::Relaxed) < 30, "halving finds it soon");
}

#[tokio::test]
async fn a_mapping_none_of_whose_answers_can_be_used_loses_all_money_and_ends_soon() {
    let records: Vec<Record> =
        (0..2_000).map(|number| (&*format!("r{number}").leak(), "1", NOVEMBER) as Record).collect();
    let house = House::with(vec![("p", vec![page(0, &records, as_it_is)])]).await;
    let broken = fake("after", |_, _| Err(CallError::Contract("never".into())));
    let report = house.try_out(good("before"), broken.clone()).await;
    assert_eq!(euros(&report), ("2000".into(), "0".into()));
    assert_eq!(report.diff.fates[0].tally.records, 2_000);
    assert!(broken.asked.load(Ordering::Relaxed) <= 2 + 2 * 128);
}

#[tokio::test]
async fn where_the_ledger_differs_already_is_told_beside_the_difference() {
    // Committed by a version that rounded down.
    let rounded = |cost: &str| if cost == "1.255" { as_it_is("1.25") } else { as_it_is(cost) };
    let stored = page(0, &[("a", "1.255", NOVEMBER), ("b", "2", NOVEMBER)], rounded);
    let house =
        House::with(vec![("p", vec![stored]), ("q", vec![page(0, &[("c", "1", NOVEMBER)], as_it_is)])]).await;
    let report = house.try_out(good("before"), good("after")).await;
    assert_eq!(
        (report.verdict, report.drift.partitions),
        (Verdict::Clean, 1),
        "the candidate changes nothing"
    );
    let drift = &report.drift.listed[0];
    assert_eq!((drift.partition.as_str(), drift.mapping), ("p", Digest::of(b"then")));
    let sums = &drift.measures["purchased EUR"];
    assert_eq!((sums.before.canonical(), sums.after.canonical()), ("3.25".into(), "3.255".into()));
    // Other references are told too, where the money is the same.
    let renamed = fake("before", |mut mapped, _| {
        mapped.purchases.iter_mut().for_each(|purchase| purchase.natural_reference.push('!'));
        Ok(mapped)
    });
    let report = house.try_out(renamed.clone(), renamed).await;
    let drift = &report.drift.listed[1];
    assert_eq!((drift.partition.as_str(), drift.only_ledger, drift.only_replay), ("q", 1, 1));
}

#[tokio::test]
async fn a_period_holds_the_purchases_that_begin_in_it_wherever_they_were_reported() {
    let late = date(2026, 10, 31);
    let records = [("a", "1", NOVEMBER), ("late", "20", late)];
    let elsewhere = page(0, &[("x", "300", date(2026, 11, 22))], as_it_is);
    let house = House::with(vec![("p", vec![page(0, &records, as_it_is)]), ("q", vec![elsewhere])]).await;
    let before = euros(&house.try_out(good("before"), good("after")).await).0;
    assert_eq!(before, "321");
    let in_days = async |from, to| {
        let report = house.try_in(good("before"), good("after"), (from, to), 2).await;
        (report.pages, euros(&report).0)
    };
    // Reported in November, used in October: the run's days do not say so, the Purchase's key does.
    assert_eq!(in_days(None, Some(date(2026, 11, 1))).await, (1, "20".into()));
    assert_eq!(in_days(Some(date(2026, 11, 1)), None).await, (2, "301".into()));
    assert_eq!(in_days(Some(date(2026, 12, 1)), None).await, (0, "0".into()));
}

#[tokio::test]
async fn however_many_pages_are_mapped_at_once_the_report_is_the_same() {
    let pages =
        (0..40).map(|number| page(number, &[(&*format!("r{number}").leak(), "1.005", NOVEMBER)], as_it_is));
    let house = House::with(vec![("p", pages.collect())]).await;
    let rounding = || {
        fake("after", |mut mapped, _| {
            mapped.purchases[0].cost = Some(Decimal::from_count(1));
            Ok(mapped)
        })
    };
    let one = house.try_in(good("before"), rounding(), (None, None), 1).await;
    let many = house.try_in(good("before"), rounding(), (None, None), 8).await;
    assert_eq!((one.digest, &one), (many.digest, &many));
    assert_eq!(euros(&one), ("40.2".into(), "40".into()));
    assert_eq!(one.diff.turnover.values().next().unwrap().canonical(), "0.2");
    // What is confirmed is this diff, and no other.
    assert_eq!(one.verdict, Verdict::Blocked);
    let clean = house.try_out(good("before"), good("after")).await;
    assert_ne!(clean.digest, one.digest);
}

#[tokio::test]
async fn a_confirmation_names_the_diff_that_was_seen() {
    let house = House::small().await;
    let rejecting = fake("after", |mut mapped, _| {
        let gone = mapped.purchases.remove(0);
        mapped.rejected.push((gone.records[0], "not wanted".into()));
        Ok(mapped)
    });
    let report = house.try_out(good("before"), rejecting).await;
    assert_eq!(report.verdict, Verdict::NeedsConfirmation, "{:?}", report.reasons);
    assert!(codes(&report).contains(&"TRY-REJECTED") && codes(&report).contains(&"TRY-REMOVED"));
    assert!(report.admits(Some(report.digest)));
    assert!(!report.admits(None) && !report.admits(Some(Digest::of(b"another"))));
}

#[tokio::test]
async fn what_cannot_be_replayed_is_told_and_what_is_stopped_gives_no_report() {
    let mut unreadable = page(1, &[("b", "2", NOVEMBER)], as_it_is);
    unreadable.context = "no context".into();
    let whole = page(0, &[("a", "1", NOVEMBER)], as_it_is);
    let house = House::with(vec![("p", vec![whole, unreadable])]).await;
    let report = house.try_out(good("before"), good("after")).await;
    assert_eq!((report.verdict, codes(&report)), (Verdict::NeedsConfirmation, vec!["TRY-MISSING"]));
    assert_eq!(report.drift.partitions, 0, "of a part that is not whole nothing is said");
    let stop = CancellationToken::new();
    stop.cancel();
    let question = asked(good("before"), good("after"), None, None);
    let stopped = replay(&house.store, &Limits::default(), question, &Progress::default(), &stop).await;
    assert!(matches!(stopped, Err(ReplayError::Stopped)));
    assert_eq!(house.store.standings(ACCOUNT).await.unwrap().len(), 1);
}
