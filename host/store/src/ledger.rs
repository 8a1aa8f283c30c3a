//! The ledger as it is stored: partition commits, Purchases, revisions, roll-ups.

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use purser_domain::completeness::Alarm;
use purser_domain::purchase::{Evidence, Key};
use purser_domain::{AccountId, Balance, Decimal, Digest, Month, Purchase, RunId, Tally};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::pricing::{PricingReport, TierGroup, Unpriced};
use crate::runs::{Fence, Partition};

/// What a partition commit is measured by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitPolicy {
    /// When it happens: source dates and revisions carry it.
    pub now: Timestamp,
    /// A drop beyond this share of records or of amount holds voids back; percent.
    pub void_threshold_percent: u32,
    /// The zone month borders follow.
    pub zone: String,
}

/// What a partition commit did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitReport {
    /// What came in and what became of it.
    pub balance: Balance,
    /// Purchases that are new.
    pub added: u64,
    /// Purchases that changed.
    pub changed: u64,
    /// Purchases that are as they were.
    pub unchanged: u64,
    /// Purchases that vanished and were set to 0.
    pub voided: u64,
    /// Purchases that vanished and wait for an operator, and why.
    pub voids_held: u64,
    /// Why voids were held: a stable code, empty where none were.
    pub held_because: String,
    /// Purchases without a customer.
    pub unmapped: u64,
    /// What somebody should look at: zero is suspicious.
    #[serde(default)]
    pub alarm: Option<Alarm>,
    /// References that another partition speaks of too: a late report adds to an earlier one.
    #[serde(default)]
    pub added_to: u64,
    /// Of those, references whose quantity is the same there: they look said again, and not more.
    #[serde(default)]
    pub repeated: u64,
}

/// Fewer references in common prove nothing.
const COMMON: u64 = 3;

impl CommitReport {
    /// Whether the partition looks as if it said again what another one has said: most of what they have in common is
    /// equal. Partitions add up, so it may be counted twice.
    #[must_use]
    pub fn restates(&self) -> bool {
        self.added_to >= COMMON && self.repeated.saturating_mul(2) > self.added_to
    }
}

/// One earlier state of a Purchase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The state as it was.
    pub purchase: Purchase,
    /// The run that made it so.
    pub run: RunId,
    /// The plugin version that mapped it.
    pub plugin: Digest,
    /// When it was committed.
    pub at: Timestamp,
}

/// A void that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldVoid {
    /// The Purchase that vanished.
    pub key: Key,
    /// From this partition.
    pub partition: Partition,
    /// Stable code.
    pub because: String,
    /// The run that did not see it.
    pub run: RunId,
}

/// Records that were set aside for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Of which feed.
    pub feed: String,
    /// Why.
    pub reason: String,
    /// How many, and how much they say.
    pub tally: Tally,
    /// When a run first met this reason; none where only a commit found it: two records that contradict each other.
    pub first_seen: Option<Timestamp>,
    /// One of them.
    pub example: Option<Evidence>,
}

/// What an operator decides about Purchases that vanished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoidDecision {
    /// They are void: the vendor does not charge them any more.
    Take,
    /// They stay as they are. The question comes back when the vendor is read again and still does not name them.
    Keep,
}

/// Which Purchases.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Of one account.
    pub account: Option<AccountId>,
    /// That start on or after this UTC day.
    pub from: Option<Date>,
    /// That start before this UTC day.
    pub to: Option<Date>,
    /// Of one feed.
    pub feed: Option<String>,
    /// Of one customer: code, or vendor's id.
    pub customer: Option<String>,
    /// Whose reference, product key or vendor text holds this, without case.
    pub search: Option<String>,
    /// Only those without a customer.
    pub unmapped: bool,
    /// Only those a run made or changed.
    pub run: Option<RunId>,
    /// Void ones too.
    pub voided: bool,
}

/// A sum that was kept up by the commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollup {
    /// Whose.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// The vendor's customer.
    pub vendor_customer: String,
    /// The UTC day the Purchases start on.
    pub day: Date,
    /// Booked in.
    pub booked_period: Month,
    /// Empty where there is no money.
    pub currency: String,
    /// Standing Purchases.
    pub purchases: u64,
    /// Sum of their costs.
    pub cost: Decimal,
}

/// The ledger.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Replaces the partition's contributions by those the run staged for it, atomically, and reports.
    ///
    /// The same run may commit it again: nothing changes, and the report is the first one.
    ///
    /// Errors: [`crate::Error::Stale`] where a newer run has committed the partition or a higher stage stands;
    /// [`crate::Error::Incomplete`] where the partition was marked incomplete, has requests left, or does not add up
    /// (it is marked incomplete then).
    async fn commit_partition(
        &self,
        fence: Fence,
        partition: &Partition,
        policy: &CommitPolicy,
    ) -> Result<CommitReport>;
    /// Drops what was staged for a partition that does not add up; the pages stay.
    async fn abandon_partition(&self, fence: Fence, partition: &Partition, because: &str) -> Result<()>;

    /// Groups that wait to be priced and have rates: after a run's commits each is for [`Self::price_group`].
    async fn groups_to_price(&self, account: AccountId) -> Result<Vec<TierGroup>>;
    /// Prices a group's products that wait and have rates, atomically. The rates of a product are those of the newest
    /// rate card when it is first priced, and stay with the group.
    async fn price_group(
        &self,
        fence: Fence,
        group: &TierGroup,
        policy: &CommitPolicy,
    ) -> Result<PricingReport>;
    /// Products that wait for rates.
    async fn unpriced(&self, account: AccountId) -> Result<Vec<Unpriced>>;

    /// Purchases in key order after a key.
    async fn purchases(&self, filter: &Filter, after: Option<Key>, limit: u32) -> Result<Vec<Purchase>>;
    /// One Purchase.
    async fn purchase(&self, key: Key) -> Result<Option<Purchase>>;
    /// All its states, the present one first.
    async fn revisions(&self, key: Key) -> Result<Vec<Revision>>;
    /// Voids that wait.
    async fn held_voids(&self, account: Option<AccountId>) -> Result<Vec<HeldVoid>>;
    /// Carries out what an operator decided about held voids, all of them in one transaction; gives how many there
    /// were. Those that no longer wait are left alone: a run, or somebody else, has decided about them.
    async fn decide_voids(
        &self,
        account: AccountId,
        voids: &[HeldVoid],
        decision: VoidDecision,
        policy: &CommitPolicy,
    ) -> Result<u64>;
    /// Records that were set aside in what stands now, by feed and reason.
    async fn rejected(&self, account: AccountId) -> Result<Vec<Rejected>>;
    /// Sums, of one account or of all, for days in a half-open range.
    async fn rollups(
        &self,
        account: Option<AccountId>,
        from: Option<Date>,
        to: Option<Date>,
    ) -> Result<Vec<Rollup>>;
}
