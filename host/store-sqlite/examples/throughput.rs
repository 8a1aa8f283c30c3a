//! How much a record costs to stage and to commit: `cargo run --release -p purser-store-sqlite --example throughput`.
//!
//! Arguments: records (200000), records of a partition (1000), records of a page (1000). Prints CPU and wall
//! microseconds a record, for a first fill and for the identical second run.

#![expect(clippy::unwrap_used, clippy::float_arithmetic, reason = "a measurement by hand")]

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, civil::date};
use purser_domain::purchase::{Amount, Description, Evidence};
use purser_domain::{AccountId, Balance, Cast, Contribution, Digest};
use purser_store::ledger::CommitPolicy;
use purser_store::runs::{Completion, Fence, NewRequest, Order, Page, Partition, RunState, Trigger};
use purser_store::{Accounts, Ledger, Runs};
use purser_store_sqlite::SqliteStore;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|it| it.parse::<usize>().unwrap());
    let records = arguments.next().unwrap_or(200_000);
    let in_partition = arguments.next().unwrap_or(1_000);
    let in_page = arguments.next().unwrap_or(1_000);
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
    let connector = "sample".parse().unwrap();
    let account =
        store.connect_account(&connector, "global", "t", "t", Timestamp::UNIX_EPOCH).await.unwrap().id;
    for (name, hours) in [("first", 0), ("again", 24)] {
        let at = Timestamp::from_second(1_795_000_000).unwrap() + SignedDuration::from_hours(hours);
        let fence = begin(&store, account, at).await;
        let partitions = records.div_ceil(in_partition);
        ask(&store, fence, partitions).await;
        let (mut made, mut staged, mut committed) = (Cost::default(), Cost::default(), Cost::default());
        for number in 0..partitions {
            let request = number as u64 + 1;
            for page_number in 0..in_partition.div_ceil(in_page) {
                let page = made.of(|| page(number, page_number, in_page.min(in_partition)));
                let clock = Clock::start();
                store.stage_pages(fence, request, vec![page]).await.unwrap();
                staged.add(&clock);
            }
            let clock = Clock::start();
            let completion = Completion { request, ..Completion::default() };
            store.complete_requests(fence, vec![completion]).await.unwrap();
            staged.add(&clock);
            let clock = Clock::start();
            let policy = CommitPolicy { now: at, void_threshold_percent: 20, zone: "CET".into() };
            store.commit_partition(fence, &partition(number), &policy).await.unwrap();
            committed.add(&clock);
        }
        store.finish_run(fence, RunState::Succeeded, &serde_json::Value::Null, at).await.unwrap();
        for (part, cost) in [("make", made), ("stage", staged), ("commit", committed)] {
            let of = |seconds: f64| seconds * 1e6 / (partitions * in_partition) as f64;
            println!("{name:6} {part:7} CPU {:6.2} µs  wall {:6.2} µs a record", of(cost.cpu), of(cost.wall));
        }
    }
    let size = std::fs::metadata(folder.path().join("purser.db")).unwrap().len();
    println!("{} bytes a record, peak {} MiB", size / records as u64, peak_mib());
}

async fn begin(store: &SqliteStore, account: AccountId, at: Timestamp) -> Fence {
    let day = date(2026, 11, 23);
    let order = Order {
        account,
        trigger: Trigger::Manual,
        occurrence: None,
        as_of: at,
        local_date: day,
        window_from: day,
        window_to: day,
        settings_revision: 0,
        cast: Cast::one(Digest::of(b"plugin")),
    };
    store.order_run(&order, at).await.unwrap();
    store.claim_run(at, at + SignedDuration::from_hours(9)).await.unwrap().unwrap().1
}

async fn ask(store: &SqliteStore, fence: Fence, partitions: usize) {
    let request = |number| NewRequest {
        feed: "utilization".into(),
        partition: Some(partition(number)),
        version: String::new(),
        body: "{}".into(),
        not_before: None,
    };
    let step = Completion { requests: (0..partitions).map(request).collect(), ..Completion::default() };
    store.start_feed(fence, "utilization", 0, &step).await.unwrap();
}

fn partition(number: usize) -> Partition {
    let key = format!("subscription-{number}");
    Partition { feed: "utilization".into(), key, month: String::new(), currency: String::new(), stage: 0 }
}

fn page(partition: usize, number: usize, records: usize) -> Page {
    let bytes: Bytes =
        (0..records).map(|record| json(partition, number * records + record)).collect::<String>().into();
    let digest = Digest::of(&bytes);
    let said = |record| contribution(partition, number * records + record, digest, record);
    let contributions: Vec<_> = (0..records).map(said).collect();
    let mut balance = Balance::default();
    contributions.iter().for_each(|it| balance.purchased.add_contribution(it));
    balance.received = balance.purchased.clone();
    Page {
        number: u32::try_from(number).unwrap(),
        bytes,
        digest,
        context: "{}".into(),
        contributions,
        lines: Vec::new(),
        texts: Vec::new(),
        facts: Vec::new(),
        balance,
        rejections: Vec::new(),
    }
}

/// About as long as a usage record of a large vendor.
fn json(partition: usize, record: usize) -> String {
    let hash = Digest::of(format!("{partition}/{record}").as_bytes());
    format!(
        r#"{{"usageStartTime":"2026-11-22T00:00:00","usageEndTime":"2026-11-23T00:00:00","resource":{{"id":"{hash}",
        "name":"General purpose virtual machine, size D4","category":"Virtual Machines","subcategory":"D series",
        "region":"EU West"}},"quantity":{record}.123456,"unit":"1 Hour","infoFields":{{"meteredRegion":"westeurope",
        "meteredService":"Compute","project":"","meteredServiceType":""}},"instanceData":{{"resourceUri":
        "/subscriptions/{partition}/resourceGroups/production/providers/compute/virtualMachines/machine-{record}",
        "location":"westeurope","partNumber":"","orderNumber":"","tags":{{"cost-centre":"4711"}}}},"attributes":{{}}}}"#
    )
}

fn contribution(partition: usize, record: usize, page: Digest, ordinal: usize) -> Contribution {
    let day = 1_795_000_000 / 86_400 * 86_400 + (record as i64 % 3) * 86_400;
    let start = Timestamp::from_second(day).unwrap();
    Contribution {
        reference: format!("subscription-{partition}/2026-11-22/meter-{}/machine-{record}", record % 50),
        description: Description {
            vendor_customer: format!("2ca7cde8-5d2c-4c7e-9a70-{:012}", partition / 10),
            vendor_subscription: format!("6f7dbe1e-3c0f-4c89-8d3c-{partition:012}"),
            product_key: format!("4f1f7c1e-0b5d-4dd7-bd63-{:012}", record % 50),
            product_text: "General purpose virtual machine, size D4".into(),
            category: "Virtual Machines".into(),
            unit: "1 Hour".into(),
            unit_price: Some("0.2341".parse().unwrap()),
            unit_price_currency: Some("USD".parse().unwrap()),
            currency: Some("EUR".parse().unwrap()),
            exchange_rate: Some("0.91827".parse().unwrap()),
            start,
            end: start + SignedDuration::from_hours(24),
            amount: Amount::Given,
            metadata: BTreeMap::from([
                ("region".into(), "EU West".into()),
                ("resource".into(), format!("/subscriptions/{partition}/virtualMachines/machine-{record}")),
            ]),
        },
        quantity: format!("{record}.123456").parse().unwrap(),
        cost: Some(format!("{record}.98765432101").parse().unwrap()),
        evidence: vec![Evidence { page, ordinal: u32::try_from(ordinal).unwrap() }],
    }
}

#[derive(Default)]
struct Cost {
    cpu: f64,
    wall: f64,
}

impl Cost {
    fn add(&mut self, clock: &Clock) {
        self.cpu += cpu_seconds() - clock.cpu;
        self.wall += clock.wall.elapsed().as_secs_f64();
    }

    fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let clock = Clock::start();
        let made = work();
        self.add(&clock);
        made
    }
}

struct Clock {
    cpu: f64,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { cpu: cpu_seconds(), wall: Instant::now() }
    }
}

/// User and system time of the process, in hundredths of a second as the kernel counts them.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
