//! Both sides of a month's reconciliation, summed as far as a store can without deciding anything.

use std::collections::BTreeMap;

use async_trait::async_trait;
use purser_domain::reconciliation::{Billed, Charged, InvoiceLine};
use purser_domain::{AccountId, Currency, Decimal, Month, Purchase};

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

/// What stands behind a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Behind {
    /// The invoice's lines that other feeds bill, by the day they begin.
    pub lines: Vec<InvoiceLine>,
    /// Purchases of the vendor's month, and those that begin in it and are booked in another; in the order of keys.
    pub purchases: Vec<Purchase>,
}

/// Reconciliation.
#[async_trait]
pub trait Reconciliation: Send + Sync {
    /// Both sides of a vendor's month. `invoice_feeds` bring the lines of its invoices.
    async fn sides(&self, account: AccountId, month: &Month, invoice_feeds: &[String]) -> Result<Sides>;
    /// What stands behind a scope (subscription, or customer where a charge has none) in one currency: at most `limit` of
    /// either side.
    async fn behind(
        &self,
        account: AccountId,
        month: &Month,
        scope: &str,
        currency: &Currency,
        limit: u32,
    ) -> Result<Behind>;
}
