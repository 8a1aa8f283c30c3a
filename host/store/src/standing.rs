//! What the ledger stands on now: the partitions as they were committed last, their pages and their references.
//!
//! A replay reads these and writes nothing. **Invariant:** a partition that a higher stage has withdrawn is not among
//! them; each page comes with the context it was mapped in.

use async_trait::async_trait;
use jiff::civil::Date;
use purser_domain::purchase::{Amount, Key};
use purser_domain::tiers::Rates;
use purser_domain::{AccountId, Balance, Cast, Decimal, Digest, Ledgered, Month, PartitionNo, RunId};

use crate::Result;
use crate::runs::Partition;

/// A partition as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Its number.
    pub no: PartitionNo,
    /// Its name.
    pub partition: Partition,
    /// The run that committed it last.
    pub run: RunId,
    /// Who played the roles in that run.
    pub cast: Cast<Digest>,
    /// The days that run asked for, half-open; its local date is in any case one of them.
    pub days: (Date, Date),
    /// What came in and what became of it.
    pub balance: Balance,
    /// How many pages it rests on.
    pub pages: u64,
}

/// A page that a partition rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingPage {
    /// Where to go on from.
    pub place: u64,
    /// The page.
    pub digest: Digest,
    /// The context it was mapped in, as JSON.
    pub context: String,
}

/// What a billing cycle has used of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierUse {
    /// All of the cycle, as the ledger has it.
    pub used: Decimal,
    /// Those it was priced with first; where it never was, those of the newest rate card.
    pub rates: Option<Rates>,
}

/// What the ledger stands on.
#[async_trait]
pub trait Standings: Send + Sync {
    /// Partitions that stand, in the order of their numbers.
    async fn standings(&self, account: AccountId) -> Result<Vec<Standing>>;
    /// The pages a partition rests on, after a place; in the order they were read.
    async fn standing_pages(
        &self,
        account: AccountId,
        partition: PartitionNo,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StandingPage>>;
    /// The references a partition contributes to, by their keys, after one; ascending. At least so many, where there are.
    async fn standing_keys(
        &self,
        account: AccountId,
        partition: PartitionNo,
        after: Option<Key>,
        limit: u32,
    ) -> Result<Vec<Key>>;
    /// Whether a Purchase that a partition contributes to, or the newest correction of one, is booked after a month; none
    /// where it contributes to none.
    async fn booked_after(
        &self,
        account: AccountId,
        partition: PartitionNo,
        month: &Month,
    ) -> Result<Option<bool>>;
    /// What a billing cycle has used of a product, and what prices it. `product` is compared without case.
    async fn tier_use(&self, account: AccountId, feed: &str, group: &str, product: &str) -> Result<TierUse>;
}

/// What a row counts for a billing cycle of a product (in lower case).
#[must_use]
pub fn counts_for(row: &Ledgered, group: &str, product: &str) -> Decimal {
    let is_of = |amount: &Amount| matches!(amount, Amount::Tiered { group: of, key } if of == group && key.to_lowercase() == product);
    let shares = row.shares();
    let ours = shares.iter().filter(|share| is_of(&share.contribution.description.amount));
    ours.map(|share| &share.contribution.quantity).sum()
}
