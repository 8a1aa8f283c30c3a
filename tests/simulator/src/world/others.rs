//! What is bought for a term but is no seat: reservations, savings plans, marketplace and software subscriptions.
//!
//! All but savings plans have the billing type `license`: a reader that counted by that alone would count them daily.

use jiff::civil::Date;

use super::offers::{MARKETPLACE, Offer, RESERVATION, SAVINGS_PLAN, SOFTWARE_SUBSCRIPTION};
use crate::amount::Amount;
use crate::billing::class::Class;
use crate::calendar::{month_end, month_start, months_between, shift, shift_months};
use crate::random::{Seed, mix};

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) class: Class,
    pub(crate) offer: Offer,
    /// Day of the order; days after the 28th do not occur.
    pub(crate) start: Date,
    pub(crate) quantity: u32,
    /// Of one piece and charge, with two digits.
    pub(crate) price: Amount,
    /// Charged every month; once a year otherwise.
    pub(crate) monthly: bool,
}

impl Other {
    /// What the `index`-th customer has.
    pub(crate) fn all(seed: Seed, index: u64, begin: Date) -> impl Iterator<Item = Self> {
        let word = seed.word("others", index);
        let of = move |class, family, monthly, months| {
            let word = mix(word, family);
            Self {
                class,
                offer: Offer::of(
                    seed,
                    family,
                    if class == Class::SoftwareSubscription { "0003" } else { "0001" },
                ),
                start: shift(month_start(begin, months), (mix(word, 1) % 28) as i32),
                quantity: 1 + (mix(word, 2) % 6) as u32,
                price: Amount::new(i128::from(1_000 + mix(word, 3) % 90_000), 2),
                monthly,
            }
        };
        let yearly_month = if index.is_multiple_of(2) { -12 } else { (index % 12) as i32 - 12 };
        let plan = (index % 3 != 1).then(|| of(Class::SavingsPlan, SAVINGS_PLAN, true, -5));
        [
            of(
                Class::Reservation,
                RESERVATION,
                index.is_multiple_of(2),
                if index.is_multiple_of(2) { -3 } else { yearly_month },
            ),
            of(Class::Marketplace, MARKETPLACE, true, -((index % 5) as i32)),
            of(Class::SoftwareSubscription, SOFTWARE_SUBSCRIPTION, false, yearly_month),
        ]
        .into_iter()
        .chain(plan)
    }

    /// Days on which it is charged within a month, with whether it is the first charge of all.
    pub(crate) fn charges(&self, month: Date) -> impl Iterator<Item = (Date, bool)> {
        let step = self.cycle();
        let days = (0..).map(move |n| n * step).map(|months| (shift_months(self.start, months), months == 0));
        days.skip_while(move |(day, _)| *day < month).take_while(move |(day, _)| *day <= month_end(month))
    }

    /// First day after the term that a day is in.
    pub(crate) fn term_end(&self, day: Date) -> Date {
        shift_months(self.start, (months_between(self.start, day) / 12 + 1) * 12)
    }

    /// Months of a charge.
    pub(crate) fn cycle(&self) -> i32 {
        if self.monthly { 1 } else { 12 }
    }
}
