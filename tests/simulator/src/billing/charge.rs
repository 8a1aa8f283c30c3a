//! One reconciliation line, before it is written.

use jiff::civil::Date;

use super::class::Class;
use crate::amount::Amount;
use crate::calendar::shift;
use crate::world::offers::Offer;
use crate::world::{Customer, Subscription};

/// One charge. **Invariant:** subtotal and tax have two digits; nothing else follows from them.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) class: Class,
    /// Position of the customer.
    pub(crate) customer: u64,
    /// Lower-case id; empty where nothing is subscribed to.
    pub(crate) subscription: String,
    /// Index of the subscription of its kind: decides the oddities.
    pub(crate) index: u64,
    pub(crate) offer: Offer,
    /// Of usage: the meter, and its words.
    pub(crate) meter: Option<Metered>,
    pub(crate) charge_type: &'static str,
    /// Day it was made: decides the month it is billed in.
    pub(crate) day: Date,
    pub(crate) visible_from: Date,
    /// First and last day it is for.
    pub(crate) from: Date,
    pub(crate) until: Date,
    /// First and last day of the term, where there is one.
    pub(crate) term: Option<(Date, Date)>,
    pub(crate) unit_price: Amount,
    pub(crate) effective_price: Amount,
    pub(crate) quantity: i64,
    pub(crate) billable: Amount,
    pub(crate) subtotal: Amount,
    pub(crate) tax: Amount,
    pub(crate) exchange_rate: Amount,
    pub(crate) unit: &'static str,
    pub(crate) words: Words,
}

/// A meter as reconciliation has it: by its words; the id is for the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Metered {
    pub(crate) key: String,
    pub(crate) description: String,
}

/// Texts that say how something is billed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words {
    pub(crate) term_and_cycle: &'static str,
    pub(crate) frequency: &'static str,
    pub(crate) qualifier: &'static str,
    pub(crate) credit_reason: &'static str,
    pub(crate) adjustment: &'static str,
    /// Whether a promotion applies.
    pub(crate) promotion: bool,
    /// Whether the line carries a reservation order: reservations and savings plans, and some seats too.
    pub(crate) reservation_order: bool,
}

impl Charge {
    /// A charge of one piece for one day, without a price.
    pub(crate) fn new(
        class: Class,
        customer: &Customer,
        subscription: Option<&Subscription>,
        offer: &Offer,
        day: Date,
    ) -> Self {
        Self {
            class,
            customer: customer.index,
            subscription: subscription.map(|s| s.id.clone()).unwrap_or_default(),
            index: subscription.map_or(customer.index, |s| s.index),
            offer: offer.clone(),
            meter: None,
            charge_type: "New",
            day,
            visible_from: shift(day, 1),
            from: day,
            until: day,
            term: None,
            unit_price: Amount::ZERO,
            effective_price: Amount::ZERO,
            quantity: 1,
            billable: Amount::new(1, 0),
            subtotal: Amount::new(0, 2),
            tax: Amount::new(0, 2),
            exchange_rate: Amount::new(1, 0),
            unit: "",
            words: Words::default(),
        }
    }

    /// So many at a price, with the tax of the customer's country.
    pub(crate) fn priced(
        mut self,
        quantity: i64,
        unit_price: Amount,
        subtotal: Amount,
        tax_rate: Amount,
    ) -> Self {
        self.quantity = quantity;
        self.billable = Amount::new(i128::from(quantity), 0);
        self.unit_price = unit_price;
        self.effective_price = unit_price;
        self.subtotal = subtotal;
        self.tax = subtotal.times(tax_rate).rounded(2);
        self
    }

    pub(crate) fn total(&self) -> Amount {
        self.subtotal.plus(self.tax)
    }
}

/// The share of a subtotal that the customer's country takes; most take none.
pub(crate) fn tax_rate(customer: &Customer) -> Amount {
    match customer.country {
        "FR" => Amount::new(20, 2),
        "BE" => Amount::new(21, 2),
        "US" if customer.index.is_multiple_of(2) => Amount::new(625, 4),
        _ => Amount::new(0, 2),
    }
}
