//! Charges that are neither seats nor usage: terms, purchases, fees, credits, and the lines of credit documents.

use jiff::civil::Date;

use super::Scope;
use super::charge::{Charge, Words, tax_rate};
use super::class::Class;
use super::invoices::Invoice;
use crate::amount::Amount;
use crate::calendar::{month_end, months_between, shift, shift_months};
use crate::random::mix;
use crate::world::offers::{FEE, MARKETPLACE, Offer, PERPETUAL_SOFTWARE, RATED, RESERVATION};
use crate::world::others::Other;
use crate::world::{Customer, Kind, Subscription, World};

/// Charges of something bought for a term, made in the month.
pub(super) fn term_charges<'a>(
    _world: &World,
    customer: &'a Customer,
    subscription: &'a Subscription,
    other: &'a Other,
    scope: &Scope,
) -> impl Iterator<Item = Charge> + 'a {
    other.charges(scope.month).map(move |(day, first)| {
        let subtotal = other.price.count(i64::from(other.quantity)).cut(2);
        let charge = Charge::new(other.class, customer, Some(subscription), &other.offer, day);
        let charge = charge.priced(i64::from(other.quantity), other.price, subtotal, tax_rate(customer));
        let term = months_between(other.start, day) / 12 * 12;
        Charge {
            charge_type: match (first, other.monthly) {
                (true, _) => "New",
                (false, true) => "CycleCharge",
                (false, false) => "Renew",
            },
            until: shift(shift_months(day, other.cycle()), -1),
            term: Some((shift_months(other.start, term), shift(shift_months(other.start, term + 12), -1))),
            words: words(other),
            ..charge
        }
    })
}

fn words(other: &Other) -> Words {
    let frequency = if other.monthly { "Monthly" } else { "OneTime" };
    let term_and_cycle = match (other.class, other.monthly) {
        (Class::Reservation, _) => "1 Year",
        (Class::SavingsPlan, _) => "One-Year commitment for monthly billing",
        (Class::SoftwareSubscription, _) => "1 Year Subscription",
        (_, true) => "1 Month Subscription",
        (_, false) => "1 Year Subscription",
    };
    let reservation_order = matches!(other.class, Class::Reservation | Class::SavingsPlan);
    Words { term_and_cycle, frequency, reservation_order, ..Words::default() }
}

/// What a customer buys without a subscription, and what it is given back, in a month.
pub(super) fn single_charges(world: &World, customer: &Customer, month: Date, begin: Date) -> Vec<Charge> {
    let number = months_between(begin, month).unsigned_abs() as u64 + customer.index;
    let word = mix(world.seed.word("single", customer.index), number);
    let day = |salt: u64| shift(month, (mix(word, salt) % 28) as i32);
    let price = |salt: u64, range: u64| Amount::new(i128::from(1_000 + mix(word, salt) % range), 2);
    if number.is_multiple_of(2) {
        let quantity = 1 + (mix(word, 1) % 3) as i64;
        let offer = Offer::of(world.seed, PERPETUAL_SOFTWARE, "0003");
        let software = Charge::new(Class::Software, customer, None, &offer, day(2));
        let software = software.priced(
            quantity,
            price(3, 300_000),
            price(3, 300_000).count(quantity).cut(2),
            tax_rate(customer),
        );
        let words = Words { term_and_cycle: "One-Time", frequency: "OneTime", ..Words::default() };
        return vec![Charge { words, ..software }, credit(world, customer, month, word)];
    }
    let offer = Offer::of(world.seed, FEE, "0001");
    let fee = Charge::new(Class::OneTime, customer, None, &offer, day(4));
    let fee = fee.priced(1, price(5, 40_000), price(5, 40_000), tax_rate(customer));
    vec![Charge { words: Words { frequency: "OneTime", ..Words::default() }, ..fee }]
}

/// Azure credit, or one for a broken service level: negative, and of the Azure plan.
fn credit(world: &World, customer: &Customer, month: Date, word: u64) -> Charge {
    let plan = customer.subscriptions.iter().find(|s| matches!(s.kind, Kind::Plan));
    let offer = Offer::of(world.seed, RATED, "000B");
    let day = shift(month, (mix(word, 6) % 28) as i32);
    let amount = Amount::new(i128::from(100 + mix(word, 7) % 5_000), 2).negated();
    let charge = Charge::new(Class::Credit, customer, plan, &offer, day);
    let service_level = word.is_multiple_of(3);
    Charge {
        from: month,
        until: month_end(month),
        words: Words {
            credit_reason: if service_level { "SLA Credit" } else { "Azure Consumption Credit" },
            ..Words::default()
        },
        ..charge.priced(1, amount, amount, tax_rate(customer))
    }
}

/// Lines of a credit document: a part of what some customers were charged in the month, given back.
pub(super) fn note_lines(world: &World, invoice: &Invoice) -> Vec<Charge> {
    let customers = world.customers.iter().filter(|c| c.currency == invoice.currency);
    let lines = customers.step_by(3).flat_map(|customer| {
        let word =
            mix(world.seed.word("note", customer.index), u64::from(invoice.month.month().unsigned_abs()));
        [RESERVATION, MARKETPLACE].map(|family| {
            let offer = Offer::of(world.seed, family, "0001");
            let bought =
                |s: &&Subscription| matches!(&s.kind, Kind::Other(other) if other.offer.family == family);
            let subscription = customer.subscriptions.iter().find(bought);
            let amount = Amount::new(i128::from(500 + mix(word, family) % 20_000), 2).negated();
            let charge = Charge::new(Class::Credit, customer, subscription, &offer, month_end(invoice.month));
            Charge {
                charge_type: "one-time refund",
                visible_from: invoice.out,
                from: invoice.month,
                until: month_end(invoice.month),
                words: Words { credit_reason: "Billing Adjustment", ..Words::default() },
                ..charge.priced(1, amount, amount, tax_rate(customer))
            }
        })
    });
    lines.collect()
}
