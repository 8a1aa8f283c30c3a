//! What the tests find in the store, brought there the way a run brings it.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use purser_domain::purchase::{Amount, Description, Evidence};
use purser_domain::reconciliation::InvoiceLine;
use purser_domain::{AccountId, Balance, Cast, Contribution, Digest, RunId, Tally};
use purser_pipeline::report::{Feed, Report};
use purser_store::Store;
use purser_store::accounts::{ConsentState, HostSettings, UnmappedCustomers};
use purser_store::ledger::CommitPolicy;
use purser_store::runs::{
    Completion, Fact, Fence, LogLine, NewRequest, Order, Page, Partition, Rejection, RunState, Trigger,
};
use purser_store::texts::ProductText;

use super::{ACCOUNT, Site, acts};

const RECORDS: &str = "[\n\
    {\"meter\":\"vm\",\"quantity\":24,\"cost\": 1234.56789012345678901234567890},\n\
    {\"meter\":\"blob\",\"quantity\":\"0.5\",\"cost\":12.35},\n\
    {\"meter\":\"odd\",\"quantity\":3}\n]";

pub(super) async fn connect(store: &dyn Store, at: Timestamp) -> AccountId {
    let connector = "test-cloud".parse().unwrap();
    let tenant = "7d7a1a52-0000-4000-8000-1c5f2f6a9e11";
    let account = store.connect_account(&connector, "global", tenant, "Contoso Partner", at).await.unwrap();
    let host = HostSettings { locale: "nl-NL".into(), ..HostSettings::default() };
    store.save_settings(account.id, 0, &host, &serde_json::json!({}), "anna", at).await.unwrap();
    store.put_grant(account.id, None, &acts::grant(at)).await.unwrap();
    store.set_consent_state(account.id, &ConsentState::Active).await.unwrap();
    account.id
}

pub(super) fn order(as_of: Timestamp) -> Order {
    let local_date = as_of.in_tz("CET").unwrap().date();
    Order {
        account: ACCOUNT,
        trigger: Trigger::Manual,
        occurrence: None,
        as_of,
        local_date,
        window_from: local_date - SignedDuration::from_hours(72),
        window_to: local_date + SignedDuration::from_hours(24),
        settings_revision: 1,
        cast: Cast::one(Digest::of(b"plugin")),
    }
}

fn contribution(
    meter: &str,
    customer: &str,
    cost: Option<&str>,
    quantity: &str,
    ordinal: u32,
    page: Digest,
) -> Contribution {
    let start = date(2026, 11, 21).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let words = if meter == "odd" { "vendor words" } else { "" };
    let description = Description {
        vendor_customer: customer.into(),
        vendor_subscription: format!("sub-of-{customer}"),
        product_key: format!("key-{meter}"),
        product_text: words.into(),
        category: "Compute".into(),
        unit: "1 Hour".into(),
        unit_price: Some("0.05".parse().unwrap()),
        unit_price_currency: Some("USD".parse().unwrap()),
        currency: cost.map(|_| "EUR".parse().unwrap()),
        exchange_rate: Some("0.92".parse().unwrap()),
        start,
        end: start + SignedDuration::from_hours(24),
        amount: if cost.is_some() { Amount::Given } else { Amount::None },
        metadata: BTreeMap::from([("region".to_owned(), "westeurope".to_owned())]),
    };
    Contribution {
        reference: description.reference(meter),
        description,
        quantity: quantity.parse().unwrap(),
        cost: cost.map(|cost| cost.parse().unwrap()),
        evidence: vec![Evidence { page, ordinal }],
    }
}

fn page(text: String, contributions: Vec<Contribution>) -> Page {
    let mut balance = Balance::default();
    contributions.iter().for_each(|it| balance.purchased.add_contribution(it));
    balance.received = balance.purchased.clone();
    let bytes = Bytes::from(text);
    Page {
        number: 0,
        digest: Digest::of(&bytes),
        bytes,
        context: r#"{"feed":"usage","page":0}"#.into(),
        contributions,
        lines: Vec::new(),
        texts: Vec::new(),
        facts: Vec::new(),
        balance,
        rejections: Vec::new(),
    }
}

fn text(meter: &str, locale: &str, name: &str) -> ProductText {
    ProductText {
        key: format!("key-{meter}"),
        locale: locale.into(),
        requested: locale.into(),
        name: name.into(),
        ..ProductText::default()
    }
}

/// One request, partition and page each, then the end.
struct Retrieval<'a> {
    store: &'a dyn Store,
    fence: Fence,
    now: Timestamp,
    report: Report,
}

impl Retrieval<'_> {
    async fn bring(&mut self, feed: &str, page: Page) {
        let (month, currency, stage) = match feed {
            "invoice" => ("2026-11", "EUR", 1),
            _ => ("", "", 0),
        };
        let (feed_name, key) = (feed.to_owned(), "p1".to_owned());
        let partition =
            Partition { feed: feed_name, key, month: month.into(), currency: currency.into(), stage };
        let request = NewRequest {
            feed: feed.into(),
            partition: Some(partition.clone()),
            version: String::new(),
            body: r#"{"call":"usage"}"#.into(),
            not_before: None,
        };
        let step = Completion { requests: vec![request], ..Completion::default() };
        self.store.start_feed(self.fence, feed, 0, &step).await.unwrap();
        let number = self.store.frontier(self.fence.run, 0, 10).await.unwrap().remove(0).number;
        let completion = Completion { request: number, pages: vec![page], ..Completion::default() };
        self.store.complete_requests(self.fence, vec![completion]).await.unwrap();
        let policy = CommitPolicy { now: self.now, void_threshold_percent: 20, zone: "CET".into() };
        let done = self.store.commit_partition(self.fence, &partition, &policy).await.unwrap();
        if feed == "usage" {
            self.report.balance = done.balance;
        }
        self.report.added += done.added;
        self.report.changed += done.changed;
        let feed = Feed {
            name: feed.into(),
            title: feed.into(),
            state: "done".into(),
            requests_done: 1,
            requests_known: 1,
            pages: 1,
            records: 3,
            partitions: 1,
            left_unchanged: 0,
        };
        self.report.feeds.push(feed);
    }
}

impl Site {
    /// Nothing but people.
    pub(crate) async fn empty() -> Self {
        Self::new().await
    }

    /// With an account that has never been retrieved from.
    pub(crate) async fn connected() -> Self {
        let site = Self::new().await;
        connect(site.store.as_ref(), site.clock.now()).await;
        site
    }

    /// With yesterday's run: a Purchase with a name in the account's language, one with a fallback, one with none.
    pub(crate) async fn with_purchases() -> Self {
        let site = Self::connected().await;
        site.retrieve(-16 * 60, "1234.5678901234567890123456789").await;
        site
    }

    pub(crate) fn page_bytes(&self) -> &'static [u8] {
        RECORDS.as_bytes()
    }

    async fn begin(&self, now: Timestamp) -> (RunId, Fence) {
        self.store.order_run(&order(now), now).await.unwrap().unwrap();
        let (run, fence) =
            self.store.claim_run(now, now + SignedDuration::from_hours(1)).await.unwrap().unwrap();
        (run.id, fence)
    }

    async fn retrieve(&self, after_minutes: i64, cost: &str) {
        let now = self.clock.now() + SignedDuration::from_mins(after_minutes);
        let (_, fence) = self.begin(now).await;
        let mut run = Retrieval { store: self.store.as_ref(), fence, now, report: Report::default() };
        let records = RECORDS.replace(
            "1234.56789012345678901234567890",
            &if cost.contains('.') { format!("{cost}0") } else { cost.to_owned() },
        );
        let digest = Digest::of(records.as_bytes());
        let contributions = vec![
            contribution("VM", "c-1", Some(cost), "24", 0, digest),
            contribution("blob", "c-2", Some("12.35"), "0.5", 1, digest),
            contribution("odd", "c-2", None, "3", 2, digest),
        ];
        let mut usage = page(records, contributions);
        usage.facts = vec![
            Fact {
                kind: "customer".into(),
                key: "c-1".into(),
                value: r#"{"name":"Bakery Jansen","domain":"jansen.example"}"#.into(),
            },
            Fact {
                kind: "customer".into(),
                key: "c-2".into(),
                value: r#"{"name":"Rijwielhuis De Pedaal","domain":""}"#.into(),
            },
        ];
        run.bring("usage", usage).await;
        let mut names = page(format!("names {after_minutes}"), Vec::new());
        names.texts = vec![
            text("vm", "nl-NL", "Virtuele machine"),
            text("vm", "de-DE", "Virtuelle Maschine"),
            text("vm", "en-US", "Virtual machine"),
            text("blob", "en-US", "Blob storage"),
        ];
        run.bring("names", names).await;
        let line =
            LogLine { at: now, level: "info".into(), code: String::new(), text: "1 page retrieved".into() };
        self.store.log(fence, &line).await.unwrap();
        let report = serde_json::to_value(&run.report).unwrap();
        let ended = now + SignedDuration::from_secs(95);
        self.store.finish_run(fence, RunState::Succeeded, &report, ended).await.unwrap();
    }

    /// The month's invoice, which charges the first customer's usage with one line.
    pub(crate) async fn bring_invoice(&self, cost: &str) {
        let now = self.clock.now();
        let (_, fence) = self.begin(now).await;
        let mut run = Retrieval { store: self.store.as_ref(), fence, now, report: Report::default() };
        let mut page = page(format!("invoice {cost}"), Vec::new());
        let said = contribution("VM", "c-1", Some(cost), "24", 0, Digest::of(b"invoice"));
        let mut tally = Tally::default();
        tally.add_contribution(&said);
        page.balance.received.merge(&tally);
        page.balance.ignored.insert("covered-by-usage".into(), tally);
        page.lines = vec![InvoiceLine {
            rule: "covered-by-usage".into(),
            billed_by: "usage".into(),
            vendor_customer: "c-1".into(),
            vendor_subscription: said.description.vendor_subscription.clone(),
            product_key: "key-VM".into(),
            product_text: "VM".into(),
            quantity: said.quantity.clone(),
            unit: said.description.unit.clone(),
            cost: said.cost.clone().unwrap(),
            currency: said.description.currency.clone().unwrap(),
            start: said.description.start,
            end: said.description.end,
        }];
        run.bring("invoice", page).await;
        self.store.finish_run(fence, RunState::Succeeded, &serde_json::json!({}), now).await.unwrap();
    }

    /// A run that no longer shows two of three.
    pub(crate) async fn lose_purchases(&self) {
        let now = self.clock.now();
        let (_, fence) = self.begin(now).await;
        let mut run = Retrieval { store: self.store.as_ref(), fence, now, report: Report::default() };
        let text = RECORDS.lines().nth(1).unwrap_or_default().to_owned();
        let digest = Digest::of(text.as_bytes());
        let left = vec![contribution("blob", "c-2", Some("12.35"), "0.5", 0, digest)];
        run.bring("usage", page(text, left)).await;
        self.store.finish_run(fence, RunState::Warnings, &serde_json::json!({}), now).await.unwrap();
    }

    /// A run one record of which is set aside.
    pub(crate) async fn reject_a_record(&self, reason: &str) {
        let now = self.clock.now();
        let (_, fence) = self.begin(now).await;
        let mut run = Retrieval { store: self.store.as_ref(), fence, now, report: Report::default() };
        let text = format!("{}\n{{\"meter\":\"broken\"}}\n", RECORDS.lines().nth(1).unwrap_or_default());
        let digest = Digest::of(text.as_bytes());
        let taken = vec![contribution("VM", "c-1", Some("1234.5678901234567890123456789"), "24", 0, digest)];
        let mut page = page(text, taken);
        let mut tally = Tally::default();
        tally.add_record(None);
        page.balance.received.merge(&tally);
        page.balance.rejected.insert(reason.into(), tally);
        page.rejections.push(Rejection { ordinal: 1, reason: reason.into() });
        run.bring("usage", page).await;
        self.store.finish_run(fence, RunState::Warnings, &serde_json::json!({}), now).await.unwrap();
    }

    /// Customers that nobody has mapped wait from now on.
    pub(crate) async fn wait_for_mappings(&self) {
        let now = self.store.settings(ACCOUNT).await.unwrap();
        let host = HostSettings { unmapped_customers: UnmappedCustomers::Wait, ..now.host };
        let at = self.clock.now();
        self.store.save_settings(ACCOUNT, now.revision, &host, &now.plugin, "anna", at).await.unwrap();
    }

    /// The same records again, but for one cost.
    pub(crate) async fn restate(&self, meter: &str, cost: &str) {
        assert_eq!(meter, "VM");
        self.retrieve(-60, cost).await;
    }

    pub(crate) async fn with_many_purchases(count: u32) -> Self {
        let site = Self::connected().await;
        let now = site.clock.now();
        let (_, fence) = site.begin(now).await;
        let mut run = Retrieval { store: site.store.as_ref(), fence, now, report: Report::default() };
        let text: String = (0..count).map(|number| format!("{{\"n\":{number}}}\n")).collect();
        let digest = Digest::of(text.as_bytes());
        let one = |number: u32| {
            contribution(
                &format!("m{number:05}"),
                &format!("c-{}", number % 7),
                Some("0.01"),
                "1",
                number,
                digest,
            )
        };
        run.bring("usage", page(text, (0..count).map(one).collect())).await;
        site.store.finish_run(fence, RunState::Succeeded, &serde_json::json!({}), now).await.unwrap();
        site
    }

    /// A run now that ends so.
    pub(crate) async fn finish_run(&self, state: RunState, records: u64) {
        let (_, fence) = self.begin(self.clock.now()).await;
        let mut report = Report::default();
        report.balance.received.records = records;
        let report = serde_json::to_value(&report).unwrap();
        self.store.finish_run(fence, state, &report, self.clock.now()).await.unwrap();
    }

    /// A run that goes on.
    pub(crate) async fn start_run(&self) -> RunId {
        let (run, fence) = self.begin(self.clock.now()).await;
        let feed = Feed {
            name: "usage".into(),
            title: "Metered usage".into(),
            state: "running".into(),
            requests_known: 4,
            requests_done: 1,
            ..Feed::default()
        };
        let report = Report { feeds: vec![feed], ..Report::default() };
        self.store.report_progress(fence, &serde_json::to_value(&report).unwrap()).await.unwrap();
        run
    }

    pub(crate) async fn end_run(&self, run: RunId, state: RunState) {
        let fence = Fence { run, account: ACCOUNT, attempt: 1 };
        self.store.finish_run(fence, state, &serde_json::json!({}), self.clock.now()).await.unwrap();
    }

    /// The account's consent is lost.
    pub(crate) async fn needs_consent(&self) {
        self.store.set_consent_state(ACCOUNT, &acts::lost(self.clock.now())).await.unwrap();
    }
}
