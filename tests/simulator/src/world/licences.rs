//! Seat subscriptions: what they are, and how they change from one local date to the next.

use jiff::civil::Date;

use crate::calendar::{days_between, shift};
use crate::random::{Seed, mix, turn};

const NAMES: [&str; 8] = [
    "Workplace Suite Basic",
    "Workplace Suite Standard",
    "Workplace Suite Premium",
    "Mail Archive Plan 1",
    "Device Care Plan 2",
    "Project Board Professional",
    "Identity Guard P1",
    "Report Studio Pro",
];

/// A seat subscription's product and life.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    pub(crate) product: String,
    pub(crate) sku: &'static str,
    pub(crate) availability: String,
    pub(crate) name: &'static str,
    pub(crate) story: Story,
    quantity: u32,
}

/// What happens to a seat subscription on the day after the start, or happened before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Story {
    #[default]
    Steady,
    Grows,
    Suspended,
    Trial,
    Expired,
    Expires,
    Starts,
    Pending,
    Deleted,
    BecomesSuspended,
}

const STORIES: [Story; 10] = [
    Story::Steady,
    Story::Grows,
    Story::Suspended,
    Story::Trial,
    Story::Expired,
    Story::Expires,
    Story::Starts,
    Story::Pending,
    Story::Deleted,
    Story::BecomesSuspended,
];

impl Seats {
    /// The `index`-th seat subscription of all; every fifth begins a customer.
    pub(crate) fn generate(seed: Seed, index: u64) -> Self {
        let word = seed.word("seats", index);
        let name = mix(word, 1) % NAMES.len() as u64;
        Self {
            product: format!("CFQ7{}", seed.code("product", name, 8)),
            sku: turn(&["0001", "0002", "000T"], mix(word, 2)),
            availability: format!("CFQ7{}", seed.code("availability", index, 8)),
            name: turn(&NAMES, name),
            story: turn(&STORIES, index),
            quantity: 1 + (mix(word, 3) % 240) as u32,
        }
    }

    /// `product:sku`, lower-case: what the ledger calls it.
    pub(crate) fn product_key(&self) -> String {
        format!("{}:{}", self.product, self.sku).to_lowercase()
    }

    /// Status and seats on a local date; none before it began. `origin` is the local date of the start.
    pub(crate) fn on(&self, day: Date, origin: Date) -> Option<(&'static str, u32)> {
        let next_day = days_between(origin, day) >= 1;
        let status = match self.story {
            Story::Suspended => "suspended",
            Story::BecomesSuspended if next_day => "suspended",
            Story::Expired => "expired",
            Story::Expires if next_day => "expired",
            Story::Pending => "pending",
            Story::Deleted => "deleted",
            Story::Starts if !next_day => return None,
            _ => "active",
        };
        let more = if self.story == Story::Grows && next_day { 3 } else { 0 };
        Some((status, self.quantity + more))
    }

    /// Seats to bill on a local date, if any.
    pub(crate) fn billed(&self, day: Date, origin: Date) -> Option<u32> {
        let (status, quantity) = self.on(day, origin)?;
        matches!(status, "active" | "suspended").then_some(quantity)
    }

    /// When the subscription began.
    pub(crate) fn since(&self, origin: Date) -> Date {
        if self.story == Story::Starts { shift(origin, 1) } else { shift(origin, -200) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_change_with_the_local_date() {
        let origin = Date::constant(2026, 11, 23);
        let at = |index: u64, days| Seats::generate(Seed(1), index).billed(shift(origin, days), origin);
        assert_eq!(at(0, 0), at(0, 1), "steady");
        assert_eq!(at(1, 1), at(1, 0).map(|seats| seats + 3), "grows");
        assert!(at(2, 0).is_some(), "suspended is still billed");
        assert!(at(4, 0).is_none() && at(7, 0).is_none() && at(8, 0).is_none(), "expired, pending, deleted");
        assert!(at(5, 0).is_some() && at(5, 1).is_none(), "expires");
        assert!(at(6, 0).is_none() && at(6, 1).is_some(), "starts");
    }
}
