//! Money and quantities before and after, by account and customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Contribution, Currency, Decimal};

/// Which mapping says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The one in use.
    Before,
    /// The candidate.
    After,
}

/// A sum by the mapping in use, and by the candidate.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Change {
    /// By the mapping in use.
    pub before: Decimal,
    /// By the candidate.
    pub after: Decimal,
}

impl Change {
    /// What the candidate makes of it: after less before.
    #[must_use]
    pub fn delta(&self) -> Decimal {
        &self.after - &self.before
    }

    /// Whether both are the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.before == self.after
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.before += &other.before;
        self.after += &other.after;
    }

    /// Adds to one side.
    pub fn add_to(&mut self, side: Side, amount: &Decimal) {
        match side {
            Side::Before => self.before += amount,
            Side::After => self.after += amount,
        }
    }
}

/// What stands under one customer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    /// By currency.
    pub money: BTreeMap<Currency, Change>,
    /// By unit.
    pub quantities: BTreeMap<String, Change>,
}

/// Sums by account and the vendor's customer; empty where records name none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sums(BTreeMap<AccountId, BTreeMap<String, Sum>>);

impl Sums {
    /// Adds what one mapping says.
    pub fn add(&mut self, account: AccountId, contribution: &Contribution, side: Side) {
        let Contribution { description, quantity, cost, .. } = contribution;
        self.change(account, &description.vendor_customer, |sum| {
            at(&mut sum.quantities, &description.unit, |it| it.add_to(side, quantity));
            if let (Some(currency), Some(cost)) = (&description.currency, cost) {
                at(&mut sum.money, currency, |it| it.add_to(side, cost));
            }
        });
    }

    /// Adds money of a customer.
    pub fn add_money(&mut self, account: AccountId, customer: &str, currency: &Currency, change: &Change) {
        self.change(account, customer, |sum| at(&mut sum.money, currency, |it| it.add(change)));
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        for ((account, customer), theirs) in other.iter() {
            self.change(account, customer, |sum| {
                theirs
                    .money
                    .iter()
                    .for_each(|(currency, it)| at(&mut sum.money, currency, |own| own.add(it)));
                theirs
                    .quantities
                    .iter()
                    .for_each(|(unit, it)| at(&mut sum.quantities, unit, |own| own.add(it)));
            });
        }
    }

    /// By account and customer.
    pub fn iter(&self) -> impl Iterator<Item = ((AccountId, &str), &Sum)> {
        self.0.iter().flat_map(|(account, customers)| {
            customers.iter().map(move |(customer, sum)| ((*account, customer.as_str()), sum))
        })
    }

    /// All customers together, by currency.
    #[must_use]
    pub fn total(&self) -> BTreeMap<Currency, Change> {
        let mut total = BTreeMap::<Currency, Change>::new();
        for (_, sum) in self.iter() {
            for (currency, change) in &sum.money {
                total.entry(currency.clone()).or_default().add(change);
            }
        }
        total
    }

    fn change(&mut self, account: AccountId, customer: &str, change: impl FnOnce(&mut Sum)) {
        let customers = self.0.entry(account).or_default();
        match customers.get_mut(customer) {
            Some(known) => change(known),
            None => change(customers.entry(customer.to_owned()).or_default()),
        }
    }
}

/// Changes the entry of a key; nearly always it is there already, and nothing is copied.
fn at<K: Ord + Clone>(changes: &mut BTreeMap<K, Change>, key: &K, change: impl FnOnce(&mut Change)) {
    match changes.get_mut(key) {
        Some(known) => change(known),
        None => change(changes.entry(key.clone()).or_default()),
    }
}
