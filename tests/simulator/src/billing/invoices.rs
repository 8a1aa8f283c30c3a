//! Invoices and credit documents: which there are, and when they are out.
//!
//! One invoice for each billing currency and calendar month; a quarter's middle month has a credit document too: an
//! adjustment note in euro, a void note in dollars in May and November.

use jiff::civil::Date;

use crate::calendar::{month_end, month_start, months_between, shift};
use crate::world::World;

/// Currencies there are, with their symbols.
pub(crate) const CURRENCIES: [(&str, &str); 2] = [("EUR", "€"), ("USD", "$")];
/// Numbers are counted from here.
const FIRST_MONTH: Date = Date::constant(2020, 1, 1);

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invoice {
    /// `G024000842`; void notes begin with `T`.
    pub(crate) id: String,
    pub(crate) month: Date,
    pub(crate) currency: &'static str,
    pub(crate) symbol: &'static str,
    /// `invoice`, `adjustment_note` or `void_note`.
    pub(crate) document: &'static str,
    /// Day from whose 00:00 UTC it is listed.
    pub(crate) out: Date,
    /// The invoice that a credit document is about.
    pub(crate) amends: Option<String>,
}

/// Everything that is out on a day, oldest month first.
pub(crate) fn out_on(world: &World, today: Date) -> Vec<Invoice> {
    let Some(billed) = world.billed else { return Vec::new() };
    let months = months_between(billed.begin, today).max(0);
    let months = (0..months).map(|n| month_start(billed.begin, n));
    let all = months
        .flat_map(|month| CURRENCIES.iter().flat_map(move |currency| documents(world, month, *currency)));
    all.filter(|invoice| invoice.out <= today).collect()
}

/// By id, in any case, where it is out.
pub(crate) fn find(world: &World, today: Date, id: &str) -> Option<Invoice> {
    out_on(world, today).into_iter().find(|invoice| invoice.id.eq_ignore_ascii_case(id))
}

/// Whether the month's invoice is out, so that nothing of it is unbilled any more.
pub(crate) fn is_billed(world: &World, month: Date, today: Date) -> bool {
    world.billed.is_some_and(|billed| day_of_next_month(month, billed.terms.invoice_day) <= today)
}

fn documents(world: &World, month: Date, (currency, symbol): (&'static str, &'static str)) -> Vec<Invoice> {
    let (Some(billed), true) = (world.billed, world.customers.iter().any(|c| c.currency == currency)) else {
        return Vec::new();
    };
    let number = |kind: i32| {
        let column = CURRENCIES.iter().position(|(c, _)| *c == currency).unwrap_or(0) as i32;
        24_000_000 + months_between(FIRST_MONTH, month) * 10 + column * 4 + kind
    };
    let id = format!("G{:09}", number(1));
    let out = day_of_next_month(month, billed.terms.invoice_day);
    let invoice = Invoice { id: id.clone(), month, currency, symbol, document: "invoice", out, amends: None };
    let mut all = vec![invoice.clone()];
    if let Some(document) = note(month, currency) {
        let prefix = if document == "void_note" { 'T' } else { 'G' };
        let out = day_of_next_month(month, billed.terms.note_day.max(billed.terms.invoice_day));
        all.push(Invoice {
            id: format!("{prefix}{:09}", number(2)),
            document,
            out,
            amends: Some(id),
            ..invoice
        });
    }
    all
}

fn note(month: Date, currency: &str) -> Option<&'static str> {
    match (currency, month.month()) {
        ("EUR", 2 | 5 | 8 | 11) => Some("adjustment_note"),
        ("USD", 5 | 11) => Some("void_note"),
        _ => None,
    }
}

fn day_of_next_month(month: Date, day: i8) -> Date {
    shift(month_end(month), i32::from(day.clamp(4, 28)))
}
