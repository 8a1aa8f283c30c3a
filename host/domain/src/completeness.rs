//! May this commit happen, may what vanished be voided, and should somebody look?
//!
//! Vendors answer "nothing" for many reasons, and an invoice of 0 is the dearest bug there is. So what a retrieval no
//! longer shows is taken out of the ledger only when the retrieval was whole and the loss is small; otherwise new and
//! changed values are taken, and the voids wait for an operator.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conservation::Measure;
use crate::{Contribution, Decimal, RunId};

/// How much a set of contributions weighs: how many, and the sum of their amounts **without sign** per measure. A plus
/// and a minus that both vanish are a loss of both, not of nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Weight {
    /// Contributions.
    pub contributions: u64,
    /// Sum of the amounts without sign, per measure (see [`Measure`]).
    pub amounts: BTreeMap<String, Decimal>,
}

impl Weight {
    /// Adds one contribution.
    pub fn add(&mut self, contribution: &Contribution) {
        let (measure, amount) = Measure::of(contribution);
        self.contributions = self.contributions.saturating_add(1);
        measure.add_to(&mut self.amounts, &amount.abs());
    }
}

/// How old a commit is: when its run looked, then the run's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Seniority {
    /// The instant the run looked from.
    pub as_of: Timestamp,
    /// The run.
    pub run: RunId,
}

/// What is stored where a commit wants to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stored {
    /// The last commit of the same partition.
    pub last: Option<Seniority>,
    /// The highest stage of the same feed, currency and month that was committed with at least one record (see
    /// [`raises_stage`]).
    pub stage: Option<u32>,
}

/// Why a commit is refused. Nothing is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// A newer run has committed the partition.
    #[error("LED-COMMIT-OLDER a newer run has committed this partition · nothing to do")]
    Older,
    /// A higher stage of the same currency and month stands.
    #[error(
        "LED-COMMIT-STAGE billed data of this currency and month is in the ledger already · nothing to do"
    )]
    LowerStage,
}

impl Refusal {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Older => "LED-COMMIT-OLDER",
            Self::LowerStage => "LED-COMMIT-STAGE",
        }
    }
}

/// Whether a commit may happen. The same run may commit again: that changes nothing.
///
/// Errors: [`Refusal`] where newer data, or data of a higher stage, is stored.
pub fn admit(commit: Seniority, stage: u32, stored: Stored) -> Result<(), Refusal> {
    if stored.last.is_some_and(|last| commit < last) {
        return Err(Refusal::Older);
    }
    if stored.stage.is_some_and(|highest| stage < highest) {
        return Err(Refusal::LowerStage);
    }
    Ok(())
}

/// Whether a commit counts as one of its stage from now on. One without a record does not: an invoice that is not there
/// yet must not shut out the daily figures.
#[must_use]
pub fn raises_stage(staged: &Weight) -> bool {
    staged.contributions > 0
}

/// What a retrieval of a partition was like, and what would vanish by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retrieval {
    /// Every request of the partition is done, and none was marked incomplete.
    pub is_complete: bool,
    /// Pages that could not be mapped.
    pub failed_pages: u64,
    /// Records set aside, by the mapping or by a conflict.
    pub rejected: u64,
    /// What it says now.
    pub staged: Weight,
    /// What the partition (with lower stages it withdraws) said before.
    pub former: Weight,
    /// The part of `former` whose references it no longer names.
    pub vanished: Weight,
    /// The greatest share of `former` that may vanish, of contributions and of each measure; percent.
    pub threshold_percent: u32,
}

/// Whether what vanished is voided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voids {
    /// It is.
    Take,
    /// It waits for an operator.
    Hold(Hold),
}

/// Why voids wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// A request failed, was cut off, or the plugin said that something is missing.
    Incomplete,
    /// A page could not be mapped.
    FailedPage,
    /// A record was set aside: it may be the one that seems to have vanished.
    Rejected,
    /// There is no record at all.
    Empty,
    /// Too many references have vanished.
    Records,
    /// Too much of an amount has vanished.
    Amount,
}

/// The decision table of what may vanish: the first condition that holds decides.
#[must_use]
pub fn voids(retrieval: &Retrieval) -> Voids {
    let table = [
        (!retrieval.is_complete, Hold::Incomplete),
        (retrieval.failed_pages > 0, Hold::FailedPage),
        (retrieval.rejected > 0, Hold::Rejected),
        (retrieval.staged.contributions == 0, Hold::Empty),
        (retrieval.loses_too_many(), Hold::Records),
        (retrieval.loses_too_much(), Hold::Amount),
    ];
    match table.into_iter().find(|(holds, _)| *holds) {
        Some((_, hold)) => Voids::Hold(hold),
        None => Voids::Take,
    }
}

impl Retrieval {
    fn loses_too_many(&self) -> bool {
        let limit = u128::from(self.former.contributions) * u128::from(self.threshold_percent);
        u128::from(self.vanished.contributions) * 100 > limit
    }

    fn loses_too_much(&self) -> bool {
        let zero = Decimal::zero();
        let limit = |measure: &String| self.share_of(self.former.amounts.get(measure).unwrap_or(&zero));
        self.vanished.amounts.iter().any(|(measure, lost)| lost * &Decimal::from(100) > limit(measure))
    }

    /// Threshold times amount, in hundredths.
    fn share_of(&self, amount: &Decimal) -> Decimal {
        amount * &Decimal::from(i64::from(self.threshold_percent))
    }
}

impl Hold {
    /// Every reason, in the order of the table.
    pub const ALL: [Self; 6] =
        [Self::Incomplete, Self::FailedPage, Self::Rejected, Self::Empty, Self::Records, Self::Amount];

    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Incomplete => "LED-VOID-INCOMPLETE",
            Self::FailedPage => "LED-VOID-FAILED-PAGE",
            Self::Rejected => "LED-VOID-REJECTED",
            Self::Empty => "LED-VOID-EMPTY",
            Self::Records => "LED-VOID-RECORDS",
            Self::Amount => "LED-VOID-AMOUNT",
        }
    }

    /// What happened.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Incomplete => "the retrieval is incomplete, so what it does not show may still be there",
            Self::FailedPage => "a page could not be read, so what it held is not known",
            Self::Rejected => "records were set aside, and what seems to have vanished may be among them",
            Self::Empty => "the vendor shows nothing where there were Purchases",
            Self::Records => "more Purchases have vanished than the threshold allows",
            Self::Amount => "a greater amount has vanished than the threshold allows",
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Incomplete => "run again; a complete run decides by itself",
            Self::FailedPage => "look at the page's error in the run's activity, then run again",
            Self::Rejected => {
                "look at the rejected records in the run's activity; then run again or confirm the voids"
            }
            Self::Empty | Self::Records | Self::Amount => {
                "compare with the vendor's portal, then confirm the voids or wait for the next run"
            }
        }
    }
}

/// What somebody should look at: zero is suspicious.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alarm {
    /// No records where there were some.
    NoRecords,
    /// Records, but no Purchase from any of them.
    NoPurchases,
    /// Fewer contributions, or less of a measure, than the share allows.
    Drop,
}

/// Whether a retrieval is suspicious; `records` is how many records it brought, whatever became of them.
#[must_use]
pub fn alarm(retrieval: &Retrieval, records: u64) -> Option<Alarm> {
    if records == 0 {
        return (retrieval.former.contributions > 0).then_some(Alarm::NoRecords);
    }
    if retrieval.staged.contributions == 0 {
        return Some(Alarm::NoPurchases);
    }
    retrieval.drops().then_some(Alarm::Drop)
}

impl Retrieval {
    fn drops(&self) -> bool {
        let lost =
            |former: &Decimal, now: &Decimal| &(former - now) * &Decimal::from(100) > self.share_of(former);
        let count = |weight: &Weight| Decimal::from_count(weight.contributions);
        let zero = Decimal::zero();
        lost(&count(&self.former), &count(&self.staged))
            || self
                .former
                .amounts
                .iter()
                .any(|(measure, former)| lost(former, self.staged.amounts.get(measure).unwrap_or(&zero)))
    }
}

impl Alarm {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRecords => "LED-ZERO-RECORDS",
            Self::NoPurchases => "LED-ZERO-PURCHASES",
            Self::Drop => "LED-ZERO-DROP",
        }
    }

    /// What happened.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::NoRecords => "the vendor shows nothing where there were records",
            Self::NoPurchases => "there are records, and none of them became a Purchase",
            Self::Drop => "there is much less than there was",
        }
    }

    /// What to do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoRecords | Self::Drop => {
                "compare with the vendor's portal; check the account's consent and feeds"
            }
            Self::NoPurchases => {
                "look at what was ignored and rejected in the run's activity; check the licence mode"
            }
        }
    }
}
