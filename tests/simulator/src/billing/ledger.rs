//! The truth about billed months: every charge with its class, and the invoices with their totals.
//!
//! **Invariant:** as of a day it has exactly what a reader could have seen by the end of that day: charges of invoices
//! that are out, and the unbilled charges of the other months.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use jiff::civil::Date;
use serde::Serialize;

use super::charge::Charge;
use super::class::Class;
use super::invoices::{self, CURRENCIES, Invoice};
use super::{Books, Scope};
use crate::amount::Amount;
use crate::calendar::{month, month_start, months_between};
use crate::ledger::as_text;
use crate::world::World;

/// One reconciliation line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillingLine {
    /// What it is for.
    pub class: Class,
    /// Tenant GUID, lower-case.
    pub customer: String,
    /// Lower-case; empty where nothing is subscribed to.
    pub subscription: String,
    /// Lower-case: the meter of usage, `productid:skuid` of everything else.
    pub product_key: String,
    /// As the line has it.
    pub charge_type: &'static str,
    /// First and last day it is for.
    pub from: Date,
    /// See `from`.
    pub until: Date,
    /// `BillableQuantity`.
    #[serde(serialize_with = "as_text")]
    pub quantity: BigDecimal,
    /// `Subtotal`: before tax.
    #[serde(serialize_with = "as_text")]
    pub amount: BigDecimal,
    /// `TaxTotal`.
    #[serde(serialize_with = "as_text")]
    pub tax: BigDecimal,
    /// What both are in.
    pub currency: &'static str,
    /// `2026-11`: the month it is billed in.
    pub month: String,
    /// Number of the invoice or credit document; none while it is unbilled.
    pub invoice: Option<String>,
}

/// An invoice or credit document that is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvoiceLine {
    /// Its number.
    pub id: String,
    /// `invoice`, `adjustment_note` or `void_note`.
    pub document: &'static str,
    /// `2026-11`.
    pub month: String,
    /// What it is in.
    pub currency: &'static str,
    /// Sum of its lines' amounts and taxes.
    #[serde(serialize_with = "as_text")]
    pub total: BigDecimal,
    /// Day it came out.
    pub out: Date,
    /// The invoice that a credit document is about.
    pub amends: Option<String>,
}

/// Charges and invoices as of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillingLedger {
    /// By month, currency and document.
    pub lines: Vec<BillingLine>,
    /// In the same order.
    pub invoices: Vec<InvoiceLine>,
}

impl BillingLedger {
    /// Class → sum of amounts in a currency and month (`2026-11`), taxes as a class of their own; billed and unbilled.
    #[must_use]
    pub fn classes(&self, month: &str, currency: &str) -> BTreeMap<Class, BigDecimal> {
        let mut sums = BTreeMap::new();
        for line in self.lines.iter().filter(|l| l.month == month && l.currency == currency) {
            *sums.entry(line.class).or_default() += &line.amount;
            *sums.entry(Class::Tax).or_default() += &line.tax;
        }
        sums
    }
}

/// The ledger as of a day.
pub(crate) fn ledger(world: &World, books: &Books, today: Date, late: bool) -> BillingLedger {
    let mut ledger = BillingLedger { lines: Vec::new(), invoices: Vec::new() };
    for invoice in invoices::out_on(world, today) {
        let charges = books.of_invoice(world, &invoice, late);
        ledger.invoices.push(invoice_line(&invoice, &charges));
        ledger.lines.extend(charges.iter().filter_map(|c| line(world, c, invoice.month, Some(&invoice))));
    }
    let Some(billed) = world.billed else { return ledger };
    let open = (0..=months_between(billed.begin, today).max(0)).map(|n| month_start(billed.begin, n));
    for first in open.filter(|first| !invoices::is_billed(world, *first, today)) {
        for (currency, _) in CURRENCIES {
            let charges = books.charges(world, &Scope::new(currency, first, today, late));
            ledger.lines.extend(charges.iter().filter_map(|c| line(world, c, first, None)));
        }
    }
    ledger
}

/// Sum of the charges with their taxes.
pub(crate) fn total(charges: &[Charge]) -> Amount {
    charges.iter().fold(Amount::new(0, 2), |sum, charge| sum.plus(charge.total()))
}

fn invoice_line(invoice: &Invoice, charges: &[Charge]) -> InvoiceLine {
    InvoiceLine {
        id: invoice.id.clone(),
        document: invoice.document,
        month: month(invoice.month),
        currency: invoice.currency,
        total: total(charges).to_big(),
        out: invoice.out,
        amends: invoice.amends.clone(),
    }
}

fn line(world: &World, charge: &Charge, first: Date, invoice: Option<&Invoice>) -> Option<BillingLine> {
    let customer = world.customers.get(charge.customer as usize)?;
    Some(BillingLine {
        class: charge.class,
        customer: customer.id.clone(),
        subscription: charge.subscription.clone(),
        product_key: charge.meter.as_ref().map_or_else(|| charge.offer.key(), |meter| meter.key.clone()),
        charge_type: charge.charge_type,
        from: charge.from,
        until: charge.until,
        quantity: charge.billable.to_big(),
        amount: charge.subtotal.to_big(),
        tax: charge.tax.to_big(),
        currency: customer.currency,
        month: month(first),
        invoice: invoice.map(|invoice| invoice.id.clone()),
    })
}
