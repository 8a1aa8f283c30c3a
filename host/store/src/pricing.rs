//! What the host prices, as every store carries it out: one billing cycle of one group at a time.
//!
//! A commit notes which products of which cycles its rows touch ([`Touched`]). After a run's commits each such cycle
//! that has rates is priced anew, in one transaction: its quantities are read, [`tiers`] prices its days, and rows whose
//! price differs are written, with roll-ups and revisions as in a commit. So late usage prices the whole cycle again,
//! and rates that arrive late price what waited for them.
//!
//! **Invariants:** what waits to be priced is told by the store alone, never by a run's memory; a cycle is priced by the
//! rates it was first priced with; pricing again changes nothing. Memory does not grow with the cycle's rows: they are
//! streamed twice, and once more where a day lies in several tiers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use purser_domain::purchase::{Amount, Key};
use purser_domain::replace::{Outcome, Rules, reprice};
use purser_domain::rollup::Rollups;
use purser_domain::tiers::{self, Cycle, Day, Rates};
use purser_domain::{Decimal, Ledgered, RunId, Share, Shares};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::commit::{BATCH, LedgerIo, Writes, Written, corrections};

/// A group whose quantities accumulate: in practice one billing cycle of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TierGroup {
    /// Of this feed.
    pub feed: String,
    /// As the mapping named it.
    pub name: String,
}

/// A product that has no rates, and so no cost yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpriced {
    /// In lower case.
    pub key: String,
    /// Billing cycles that wait for its rates.
    pub cycles: u64,
    /// The run that brought usage of it last.
    pub changed_by: RunId,
}

/// What pricing a group did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PricingReport {
    /// Purchases with a first or another price.
    pub priced: u64,
    /// Purchases that cost what they did.
    pub unchanged: u64,
}

/// Which products of which groups were changed, and where their Purchases stand.
#[derive(Debug, Default)]
pub struct Touched(BTreeMap<String, BTreeMap<String, (Key, Key)>>);

impl Touched {
    /// Takes note of a row as it was or is. Rows come in key order.
    pub(crate) fn touch(&mut self, row: &Ledgered) {
        let key = row.purchase.key;
        for (amount, _) in parts(row) {
            let Amount::Tiered { group, key: product } = amount else { continue };
            let place = |known: &mut (Key, Key)| *known = (known.0.min(key), known.1.max(key));
            match self.0.get_mut(group).and_then(|products| products.get_mut(product)) {
                Some(known) => place(known),
                None => {
                    let products = self.0.entry(group.clone()).or_default();
                    products.insert(product.clone(), (key, key));
                }
            }
        }
    }

    /// Group, product, and the least and greatest key of its rows.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, Key, Key)> {
        self.0.iter().flat_map(|(group, products)| {
            products
                .iter()
                .map(move |(product, (first, last))| (group.as_str(), product.as_str(), *first, *last))
        })
    }
}

/// A product of the group that is priced.
#[derive(Debug, Clone)]
pub struct TierKey {
    /// In lower case.
    pub key: String,
    /// The least key of its rows.
    pub first: Key,
    /// The greatest.
    pub last: Key,
    /// What it costs in this cycle.
    pub rates: Rates,
}

/// What is priced.
#[derive(Debug)]
pub struct Task<'a> {
    /// The group.
    pub group: &'a TierGroup,
    /// Its products that wait and have rates.
    pub keys: &'a [TierKey],
    /// What holds for the account.
    pub rules: Rules<'a>,
}

/// What was done, and what the store still has to keep of it.
#[derive(Debug)]
pub struct Done {
    /// For the run.
    pub report: PricingReport,
    /// Changes of the roll-ups.
    pub rollups: Rollups,
}

/// The rows a pricing reads and writes, all inside one transaction.
#[async_trait]
pub trait TierIo: LedgerIo {
    /// Rows from a key on (`after`: behind it) up to and with another; ascending, at most so many.
    async fn next_rows(&mut self, from: Key, after: bool, last: Key, limit: usize) -> Result<Vec<Ledgered>>;
}

/// Prices a group.
pub async fn price(io: &mut dyn TierIo, task: &Task<'_>) -> Result<Done> {
    let mut pricing = Pricing::new(task);
    let mut rows = Rows::of(task);
    let mut cycles: Vec<Cycle> = task.keys.iter().map(|_| Cycle::default()).collect();
    while let Some(batch) = rows.next(io).await? {
        for row in &batch {
            for (product, quantity) in pricing.used(row) {
                if let Some(cycle) = cycles.get_mut(product) {
                    cycle.add(day_of(row), &quantity);
                }
            }
        }
    }
    pricing.days = cycles.iter().zip(task.keys).map(|(cycle, key)| cycle.price(&key.rates)).collect();
    if pricing.days.iter().flat_map(BTreeMap::values).any(|day| day.flat.is_none()) {
        pricing.split(io, task).await?;
    }
    let mut rows = Rows::of(task);
    while let Some(batch) = rows.next(io).await? {
        pricing.write(io, task, batch).await?;
    }
    Ok(Done { report: pricing.report, rollups: pricing.written.rollups })
}

/// The rows between the least and the greatest key of a task, in batches.
struct Rows {
    at: Option<(Key, bool)>,
    last: Option<Key>,
}

impl Rows {
    fn of(task: &Task<'_>) -> Self {
        let first = task.keys.iter().map(|key| key.first).min();
        Self { at: first.map(|first| (first, false)), last: task.keys.iter().map(|key| key.last).max() }
    }

    async fn next(&mut self, io: &mut dyn TierIo) -> Result<Option<Vec<Ledgered>>> {
        let (Some((from, after)), Some(last)) = (self.at, self.last) else { return Ok(None) };
        let batch = io.next_rows(from, after, last, BATCH).await?;
        self.at = batch.last().filter(|_| batch.len() == BATCH).map(|row| (row.purchase.key, true));
        Ok(Some(batch))
    }
}

/// A pricing under way. Products go by their position in the task.
struct Pricing<'a> {
    feed: &'a str,
    group: &'a str,
    products: BTreeMap<&'a str, usize>,
    days: Vec<BTreeMap<Date, Day>>,
    /// What Purchases cost on days that lie in several tiers.
    splits: BTreeMap<(usize, Key), Decimal>,
    report: PricingReport,
    written: Written,
}

impl<'a> Pricing<'a> {
    fn new(task: &'a Task<'_>) -> Self {
        Self {
            feed: &task.group.feed,
            group: &task.group.name,
            products: task.keys.iter().enumerate().map(|(at, key)| (key.key.as_str(), at)).collect(),
            days: Vec::new(),
            splits: BTreeMap::new(),
            report: PricingReport::default(),
            written: Written::default(),
        }
    }

    /// The product an amount counts for.
    fn product(&self, amount: &Amount) -> Option<usize> {
        match amount {
            Amount::Tiered { group, key } if group == self.group => self
                .products
                .get(key.as_str())
                .or_else(|| self.products.get(key.to_lowercase().as_str()))
                .copied(),
            _ => None,
        }
    }

    /// What a row counts for the cycle: nearly always one product.
    fn used(&self, row: &Ledgered) -> BTreeMap<usize, Decimal> {
        let mut used = BTreeMap::new();
        if row.purchase.feed == self.feed {
            for (amount, quantity) in parts(row) {
                if let Some(product) = self.product(amount) {
                    *used.entry(product).or_insert_with(Decimal::zero) += quantity;
                }
            }
        }
        used
    }

    fn day(&self, product: usize, row: &Ledgered) -> Option<&Day> {
        self.days.get(product)?.get(&day_of(row))
    }

    /// Splits the days that lie in several tiers over their Purchases, in key order.
    async fn split(&mut self, io: &mut dyn TierIo, task: &Task<'_>) -> Result<()> {
        let mut parts = BTreeMap::<(usize, Date), Vec<(Key, Decimal)>>::new();
        let mut rows = Rows::of(task);
        while let Some(batch) = rows.next(io).await? {
            for row in &batch {
                for (product, quantity) in self.used(row) {
                    if self.day(product, row).is_some_and(|day| day.flat.is_none()) {
                        let part = (row.purchase.key, quantity);
                        parts.entry((product, day_of(row))).or_default().push(part);
                    }
                }
            }
        }
        for ((product, date), parts) in parts {
            let day = self.days.get(product).and_then(|days| days.get(&date));
            let (Some(day), Some(key)) = (day, task.keys.get(product)) else { continue };
            let (keys, quantities): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            let costs = day.split(&quantities, &key.rates);
            self.splits.extend(keys.into_iter().map(|key| (product, key)).zip(costs));
        }
        Ok(())
    }

    async fn write(&mut self, io: &mut dyn TierIo, task: &Task<'_>, batch: Vec<Ledgered>) -> Result<()> {
        let mut writes = Writes::default();
        for row in &batch {
            let used = self.used(row);
            if used.is_empty() {
                continue;
            }
            let Some(shares) = self.reprice(row, &used, task) else {
                self.report.unchanged += 1;
                continue;
            };
            let corrections = match row.corrections {
                0 => Vec::new(),
                _ => corrections(io, row).await?,
            };
            match reprice(row, &corrections, shares, &task.rules) {
                Outcome::Update(next) | Outcome::Void(next) => {
                    self.written.put(Some(&row.purchase), next, &mut writes);
                }
                Outcome::Correct(corrected) => self.written.correct(corrected, &corrections, &mut writes),
                Outcome::Reattribute(next) => writes.rows.push(next),
                Outcome::Unchanged | Outcome::Insert(_) | Outcome::Held | Outcome::Refused(_) => continue,
            }
            self.report.priced += 1;
        }
        io.write(writes).await
    }

    /// The row's shares with their price; none: they have it.
    fn reprice(
        &self,
        row: &Ledgered,
        used: &BTreeMap<usize, Decimal>,
        task: &Task<'_>,
    ) -> Option<Vec<Share>> {
        if let (Shares::Same(_), Some((product, _))) = (&row.shares, used.first_key_value()) {
            let (day, rates) = (self.day(*product, row)?, &task.keys.get(*product)?.rates);
            let cost = self.cost(*product, row, day, &row.purchase.quantity);
            if tiers::is_priced(&row.purchase, &cost, day, rates) {
                return None;
            }
        }
        let mut shares = row.shares();
        for (product, quantity) in used {
            let (Some(day), Some(key)) = (self.day(*product, row), task.keys.get(*product)) else { continue };
            let cost = self.cost(*product, row, day, quantity);
            let counts =
                |share: &Share| self.product(&share.contribution.description.amount) == Some(*product);
            let mut ours: Vec<&mut Share> = shares.iter_mut().filter(|share| counts(share)).collect();
            let parts: Vec<Decimal> = ours.iter().map(|share| share.contribution.quantity.clone()).collect();
            let costs = Day { cost, ..day.clone() }.split(&parts, &key.rates);
            for (share, cost) in ours.iter_mut().zip(costs) {
                tiers::price(&mut share.contribution, cost, day, &key.rates);
            }
        }
        Some(shares)
    }

    fn cost(&self, product: usize, row: &Ledgered, day: &Day, quantity: &Decimal) -> Decimal {
        match (&day.flat, self.splits.get(&(product, row.purchase.key))) {
            (Some(rate), _) => quantity * rate,
            (None, cost) => cost.cloned().unwrap_or_default(),
        }
    }
}

/// What each share of a row says of its amount, without a copy.
fn parts(row: &Ledgered) -> impl Iterator<Item = (&Amount, &Decimal)> {
    let (same, own) = match &row.shares {
        Shares::Same(_) => (Some((&row.purchase.description.amount, &row.purchase.quantity)), None),
        Shares::Own(shares) => (None, Some(shares)),
    };
    same.into_iter().chain(own.into_iter().flatten().map(said))
}

fn said(share: &Share) -> (&Amount, &Decimal) {
    (&share.contribution.description.amount, &share.contribution.quantity)
}

fn day_of(row: &Ledgered) -> Date {
    TimeZone::UTC.to_datetime(row.purchase.description.start).date()
}

#[cfg(test)]
mod tests;
