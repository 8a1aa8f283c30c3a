//! A ledger in memory that carries out what the rules decide, and checks what must hold at every write.

use std::collections::BTreeMap;

use purser_domain::purchase::Key;
use purser_domain::replace::{Commit, Outcome, Rules, restamp, settle};
use purser_domain::rollup::{Cell, Delta, Rollups};
use purser_domain::{Contribution, Ledgered, Purchase, sum};

#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Ledger {
    pub rows: BTreeMap<Key, Ledgered>,
    pub rollups: BTreeMap<Cell, Delta>,
    /// Rows written since the beginning.
    pub writes: u64,
    pub held: u64,
}

impl Ledger {
    /// Commits a partition, as a store does: key by key, in order.
    pub fn commit(&mut self, staged: Vec<Contribution>, commit: &Commit<'_>) {
        let mut by_key = BTreeMap::<Key, Option<Contribution>>::new();
        for (key, same) in grouped(staged, commit) {
            let mut same = same.into_iter();
            by_key.insert(key, same.next().map(|first| sum::fold(first, same).contribution));
        }
        for (key, row) in &self.rows {
            let concerned = |no| no == commit.partition || commit.withdraws.contains(&no);
            if row.partitions().any(concerned) {
                by_key.entry(*key).or_default();
            }
        }
        let mut rollups = Rollups::default();
        for (key, staged) in by_key {
            let existing = self.rows.get(&key).cloned();
            let corrections = existing.as_ref().map(|row| self.corrections(row)).unwrap_or_default();
            let outcome = settle(existing.as_ref(), &corrections, staged, commit);
            self.apply(outcome, &commit.rules, &mut rollups);
        }
        self.add(rollups);
    }

    /// Stamps every row anew.
    pub fn restamp(&mut self, rules: &Rules<'_>) {
        let mut rollups = Rollups::default();
        for row in self.rows.clone().into_values().filter(|row| !row.purchase.reference.contains("#c")) {
            let outcome = restamp(&row, &self.corrections(&row), rules);
            self.apply(outcome, rules, &mut rollups);
        }
        self.add(rollups);
    }

    /// The row of a reference.
    pub fn row(&self, name: &str) -> Option<&Ledgered> {
        self.rows.values().find(|row| row.purchase.reference.ends_with(&format!("/{name}")))
    }

    /// Sums recounted from the rows.
    pub fn recount(&self) -> BTreeMap<Cell, Delta> {
        let mut rollups = Rollups::default();
        // Against the order of keys, so that no neighbourhood helps.
        self.rows.values().rev().for_each(|row| rollups.change(None, Some(&row.purchase)));
        rollups.into_deltas().collect()
    }

    fn corrections(&self, row: &Ledgered) -> Vec<Ledgered> {
        row.correction_keys().map(|key| self.rows.get(&key).unwrap().clone()).collect()
    }

    fn apply(&mut self, outcome: Outcome, rules: &Rules<'_>, rollups: &mut Rollups) {
        match outcome {
            Outcome::Unchanged | Outcome::Refused(_) => {}
            Outcome::Held => self.held += 1,
            Outcome::Reattribute(row) => self.replace_shares(row),
            Outcome::Insert(row) => self.insert(row, rollups),
            Outcome::Update(row) | Outcome::Void(row) => self.update(row, rules, rollups),
            Outcome::Correct(corrected) => {
                if self.rows.get(&corrected.origin.purchase.key) != Some(&corrected.origin) {
                    self.replace_shares(corrected.origin);
                }
                corrected.inserts.into_iter().for_each(|row| self.insert(row, rollups));
                corrected.updates.into_iter().for_each(|row| self.update(row, rules, rollups));
            }
        }
    }

    fn insert(&mut self, row: Ledgered, rollups: &mut Rollups) {
        rollups.change(None, Some(&row.purchase));
        assert_eq!(row.purchase.revision, 1);
        assert_eq!(self.rows.insert(row.purchase.key, row), None, "an insert meets no row");
        self.writes += 1;
    }

    fn update(&mut self, row: Ledgered, rules: &Rules<'_>, rollups: &mut Rollups) {
        let former = self.rows.insert(row.purchase.key, row.clone()).unwrap().purchase;
        assert!(!rules.closed.freezes(&former), "a frozen Purchase never changes");
        assert_ne!(content(&former), content(&row.purchase), "a revision changes something");
        assert_eq!(row.purchase.revision, former.revision + 1);
        assert!(row.purchase.source_date > former.source_date, "source dates strictly increase");
        rollups.change(Some(&former), Some(&row.purchase));
        self.writes += 1;
    }

    fn replace_shares(&mut self, row: Ledgered) {
        let former = self.rows.insert(row.purchase.key, row.clone()).unwrap();
        assert_eq!(former.purchase, row.purchase);
        assert_ne!(former, row);
        self.writes += 1;
    }

    fn add(&mut self, rollups: Rollups) {
        for (cell, delta) in rollups.into_deltas() {
            let sum = self.rollups.entry(cell).or_default();
            sum.purchases += delta.purchases;
            sum.cost = &sum.cost + &delta.cost;
        }
        self.rollups.retain(|_, delta| !delta.is_zero());
    }
}

fn content(purchase: &Purchase) -> Purchase {
    Purchase { revision: 0, source_date: jiff::Timestamp::UNIX_EPOCH, ..purchase.clone() }
}

fn grouped(staged: Vec<Contribution>, commit: &Commit<'_>) -> BTreeMap<Key, Vec<Contribution>> {
    let mut by_key = BTreeMap::<Key, Vec<Contribution>>::new();
    for one in staged {
        let key = Key::new(commit.account, commit.feed, &one.reference, &one.description);
        by_key.entry(key).or_default().push(one);
    }
    by_key
}
