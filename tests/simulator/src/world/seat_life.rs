//! Everything that ever happens to a seat subscription where months are billed: terms, cycles, more and fewer seats,
//! suspension, cancellation, trials.
//!
//! **Invariant:** the daily count and the charge lines both come from [`Life::events`]; neither is made from the other.

use jiff::civil::Date;

use crate::amount::Amount;
use crate::calendar::{month_start, shift, shift_months};
use crate::random::mix;

/// A subscription from its order to its end.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    word: u64,
    /// Day of the order; days after the 28th do not occur.
    pub(crate) start: Date,
    /// A term of one month; of a year otherwise, paid monthly.
    pub(crate) monthly: bool,
    pub(crate) trial: bool,
    /// List price of a seat and month, with two digits.
    pub(crate) price: Amount,
    /// A promotion takes ten per cent off.
    pub(crate) promotion: bool,
    seats: u32,
    /// The cycle in which it is cancelled, three days after its beginning.
    cancelled: Option<i32>,
    /// The service stops between these days, the billing does not.
    suspended: Option<(Date, Date)>,
}

/// What happens, by the vendor's charge types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    New,
    CycleCharge,
    Renew,
    Add,
    Remove,
    Cancel,
}

/// One change of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) day: Date,
    pub(crate) what: Happening,
    /// Seats from this day on.
    pub(crate) seats: u32,
    /// First day of the cycle it happens in.
    pub(crate) cycle: Date,
}

impl Life {
    /// The `index`-th of all; most began before the history does.
    pub(crate) fn generate(word: u64, index: u64, begin: Date, seats: u32) -> Self {
        let day = (mix(word, 11) % 28) as i32;
        let trial = index % 10 == 3;
        let months = match index % 7 {
            _ if trial => (index / 10 % 12) as i32,
            5 => (mix(word, 12) % 11) as i32,
            _ => -1 - (mix(word, 12) % 11) as i32,
        };
        let monthly = trial || word.is_multiple_of(3);
        let shut = shift(month_start(begin, 2), 9);
        Self {
            word,
            start: shift(month_start(begin, months), day),
            monthly,
            trial,
            // Multiples of ten cents, so that ten per cent off has two digits.
            price: if trial {
                Amount::ZERO
            } else {
                Amount::new(i128::from(20 + mix(word, 13) % 580) * 10, 2)
            },
            promotion: index % 8 == 1,
            seats,
            cancelled: (index % 11 == 6).then_some(if monthly { 4 } else { 12 }),
            suspended: (index % 9 == 2).then_some((shut, shift(shut, 50))),
        }
    }

    /// Price of a seat and month that is charged.
    pub(crate) fn effective_price(&self) -> Amount {
        if self.promotion { self.price.times(Amount::new(9, 1)).cut(2) } else { self.price }
    }

    /// Cycles of a term.
    fn term(&self) -> i32 {
        if self.monthly { 1 } else { 12 }
    }

    /// Everything that happened until the end of a day, in order.
    pub(crate) fn events(&self, until: Date) -> Vec<Event> {
        let (mut events, mut seats) = (Vec::new(), self.seats);
        for cycle in 0.. {
            let start = shift_months(self.start, cycle);
            if start > until || self.ended_before(cycle) {
                break;
            }
            let what = self.cycle_begins(cycle, &mut seats);
            events.push(Event { day: start, what, seats, cycle: start });
            self.changes(cycle, start, &mut seats, &mut events);
        }
        events.retain(|event| event.day <= until);
        events
    }

    fn ended_before(&self, cycle: i32) -> bool {
        (self.trial && cycle > 0) || self.cancelled.is_some_and(|last| cycle > last)
    }

    /// A term may be renewed with fewer seats.
    fn cycle_begins(&self, cycle: i32, seats: &mut u32) -> Happening {
        match cycle {
            0 => Happening::New,
            c if c % self.term() == 0 => {
                if mix(self.word, 40).is_multiple_of(2) && *seats > 4 {
                    *seats -= 2;
                }
                Happening::Renew
            }
            _ => Happening::CycleCharge,
        }
    }

    fn changes(&self, cycle: i32, start: Date, seats: &mut u32, events: &mut Vec<Event>) {
        if self.cancelled == Some(cycle) {
            events.push(Event { day: shift(start, 3), what: Happening::Cancel, seats: 0, cycle: start });
            return;
        }
        if self.trial {
            return;
        }
        let word = mix(self.word, 100 + cycle.unsigned_abs() as u64);
        let mut change = |days: u64, what: Happening, many: u32| {
            *seats =
                if what == Happening::Remove { seats.saturating_sub(many).max(1) } else { *seats + many };
            events.push(Event { day: shift(start, days as i32), what, seats: *seats, cycle: start });
        };
        let many = 1 + (word / 64 % 5) as u32;
        match word % 8 {
            0 => change(3 + word / 512 % 20, Happening::Add, many),
            // On the very day of the charge.
            1 => change(0, Happening::Add, many),
            // Fewer only within seven days of the term's beginning.
            2 if cycle % self.term() == 0 => change(1 + word / 512 % 5, Happening::Remove, many),
            3 => {
                change(4, Happening::Add, many);
                change(5 + word / 512 % 18, Happening::Add, 1);
            }
            _ => {}
        }
    }

    /// Status and seats on a local date; none before it began.
    pub(crate) fn on(&self, day: Date) -> Option<(&'static str, u32)> {
        let last = *self.events(day).last()?;
        let over = self.trial && day >= shift_months(self.start, 1);
        let suspended = self.suspended.is_some_and(|(from, until)| from <= day && day < until);
        Some(match last.what {
            Happening::Cancel => ("deleted", 0),
            _ if over => ("expired", last.seats),
            _ if suspended => ("suspended", last.seats),
            _ => ("active", last.seats),
        })
    }

    /// First day of the term that a day is in, and the first of the next one.
    pub(crate) fn term_of(&self, day: Date) -> (Date, Date) {
        let terms = (0..).map(|n| {
            (shift_months(self.start, n * self.term()), shift_months(self.start, (n + 1) * self.term()))
        });
        terms
            .take_while(|(from, _)| *from <= day)
            .last()
            .unwrap_or((self.start, shift_months(self.start, self.term())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Date = Date::constant(2026, 1, 1);

    fn lives() -> Vec<Life> {
        (0..120).map(|i| Life::generate(mix(7, i), i, BEGIN, 10)).collect()
    }

    #[test]
    fn a_year_has_everything_that_can_happen() {
        let events: Vec<_> = lives().iter().flat_map(|l| l.events(Date::constant(2026, 12, 31))).collect();
        for what in [
            Happening::New,
            Happening::CycleCharge,
            Happening::Renew,
            Happening::Add,
            Happening::Remove,
            Happening::Cancel,
        ] {
            assert!(events.iter().any(|e| e.what == what && e.day >= BEGIN), "{what:?}");
        }
        assert!(
            events.iter().any(|e| e.what == Happening::Add && e.day == e.cycle),
            "a change on the day of the charge"
        );
    }

    #[test]
    fn the_count_of_a_day_is_that_of_the_last_event() {
        for life in lives() {
            for event in life.events(Date::constant(2026, 12, 31)) {
                let after = life.events(event.day).last().unwrap().seats;
                assert_eq!(life.on(event.day).unwrap().1, after);
            }
            assert_eq!(life.on(shift(life.start, -1)), None);
        }
    }
}
