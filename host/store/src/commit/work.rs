//! A commit under way: settles key by key, and keeps count.

use std::collections::BTreeMap;

use purser_domain::completeness::{self, Retrieval, Voids, Weight};
use purser_domain::purchase::{Amount, Key, State};
use purser_domain::replace::{Commit, Outcome, settle};
use purser_domain::sum::Conflict;
use purser_domain::{Balance, Contribution, Ledgered, PartitionNo};

use super::staged::Staged;
use super::{BATCH, Done, LedgerIo, Task, Writes, Written, merge};
use crate::Result;
use crate::ledger::{CommitPolicy, CommitReport};
use crate::pricing::Touched;
use crate::staging::Entry;

/// Keys of a partition in one stored chunk.
const KEYS: usize = 4096;

/// A commit under way.
pub(super) struct Work<'a> {
    commit: Commit<'a>,
    ours: &'a [PartitionNo],
    report: CommitReport,
    written: Written,
    touched: Touched,
    /// What this commit stages.
    staged: Weight,
    standing: BTreeMap<PartitionNo, Standing>,
}

/// What a partition contributes to after the commit.
#[derive(Default)]
struct Standing {
    keys: Vec<Key>,
    /// Of what it does not stage now: held voids, and what was refused.
    weight: Weight,
}

/// One key and what the partition says about it.
struct Pending {
    key: Key,
    staged: Option<Contribution>,
}

impl<'a> Work<'a> {
    pub(super) fn new(commit: Commit<'a>, ours: &'a [PartitionNo], mut balance: Balance) -> Self {
        // Counted anew below: a page cannot know what other pages repeat.
        balance.duplicates = purser_domain::Tally::default();
        Self {
            commit,
            ours,
            report: CommitReport { balance, ..CommitReport::default() },
            written: Written::default(),
            touched: Touched::default(),
            staged: Weight::default(),
            standing: ours.iter().map(|partition| (*partition, Standing::default())).collect(),
        }
    }

    /// Settles every key of a range that is staged, or was contributed to before.
    pub(super) async fn range(
        &mut self,
        io: &mut dyn LedgerIo,
        staged: &Staged,
        former: &[Key],
    ) -> Result<()> {
        let mut former = former.iter().copied().peekable();
        let mut batch = Vec::with_capacity(BATCH);
        for group in staged.groups() {
            let Some(key) = group.first().map(|entry| entry.key) else { continue };
            while let Some(gone) = former.next_if(|gone| *gone < key) {
                batch.push(Pending { key: gone, staged: None });
            }
            former.next_if_eq(&key);
            batch.push(Pending { key, staged: self.fold(staged, group)? });
            if batch.len() >= BATCH {
                self.batch(io, std::mem::take(&mut batch)).await?;
            }
        }
        batch.extend(former.map(|key| Pending { key, staged: None }));
        while !batch.is_empty() {
            let rest = batch.split_off(batch.len().min(BATCH));
            self.batch(io, std::mem::replace(&mut batch, rest)).await?;
        }
        Ok(())
    }

    fn fold(&mut self, staged: &Staged, group: &[Entry]) -> Result<Option<Contribution>> {
        let Some(folded) = staged.fold(group)? else { return Ok(None) };
        if group.len() > 1 {
            self.report.balance.duplicates.merge(&folded.duplicates);
            folded.conflicts.iter().for_each(|(it, conflict)| self.set_aside(it, *conflict));
        }
        Ok(Some(folded.contribution))
    }

    fn set_aside(&mut self, contribution: &Contribution, conflict: Conflict) {
        self.report.balance.set_aside(contribution, &conflict.to_string());
    }

    async fn batch(&mut self, io: &mut dyn LedgerIo, batch: Vec<Pending>) -> Result<()> {
        let keys: Vec<Key> = batch.iter().map(|pending| pending.key).collect();
        let mut rows = io.rows(&keys).await?.into_iter().peekable();
        let mut writes = Writes::default();
        for Pending { key, staged } in batch {
            let existing = rows.next_if(|row| row.purchase.key == key);
            let corrections = match &existing {
                Some(row) if row.corrections > 0 => corrections(io, row).await?,
                _ => Vec::new(),
            };
            self.settle(key, existing, &corrections, staged, &mut writes);
        }
        io.write(writes).await?;
        self.keep_keys(io, KEYS).await
    }

    fn settle(
        &mut self,
        key: Key,
        existing: Option<Ledgered>,
        corrections: &[Ledgered],
        staged: Option<Contribution>,
        writes: &mut Writes,
    ) {
        let is_staged = staged.is_some();
        // Only another partition's share can refuse; only then the contribution is needed afterwards.
        let may_refuse =
            existing.as_ref().is_some_and(|row| row.partitions().any(|it| !self.ours.contains(&it)));
        let spare = staged.as_ref().filter(|_| may_refuse).cloned();
        if let (Some(existing), Some(spare)) = (&existing, &spare) {
            self.compare(existing, spare);
        }
        if let Some(staged) = staged.as_ref().filter(|_| !may_refuse) {
            self.weigh(staged);
        }
        let outcome = settle(existing.as_ref(), corrections, staged, &self.commit);
        match (&outcome, &spare) {
            (Outcome::Refused(conflict), Some(spare)) => self.set_aside(spare, *conflict),
            (_, Some(spare)) => self.weigh(spare),
            _ => {}
        }
        let existing = existing.as_ref();
        self.touch(existing, &outcome);
        match outcome {
            Outcome::Unchanged => {
                self.report.unchanged += u64::from(is_staged);
                self.stands(key, existing, is_staged);
            }
            Outcome::Refused(_) => self.stands(key, existing, false),
            Outcome::Held => {
                self.hold(key, existing, writes);
                self.stands(key, existing, false);
            }
            Outcome::Correct(corrected) => {
                self.report.changed += 1;
                self.stands(key, Some(&corrected.origin), is_staged);
                self.written.correct(corrected, corrections, writes);
            }
            Outcome::Reattribute(row) => {
                self.report.unchanged += 1;
                self.stands(key, Some(&row), is_staged);
                writes.rows.push(row);
            }
            Outcome::Insert(row) => self.write(key, None, row, is_staged, writes),
            Outcome::Update(row) | Outcome::Void(row) => self.write(key, existing, row, is_staged, writes),
        }
    }

    fn write(
        &mut self,
        key: Key,
        former: Option<&Ledgered>,
        row: Ledgered,
        is_staged: bool,
        writes: &mut Writes,
    ) {
        match (former, row.purchase.state) {
            (None, _) => self.report.added += 1,
            (Some(_), State::Void) => self.report.voided += 1,
            (Some(_), _) => self.report.changed += 1,
        }
        self.stands(key, Some(&row), is_staged);
        self.written.put(former.map(|row| &row.purchase), row, writes);
    }

    /// Takes note of what the host has to price anew, as it was and as it is.
    fn touch(&mut self, existing: Option<&Ledgered>, outcome: &Outcome) {
        let row = match outcome {
            Outcome::Unchanged | Outcome::Held | Outcome::Refused(_) => return,
            Outcome::Insert(row) | Outcome::Update(row) | Outcome::Void(row) | Outcome::Reattribute(row) => {
                row
            }
            Outcome::Correct(corrected) => &corrected.origin,
        };
        existing.into_iter().chain([row]).for_each(|row| self.touched.touch(row));
    }

    /// Counts a reference that another partition speaks of too.
    fn compare(&mut self, existing: &Ledgered, staged: &Contribution) {
        if !matches!(staged.description.amount, Amount::Tiered { .. }) {
            return;
        }
        let others: Vec<_> =
            existing.shares().into_iter().filter(|it| !self.ours.contains(&it.partition)).collect();
        let is_repeated = others.iter().any(|other| other.contribution.quantity == staged.quantity);
        self.report.added_to += u64::from(!others.is_empty());
        self.report.repeated += u64::from(is_repeated && !staged.quantity.is_zero());
    }

    fn weigh(&mut self, staged: &Contribution) {
        self.staged.add(staged);
    }

    fn hold(&mut self, key: Key, existing: Option<&Ledgered>, writes: &mut Writes) {
        let Voids::Hold(hold) = self.commit.voids else { return };
        hold.code().clone_into(&mut self.report.held_because);
        self.report.voids_held += 1;
        let staying = existing.into_iter().flat_map(Ledgered::partitions).find(|it| self.ours.contains(it));
        writes.held.extend(staying.map(|partition| (partition, key, hold.code())));
    }

    /// Takes note of who contributes to a key after the commit. What this commit staged is weighed already.
    fn stands(&mut self, key: Key, row: Option<&Ledgered>, is_staged: bool) {
        let Some(row) = row else { return };
        let is_unmapped = row.purchase.customer_code.is_none() && row.purchase.state != State::Void;
        self.report.unmapped += u64::from(is_unmapped);
        for partition in row.partitions().filter(|it| self.ours.contains(it)) {
            let standing = self.standing.entry(partition).or_default();
            standing.keys.push(key);
            if !(is_staged && partition == self.commit.partition) {
                row.contribution_of(partition).iter().for_each(|it| standing.weight.add(it));
            }
        }
    }

    async fn keep_keys(&mut self, io: &mut dyn LedgerIo, at_least: usize) -> Result<()> {
        for (partition, standing) in &mut self.standing {
            if standing.keys.len() >= at_least {
                io.keep_keys(*partition, &standing.keys).await?;
                standing.keys.clear();
            }
        }
        Ok(())
    }

    pub(super) async fn finish(
        mut self,
        io: &mut dyn LedgerIo,
        task: &Task<'_>,
        policy: &CommitPolicy,
    ) -> Result<Done> {
        self.keep_keys(io, 1).await?;
        let retrieval = Retrieval {
            is_complete: true,
            failed_pages: 0,
            rejected: self.report.balance.rejected_records(),
            staged: self.staged.clone(),
            former: task.former.clone(),
            vanished: Weight::default(),
            threshold_percent: policy.void_threshold_percent,
        };
        // A feed of facts or texts has records and no Purchases, always: nothing suspicious.
        if task.former.contributions > 0 || self.staged.contributions > 0 {
            self.report.alarm = completeness::alarm(&retrieval, self.report.balance.received.records);
        }
        let mut weights: BTreeMap<_, _> =
            self.standing.into_iter().map(|(partition, standing)| (partition, standing.weight)).collect();
        merge(weights.entry(task.partition).or_default(), &self.staged);
        let Written { rollups, products, .. } = self.written;
        Ok(Done { report: self.report, weights, rollups, products, touched: self.touched })
    }
}

/// The corrections of a row, oldest first.
pub(crate) async fn corrections<Io: LedgerIo + ?Sized>(io: &mut Io, row: &Ledgered) -> Result<Vec<Ledgered>> {
    let keys: Vec<Key> = row.correction_keys().collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    let mut rows = io.rows(&sorted).await?;
    // Oldest first, as they are numbered: their keys are in no such order.
    rows.sort_by_key(|row| keys.iter().position(|key| *key == row.purchase.key));
    Ok(rows)
}
