//! Seat subscriptions: what they are, and how they change from one local date to the next.

use jiff::civil::Date;

use super::offers::{Offer, SEATS};
use super::seat_life::Life;
use crate::calendar::{days_between, shift};
use crate::random::{Seed, mix, turn};

/// A seat subscription's product and life.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    pub(crate) offer: Offer,
    pub(crate) story: Story,
    /// Where months are billed: everything that ever happens to the subscription; the story does not count then.
    pub(crate) life: Option<Life>,
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
    pub(crate) fn generate(seed: Seed, index: u64, begin: Option<Date>) -> Self {
        let word = seed.word("seats", index);
        let name = mix(word, 1) % SEATS;
        let quantity = 1 + (mix(word, 3) % 240) as u32;
        Self {
            offer: Offer::seats(seed, name, turn(&["0001", "0002", "000T"], mix(word, 2)), index),
            story: turn(&STORIES, index),
            life: begin.map(|begin| Life::generate(word, index, begin, quantity)),
            quantity,
        }
    }

    /// Status and seats on a local date; none before it began. `origin` is the local date of the start.
    pub(crate) fn on(&self, day: Date, origin: Date) -> Option<(&'static str, u32)> {
        if let Some(life) = &self.life {
            return life.on(day);
        }
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

    /// Whether it is a trial, which costs nothing.
    pub(crate) fn is_trial(&self) -> bool {
        self.life.as_ref().map_or(self.story == Story::Trial, |life| life.trial)
    }

    /// When the subscription began.
    pub(crate) fn since(&self, origin: Date) -> Date {
        if let Some(life) = &self.life {
            return life.start;
        }
        if self.story == Story::Starts { shift(origin, 1) } else { shift(origin, -200) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_change_with_the_local_date() {
        let origin = Date::constant(2026, 11, 23);
        let at = |index: u64, days| Seats::generate(Seed(1), index, None).billed(shift(origin, days), origin);
        assert_eq!(at(0, 0), at(0, 1), "steady");
        assert_eq!(at(1, 1), at(1, 0).map(|seats| seats + 3), "grows");
        assert!(at(2, 0).is_some(), "suspended is still billed");
        assert!(at(4, 0).is_none() && at(7, 0).is_none() && at(8, 0).is_none(), "expired, pending, deleted");
        assert!(at(5, 0).is_some() && at(5, 1).is_none(), "expires");
        assert!(at(6, 0).is_none() && at(6, 1).is_some(), "starts");
    }
}
