//! Claims about money.

use std::collections::BTreeMap;

use purser_domain::purchase::{Key, State};
use purser_domain::{Decimal, Purchase};

use super::world::{
    account, answer, ask, begin, commit, day, decimal, finish, hour, page, partition, policy, purchases,
    retrieve, run, staged_partition, ten, usage,
};
use crate::ledger::Filter;
use crate::runs::{Completion, Incomplete};
use crate::{Error, Store};

fn costs(purchases: &[Purchase]) -> BTreeMap<&str, String> {
    purchases.iter().map(|it| (it.reference.as_str(), it.cost.as_ref().unwrap().to_string())).collect()
}

async fn sum(store: &dyn Store, account: purser_domain::AccountId) -> Decimal {
    store.rollups(Some(account), None, None).await.unwrap().iter().map(|rollup| &rollup.cost).sum()
}

pub async fn what_is_staged_is_invisible_until_committed(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    retrieve(store, fence, &partition("p"), ten()).await;
    assert_eq!(purchases(store, account).await, []);
    assert_eq!(store.rollups(None, None, None).await.unwrap(), []);
    assert_eq!(store.run(fence.run).await.unwrap().visible_at, None);
    commit(store, fence, &partition("p"), hour(1)).await;
    assert_eq!(purchases(store, account).await.len(), 10);
    assert_eq!(store.run(fence.run).await.unwrap().visible_at, Some(hour(1)));
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), []);
}

pub async fn each_reference_is_one_purchase(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let said =
        usage("r", "contoso", day(20), "123456789012345678901234567890.123456789012345678901234567890");
    let report = run(store, account, hour(0), &partition("p"), vec![said.clone()]).await;
    assert_eq!((report.added, report.changed, report.unchanged, report.unmapped), (1, 0, 0, 0));
    let stored = purchases(store, account).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].as_contribution(), said);
    assert_eq!(stored[0].key, Key::new(account, "usage", "r", &said.description));
    assert_eq!((stored[0].revision, stored[0].state, stored[0].account), (1, State::Open, account));
    assert_eq!(store.purchase(stored[0].key).await.unwrap().as_ref(), Some(&stored[0]));
}

pub async fn equal_references_are_summed(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let usage = |reference| usage(reference, "contoso", day(20), "0.1");
    let requests = ask(store, fence, &[&partition("p"), &partition("p")]).await;
    // Answers end in any order; the first record of a reference still is the first.
    answer(store, fence, requests[1], vec![page(0, vec![usage("r")])]).await;
    answer(store, fence, requests[0], vec![page(0, vec![usage("r"), usage("s"), usage("r")])]).await;
    let report = commit(store, fence, &partition("p"), hour(1)).await;
    assert_eq!((report.added, report.balance.duplicates.records), (2, 2));
    assert_eq!(report.balance.duplicates.sums["EUR"], decimal("0.2"));
    assert_eq!(
        costs(&purchases(store, account).await),
        BTreeMap::from([("r", "0.3".into()), ("s", "0.1".into())])
    );
}

pub async fn committing_again_in_the_run_changes_nothing(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    retrieve(store, fence, &partition("p"), ten()).await;
    let first = commit(store, fence, &partition("p"), hour(1)).await;
    let before = purchases(store, account).await;
    assert_eq!(commit(store, fence, &partition("p"), hour(2)).await, first);
    assert_eq!(purchases(store, account).await, before);
}

pub async fn a_later_run_with_the_same_records_changes_nothing(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    let before = purchases(store, account).await;
    let report = run(store, account, hour(24), &partition("p"), ten()).await;
    assert_eq!((report.added, report.changed, report.unchanged), (0, 0, 10));
    assert_eq!(purchases(store, account).await, before);
    assert_eq!(sum(store, account).await, decimal("10"));
}

pub async fn a_change_keeps_the_former_state(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), vec![usage("r", "contoso", day(20), "1")]).await;
    let before = purchases(store, account).await;
    let report =
        run(store, account, hour(24), &partition("p"), vec![usage("r", "contoso", day(20), "2")]).await;
    assert_eq!((report.added, report.changed, report.unchanged), (0, 1, 0));
    let after = purchases(store, account).await;
    assert_eq!((after[0].revision, after[0].cost.clone()), (2, Some(decimal("2"))));
    assert!(after[0].source_date > before[0].source_date);
    let revisions = store.revisions(after[0].key).await.unwrap();
    assert_eq!(
        revisions.iter().map(|it| it.purchase.clone()).collect::<Vec<_>>(),
        [after[0].clone(), before[0].clone()]
    );
    assert!(revisions[0].run > revisions[1].run);
    assert_eq!((revisions[0].at, revisions[1].at), (hour(24), hour(0)));
    assert_eq!(revisions[0].plugin, purser_domain::Digest::of(b"plugin"));
}

pub async fn a_small_loss_is_voided(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    let report = run(store, account, hour(24), &partition("p"), ten().split_off(1)).await;
    assert_eq!((report.unchanged, report.voided, report.voids_held), (9, 1, 0));
    assert_eq!(purchases(store, account).await.len(), 9);
    let voided = Filter { account: Some(account), voided: true, ..Filter::default() };
    let all = store.purchases(&voided, None, 100).await.unwrap();
    let void = all.iter().find(|purchase| purchase.state == State::Void).unwrap();
    assert_eq!(
        (void.reference.as_str(), void.cost.clone(), void.quantity.is_zero()),
        ("r0", Some(Decimal::zero()), true)
    );
    assert_eq!(sum(store, account).await, decimal("9"));
    let back = run(store, account, hour(48), &partition("p"), ten()).await;
    assert_eq!((back.changed, purchases(store, account).await.len()), (1, 10));
}

pub async fn a_great_loss_waits_for_an_operator(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    let mut half = ten().split_off(5);
    half[0].cost = Some(decimal("7"));
    let report = run(store, account, hour(24), &partition("p"), half).await;
    assert_eq!((report.changed, report.voided, report.voids_held), (1, 0, 5));
    assert_eq!(report.held_because, "LED-VOID-RECORDS");
    assert_eq!(sum(store, account).await, decimal("16"));
    let held = store.held_voids(Some(account)).await.unwrap();
    assert_eq!((held.len(), held[0].because.as_str()), (5, "LED-VOID-RECORDS"));
    assert_eq!(held[0].partition, partition("p"));
}

pub async fn an_empty_answer_voids_nothing(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    let report = run(store, account, hour(24), &partition("p"), Vec::new()).await;
    assert_eq!((report.voided, report.voids_held, report.held_because.as_str()), (0, 10, "LED-VOID-EMPTY"));
    assert!(report.alarm.is_some());
    assert_eq!(sum(store, account).await, decimal("10"));
    // What is held still counts as the partition's: the next loss is measured against it.
    let report = run(store, account, hour(48), &partition("p"), Vec::new()).await;
    assert_eq!(report.voids_held, 10);
}

pub async fn what_comes_back_is_no_longer_held(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    run(store, account, hour(24), &partition("p"), ten().split_off(5)).await;
    let report = run(store, account, hour(48), &partition("p"), ten()).await;
    assert_eq!((report.unchanged, report.voids_held), (10, 0));
    assert_eq!(store.held_voids(None).await.unwrap(), []);
}

pub async fn another_partition_is_left_alone(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    let report =
        run(store, account, hour(24), &partition("q"), vec![usage("q", "contoso", day(21), "5")]).await;
    assert_eq!((report.added, report.voided, report.voids_held), (1, 0, 0));
    assert_eq!(purchases(store, account).await.len(), 11);
}

pub async fn two_partitions_add_up_in_one_purchase(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let said = |cost| vec![usage("r", "contoso", day(20), cost)];
    run(store, account, hour(0), &partition("p"), said("1")).await;
    run(store, account, hour(1), &partition("q"), said("2")).await;
    assert_eq!(costs(&purchases(store, account).await), BTreeMap::from([("r", "3".into())]));
    let again = run(store, account, hour(2), &partition("p"), said("1")).await;
    assert_eq!((again.unchanged, again.changed), (1, 0));
    run(store, account, hour(3), &partition("q"), said("5")).await;
    assert_eq!(costs(&purchases(store, account).await), BTreeMap::from([("r", "6".into())]));
    assert_eq!(sum(store, account).await, decimal("6"));
}

pub async fn a_higher_stage_withdraws_the_lower(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &staged_partition(0), ten()).await;
    let mut billed = ten();
    billed.truncate(9);
    billed[0].cost = Some(decimal("3"));
    let report = run(store, account, hour(24), &staged_partition(1), billed).await;
    assert_eq!((report.added, report.changed, report.unchanged, report.voided), (0, 1, 8, 1));
    assert_eq!(sum(store, account).await, decimal("11"));
    assert_eq!(purchases(store, account).await.len(), 9);
}

pub async fn a_lower_stage_is_refused(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &staged_partition(1), ten()).await;
    let fence = begin(store, account, hour(24)).await;
    retrieve(store, fence, &staged_partition(0), ten()).await;
    let refused = store.commit_partition(fence, &staged_partition(0), &policy(hour(24))).await;
    assert!(matches!(refused, Err(Error::Stale)));
    assert_eq!(sum(store, account).await, decimal("10"));
}

pub async fn an_older_run_is_refused(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(24), &partition("p"), ten()).await;
    let fence = begin(store, account, hour(0)).await;
    retrieve(store, fence, &partition("p"), vec![usage("r0", "contoso", day(20), "99")]).await;
    let refused = store.commit_partition(fence, &partition("p"), &policy(hour(25))).await;
    assert!(matches!(refused, Err(Error::Stale)));
    assert_eq!(sum(store, account).await, decimal("10"));
}

pub async fn what_does_not_add_up_is_not_committed(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let requests = ask(store, fence, &[&partition("p")]).await;
    let mut lossy = page(0, ten());
    lossy.balance.received.sums.insert("EUR".into(), decimal("10.01"));
    answer(store, fence, requests[0], vec![lossy]).await;
    let refused = store.commit_partition(fence, &partition("p"), &policy(hour(1))).await;
    let Err(Error::Incomplete(reason)) = refused else { unreachable!("{refused:?}") };
    assert!(reason.starts_with("RUN-CONSERVATION") && reason.contains("0.01"), "{reason}");
    assert_eq!(purchases(store, account).await, []);
    let incomplete = store.incomplete_partitions(fence.run).await.unwrap();
    assert_eq!(incomplete, [Incomplete { partition: partition("p"), reason, is_stored: false }]);
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), []);
}

pub async fn an_incomplete_partition_is_not_committed(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let requests = ask(store, fence, &[&partition("p"), &partition("p")]).await;
    answer(store, fence, requests[0], vec![page(0, ten())]).await;
    let early = store.commit_partition(fence, &partition("p"), &policy(hour(1))).await;
    assert!(matches!(early, Err(Error::Incomplete(_))));
    let marked =
        Completion { request: requests[1], incomplete: Some("cut off".into()), ..Completion::default() };
    store.complete_requests(fence, vec![marked]).await.unwrap();
    let marked = store.commit_partition(fence, &partition("p"), &policy(hour(1))).await;
    assert!(matches!(marked, Err(Error::Incomplete(reason)) if reason == "cut off"));
    assert_eq!(purchases(store, account).await, []);
}

pub async fn an_abandoned_partition_leaves_nothing_staged(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    retrieve(store, fence, &partition("p"), ten()).await;
    store.abandon_partition(fence, &partition("p"), "RUN-TEST because").await.unwrap();
    assert!(store.commit_partition(fence, &partition("p"), &policy(hour(1))).await.is_err());
    let incomplete = store.incomplete_partitions(fence.run).await.unwrap();
    let reason = "RUN-TEST because".to_owned();
    assert_eq!(incomplete, [Incomplete { partition: partition("p"), reason, is_stored: false }]);
    assert!(store.page(account, page(0, ten()).digest).await.unwrap().is_some());
    finish(store, fence).await;
    run(store, account, hour(24), &partition("p"), ten()).await;
    assert_eq!(purchases(store, account).await.len(), 10);
}

pub async fn rollups_equal_a_recount(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let spread = |skip: usize, factor: usize| {
        let of = |number: usize| {
            let (customer, on) =
                (["contoso", "fabrikam"][number % 2], day(20 + i8::try_from(number % 3).unwrap()));
            usage(&format!("r{number}"), customer, on, &format!("{}.{number}", number * factor))
        };
        (skip..40).map(of).collect::<Vec<_>>()
    };
    run(store, account, hour(0), &partition("p"), spread(0, 1)).await;
    run(store, account, hour(24), &partition("p"), spread(3, 2)).await;
    run(store, account, hour(48), &partition("q"), spread(30, 5)).await;
    let mut recount: BTreeMap<_, (u64, Decimal)> = BTreeMap::new();
    for purchase in purchases(store, account).await {
        let on = purchase.description.start.to_zoned(jiff::tz::TimeZone::UTC).date();
        let cell = recount.entry((purchase.description.vendor_customer.clone(), on)).or_default();
        *cell = (cell.0 + 1, &cell.1 + purchase.cost.as_ref().unwrap());
    }
    let kept = store.rollups(Some(account), None, None).await.unwrap();
    let kept: BTreeMap<_, _> =
        kept.into_iter().map(|it| ((it.vendor_customer, it.day), (it.purchases, it.cost))).collect();
    assert_eq!(kept, recount);
    let one_day = store.rollups(None, Some(day(21)), Some(day(22))).await.unwrap();
    assert!(!one_day.is_empty() && one_day.iter().all(|rollup| rollup.day == day(21)));
}

pub async fn lists_are_filtered_and_paged(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let mut said = ten();
    said.push(usage("special", "fabrikam", day(22), "5"));
    run(store, account, hour(0), &partition("p"), said.clone()).await;
    said[10].cost = Some(decimal("6"));
    let last = begin(store, account, hour(24)).await;
    retrieve(store, last, &partition("p"), said).await;
    commit(store, last, &partition("p"), hour(24)).await;
    let all = purchases(store, account).await;
    assert!(all.windows(2).all(|pair| pair[0].key < pair[1].key));
    let filter = Filter { account: Some(account), ..Filter::default() };
    let second = store.purchases(&filter, Some(all[3].key), 4).await.unwrap();
    assert_eq!(second, all[4..8]);
    let only = |filter: Filter| async move {
        let found = store.purchases(&filter, None, 100).await.unwrap();
        found.iter().map(|it| it.reference.clone()).collect::<Vec<_>>()
    };
    assert_eq!(only(Filter { search: Some("SPECIAL".into()), ..Filter::default() }).await, ["special"]);
    assert_eq!(only(Filter { search: Some("stored GIGA".into()), ..Filter::default() }).await.len(), 11);
    assert_eq!(only(Filter { customer: Some("fabrikam".into()), ..Filter::default() }).await, ["special"]);
    assert_eq!(
        only(Filter { from: Some(day(21)), to: Some(day(23)), ..Filter::default() }).await,
        ["special"]
    );
    assert_eq!(only(Filter { from: Some(day(20)), to: Some(day(21)), ..Filter::default() }).await.len(), 10);
    assert_eq!(only(Filter { run: Some(last.run), ..Filter::default() }).await, ["special"]);
    assert_eq!(only(Filter { feed: Some("licences".into()), ..Filter::default() }).await.len(), 0);
    assert_eq!(only(Filter { unmapped: true, ..Filter::default() }).await.len(), 0);
}

pub async fn another_account_sees_nothing(store: &dyn Store) {
    let (one, other) = (account(store, "contoso").await, account(store, "fabrikam").await);
    run(store, one, hour(0), &partition("p"), ten()).await;
    run(store, one, hour(24), &partition("p"), ten().split_off(5)).await;
    assert_eq!(purchases(store, other).await, []);
    assert_eq!(store.rollups(Some(other), None, None).await.unwrap(), []);
    assert_eq!(store.held_voids(Some(other)).await.unwrap(), []);
    assert_eq!(store.runs(Some(other), 10).await.unwrap(), []);
    assert_eq!(store.last_occurrence(other).await.unwrap(), None);
    let digest = page(0, ten()).digest;
    assert_eq!(store.page(other, digest).await.unwrap(), None);
    assert_eq!(store.page_sources(other, digest).await.unwrap(), []);
    assert_eq!(store.texts(other, &["meter-1".into()], &["en-US".into()]).await.unwrap(), []);
    assert_eq!(store.coverage(other).await.unwrap(), []);
    // The same references of the other account are other Purchases.
    let report = run(store, other, hour(0), &partition("p"), ten()).await;
    assert_eq!((report.added, purchases(store, one).await.len()), (10, 10));
}
