//! What a replay has found so far, partition by partition.

use std::collections::{BTreeMap, HashSet};

use purser_domain::diff::{Change, Gathering};
use purser_domain::{AccountId, Balance, Currency, Digest, Tally};
use purser_store::standing::Standing;
use purser_store::{Result, Store};

use super::mapper::Mapper;
use super::page::{Compared, FactCounts};
use super::report::{Drift, DriftRow, Finding, LineSum, Report, Versions};
use super::texts::TextDiff;
use super::{Parts, Question};

/// Of texts, pages with a fault and partitions that differ from the ledger so many are listed.
const LISTED: usize = 1_000;
/// References asked for at once.
const KEYS: u32 = 4_096;
/// What a commit sets aside, and no mapping.
const CONFLICT: &str = "LED-CONFLICT-";

/// A replay while it goes on.
#[derive(Default)]
pub(super) struct Totals {
    gathering: Gathering,
    pages: u64,
    records: u64,
    partitions: u64,
    texts: TextDiff,
    facts: BTreeMap<String, FactCounts>,
    lines: BTreeMap<(AccountId, String, Currency), Change>,
    findings: Vec<Finding>,
    faults: BTreeMap<String, u64>,
    drift: Drift,
    open: Open,
}

/// The partition whose pages come in.
struct Open {
    balance: Balance,
    expected: Balance,
    keys: HashSet<u64>,
    is_whole: bool,
    pages: u64,
}

impl Default for Open {
    fn default() -> Self {
        let (balance, expected) = (Balance::default(), Balance::default());
        Self { balance, expected, keys: HashSet::new(), is_whole: true, pages: 0 }
    }
}

impl Totals {
    pub(super) fn take_page(
        &mut self,
        account: AccountId,
        standing: &Standing,
        page: Digest,
        compared: Compared,
    ) {
        self.pages += 1;
        self.records += compared.records;
        self.open.pages += 1;
        self.open.is_whole &= compared.diff.is_some();
        if let Some(diff) = compared.diff {
            self.gathering.take(diff);
        }
        self.open.balance.merge(&compared.balance);
        self.open.expected.merge(&compared.expected);
        self.open.keys.extend(compared.expected_keys);
        self.texts.take(compared.texts, compared.texts_same, compared.texts_rejected, LISTED);
        for (kind, counts) in compared.facts {
            self.facts.entry(kind).or_default().add(counts);
        }
        for ((billed_by, currency), change) in compared.lines {
            self.lines.entry((account, billed_by, currency)).or_default().add(&change);
        }
        for (code, what) in compared.faults {
            self.find(Finding {
                code: code.into(),
                account,
                feed: standing.partition.feed.clone(),
                partition: standing.partition.key.clone(),
                page: Some(page),
                what,
            });
        }
    }

    /// A partition has ended: does what the candidate makes of it add up, and is the ledger as it should be?
    pub(super) async fn end(
        &mut self,
        store: &dyn Store,
        account: AccountId,
        standing: &Standing,
    ) -> Result<()> {
        let open = std::mem::take(&mut self.open);
        self.partitions += 1;
        if let Err(imbalance) = open.balance.adds_up() {
            let what = format!(
                "{}: received {}, accounted for {}, difference {}",
                imbalance.measure, imbalance.received, imbalance.accounted, imbalance.difference
            );
            self.find(Finding {
                code: "TRY-BALANCE".into(),
                account,
                feed: standing.partition.feed.clone(),
                partition: standing.partition.key.clone(),
                page: None,
                what,
            });
        }
        if open.is_whole && open.pages == standing.pages {
            self.compare_with_ledger(store, account, standing, open).await?;
        }
        Ok(())
    }

    async fn compare_with_ledger(
        &mut self,
        store: &dyn Store,
        account: AccountId,
        standing: &Standing,
        open: Open,
    ) -> Result<()> {
        let (mut only_ledger, mut common, mut after) = (0_u64, 0_u64, None);
        loop {
            let keys = store.standing_keys(account, standing.no, after, KEYS).await?;
            let Some(last) = keys.last() else { break };
            after = Some(*last);
            let known = keys.iter().filter(|key| open.keys.contains(&key.short())).count() as u64;
            common += known;
            only_ledger += keys.len() as u64 - known;
        }
        let only_replay = (open.keys.len() as u64).saturating_sub(common);
        let measures = measures(&as_mapped(standing.balance.clone()), &open.expected);
        if only_ledger + only_replay == 0 && measures.is_empty() {
            return Ok(());
        }
        self.drift.partitions += 1;
        if self.drift.listed.len() < LISTED {
            self.drift.listed.push(DriftRow {
                account,
                feed: standing.partition.feed.clone(),
                partition: standing.partition.key.clone(),
                run: standing.run,
                mapping: standing.cast.mapping,
                only_ledger,
                only_replay,
                measures,
            });
        }
        Ok(())
    }

    fn find(&mut self, finding: Finding) {
        *self.faults.entry(finding.code.clone()).or_default() += 1;
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        }
    }

    pub(super) fn finish<M: Mapper>(self, question: &Question<M>, names: BTreeMap<String, String>) -> Report {
        let diff = self.gathering.finish();
        let line = |((account, billed_by, currency), sum)| LineSum { account, billed_by, currency, sum };
        let is_shown =
            |id: &String| diff.sums.iter().any(|((_, customer), _)| customer.to_lowercase() == *id);
        Report {
            digest: Digest::of(b""),
            accounts: question.accounts.clone(),
            from: question.from,
            to: question.to,
            open_months: question.open_months,
            before: versions(&question.before),
            after: versions(&question.after),
            terms: question.terms.clone(),
            verdict: Default::default(),
            reasons: Vec::new(),
            partitions: self.partitions,
            pages: self.pages,
            records: self.records,
            names: names.into_iter().filter(|(id, name)| !name.is_empty() && is_shown(id)).collect(),
            texts: self.texts,
            facts: self.facts,
            lines: self.lines.into_iter().map(line).filter(|line| !line.sum.is_none()).collect(),
            findings: self.findings,
            faults: self.faults,
            drift: self.drift,
            diff,
        }
    }
}

fn versions<M: Mapper>(parts: &Parts<M>) -> Versions {
    Versions {
        mapping: parts.mapping.as_ref().map(Mapper::digest),
        localisation: parts.localisation.as_ref().map(Mapper::digest),
    }
}

/// The balance of a commit as the pages gave it, before what cannot be added was set aside.
fn as_mapped(mut balance: Balance) -> Balance {
    balance.rejected.retain(|reason, tally| {
        let by_commit = reason.starts_with(CONFLICT);
        if by_commit {
            balance.purchased.merge(tally);
        }
        !by_commit
    });
    balance
}

/// What the ledger has of each measure, and what it should have; only where they differ.
fn measures(ledger: &Balance, replay: &Balance) -> BTreeMap<String, Change> {
    let mut measures = BTreeMap::<String, Change>::new();
    let mut add = |name: &str, ledger: &Tally, replay: &Tally| {
        let records = |tally: &Tally| purser_domain::Decimal::from_count(tally.records);
        let all = measures.entry(format!("{name} records")).or_default();
        all.add(&Change { before: records(ledger), after: records(replay) });
        for (measure, sum) in &ledger.sums {
            measures.entry(format!("{name} {measure}")).or_default().before += sum;
        }
        for (measure, sum) in &replay.sums {
            measures.entry(format!("{name} {measure}")).or_default().after += sum;
        }
    };
    add("purchased", &ledger.purchased, &replay.purchased);
    add("ignored", &together(&ledger.ignored), &together(&replay.ignored));
    add("rejected", &together(&ledger.rejected), &together(&replay.rejected));
    measures.retain(|_, change| !change.is_none());
    measures
}

fn together(groups: &BTreeMap<String, Tally>) -> Tally {
    let mut sum = Tally::default();
    groups.values().for_each(|tally| sum.merge(tally));
    sum
}

impl FactCounts {
    fn add(&mut self, other: Self) {
        self.added += other.added;
        self.removed += other.removed;
        self.changed += other.changed;
        if self.example.is_empty() {
            self.example = other.example;
        }
    }
}
