//! Booked periods: which are closed, and what stands in them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::{AccountId, Currency, Decimal, Month};
use serde::{Deserialize, Serialize};

use crate::Result;

/// The act that closed a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// A user's name; `schedule` where the setting did.
    pub by: String,
}

/// A booked period and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The month.
    pub month: Month,
    /// How it was closed; none: it is open. A month before the first that was closed is closed by the same act.
    pub closed: Option<Closing>,
    /// Standing Purchases, corrections among them.
    pub purchases: u64,
    /// Sum of their costs.
    pub sums: BTreeMap<Currency, Decimal>,
    /// Of those, Purchases without a customer: they stay open when the period closes.
    pub unmapped: u64,
    /// Vanished Purchases of the period that wait for a decision.
    pub held: u64,
}

/// Booked periods.
#[async_trait]
pub trait Periods: Send + Sync {
    /// Periods that have Purchases or are closed, the newest first.
    async fn periods(&self, account: AccountId) -> Result<Vec<Period>>;
    /// The last month that was closed.
    async fn last_closed(&self, account: AccountId) -> Result<Option<Month>>;
    /// Closes a period: its Purchases that have a customer change no more, and differences become corrections in the
    /// next open one.
    ///
    /// Errors: [`crate::Error::NotClosable`] where it is closed already, is not over on this local date, or an earlier
    /// one must be closed first.
    async fn close_period(
        &self,
        account: AccountId,
        month: &Month,
        today: Date,
        by: &str,
        now: Timestamp,
    ) -> Result<()>;
}
