//! A Purchase as it is stored: with the shares it is made of.
//!
//! Almost every Purchase is what exactly one partition says. That case stores nothing twice: [`Shares::Same`] names the
//! partition, and the Purchase itself is the contribution. Only where several partitions speak, or where a frozen
//! Purchase differs from what they say today, the contributions are spelled out beside it.
//!
//! **Invariant:** a row that is not frozen equals the sum of its shares; a row without shares is void or a correction.

use serde::{Deserialize, Serialize};

use crate::purchase::Key;
use crate::{Contribution, Month, Purchase};

/// A partition's number in the store: one per account, feed, key, month, currency and stage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartitionNo(pub i64);

/// What one partition contributes to a Purchase.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Share {
    /// Who says it.
    pub partition: PartitionNo,
    /// The month this partition counts it in.
    pub vendor_period: Month,
    /// What it says.
    pub contribution: Contribution,
}

/// The shares of a Purchase.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shares {
    /// One share, and the Purchase is exactly it.
    Same(PartitionNo),
    /// These, by partition number; none: nobody says anything (a void Purchase, or a correction).
    Own(Vec<Share>),
}

impl Shares {
    /// The shortest form of these shares beside this Purchase.
    #[must_use]
    pub fn of(shares: Vec<Share>, purchase: &Purchase) -> Self {
        match shares.as_slice() {
            [only] if only.vendor_period == purchase.vendor_period && purchase.says(&only.contribution) => {
                Self::Same(only.partition)
            }
            _ => Self::Own(shares),
        }
    }
}

/// A Purchase as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ledgered {
    /// What readers see.
    pub purchase: Purchase,
    /// What it is made of.
    pub shares: Shares,
    /// How many corrections were made of it: rows of their own, `reference#c1` … (see [`Ledgered::correction_keys`]).
    pub corrections: u32,
}

impl Ledgered {
    /// The partitions that contribute: what a store indexes a row by, to find a partition's former contributions.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionNo> + '_ {
        let (same, own) = match &self.shares {
            Shares::Same(partition) => (Some(*partition), None),
            Shares::Own(shares) => (None, Some(shares)),
        };
        same.into_iter().chain(own.into_iter().flatten().map(|share| share.partition))
    }

    /// The shares, spelled out.
    #[must_use]
    pub fn shares(&self) -> Vec<Share> {
        match &self.shares {
            Shares::Own(shares) => shares.clone(),
            Shares::Same(partition) => vec![Share {
                partition: *partition,
                vendor_period: self.purchase.vendor_period.clone(),
                contribution: self.purchase.as_contribution(),
            }],
        }
    }

    /// What a partition contributes; none where it contributes nothing.
    #[must_use]
    pub fn contribution_of(&self, partition: PartitionNo) -> Option<Contribution> {
        match &self.shares {
            Shares::Same(same) => (*same == partition).then(|| self.purchase.as_contribution()),
            Shares::Own(shares) => shares
                .iter()
                .find(|share| share.partition == partition)
                .map(|share| share.contribution.clone()),
        }
    }

    /// Where this row's corrections stand, oldest first.
    pub fn correction_keys(&self) -> impl Iterator<Item = Key> + '_ {
        (1..=self.corrections).map(|number| self.purchase.correction_key(number))
    }
}
