//! A partition commit, as every store carries it out: which rows to read, what the ledger decides, what to write.
//!
//! The decisions are `purser-domain`'s ([`purser_domain::replace::settle`],
//! [`completeness::voids`]); the rows are the store's, behind [`LedgerIo`]. In
//! between, this module streams: staged contributions and former keys are merged in key order, one key range after the
//! other, so that memory does not grow with the partition.
//!
//! **Invariants:** all of it happens in one transaction of the store; a key is settled exactly once; what may vanish is
//! decided before the first row is written.

mod held;
mod staged;
mod work;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use purser_domain::completeness::{self, Retrieval, Voids, Weight};
use purser_domain::customer::Customers;
use purser_domain::period::Closed;
use purser_domain::purchase::Key;
use purser_domain::replace::{Commit, Rules};
use purser_domain::rollup::Rollups;
use purser_domain::{AccountId, Balance, Ledgered, Month, PartitionNo};

pub use self::held::{Taken, take_voids};
use self::staged::Staged;
use self::work::Work;
pub(crate) use self::work::corrections;
pub(crate) use self::written::Written;
use crate::Result;
use crate::ledger::{CommitPolicy, CommitReport};
use crate::pricing::Touched;

/// Unpacked bytes that are sorted at once.
const RANGE_BYTES: u64 = 24 * 1024 * 1024;
/// Rows read and written at once.
pub(crate) const BATCH: usize = 512;

/// A staged chunk, in the order of requests and pages.
#[derive(Debug, Clone, Copy)]
pub struct ChunkHead {
    /// The store's number for it.
    pub id: i64,
    /// The least key in it.
    pub first: Key,
    /// The greatest.
    pub last: Key,
    /// Bytes once unpacked.
    pub length: u64,
}

/// Keys from one on, up to but without another.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyRange {
    /// None: from the least.
    pub from: Option<Key>,
    /// None: to the greatest.
    pub to: Option<Key>,
}

impl KeyRange {
    /// Whether a key lies in it.
    #[must_use]
    pub fn holds(&self, key: &Key) -> bool {
        self.from.is_none_or(|from| from <= *key) && self.to.is_none_or(|to| *key < to)
    }

    fn overlaps(&self, chunk: &ChunkHead) -> bool {
        self.from.is_none_or(|from| from <= chunk.last) && self.to.is_none_or(|to| chunk.first < to)
    }
}

/// What to write for a batch of keys.
#[derive(Debug, Default)]
pub struct Writes {
    /// Rows whose stored state becomes a revision, before the rows below are written.
    pub revise: Vec<Key>,
    /// Rows, new and changed, in key order (corrections behind their Purchase).
    pub rows: Vec<Ledgered>,
    /// Voids that wait: the partition whose contribution stays, the key, and why, as a stable code.
    pub held: Vec<(PartitionNo, Key, &'static str)>,
}

/// The rows a commit reads and writes, all inside one transaction.
#[async_trait]
pub trait LedgerIo: Send {
    /// A staged chunk, unpacked.
    async fn chunk(&mut self, head: &ChunkHead) -> Result<Vec<u8>>;
    /// The keys in a range that any of these partitions contributed to before the commit; ascending, each once.
    async fn former_keys(&mut self, partitions: &[PartitionNo], range: &KeyRange) -> Result<Vec<Key>>;
    /// The stored rows of these keys; ascending, absent ones left out.
    async fn rows(&mut self, keys: &[Key]) -> Result<Vec<Ledgered>>;
    /// Writes a batch.
    async fn write(&mut self, writes: Writes) -> Result<()>;
    /// Keeps the next keys a partition contributes to from now on; ascending over all calls.
    async fn keep_keys(&mut self, partition: PartitionNo, keys: &[Key]) -> Result<()>;
}

/// What is committed.
#[derive(Debug)]
pub struct Task<'a> {
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: &'a str,
    /// The partition that is replaced.
    pub partition: PartitionNo,
    /// Partitions of a lower stage that leave with it.
    pub withdraws: Vec<PartitionNo>,
    /// The partition's billing month, where it has one.
    pub month: Option<Month>,
    /// What these partitions weighed after their last commits.
    pub former: Weight,
    /// What is staged.
    pub chunks: Vec<ChunkHead>,
    /// What the pages say came in and became of it.
    pub balance: Balance,
    /// Closed booked periods.
    pub closed: Closed,
    /// The customer mapping.
    pub customers: Arc<Customers>,
    /// The zone month borders follow.
    pub zone: TimeZone,
}

/// What was done, and what the store still has to keep of it.
#[derive(Debug)]
pub struct Done {
    /// For the run.
    pub report: CommitReport,
    /// What each partition weighs from now on.
    pub weights: BTreeMap<PartitionNo, Weight>,
    /// Changes of the roll-ups.
    pub rollups: Rollups,
    /// Products that new and changed Purchases name, in lower case.
    pub products: BTreeSet<String>,
    /// What the host has to price anew.
    pub touched: Touched,
}

/// Commits a partition.
pub async fn commit(io: &mut dyn LedgerIo, task: Task<'_>, policy: &CommitPolicy) -> Result<Done> {
    commit_in_ranges(io, task, policy, RANGE_BYTES).await
}

async fn commit_in_ranges(
    io: &mut dyn LedgerIo,
    task: Task<'_>,
    policy: &CommitPolicy,
    range_bytes: u64,
) -> Result<Done> {
    let ranges = ranges(&task.chunks, range_bytes);
    let mut only = None;
    let voids = match task.former.contributions {
        0 => Voids::Take,
        _ => foresee(io, &task, policy, &ranges, &mut only).await?,
    };
    let ours: Vec<PartitionNo> =
        std::iter::once(task.partition).chain(task.withdraws.iter().copied()).collect();
    let rules = Rules { now: policy.now, zone: &task.zone, closed: &task.closed, customers: &task.customers };
    let commit = Commit {
        account: task.account,
        feed: task.feed,
        partition: task.partition,
        withdraws: &task.withdraws,
        month: task.month.as_ref(),
        voids: &voids,
        rules,
    };
    let mut work = Work::new(commit, &ours, task.balance.clone());
    for range in &ranges {
        let staged = match only.take() {
            Some(loaded) => loaded,
            None => Staged::load(io, &task.chunks, range).await?,
        };
        let former = former_keys(io, &task, &ours, range).await?;
        work.range(io, &staged, &former).await?;
    }
    work.finish(io, &task, policy).await
}

async fn former_keys(
    io: &mut dyn LedgerIo,
    task: &Task<'_>,
    ours: &[PartitionNo],
    range: &KeyRange,
) -> Result<Vec<Key>> {
    match task.former.contributions {
        0 => Ok(Vec::new()),
        _ => io.former_keys(ours, range).await,
    }
}

/// Key ranges of about so many bytes each, cut where chunks begin.
fn ranges(chunks: &[ChunkHead], range_bytes: u64) -> Vec<KeyRange> {
    let mut heads: Vec<_> = chunks.iter().map(|chunk| (chunk.first, chunk.length)).collect();
    heads.sort_unstable();
    let (mut ranges, mut open, mut bytes) = (Vec::new(), KeyRange::default(), 0_u64);
    for (first, length) in heads {
        if bytes >= range_bytes && open.from.is_none_or(|from| from < first) {
            ranges.push(KeyRange { to: Some(first), ..open });
            open = KeyRange { from: Some(first), to: None };
            bytes = 0;
        }
        bytes = bytes.saturating_add(length);
    }
    ranges.push(open);
    ranges
}

/// Decides what may vanish, before anything is written. Keeps what it loaded where there is one range only.
async fn foresee(
    io: &mut dyn LedgerIo,
    task: &Task<'_>,
    policy: &CommitPolicy,
    ranges: &[KeyRange],
    only: &mut Option<Staged>,
) -> Result<Voids> {
    let ours: Vec<PartitionNo> =
        std::iter::once(task.partition).chain(task.withdraws.iter().copied()).collect();
    let (mut count, mut conflicts, mut vanished) = (0_u64, 0_u64, Weight::default());
    for range in ranges {
        let staged = Staged::load(io, &task.chunks, range).await?;
        let mut gone: BTreeSet<Key> = io.former_keys(&ours, range).await?.into_iter().collect();
        for group in staged.groups() {
            count = count.saturating_add(1);
            group.first().map(|entry| gone.remove(&entry.key));
            if group.len() > 1 {
                conflicts += staged.fold(group)?.map_or(0, |folded| folded.conflicts.len() as u64);
            }
        }
        let gone: Vec<Key> = gone.into_iter().collect();
        for keys in gone.chunks(BATCH) {
            for row in io.rows(keys).await? {
                ours.iter()
                    .filter_map(|partition| row.contribution_of(*partition))
                    .for_each(|it| vanished.add(&it));
            }
        }
        if ranges.len() == 1 {
            *only = Some(staged);
        }
    }
    Ok(completeness::voids(&Retrieval {
        is_complete: true,
        failed_pages: 0,
        rejected: task.balance.rejected_records().saturating_add(conflicts),
        staged: Weight { contributions: count, amounts: BTreeMap::new() },
        former: task.former.clone(),
        vanished,
        threshold_percent: policy.void_threshold_percent,
    }))
}

/// Takes off what other contributions weighed.
pub fn lighten(weight: &mut Weight, by: &Weight) {
    weight.contributions = weight.contributions.saturating_sub(by.contributions);
    for (measure, amount) in &by.amounts {
        let sum = weight.amounts.entry(measure.clone()).or_default();
        *sum = &*sum - amount;
    }
    weight.amounts.retain(|_, amount| !amount.is_zero());
}

/// Adds what other contributions weigh.
pub fn merge(into: &mut Weight, from: &Weight) {
    into.contributions = into.contributions.saturating_add(from.contributions);
    for (measure, amount) in &from.amounts {
        let sum = into.amounts.entry(measure.clone()).or_default();
        *sum = &*sum + amount;
    }
}

#[cfg(test)]
mod tests;
