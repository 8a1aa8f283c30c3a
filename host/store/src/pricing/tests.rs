use jiff::civil::date;
use purser_domain::completeness::Voids;
use purser_domain::customer::Customers;
use purser_domain::period::Closed;
use purser_domain::purchase::State;
use purser_domain::replace::{Commit, settle};
use purser_domain::{AccountId, Contribution, PartitionNo};

use super::*;
use crate::commit::{ChunkHead, KeyRange};
use crate::contract::usage;

/// A ledger in memory.
#[derive(Default)]
struct Memory {
    rows: BTreeMap<Key, Ledgered>,
    revised: Vec<Key>,
    largest_load: usize,
}

#[async_trait]
impl LedgerIo for Memory {
    async fn chunk(&mut self, _: &ChunkHead) -> Result<Vec<u8>> {
        unreachable!("nothing is staged")
    }

    async fn former_keys(&mut self, _: &[PartitionNo], _: &KeyRange) -> Result<Vec<Key>> {
        unreachable!("no partition is replaced")
    }

    async fn rows(&mut self, keys: &[Key]) -> Result<Vec<Ledgered>> {
        Ok(keys.iter().filter_map(|key| self.rows.get(key)).cloned().collect())
    }

    async fn write(&mut self, writes: Writes) -> Result<()> {
        self.revised.extend(writes.revise);
        self.rows.extend(writes.rows.into_iter().map(|row| (row.purchase.key, row)));
        Ok(())
    }

    async fn keep_keys(&mut self, _: PartitionNo, _: &[Key]) -> Result<()> {
        unreachable!("no partition is replaced")
    }
}

#[async_trait]
impl TierIo for Memory {
    async fn next_rows(&mut self, from: Key, after: bool, last: Key, limit: usize) -> Result<Vec<Ledgered>> {
        let rows = self.rows.range(from..=last).filter(|(key, _)| !after || **key != from);
        let rows: Vec<_> = rows.map(|(_, row)| row.clone()).take(limit).collect();
        self.largest_load = self.largest_load.max(rows.len());
        Ok(rows)
    }
}

static UTC: TimeZone = TimeZone::UTC;
const FEED: &str = "usage";
const GROUP: &str = "s/2026-11-01";

fn used(reference: &str, day: i8, quantity: &str) -> Contribution {
    let mut it = usage(reference, "contoso", date(2026, 11, day), "0");
    it.description.amount = Amount::Tiered { group: GROUP.into(), key: "disk".into() };
    (it.description.currency, it.description.exchange_rate) = (None, None);
    (it.cost, it.quantity) = (None, quantity.parse().unwrap());
    it
}

struct World {
    ledger: Memory,
    closed: Closed,
    touched: Touched,
}

impl World {
    fn new() -> Self {
        Self { ledger: Memory::default(), closed: Closed::none(), touched: Touched::default() }
    }

    fn say(&mut self, partition: i64, said: Contribution) {
        let (account, customers) = (AccountId(1), Customers::by_vendor_id());
        let key = Key::new(account, FEED, &said.reference, &said.description);
        let commit = Commit {
            account,
            feed: FEED,
            partition: PartitionNo(partition),
            withdraws: &[],
            month: None,
            voids: &Voids::Take,
            rules: rules(&self.closed, &customers),
        };
        let existing = self.ledger.rows.get(&key);
        let corrections: Vec<_> = existing
            .into_iter()
            .flat_map(|row| row.correction_keys().collect::<Vec<_>>())
            .filter_map(|key| self.ledger.rows.get(&key).cloned())
            .collect();
        let rows = match settle(existing, &corrections, Some(said), &commit) {
            Outcome::Insert(row) | Outcome::Update(row) => vec![row],
            Outcome::Correct(it) => std::iter::once(it.origin).chain(it.inserts).chain(it.updates).collect(),
            other => panic!("{other:?}"),
        };
        rows.iter().for_each(|row| self.touched.touch(row));
        self.ledger.rows.extend(rows.into_iter().map(|row| (row.purchase.key, row)));
    }

    async fn price(&mut self, tiers: &[(&str, &str)]) -> PricingReport {
        let tiers: Vec<_> =
            tiers.iter().map(|(from, rate)| (from.parse().unwrap(), rate.parse().unwrap())).collect();
        let rates = Rates::new("EUR".parse().unwrap(), &tiers, None).unwrap();
        let (_, _, first, last) = self.touched.iter().next().unwrap();
        let keys = [TierKey { key: "disk".into(), first, last, rates }];
        let group = TierGroup { feed: FEED.into(), name: GROUP.into() };
        let customers = Customers::by_vendor_id();
        let task = Task { group: &group, keys: &keys, rules: rules(&self.closed, &customers) };
        price(&mut self.ledger, &task).await.unwrap().report
    }

    fn cost(&self) -> Decimal {
        self.ledger.rows.values().filter_map(|row| row.purchase.cost.as_ref()).sum()
    }
}

fn rules<'a>(closed: &'a Closed, customers: &'a Customers) -> Rules<'a> {
    Rules { now: "2026-12-03T18:00:00Z".parse().unwrap(), zone: &UTC, closed, customers }
}

#[tokio::test]
async fn tiers_price_many_batches_like_one() {
    let mut world = World::new();
    for number in 0..3000_i32 {
        let day = i8::try_from(1 + number % 28).unwrap();
        world.say(1, used(&format!("r{number}"), day, "0.7"));
    }
    let report = world.price(&[("0", "1"), ("1000.3", "0.3"), ("2000", "0.07")]).await;
    assert_eq!(report, PricingReport { priced: 3000, unchanged: 0 });
    assert_eq!(world.cost(), "1307.21".parse().unwrap());
    assert!(world.ledger.largest_load <= BATCH);
    let report = world.price(&[("0", "1"), ("1000.3", "0.3"), ("2000", "0.07")]).await;
    assert_eq!(report, PricingReport { priced: 0, unchanged: 3000 }, "again changes nothing");
    assert_eq!(world.ledger.revised.len(), 3000);
}

#[tokio::test]
async fn late_usage_after_close_moves_tier_prices_by_corrections() {
    let mut world = World::new();
    world.say(1, used("a", 1, "6"));
    world.say(2, used("b", 2, "6"));
    let tiers: &[(&str, &str)] = &[("0", "1"), ("10", "0.5")];
    world.price(tiers).await;
    assert_eq!(world.cost(), "11".parse().unwrap());
    let frozen: Vec<_> = world.ledger.rows.values().map(|row| row.purchase.clone()).collect();
    world.closed = Closed::through("2026-11".parse().unwrap());
    // 4 more on the first day: it costs 4 more, and the second day 2 less.
    world.say(3, used("a", 1, "4"));
    let report = world.price(tiers).await;
    assert_eq!(report.priced, 2);
    assert_eq!(world.cost(), "13".parse().unwrap());
    for purchase in &frozen {
        assert_eq!(&world.ledger.rows[&purchase.key].purchase, purchase, "frozen");
    }
    let corrections: Vec<_> = world
        .ledger
        .rows
        .values()
        .map(|row| &row.purchase)
        .filter(|it| it.reference.ends_with("#c1"))
        .map(|it| (it.cost.as_ref().unwrap().to_string(), it.quantity.to_string(), it.state))
        .collect();
    assert_eq!(corrections.len(), 2);
    assert!(corrections.contains(&("4".into(), "4".into(), State::Open)));
    assert!(corrections.contains(&("-2".into(), "0".into(), State::Open)));
    assert_eq!(world.price(tiers).await.priced, 0);
}

#[tokio::test]
async fn a_dearer_tier_splits_a_purchase_over_its_shares() {
    let mut world = World::new();
    world.say(1, used("a", 1, "1"));
    world.say(2, used("a", 1, "2"));
    world.say(1, used("b", 1, "3"));
    world.price(&[("0", "1"), ("5", "0.01")]).await;
    assert_eq!(world.cost(), "5.01".parse().unwrap());
    for row in world.ledger.rows.values() {
        let shares = row.shares();
        let cost: Decimal = shares.iter().filter_map(|share| share.contribution.cost.as_ref()).sum();
        assert_eq!(Some(cost), row.purchase.cost, "a row is the sum of its shares");
    }
}
