//! Months: the one the vendor counts a Purchase in, and the one we book it in.
//!
//! **Invariant:** months close in order and never reopen, so a month is closed when it lies at or before the last one
//! that was closed. A closed month freezes the Purchases booked in it that have a customer; those without one were
//! billed to nobody, and are booked anew once their customer is known.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{Month, Purchase};

/// The month an instant lies in, in a zone.
#[must_use]
pub fn month_of(instant: Timestamp, zone: &TimeZone) -> Month {
    Month::of(zone.to_datetime(instant).date())
}

/// Which booked periods are closed: all up to one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Closed {
    through: Option<Month>,
}

impl Closed {
    /// None is closed.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// This month is closed, and all before it.
    #[must_use]
    pub fn through(month: Month) -> Self {
        Self { through: Some(month) }
    }

    /// The last closed month.
    #[must_use]
    pub fn last(&self) -> Option<&Month> {
        self.through.as_ref()
    }

    /// Whether a month is closed.
    #[must_use]
    pub fn contains(&self, month: &Month) -> bool {
        self.through.as_ref().is_some_and(|through| month <= through)
    }

    /// Whether a Purchase no longer changes.
    #[must_use]
    pub fn freezes(&self, purchase: &Purchase) -> bool {
        purchase.customer_code.is_some() && self.contains(&purchase.booked_period)
    }

    /// The month to book something in: the vendor's, or the first open one after it.
    #[must_use]
    pub fn book(&self, vendor_period: &Month) -> Month {
        match &self.through {
            Some(through) if vendor_period <= through => through.next(),
            _ => vendor_period.clone(),
        }
    }

    /// Closes a month, as of a local date.
    ///
    /// Errors: [`NotClosable`] where the month is closed already, is not over yet, or another must be closed first.
    pub fn close(&self, month: &Month, today: Date) -> Result<Self, NotClosable> {
        if self.contains(month) {
            return Err(NotClosable::Closed { month: month.clone() });
        }
        if *month >= Month::of(today) {
            return Err(NotClosable::NotOver { month: month.clone() });
        }
        match self.through.as_ref().map(Month::next) {
            Some(next) if next != *month => Err(NotClosable::NotNext { month: month.clone(), next }),
            _ => Ok(Self::through(month.clone())),
        }
    }
}

/// Why a month cannot be closed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotClosable {
    /// It is closed already.
    #[error("LED-CLOSE-DONE {month} is closed already · nothing to do: differences become corrections")]
    Closed {
        /// The month that was asked for.
        month: Month,
    },
    /// It is not over.
    #[error("LED-CLOSE-EARLY {month} is not over yet · close it when the next month has begun")]
    NotOver {
        /// The month that was asked for.
        month: Month,
    },
    /// An earlier one is still open.
    #[error("LED-CLOSE-ORDER {month} cannot be closed while {next} is open · close {next} first")]
    NotNext {
        /// The month that was asked for.
        month: Month,
        /// The month to close first.
        next: Month,
    },
}

impl NotClosable {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "LED-CLOSE-DONE",
            Self::NotOver { .. } => "LED-CLOSE-EARLY",
            Self::NotNext { .. } => "LED-CLOSE-ORDER",
        }
    }
}
