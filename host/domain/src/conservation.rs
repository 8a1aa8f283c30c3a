//! Conservation: whatever came in went somewhere.
//!
//! **Invariant:** per partition and currency, received = purchased + ignored + rejected, in records and in amount
//! (quantity per unit where a record has no amount). A partition that does not add up is not committed. What is
//! unmapped is purchased: it has a Purchase, which waits for its customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::purchase::{Amount, Description};
use crate::{Contribution, Currency, Decimal};

/// In what a record is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure<'a> {
    /// Money of this currency.
    Money(&'a Currency),
    /// A quantity in this unit, where there is no money.
    Quantity(&'a str),
}

impl<'a> Measure<'a> {
    /// The measure of a contribution, and how much it is. What the host prices is measured by its quantity, before it is
    /// priced and after: no record says its money, and a retrieval without money must not look like a loss of it.
    #[must_use]
    pub fn of(contribution: &'a Contribution) -> (Self, &'a Decimal) {
        let Description { amount, currency, .. } = &contribution.description;
        match (amount, currency, &contribution.cost) {
            (Amount::Given | Amount::None, Some(currency), Some(cost)) => (Self::Money(currency), cost),
            _ => (Self::Quantity(&contribution.description.unit), &contribution.quantity),
        }
    }

    /// Adds an amount to the sum of this measure. The name of a measure is the currency's code, or `quantity:` and the
    /// unit.
    pub fn add_to(self, sums: &mut BTreeMap<String, Decimal>, amount: &Decimal) {
        match self {
            Self::Money(currency) => add(sums, currency.as_str(), amount),
            Self::Quantity(unit) => add(sums, &format!("quantity:{unit}"), amount),
        }
    }
}

fn add(sums: &mut BTreeMap<String, Decimal>, measure: &str, amount: &Decimal) {
    match sums.get_mut(measure) {
        Some(sum) => *sum += amount,
        None => drop(sums.insert(measure.to_owned(), amount.clone())),
    }
}

/// How many records, and how much of each measure: a currency code, or `quantity:` and a unit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Records.
    pub records: u64,
    /// Sum per measure.
    pub sums: BTreeMap<String, Decimal>,
}

impl Tally {
    /// Adds one record. A record without amount and quantity counts, and weighs nothing.
    pub fn add_record(&mut self, measured: Option<(Measure<'_>, &Decimal)>) {
        self.records = self.records.saturating_add(1);
        if let Some((measure, amount)) = measured {
            measure.add_to(&mut self.sums, amount);
        }
    }

    /// Adds a contribution with all records it was read from.
    pub fn add_contribution(&mut self, contribution: &Contribution) {
        let (measure, amount) = Measure::of(contribution);
        self.records = self.records.saturating_add(contribution.evidence.len() as u64);
        measure.add_to(&mut self.sums, amount);
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        self.records = self.records.saturating_add(other.records);
        other.sums.iter().for_each(|(measure, sum)| add(&mut self.sums, measure, sum));
    }

    /// Takes all of another out again.
    fn take_out(&mut self, other: &Self) {
        self.records = self.records.saturating_sub(other.records);
        other.sums.iter().for_each(|(measure, sum)| add(&mut self.sums, measure, &-sum));
    }
}

/// What came in and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Balance {
    /// Counted and summed by the host from the raw records.
    pub received: Tally,
    /// What the mapping turned into contributions: the contributions' own amounts.
    pub purchased: Tally,
    /// By rule.
    pub ignored: BTreeMap<String, Tally>,
    /// By reason.
    pub rejected: BTreeMap<String, Tally>,
    /// Records beyond the first of each reference, and their amounts: part of `purchased`.
    pub duplicates: Tally,
}

/// Received and accounted for are not the same.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[error(
    "LED-BALANCE {measure}: received {received}, accounted for {accounted}, difference {difference} · \
     nothing was committed; look at the records in the run's activity, and report the plugin version"
)]
pub struct Imbalance {
    /// `records`, a currency, or `quantity:` and a unit.
    pub measure: String,
    /// What the raw records say.
    pub received: Decimal,
    /// Purchased, ignored and rejected together.
    pub accounted: Decimal,
    /// Received less accounted for.
    pub difference: Decimal,
}

impl Balance {
    /// Adds all of another: pages to a partition, partitions to a run.
    pub fn merge(&mut self, other: &Self) {
        self.received.merge(&other.received);
        self.purchased.merge(&other.purchased);
        self.duplicates.merge(&other.duplicates);
        merge_each(&mut self.ignored, &other.ignored);
        merge_each(&mut self.rejected, &other.rejected);
    }

    /// Moves a contribution from *purchased* to *rejected*: it cannot be added to what has its reference.
    pub fn set_aside(&mut self, contribution: &Contribution, reason: &str) {
        let mut tally = Tally::default();
        tally.add_contribution(contribution);
        self.purchased.take_out(&tally);
        self.rejected.entry(reason.to_owned()).or_default().merge(&tally);
    }

    /// Records set aside, for whatever reason.
    #[must_use]
    pub fn rejected_records(&self) -> u64 {
        self.rejected.values().map(|tally| tally.records).sum()
    }

    /// Checks that whatever came in went somewhere.
    ///
    /// Errors: the first [`Imbalance`], records before amounts.
    pub fn adds_up(&self) -> Result<(), Box<Imbalance>> {
        let mut accounted = self.purchased.clone();
        self.ignored.values().chain(self.rejected.values()).for_each(|tally| accounted.merge(tally));
        let count = Decimal::from_count;
        equal("records", &count(self.received.records), &count(accounted.records))?;
        let zero = Decimal::zero();
        for measure in self.received.sums.keys().chain(accounted.sums.keys()) {
            let sum = |tally: &Tally| tally.sums.get(measure).unwrap_or(&zero).clone();
            equal(measure, &sum(&self.received), &sum(&accounted))?;
        }
        Ok(())
    }
}

fn merge_each(into: &mut BTreeMap<String, Tally>, from: &BTreeMap<String, Tally>) {
    for (name, tally) in from {
        into.entry(name.clone()).or_default().merge(tally);
    }
}

fn equal(measure: &str, received: &Decimal, accounted: &Decimal) -> Result<(), Box<Imbalance>> {
    if received == accounted {
        return Ok(());
    }
    Err(Box::new(Imbalance {
        measure: measure.to_owned(),
        received: received.clone(),
        accounted: accounted.clone(),
        difference: received - accounted,
    }))
}
