//! Claims about runs, their frontier, pages and facts.

use purser_domain::Digest;

use super::world::{
    account, answer, ask, begin, finish, hour, order, page, partition, request, retrieve, ten,
};
use crate::runs::{Completion, Fact, Fence, Incomplete, LogLine, Order, RunState};
use crate::{Error, Store};

fn fact(kind: &str, key: &str, value: &str) -> Fact {
    Fact { kind: kind.into(), key: key.into(), value: value.into() }
}

pub async fn an_occurrence_is_ordered_once(store: &dyn Store) {
    let (one, other) = (account(store, "contoso").await, account(store, "fabrikam").await);
    let daily = |account| Order { occurrence: Some("2026-11-23".into()), ..order(account, hour(0)) };
    assert!(store.order_run(&daily(one), hour(0)).await.unwrap().is_some());
    assert_eq!(store.order_run(&daily(one), hour(1)).await.unwrap(), None);
    assert!(store.order_run(&daily(other), hour(0)).await.unwrap().is_some());
    assert!(store.order_run(&order(one, hour(0)), hour(0)).await.unwrap().is_some());
    assert_eq!(store.last_occurrence(one).await.unwrap().as_deref(), Some("2026-11-23"));
}

pub async fn an_account_has_one_run_at_work(store: &dyn Store) {
    let (one, other) = (account(store, "contoso").await, account(store, "fabrikam").await);
    for account in [one, one, other] {
        store.order_run(&order(account, hour(0)), hour(0)).await.unwrap();
    }
    let (first, fence) = store.claim_run(hour(0), hour(1)).await.unwrap().unwrap();
    let (second, _) = store.claim_run(hour(0), hour(1)).await.unwrap().unwrap();
    assert_eq!((first.order.account, second.order.account), (one, other));
    assert!(store.claim_run(hour(0), hour(1)).await.unwrap().is_none());
    finish(store, fence).await;
    let (third, _) = store.claim_run(hour(0), hour(1)).await.unwrap().unwrap();
    assert_eq!(third.order.account, one);
}

pub async fn an_expired_lease_is_taken_over(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let stale = begin(store, account, hour(0)).await;
    assert!(store.claim_run(hour(0), hour(9)).await.unwrap().is_none());
    let (run, fence) = store.claim_run(hour(1), hour(9)).await.unwrap().unwrap();
    assert_eq!((run.id, run.attempt, fence.attempt), (stale.run, 2, 2));
    assert_eq!(run.started_at, Some(hour(0)));
    assert!(matches!(store.renew_lease(stale, hour(9)).await, Err(Error::Fenced)));
}

pub async fn ended_leases_are_taken_over_at_once(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let stale = begin(store, account, hour(0)).await;
    store.end_leases().await.unwrap();
    let (run, _) = store.claim_run(hour(0), hour(9)).await.unwrap().unwrap();
    assert_eq!((run.id, run.attempt), (stale.run, 2));
    assert!(matches!(store.renew_lease(stale, hour(9)).await, Err(Error::Fenced)));
}

pub async fn a_renewed_lease_is_not_taken_over(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    store.renew_lease(fence, hour(5)).await.unwrap();
    assert!(store.claim_run(hour(4), hour(9)).await.unwrap().is_none());
}

pub async fn a_stale_fence_changes_nothing(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let stale = begin(store, account, hour(0)).await;
    let (usage, requests) = (partition("p"), ask(store, stale, &[&partition("p"), &partition("q")]).await);
    answer(store, stale, requests[0], vec![page(0, ten())]).await;
    let (_, fence) = store.claim_run(hour(2), hour(9)).await.unwrap().unwrap();
    let policy = super::world::policy(hour(3));
    let completion =
        Completion { request: requests[1], pages: vec![page(0, ten())], ..Completion::default() };
    let line = LogLine { at: hour(3), level: "info".into(), code: String::new(), text: "late".into() };
    let report = serde_json::json!({"late": true});
    let refusals = [
        store.stage_pages(stale, requests[1], vec![page(0, ten())]).await.err(),
        store.complete_requests(stale, vec![completion]).await.err(),
        store.commit_partition(stale, &usage, &policy).await.err(),
        store.abandon_partition(stale, &usage, "late").await.err(),
        store.start_feed(stale, "late", 0, &Completion::default()).await.err(),
        store.report_progress(stale, &report).await.err(),
        store.log(stale, &line).await.err(),
        store.finish_run(stale, RunState::Failed, &report, hour(3)).await.err(),
    ];
    assert!(refusals.iter().all(|refusal| matches!(refusal, Some(Error::Fenced))), "{refusals:?}");
    assert_eq!(store.run(fence.run).await.unwrap().state, RunState::Running);
    assert_eq!(super::world::purchases(store, account).await, []);
    assert_eq!(store.frontier(fence.run, 0, 10).await.unwrap().len(), 1);
    let elsewhere = Fence { account: purser_domain::AccountId(99), ..fence };
    assert!(matches!(store.renew_lease(elsewhere, hour(9)).await, Err(Error::Fenced)));
}

pub async fn a_cancelled_run_is_told_so(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    assert!(!store.is_cancelled(fence.run).await.unwrap());
    store.cancel_run(fence.run).await.unwrap();
    assert!(store.is_cancelled(fence.run).await.unwrap());
}

pub async fn a_feed_batch_starts_once(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let step = Completion { requests: vec![request(None)], ..Completion::default() };
    assert!(store.start_feed(fence, "usage", 0, &step).await.unwrap());
    assert!(!store.start_feed(fence, "usage", 0, &step).await.unwrap());
    assert_eq!(store.frontier(fence.run, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.started_feeds(fence.run).await.unwrap(), [("usage".to_owned(), 0)]);
}

pub async fn requests_wait_in_the_order_of_discovery(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let usage = partition("p");
    let requests = ask(store, fence, &[&usage, &usage]).await;
    let more = vec![request(Some(&usage)), request(None)];
    let completion = Completion { request: requests[0], requests: more, ..Completion::default() };
    store.complete_requests(fence, vec![completion]).await.unwrap();
    let waiting = store.frontier(fence.run, 0, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|request| request.number).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(waiting[0].partition, Some(usage));
    assert_eq!((waiting[2].partition.clone(), waiting[2].body.as_str()), (None, r#"{"a":"request"}"#));
    assert_eq!(store.frontier(fence.run, 2, 1).await.unwrap(), waiting[1..2]);
    assert_eq!(store.frontier_size(fence.run).await.unwrap(), [("usage".to_owned(), 3, 1)]);
}

pub async fn patience_puts_a_request_back(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let requests = ask(store, fence, &[&partition("p")]).await;
    store.stage_pages(fence, requests[0], vec![page(0, ten())]).await.unwrap();
    let patience = Completion { request: requests[0], retry_at: Some(hour(2)), ..Completion::default() };
    store.complete_requests(fence, vec![patience]).await.unwrap();
    let waiting = store.frontier(fence.run, 0, 10).await.unwrap();
    assert_eq!((waiting[0].not_before, waiting[0].retries), (Some(hour(2)), 1));
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), []);
    answer(store, fence, requests[0], vec![page(0, ten())]).await;
    let report = super::world::commit(store, fence, &partition("p"), hour(3)).await;
    assert_eq!((report.added, report.balance.received.records), (10, 10));
}

pub async fn a_request_ends_once(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let requests = ask(store, fence, &[&partition("p")]).await;
    answer(store, fence, requests[0], vec![page(0, ten())]).await;
    let again = Completion { request: requests[0], requests: vec![request(None)], ..Completion::default() };
    assert!(matches!(store.complete_requests(fence, vec![again]).await, Err(Error::Conflict(_))));
    assert_eq!(store.frontier(fence.run, 0, 10).await.unwrap(), []);
}

pub async fn an_ended_request_is_kept_as_it_is_told(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let requests = ask(store, fence, &[&partition("p")]).await;
    let kept = page(0, ten());
    let (asked, pages) = (Some(r#"{"less":"of it"}"#.to_owned()), vec![kept.clone()]);
    let completion = Completion { request: requests[0], asked, pages, ..Completion::default() };
    store.complete_requests(fence, vec![completion]).await.unwrap();
    let sources = store.page_sources(account, kept.digest).await.unwrap();
    assert_eq!(sources[0].request, r#"{"less":"of it"}"#);
}

pub async fn a_resumed_run_keeps_what_was_completed(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let killed = begin(store, account, hour(0)).await;
    let (done, cut) = (partition("done"), partition("cut"));
    let requests = ask(store, killed, &[&done, &cut]).await;
    answer(store, killed, requests[0], vec![page(0, ten())]).await;
    store.stage_pages(killed, requests[1], vec![page(0, ten()), page(1, ten())]).await.unwrap();
    let (_, fence) = store.claim_run(hour(2), hour(9)).await.unwrap().unwrap();
    let waiting = store.frontier(fence.run, 0, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|request| request.number).collect::<Vec<_>>(), [requests[1]]);
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), std::slice::from_ref(&done));
    assert_eq!(super::world::commit(store, fence, &done, hour(3)).await.added, 10);
    // The answer is shorter this time: what the killed worker staged of it must not count.
    answer(store, fence, requests[1], vec![page(0, ten())]).await;
    assert_eq!(super::world::commit(store, fence, &cut, hour(3)).await.balance.received.records, 10);
}

pub async fn a_page_is_kept_once_and_read_back(store: &dyn Store) {
    let (one, other) = (account(store, "contoso").await, account(store, "fabrikam").await);
    let first = begin(store, one, hour(0)).await;
    retrieve(store, first, &partition("p"), ten()).await;
    finish(store, first).await;
    let second = begin(store, one, hour(1)).await;
    retrieve(store, second, &partition("p"), ten()).await;
    let kept = page(0, ten());
    assert_eq!(store.page(one, kept.digest).await.unwrap(), Some(kept.bytes));
    assert_eq!(store.page(one, Digest::of(b"never seen")).await.unwrap(), None);
    let sources = store.page_sources(one, kept.digest).await.unwrap();
    assert_eq!(sources.iter().map(|source| source.run).collect::<Vec<_>>(), [second.run, first.run]);
    assert_eq!(sources[0].context, kept.context);
    assert_eq!(sources[0].request, r#"{"a":"request"}"#);
    assert_eq!(store.page(other, kept.digest).await.unwrap(), None);
}

pub async fn pages_of_a_run_are_read_back_in_order_and_by_parts(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let first = begin(store, account, hour(0)).await;
    retrieve(store, first, &partition("p"), ten()).await;
    finish(store, first).await;
    let second = begin(store, account, hour(1)).await;
    let requests = ask(store, second, &[&partition("p")]).await;
    answer(store, second, requests[0], vec![page(0, ten()), page(1, ten())]).await;
    let all = store.pages_of_run(second.run, 0, 10).await.unwrap();
    assert_eq!(
        all.iter().map(|read| read.digest).collect::<Vec<_>>(),
        [0, 1].map(|number| page(number, ten()).digest)
    );
    assert_eq!((all[0].feed.as_str(), all[0].request.as_str()), ("usage", r#"{"a":"request"}"#));
    assert_eq!(all[0].context, page(0, ten()).context);
    assert_eq!(store.pages_of_run(second.run, 0, 1).await.unwrap(), all[..1]);
    assert_eq!(store.pages_of_run(second.run, all[0].place, 10).await.unwrap(), all[1..]);
    assert_eq!(store.pages_of_run(first.run, 0, 10).await.unwrap().len(), 1);
}

pub async fn facts_are_paged_by_kind_and_key(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let mut answered = page(0, Vec::new());
    answered.facts = vec![fact("b", "2", "2"), fact("a", "1", "1"), fact("b", "1", "1")];
    let requests = ask(store, fence, &[&partition("p")]).await;
    let envelope = vec![fact("c", "1", "1"), fact("b", "2", "\"later\"")];
    let completion =
        Completion { request: requests[0], pages: vec![answered], facts: envelope, ..Completion::default() };
    store.complete_requests(fence, vec![completion]).await.unwrap();
    let kinds = ["a".to_owned(), "b".to_owned()];
    let first = store.facts(fence.run, &kinds, None, 2).await.unwrap();
    assert_eq!(first, [fact("a", "1", "1"), fact("b", "1", "1")]);
    let after = Some((first[1].kind.clone(), first[1].key.clone()));
    assert_eq!(store.facts(fence.run, &kinds, after, 2).await.unwrap(), [fact("b", "2", "\"later\"")]);
}

pub async fn the_newest_value_of_a_fact_counts(store: &dyn Store) {
    let (one, other) = (account(store, "contoso").await, account(store, "fabrikam").await);
    for (hours, value) in [(0, "1"), (1, "2")] {
        let fence = begin(store, one, hour(hours)).await;
        let facts = vec![fact("market", "NL", value), fact("market", &format!("only {value}"), value)];
        let step = Completion { facts, ..Completion::default() };
        store.start_feed(fence, "customers", 0, &step).await.unwrap();
        finish(store, fence).await;
    }
    assert_eq!(store.fact(one, "market", "NL").await.unwrap(), Some(fact("market", "NL", "2")));
    let all = [fact("market", "NL", "2"), fact("market", "only 1", "1"), fact("market", "only 2", "2")];
    assert_eq!(store.facts_of_kind(one, "market").await.unwrap(), all);
    assert_eq!(store.fact(other, "market", "NL").await.unwrap(), None);
    assert_eq!(store.facts_of_kind(other, "market").await.unwrap(), []);
}

pub async fn a_partition_is_ready_when_nothing_is_left(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let (first, second) = (partition("z"), partition("a"));
    let requests = ask(store, fence, &[&first, &second, &first]).await;
    answer(store, fence, requests[1], Vec::new()).await;
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), std::slice::from_ref(&second));
    let more =
        Completion { request: requests[0], requests: vec![request(Some(&first))], ..Completion::default() };
    store.complete_requests(fence, vec![more]).await.unwrap();
    answer(store, fence, requests[2], Vec::new()).await;
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), std::slice::from_ref(&second));
    answer(store, fence, 4, Vec::new()).await;
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), [first, second]);
}

pub async fn a_marked_partition_is_never_ready(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let requests = ask(store, fence, &[&partition("p")]).await;
    let marked =
        Completion { request: requests[0], incomplete: Some("cut off".into()), ..Completion::default() };
    store.complete_requests(fence, vec![marked]).await.unwrap();
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), []);
    let incomplete = store.incomplete_partitions(fence.run).await.unwrap();
    let reason = "cut off".to_owned();
    assert_eq!(incomplete, [Incomplete { partition: partition("p"), reason, is_stored: false }]);
}

pub async fn a_repeated_page_fails_its_partition(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    let (same, fine) = (partition("same"), partition("fine"));
    let requests = ask(store, fence, &[&same, &same, &fine]).await;
    let body_digest = Some(Digest::of(b"body"));
    let end = |request| Completion { request, body_digest, ..Completion::default() };
    store.complete_requests(fence, requests.into_iter().map(end).collect()).await.unwrap();
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), [fine]);
    let incomplete = store.incomplete_partitions(fence.run).await.unwrap();
    assert_eq!(incomplete.len(), 1);
    assert!(incomplete[0].partition == same && incomplete[0].reason.starts_with("RUN-REPEATED-PAGE"));
}

pub async fn an_unfinished_partition_is_told(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let fence = begin(store, account, hour(0)).await;
    ask(store, fence, &[&partition("p")]).await;
    assert_eq!(store.incomplete_partitions(fence.run).await.unwrap(), []);
    finish(store, fence).await;
    let incomplete = store.incomplete_partitions(fence.run).await.unwrap();
    assert!(incomplete[0].reason.starts_with("RUN-UNFINISHED"));
}
