//! Both sides of a month's reconciliation, summed as far as a store can without deciding anything.

use std::collections::BTreeMap;

use async_trait::async_trait;
use purser_domain::reconciliation::{Billed, Charged};
use purser_domain::{AccountId, Currency, Decimal, Month};

use crate::Result;

/// What both sides say of one subscription (or customer), currency and feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The subscription, or the customer where there is none.
    pub scope: String,
    /// The vendor's id of the customer.
    pub vendor_customer: String,
    /// Of the amounts.
    pub currency: Currency,
    /// The feed that bills it.
    pub feed: String,
    /// Invoice lines that this feed bills.
    pub charged: Charged,
    /// Its Purchases.
    pub billed: Billed,
}

/// The vendor's invoices of a month in one currency, as the host itself counted and summed their lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invoiced {
    /// Whether they are final; else these are the charges so far.
    pub is_billed: bool,
    /// Sum of all lines.
    pub received: Decimal,
    /// Of those, lines that were set aside.
    pub rejected: Decimal,
}

/// A month of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sides {
    /// By scope, currency and feed.
    pub parts: Vec<Side>,
    /// By currency.
    pub invoices: BTreeMap<Currency, Invoiced>,
    /// The highest stage that was committed with records, by feed and currency.
    pub stages: BTreeMap<(String, String), u32>,
}

/// Reconciliation.
#[async_trait]
pub trait Reconciliation: Send + Sync {
    /// Both sides of a vendor's month. `invoice_feeds` bring the lines of its invoices.
    async fn sides(&self, account: AccountId, month: &Month, invoice_feeds: &[String]) -> Result<Sides>;
}
