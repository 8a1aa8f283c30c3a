//! Charge lines of seats: each change gives back the open line in full and charges the days before and after it anew.
//!
//! Prorated prices are rounded to cents for one seat, then multiplied, as the vendor's samples are.

use jiff::civil::Date;

use super::Scope;
use super::charge::{Charge, Words, tax_rate};
use super::class::Class;
use crate::amount::Amount;
use crate::calendar::{days_between, month_end, shift, shift_months};
use crate::world::licences::Seats;
use crate::world::seat_life::{Event, Happening, Life};
use crate::world::{Customer, Subscription, World};

/// A line that a later change of the same cycle gives back.
#[derive(Debug, Clone, Copy)]
struct Open {
    from: Date,
    until: Date,
    seats: u32,
}

/// Charge lines of one subscription, made in the month.
pub(super) fn charges(
    _world: &World,
    customer: &Customer,
    subscription: &Subscription,
    seats: &Seats,
    scope: &Scope,
) -> Vec<Charge> {
    let Some(life) = &seats.life else { return Vec::new() };
    let mut lines = Lines { customer, subscription, seats, life, charges: Vec::new(), open: None };
    let until = scope.as_of.min(month_end(scope.month));
    for event in life.events(until) {
        lines.add(event);
    }
    lines.charges.retain(|charge| charge.day >= scope.month);
    lines.charges
}

struct Lines<'a> {
    customer: &'a Customer,
    subscription: &'a Subscription,
    seats: &'a Seats,
    life: &'a Life,
    charges: Vec<Charge>,
    open: Option<Open>,
}

impl Lines<'_> {
    fn add(&mut self, event: Event) {
        match event.what {
            Happening::New | Happening::CycleCharge | Happening::Renew => {
                let until = shift(shift_months(event.cycle, 1), -1);
                self.charge(event, Open { from: event.day, until, seats: event.seats });
            }
            Happening::Add | Happening::Remove | Happening::Cancel => self.credit_and_rebill(event),
        }
    }

    fn credit_and_rebill(&mut self, event: Event) {
        let Some(before) = self.open.take() else { return };
        let given_back = self.line(event, before, true);
        self.charges.push(given_back);
        if event.day > before.from {
            let used = self.line(event, Open { until: shift(event.day, -1), ..before }, false);
            self.charges.push(used);
        }
        if event.what != Happening::Cancel {
            self.charge(event, Open { from: event.day, until: before.until, seats: event.seats });
        }
    }

    fn charge(&mut self, event: Event, open: Open) {
        let line = self.line(event, open, false);
        self.charges.push(line);
        self.open = Some(open);
    }

    fn line(&self, event: Event, part: Open, back: bool) -> Charge {
        let price = prorated(self.life.effective_price(), event.cycle, part);
        let many = i64::from(part.seats);
        let subtotal = price.count(if back { -many } else { many }).cut(2);
        let charge =
            Charge::new(Class::Seat, self.customer, Some(self.subscription), &self.seats.offer, event.day);
        let charge = charge.priced(many, self.life.price, subtotal, tax_rate(self.customer));
        let (term_from, term_after) = self.life.term_of(event.day);
        Charge {
            charge_type: charge_type(event.what, self.subscription.index),
            effective_price: price,
            from: part.from,
            until: part.until,
            term: Some((term_from, shift(term_after, -1))),
            words: words(self.life, self.subscription.index),
            ..charge
        }
    }
}

/// A cycle's price for a part of its days.
fn prorated(price: Amount, cycle: Date, part: Open) -> Amount {
    let whole = days_between(cycle, shift_months(cycle, 1));
    let days = days_between(part.from, part.until) + 1;
    if days == whole {
        return price;
    }
    let days = Amount::new(i128::from(days), 0);
    price.times(days).over(Amount::new(i128::from(whole), 0), 12).rounded(2)
}

/// Words in more than one spelling, as the vendor has them.
fn charge_type(what: Happening, index: u64) -> &'static str {
    match what {
        Happening::New if index.is_multiple_of(3) => "new",
        Happening::New => "New",
        Happening::CycleCharge => "CycleCharge",
        Happening::Renew => "Renew",
        Happening::Add => "addQuantity",
        Happening::Remove => "removeQuantity",
        Happening::Cancel => "Cancel",
    }
}

fn words(life: &Life, index: u64) -> Words {
    Words {
        term_and_cycle: match (life.trial, life.monthly) {
            (true, _) => "One-Month commitment for trial",
            (false, true) => "One-Month commitment for monthly billing",
            (false, false) => "One-Year commitment for monthly/yearly billing",
        },
        frequency: if life.trial { "" } else { "Monthly" },
        qualifier: if life.trial { "Trial" } else { "" },
        adjustment: if life.promotion {
            "[\"You are getting a discount due to a promotion.\",\"Price for given term\"]"
        } else {
            ""
        },
        promotion: life.promotion,
        reservation_order: index.is_multiple_of(4),
        credit_reason: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: Date, until: Date) -> Open {
        Open { from, until, seats: 1 }
    }

    #[test]
    fn a_price_is_prorated_by_days_and_rounded_for_one_seat() {
        let (cycle, price) = (Date::constant(2026, 1, 13), Amount::new(400, 2));
        let used = prorated(price, cycle, part(cycle, Date::constant(2026, 1, 31)));
        let rest = prorated(price, cycle, part(Date::constant(2026, 2, 1), Date::constant(2026, 2, 12)));
        assert_eq!(
            (used.to_string(), rest.to_string()),
            ("2.45".into(), "1.55".into()),
            "the vendor's sample"
        );
        assert_eq!(prorated(price, cycle, part(cycle, Date::constant(2026, 2, 12))), price);
    }
}
