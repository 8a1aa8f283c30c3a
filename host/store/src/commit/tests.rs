use std::collections::BTreeMap;

use jiff::civil::date;
use purser_domain::{Contribution, Digest};

use super::*;
use crate::contract::usage;
use crate::staging::{self, Chunk};

const FEED: &str = "usage";

/// A ledger in memory.
#[derive(Default)]
struct Memory {
    chunks: Vec<Chunk>,
    rows: BTreeMap<Key, Ledgered>,
    former: BTreeMap<PartitionNo, Vec<Key>>,
    kept: BTreeMap<PartitionNo, Vec<Key>>,
    revised: Vec<Key>,
    held: Vec<Key>,
    largest_load: usize,
}

#[async_trait]
impl LedgerIo for Memory {
    async fn chunk(&mut self, head: &ChunkHead) -> Result<Vec<u8>> {
        let chunk = &self.chunks[usize::try_from(head.id).unwrap()];
        staging::decompress(&chunk.data, chunk.length)
    }

    async fn former_keys(&mut self, partitions: &[PartitionNo], range: &KeyRange) -> Result<Vec<Key>> {
        let keys = partitions.iter().filter_map(|partition| self.former.get(partition)).flatten();
        let keys: BTreeSet<Key> = keys.copied().filter(|key| range.holds(key)).collect();
        Ok(keys.into_iter().collect())
    }

    async fn rows(&mut self, keys: &[Key]) -> Result<Vec<Ledgered>> {
        assert!(keys.is_sorted());
        self.largest_load = self.largest_load.max(keys.len());
        Ok(keys.iter().filter_map(|key| self.rows.get(key)).cloned().collect())
    }

    async fn write(&mut self, writes: Writes) -> Result<()> {
        self.revised.extend(writes.revise);
        self.held.extend(writes.held.into_iter().map(|(_, key, _)| key));
        self.rows.extend(writes.rows.into_iter().map(|row| (row.purchase.key, row)));
        Ok(())
    }

    async fn keep_keys(&mut self, partition: PartitionNo, keys: &[Key]) -> Result<()> {
        self.kept.entry(partition).or_default().extend(keys);
        Ok(())
    }
}

impl Memory {
    /// Stages pages, commits them in ranges of so many bytes, and makes the commit's state the standing one.
    async fn run(&mut self, pages: &[Vec<Contribution>], former: Weight, range_bytes: u64) -> Done {
        let account = AccountId(1);
        self.chunks = pages.iter().flat_map(|page| staging::pack(account, FEED, page).unwrap()).collect();
        let head = |(id, chunk): (i64, &Chunk)| ChunkHead {
            id,
            first: chunk.first,
            last: chunk.last,
            length: chunk.length,
        };
        let task = Task {
            account,
            feed: FEED,
            partition: PartitionNo(1),
            withdraws: Vec::new(),
            month: None,
            former,
            chunks: (0..).zip(&self.chunks).map(head).collect(),
            balance: Balance::default(),
            closed: Closed::none(),
            customers: Customers::default().into(),
            zone: TimeZone::UTC,
        };
        let now = "2026-11-23T18:00:00Z".parse().unwrap();
        let policy = CommitPolicy { now, void_threshold_percent: 20, zone: "UTC".into() };
        let done = commit_in_ranges(self, task, &policy, range_bytes).await.unwrap();
        self.former = std::mem::take(&mut self.kept);
        done
    }
}

/// A page whose references lie all over the key space, some of them twice.
fn page(number: usize, count: usize) -> Vec<Contribution> {
    let said = |record: usize| {
        let reference = format!("r{}", (number * 7919 + record * 31) % (count * 3));
        usage(&reference, &format!("customer {}", record % 5), date(2026, 11, 20), "1")
    };
    (0..count)
        .map(said)
        .map(|mut it| {
            // One reference, one customer: they could not be added otherwise.
            it.description.vendor_customer =
                format!("customer {}", Digest::of(it.reference.as_bytes()).as_bytes()[0] % 5);
            it.description.vendor_subscription = it.description.vendor_customer.clone();
            it
        })
        .collect()
}

#[tokio::test]
async fn a_commit_in_many_ranges_equals_one_in_a_single_range() {
    let pages: Vec<_> = (0..6).map(|number| page(number, 1500)).collect();
    let (mut whole, mut cut) = (Memory::default(), Memory::default());
    let one = whole.run(&pages, Weight::default(), u64::MAX).await;
    let many = cut.run(&pages, Weight::default(), 1).await;
    assert!(ranges_of(&cut).len() > 5);
    assert_eq!(one.report, many.report);
    assert_eq!(one.weights, many.weights);
    assert!(whole.rows == cut.rows && whole.former == cut.former);
    // The second time with a tenth of the references gone: what vanished is found in every range.
    let fewer: Vec<_> = pages
        .iter()
        .map(|page| {
            page.iter().filter(|it| Digest::of(it.reference.as_bytes()).as_bytes()[1] > 25).cloned().collect()
        })
        .collect();
    let former = one.weights[&PartitionNo(1)].clone();
    let one = whole.run(&fewer, former.clone(), u64::MAX).await;
    let many = cut.run(&fewer, former, 1).await;
    assert!(one.report.voided > 100 && one.report.changed == 0, "{:?}", one.report);
    assert_eq!(one.report, many.report);
    assert!(whole.rows == cut.rows && whole.former == cut.former && whole.revised == cut.revised);
    assert!(cut.largest_load <= 2 * BATCH);
}

#[tokio::test]
async fn keys_that_are_kept_are_those_that_stand() {
    let mut ledger = Memory::default();
    let done = ledger.run(&[page(0, 300)], Weight::default(), u64::MAX).await;
    let standing: Vec<Key> = ledger.rows.keys().copied().collect();
    assert_eq!(ledger.former[&PartitionNo(1)], standing);
    // All but nothing is gone: everything is held, stands, and is remembered as the partition's.
    let former = done.weights[&PartitionNo(1)].clone();
    let done = ledger.run(&[page(0, 300)[..2].to_vec()], former.clone(), u64::MAX).await;
    assert_eq!(ledger.held.len(), standing.len() - 2);
    assert_eq!(ledger.former[&PartitionNo(1)], standing);
    assert_eq!(done.weights[&PartitionNo(1)], former);
}

fn ranges_of(ledger: &Memory) -> Vec<KeyRange> {
    let head =
        |chunk: &Chunk| ChunkHead { id: 0, first: chunk.first, last: chunk.last, length: chunk.length };
    ranges(&ledger.chunks.iter().map(head).collect::<Vec<_>>(), 1)
}
