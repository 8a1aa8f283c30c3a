//! A ledger of a few pages, and mappings that are spoiled in one way each.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use purser_domain::purchase::{Amount, Description};
use purser_domain::{Balance, Contribution, Decimal};
use purser_runtime::contract::localisation::Products;
use purser_runtime::contract::manifest::{Framing, Partitioning};
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::contract::types::RunContext;
use purser_runtime::{CallError, Mapped, MappedPurchase};
use purser_store::Accounts as _;
use purser_store::ledger::{CommitPolicy, Ledger as _};
use purser_store::runs::{Completion, NewRequest, Order, Page, Partition, RunState, Runs as _, Trigger};
use purser_store_sqlite::SqliteStore;

use super::super::mapper::PageOf;
use super::super::*;

pub(super) const FEED: &str = "usage";
pub(super) const ACCOUNT: AccountId = AccountId(1);

/// What a mapping makes of a page, given how often it was asked before.
pub(super) type Spoil = fn(Mapped, u32) -> Result<Mapped, CallError>;

/// Maps one JSON record a line to one Purchase, and then spoils it.
#[derive(Clone)]
pub(super) struct Fake {
    spoil: Spoil,
    pub(super) asked: Arc<AtomicU32>,
    name: &'static str,
}

pub(super) fn fake(name: &'static str, spoil: Spoil) -> Fake {
    Fake { spoil, asked: Arc::default(), name }
}

pub(super) fn good(name: &'static str) -> Fake {
    fake(name, |mapped, _| Ok(mapped))
}

impl Mapper for Fake {
    fn digest(&self) -> Digest {
        Digest::of(self.name.as_bytes())
    }

    fn map(&self, page: &PageOf<'_>) -> Result<Mapped, CallError> {
        let purchases = (0..).zip(page.records).map(|(ordinal, range)| {
            let record: serde_json::Value = serde_json::from_slice(&page.bytes[range.clone()]).unwrap();
            mapped(
                record["ref"].as_str().unwrap(),
                record["cost"].as_str().unwrap(),
                day_of(&record),
                ordinal,
            )
        });
        let mapped = Mapped { purchases: purchases.collect(), ..Mapped::default() };
        (self.spoil)(mapped, self.asked.fetch_add(1, Ordering::Relaxed))
    }

    fn products(&self, _: &PageOf<'_>) -> Result<Products, CallError> {
        unreachable!("the ledger has no texts")
    }
}

pub(super) fn day_of(record: &serde_json::Value) -> Date {
    record["day"].as_str().unwrap().parse().unwrap()
}

pub(super) fn mapped(reference: &str, cost: &str, day: Date, ordinal: u32) -> MappedPurchase {
    let start = day.to_zoned(TimeZone::UTC).unwrap().timestamp();
    MappedPurchase {
        natural_reference: reference.into(),
        description: Description {
            vendor_customer: "contoso".into(),
            vendor_subscription: "s".into(),
            product_key: "meter".into(),
            product_text: "Meter".into(),
            category: String::new(),
            unit: "h".into(),
            unit_price: None,
            unit_price_currency: None,
            currency: Some("EUR".parse().unwrap()),
            exchange_rate: None,
            start,
            end: start,
            amount: Amount::Given,
            metadata: Default::default(),
        },
        quantity: Decimal::from_count(1),
        cost: Some(cost.parse().unwrap()),
        records: vec![ordinal],
    }
}

pub(super) fn feed() -> Feed {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Feed {
        name: FEED.into(),
        title: FEED.into(),
        kind: FeedKind::Purchases,
        invoice: false,
        clouds: Vec::new(),
        partitioning: Partitioning::Scope,
        framing: Framing::Lines,
        gives: Vec::new(),
        needs: Vec::new(),
        amount: names(&["/cost"]),
        currency: names(&["/currency"]),
        quantity: Vec::new(),
        unit: Vec::new(),
        customer: Vec::new(),
    }
}

pub(super) fn context(page: u32) -> String {
    let run = RunContext {
        settings: "{}".into(),
        as_of: "2026-11-23T18:00:00Z".into(),
        local_date: "2026-11-23".into(),
        window_from: "2026-11-20".into(),
        window_to: "2026-11-24".into(),
        cloud: "global".into(),
        locale: "en-US".into(),
    };
    let context = PageContext {
        run,
        feed: FEED.into(),
        partition_key: "p".into(),
        month: String::new(),
        currency: String::new(),
        stage: 0,
        parameters: Vec::new(),
        framing: Framing::Lines,
        envelope: String::new(),
        page,
    };
    serde_json::to_string(&context).unwrap()
}

/// Reference, cost and day.
pub(super) type Record = (&'static str, &'static str, Date);

pub(super) const NOVEMBER: Date = date(2026, 11, 21);

/// A page of these records; the ledger takes from it what `stored` makes of their costs.
pub(super) fn page(number: u32, records: &[Record], stored: fn(&str) -> Decimal) -> Page {
    let line = |(name, cost, day): &Record| {
        format!("{{\"ref\":\"{name}\",\"cost\":\"{cost}\",\"currency\":\"EUR\",\"day\":\"{day}\"}}\n")
    };
    let bytes = bytes::Bytes::from(records.iter().map(line).collect::<String>());
    let digest = Digest::of(&bytes);
    let said = |(ordinal, (name, cost, day)): (u32, &Record)| Contribution {
        cost: Some(stored(cost)),
        ..crate::mapping::contribution(mapped(name, cost, *day, ordinal), digest, &|_| None)
    };
    let contributions: Vec<Contribution> = (0..).zip(records).map(said).collect();
    let mut balance = Balance::default();
    contributions.iter().for_each(|it| balance.purchased.add_contribution(it));
    balance.received = balance.purchased.clone();
    Page {
        number,
        bytes,
        digest,
        context: context(number),
        contributions,
        lines: Vec::new(),
        texts: Vec::new(),
        facts: Vec::new(),
        balance,
        rejections: Vec::new(),
    }
}

pub(super) fn as_it_is(cost: &str) -> Decimal {
    cost.parse().unwrap()
}

pub(super) struct House {
    pub(super) store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

impl House {
    /// One run that has brought these partitions.
    pub(super) async fn with(partitions: Vec<(&str, Vec<Page>)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
        let now: Timestamp = "2026-11-23T18:00:00Z".parse().unwrap();
        let connector = "sample".parse().unwrap();
        store.connect_account(&connector, "global", "tenant", "Tenant", now).await.unwrap();
        let order = Order {
            account: ACCOUNT,
            trigger: Trigger::Manual,
            occurrence: None,
            as_of: now,
            local_date: date(2026, 11, 23),
            window_from: date(2026, 11, 20),
            window_to: date(2026, 11, 24),
            settings_revision: 0,
            cast: Cast::one(Digest::of(b"then")),
        };
        store.order_run(&order, now).await.unwrap();
        let (_, fence) =
            store.claim_run(now, now + jiff::SignedDuration::from_hours(1)).await.unwrap().unwrap();
        let named = |key: &str| Partition {
            feed: FEED.into(),
            key: key.into(),
            month: String::new(),
            currency: String::new(),
            stage: 0,
        };
        let request = |key: &str| NewRequest {
            feed: FEED.into(),
            partition: Some(named(key)),
            version: String::new(),
            body: "{}".into(),
            not_before: None,
        };
        let requests = partitions.iter().map(|(key, _)| request(key)).collect();
        let step = Completion { requests, ..Completion::default() };
        store.start_feed(fence, FEED, 0, &step).await.unwrap();
        let policy = CommitPolicy { now, void_threshold_percent: 20, zone: "UTC".into() };
        for (request, (key, pages)) in (1..).zip(partitions) {
            let completion = Completion { request, pages, ..Completion::default() };
            store.complete_requests(fence, vec![completion]).await.unwrap();
            store.commit_partition(fence, &named(key), &policy).await.unwrap();
        }
        store.finish_run(fence, RunState::Succeeded, &serde_json::json!({}), now).await.unwrap();
        Self { store: Arc::new(store), _folder: folder }
    }

    /// Two pages of two records.
    pub(super) async fn small() -> Self {
        let first = page(0, &[("a", "1.255", NOVEMBER), ("b", "2", NOVEMBER)], as_it_is);
        let second = page(1, &[("c", "3", NOVEMBER), ("d", "4.5", NOVEMBER)], as_it_is);
        Self::with(vec![("p", vec![first, second])]).await
    }

    pub(super) async fn try_out(&self, before: Fake, after: Fake) -> Report {
        self.try_in(before, after, (None, None), 2).await
    }

    pub(super) async fn try_in(
        &self,
        before: Fake,
        after: Fake,
        (from, to): (Option<Date>, Option<Date>),
        at_once: usize,
    ) -> Report {
        let stop = CancellationToken::new();
        let limits = Limits { pages_in_sandbox: at_once, ..Limits::default() };
        let question = asked(before, after, from, to);
        replay(&self.store, &limits, question, &Progress::default(), &stop).await.unwrap()
    }
}

pub(super) fn asked(before: Fake, after: Fake, from: Option<Date>, to: Option<Date>) -> Question<Fake> {
    let parts = |mapping| Parts { feeds: vec![feed()], mapping: Some(mapping), localisation: None };
    let (before, after) = (parts(before), parts(after));
    Question { accounts: vec![ACCOUNT], from, to, open_months: false, before, after, terms: Terms::default() }
}
