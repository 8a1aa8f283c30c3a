//! The customer mapping of an account: which of our customers each of the vendor's is, from which day.
//!
//! **Invariants:** every state of the mapping is kept, with who made it; Purchases are stamped anew in the same
//! transaction that changes the mapping, so no reader sees the one without the other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::customer::{Mapping, Target};
use purser_domain::purchase::Key;
use purser_domain::replace::{Outcome, Rules, restamp as decide};
use purser_domain::rollup::Rollups;
use purser_domain::suggestion::KnownCustomer;
use purser_domain::{AccountId, Currency, Decimal, Ledgered};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::commit::{LedgerIo, Writes, Written, corrections};
use crate::ledger::CommitPolicy;

/// A row of the mapping as it stands, or stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingRow {
    /// What it says.
    pub change: MappingChange,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What is said, or to be said, about one of the vendor's customers from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingChange {
    /// The vendor's id of the customer; compared without case.
    pub vendor_customer: String,
    /// For Purchases that start on or after this UTC day.
    pub from: Date,
    /// What it is to us; none: nothing is said of this day any more, what was valid before it goes on.
    pub target: Option<Target>,
}

impl MappingChange {
    /// As the ledger reads it; none where it was removed.
    #[must_use]
    pub fn mapping(&self) -> Option<Mapping> {
        let target = self.target.clone()?;
        Some(Mapping { vendor_customer: self.vendor_customer.clone(), from: self.from, target })
    }
}

/// What a changed mapping did to Purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Restamped {
    /// Open Purchases that took another customer code.
    pub changed: u64,
    /// Purchases of closed months that moved by a minus and a plus.
    pub moved: u64,
}

/// Purchases without a customer, of one of the vendor's customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The vendor's id of the customer, in the vendor's case; empty where the records name none.
    pub vendor_customer: String,
    /// Why it is set aside; none: it waits for a mapping.
    pub ignored: Option<String>,
    /// How many.
    pub purchases: u64,
    /// Sum of their costs by currency; Purchases without money are only counted.
    pub sums: BTreeMap<Currency, Decimal>,
    /// When the first of them was stored.
    pub first_seen: Timestamp,
    /// One of them.
    pub example: Key,
}

/// The customer mapping.
#[async_trait]
pub trait Customers: Send + Sync {
    /// The rows that count, by vendor's customer and day.
    async fn mapping(&self, account: AccountId) -> Result<Vec<MappingRow>>;
    /// Every state the mapping ever had, the newest first, removals among them.
    async fn mapping_history(&self, account: AccountId) -> Result<Vec<MappingRow>>;
    /// Changes the mapping, and stamps the Purchases of the customers it names: open ones in place, those of closed
    /// months by a minus to the old customer and a plus to the new. All or nothing.
    async fn change_mapping(
        &self,
        account: AccountId,
        changes: &[MappingChange],
        by: &str,
        policy: &CommitPolicy,
    ) -> Result<Restamped>;
    /// Purchases without a customer, by vendor's customer and reason.
    async fn unmapped(&self, account: AccountId) -> Result<Vec<Unmapped>>;
    /// Our own customers, by code.
    async fn known_customers(&self) -> Result<Vec<KnownCustomer>>;
    /// Replaces all of them.
    async fn put_known_customers(&self, customers: &[KnownCustomer]) -> Result<()>;
}

/// What was stamped, and what the store still has to keep of it.
#[derive(Default)]
pub struct Stamping {
    /// For the operator.
    pub report: Restamped,
    written: Written,
}

impl Stamping {
    /// Changes of the roll-ups.
    #[must_use]
    pub fn into_rollups(self) -> Rollups {
        self.written.rollups
    }
}

/// Stamps stored rows anew. Corrections among them are left out: they follow their Purchase.
///
/// # Errors
/// Where the store fails.
pub async fn restamp<Io: LedgerIo + ?Sized>(
    io: &mut Io,
    rows: &[Ledgered],
    rules: &Rules<'_>,
    stamping: &mut Stamping,
) -> Result<()> {
    let mut writes = Writes::default();
    // A row nobody contributes to is void, or a correction.
    for row in rows.iter().filter(|row| row.partitions().next().is_some()) {
        let corrections = match row.corrections {
            0 => Vec::new(),
            _ => corrections(io, row).await?,
        };
        match decide(row, &corrections, rules) {
            Outcome::Update(next) | Outcome::Void(next) => {
                stamping.report.changed += 1;
                stamping.written.put(Some(&row.purchase), next, &mut writes);
            }
            Outcome::Correct(corrected) => {
                stamping.report.moved += 1;
                stamping.written.correct(corrected, &corrections, &mut writes);
            }
            Outcome::Reattribute(next) => writes.rows.push(next),
            Outcome::Unchanged | Outcome::Insert(_) | Outcome::Held | Outcome::Refused(_) => {}
        }
    }
    // The rows before the corrections they have: readers look for them in key order.
    writes.rows.sort_by_key(|row| row.purchase.key);
    io.write(writes).await
}
