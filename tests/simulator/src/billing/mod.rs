//! What is billed by month: charges of every class, invoices and credit documents, and the ledger of them.
//!
//! **Invariant:** the charges of a currency and month as of a day are a function of the world and that day. Exports,
//! invoice totals and the ledger are made from the same charges; nothing is made from what was served.

mod azure;
pub(crate) mod charge;
pub(crate) mod charge_json;
pub(crate) mod class;
pub(crate) mod invoices;
pub(crate) mod ledger;
pub(crate) mod legacy;
mod once;
mod seats;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::civil::Date;

use crate::calendar::{month_end, shift};
use crate::cloud::lock;
use crate::world::{Kind, World};
use charge::Charge;
use invoices::Invoice;

/// Days after a month's end from which its charges and usage do not change any more.
pub(crate) const SETTLED_AFTER: i32 = 3;
/// Sets of charges that are remembered.
const REMEMBERED: usize = 256;

/// A set of charges.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) currency: String,
    /// First day of the month they are billed in.
    pub(crate) month: Date,
    /// What was visible on this day; of an invoice what was settled.
    pub(crate) as_of: Date,
    pub(crate) late: bool,
}

impl Scope {
    /// The month as it is on a day: after it has settled always the same.
    pub(crate) fn new(currency: &str, month: Date, today: Date, late: bool) -> Self {
        Self { currency: currency.to_owned(), month, as_of: today.min(settled(month)), late }
    }

    /// The month as its invoice has it.
    pub(crate) fn billed(currency: &str, month: Date, late: bool) -> Self {
        Self::new(currency, month, settled(month), late)
    }
}

/// The day from which a month does not change any more.
pub(crate) fn settled(month: Date) -> Date {
    shift(month_end(month), SETTLED_AFTER)
}

/// Charges by scope, made once.
#[derive(Default)]
pub(crate) struct Books(Mutex<HashMap<Scope, Arc<Vec<Charge>>>>);

impl Books {
    /// Charges of the month without those of credit documents, in the order they are exported.
    pub(crate) fn charges(&self, world: &World, scope: &Scope) -> Arc<Vec<Charge>> {
        if let Some(charges) = lock(&self.0).get(scope) {
            return Arc::clone(charges);
        }
        let charges = Arc::new(generate(world, scope));
        let mut kept = lock(&self.0);
        if kept.len() >= REMEMBERED {
            kept.clear();
        }
        kept.insert(scope.clone(), Arc::clone(&charges));
        charges
    }

    /// Charges of an invoice or credit document.
    pub(crate) fn of_invoice(&self, world: &World, invoice: &Invoice, late: bool) -> Arc<Vec<Charge>> {
        if invoice.amends.is_some() {
            return Arc::new(once::note_lines(world, invoice));
        }
        self.charges(world, &Scope::billed(invoice.currency, invoice.month, late))
    }
}

fn generate(world: &World, scope: &Scope) -> Vec<Charge> {
    let Some(billed) = world.billed.filter(|b| b.begin <= scope.month) else { return Vec::new() };
    let mut charges = Vec::new();
    for customer in world.customers.iter().filter(|c| c.currency == scope.currency) {
        for subscription in &customer.subscriptions {
            match &subscription.kind {
                Kind::Plan => charges.extend(azure::charges(world, customer, subscription, scope)),
                Kind::Seats(seats) => {
                    charges.extend(seats::charges(world, customer, subscription, seats, scope))
                }
                Kind::Other(other) => {
                    charges.extend(once::term_charges(world, customer, subscription, other, scope))
                }
                Kind::Usage | Kind::Dormant => {}
            }
        }
        charges.extend(once::single_charges(world, customer, scope.month, billed.begin));
    }
    // A charge can be read from the day after it was made.
    charges.retain(|charge| charge.visible_from <= scope.as_of);
    charges
}
