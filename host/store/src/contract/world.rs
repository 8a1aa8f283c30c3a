//! What the claims are told with: instants, accounts, runs, contributions.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use purser_domain::purchase::{Amount, Description, Evidence};
use purser_domain::{AccountId, Balance, Cast, Contribution, Decimal, Digest, Purchase};

use crate::Store;
use crate::ledger::{CommitPolicy, CommitReport, Filter};
use crate::runs::{Completion, Fence, NewRequest, Order, Page, Partition, RunState, Trigger};

pub(super) const FEED: &str = "usage";

/// An instant, in hours after the start of the story.
pub(super) fn hour(hours: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + hours * 3600).unwrap()
}

pub(super) fn day(number: i8) -> Date {
    date(2026, 11, number)
}

pub(super) async fn account(store: &dyn Store, tenant: &str) -> AccountId {
    let connector = "sample".parse().unwrap();
    store.connect_account(&connector, "global", tenant, tenant, hour(0)).await.unwrap().id
}

pub(super) fn order(account: AccountId, as_of: Timestamp) -> Order {
    Order {
        account,
        trigger: Trigger::Manual,
        occurrence: None,
        as_of,
        local_date: day(23),
        window_from: day(20),
        window_to: day(24),
        settings_revision: 0,
        cast: Cast::one(Digest::of(b"plugin")),
    }
}

/// Orders a run and takes it.
pub(super) async fn begin(store: &dyn Store, account: AccountId, as_of: Timestamp) -> Fence {
    let run = store.order_run(&order(account, as_of), as_of).await.unwrap().unwrap();
    let (claimed, fence) =
        store.claim_run(as_of, as_of + jiff::SignedDuration::from_hours(1)).await.unwrap().unwrap();
    assert_eq!(claimed.id, run);
    fence
}

pub(super) async fn finish(store: &dyn Store, fence: Fence) {
    store.finish_run(fence, RunState::Succeeded, &serde_json::json!({}), hour(1)).await.unwrap();
}

pub(super) fn partition(key: &str) -> Partition {
    Partition { feed: FEED.into(), key: key.into(), month: String::new(), currency: String::new(), stage: 0 }
}

pub(super) fn staged_partition(stage: u32) -> Partition {
    let key = format!("EUR 2026-11 {stage}");
    Partition { feed: FEED.into(), key, month: "2026-11".into(), currency: "EUR".into(), stage }
}

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// What a partition says about a reference: one record of a customer on a day.
pub(crate) fn usage(reference: &str, customer: &str, on: Date, cost: &str) -> Contribution {
    let start = on.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    Contribution {
        reference: reference.into(),
        description: Description {
            vendor_customer: customer.into(),
            vendor_subscription: format!("subscription of {customer}"),
            product_key: "Meter-1".into(),
            product_text: "Stored gigabytes".into(),
            category: "Storage".into(),
            unit: "1 GB".into(),
            unit_price: Some(decimal("0.12345678901234567890123456789012345678901234567890")),
            unit_price_currency: Some("USD".parse().unwrap()),
            currency: Some("EUR".parse().unwrap()),
            exchange_rate: Some(decimal("0.9")),
            start,
            end: start + jiff::SignedDuration::from_hours(24),
            amount: Amount::Given,
            metadata: BTreeMap::from([("region".into(), "west".into())]),
        },
        quantity: decimal("1.5"),
        cost: Some(decimal(cost)),
        evidence: vec![Evidence { page: Digest::of(reference.as_bytes()), ordinal: 7 }],
    }
}

/// Ten Purchases of 1 each, on one day.
pub(super) fn ten() -> Vec<Contribution> {
    (0..10).map(|number| usage(&format!("r{number}"), "contoso", day(20), "1")).collect()
}

/// The balance of a page all of whose records were purchased.
pub(super) fn balance(contributions: &[Contribution]) -> Balance {
    let mut balance = Balance::default();
    contributions.iter().for_each(|it| balance.purchased.add_contribution(it));
    balance.received = balance.purchased.clone();
    balance
}

pub(super) fn page(number: u32, contributions: Vec<Contribution>) -> Page {
    let text = contributions.iter().map(|it| format!("{it:?}\n")).collect::<String>() + &number.to_string();
    let bytes = Bytes::from(text);
    Page {
        number,
        digest: Digest::of(&bytes),
        bytes,
        context: r#"{"page":"context"}"#.into(),
        balance: balance(&contributions),
        contributions,
        lines: Vec::new(),
        texts: Vec::new(),
        facts: Vec::new(),
        rejections: Vec::new(),
    }
}

pub(super) fn request(partition: Option<&Partition>) -> NewRequest {
    NewRequest {
        feed: FEED.into(),
        partition: partition.cloned(),
        version: String::new(),
        body: r#"{"a":"request"}"#.into(),
        not_before: None,
    }
}

/// Asks for these partitions, one request each; gives the requests' numbers.
pub(super) async fn ask(store: &dyn Store, fence: Fence, partitions: &[&Partition]) -> Vec<u64> {
    let batch = u32::try_from(store.started_feeds(fence.run).await.unwrap().len()).unwrap();
    let known: u64 =
        store.frontier_size(fence.run).await.unwrap().iter().map(|(_, waiting, done)| waiting + done).sum();
    let requests = partitions.iter().map(|partition| request(Some(partition))).collect();
    let step = Completion { requests, ..Completion::default() };
    assert!(store.start_feed(fence, FEED, batch, &step).await.unwrap());
    (known + 1..=known + partitions.len() as u64).collect()
}

pub(super) async fn answer(store: &dyn Store, fence: Fence, request: u64, pages: Vec<Page>) {
    let completion = Completion { request, pages, ..Completion::default() };
    store.complete_requests(fence, vec![completion]).await.unwrap();
}

/// Retrieves a partition in one answer of one page.
pub(super) async fn retrieve(
    store: &dyn Store,
    fence: Fence,
    partition: &Partition,
    contributions: Vec<Contribution>,
) {
    let requests = ask(store, fence, &[partition]).await;
    answer(store, fence, requests[0], vec![page(0, contributions)]).await;
}

pub(super) fn policy(now: Timestamp) -> CommitPolicy {
    CommitPolicy { now, void_threshold_percent: 20, zone: "CET".into() }
}

pub(super) async fn commit(
    store: &dyn Store,
    fence: Fence,
    partition: &Partition,
    now: Timestamp,
) -> CommitReport {
    store.commit_partition(fence, partition, &policy(now)).await.unwrap()
}

/// One whole run of one partition.
pub(super) async fn run(
    store: &dyn Store,
    account: AccountId,
    as_of: Timestamp,
    partition: &Partition,
    contributions: Vec<Contribution>,
) -> CommitReport {
    let fence = begin(store, account, as_of).await;
    retrieve(store, fence, partition, contributions).await;
    let report = commit(store, fence, partition, as_of).await;
    finish(store, fence).await;
    report
}

pub(super) async fn purchases(store: &dyn Store, account: AccountId) -> Vec<Purchase> {
    let filter = Filter { account: Some(account), ..Filter::default() };
    store.purchases(&filter, None, 1000).await.unwrap()
}
