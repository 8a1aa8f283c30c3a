//! The eighteen strings of a purchase, parsed into domain types. Called once a purchase by the columns decoder.
//!
//! **Invariant:** a field is taken exactly or its records are rejected with the field's name and text; nothing is
//! guessed, trimmed or rounded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use purser_domain::decimal::ParseError;
use purser_domain::purchase::{Amount, Description};
use purser_domain::{Currency, Decimal};

use super::{Bounds, Fault, MappedPurchase, broken, shorten};

/// Strings of a purchase before its metadata.
pub(super) const FIELDS: usize = 18;
const REFERENCE: usize = 0;
const AMOUNT_KIND: usize = 15;

/// The fields that are decimals.
const NUMBERS: [(usize, &str); 4] =
    [(6, "the quantity"), (8, "the unit price"), (10, "the cost"), (12, "the exchange rate")];

/// A number that is longer than any text may be, by name.
pub(super) fn long_number(fields: &[&str; FIELDS], bounds: &Bounds) -> Option<&'static str> {
    let is_long = |at: usize| fields.get(at).is_some_and(|text| bounds.too_long(text.len()).is_some());
    NUMBERS.into_iter().find(|(at, _)| is_long(*at)).map(|(_, name)| name)
}

/// Strings of a purchase, and of a covered line its rule and the feed that bills it.
type CoveredFields<'a> = ([&'a str; FIELDS], [&'a str; 2]);

/// Whether these are the strings of a line that another feed bills; then as those of a purchase with a given cost. Its
/// reference may be empty.
pub(super) fn covered<'a>(fields: &[&'a str; FIELDS]) -> Result<Option<CoveredFields<'a>>, Fault> {
    let &[.., kind, rule, billed_by] = fields;
    if kind != "covered" {
        return Ok(None);
    }
    if rule.is_empty() || billed_by.is_empty() {
        return Err(broken("a covered line without a rule, or without the feed that bills it"));
    }
    let mut fields = *fields;
    for (at, field) in fields.iter_mut().enumerate() {
        match at {
            REFERENCE if field.is_empty() => *field = "covered",
            AMOUNT_KIND => *field = "given",
            _ if at > AMOUNT_KIND => *field = "",
            _ => {}
        }
    }
    Ok(Some((fields, [rule, billed_by])))
}

/// Why a purchase cannot be taken, and whose records that concerns.
pub(super) struct Malformed {
    reason: String,
    records: Vec<u32>,
}

impl Malformed {
    pub(super) fn rejections(self) -> impl Iterator<Item = (u32, String)> {
        self.records.into_iter().map(move |record| (record, self.reason.clone()))
    }
}

type Reason = String;

/// Parses purchases; neighbours mostly share their dates and currencies, so the last of each is kept.
pub(super) struct Reader<'a> {
    bounds: Bounds,
    start: Last<'a, Timestamp>,
    end: Last<'a, Timestamp>,
    exchange_rate: Last<'a, Decimal>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, start: Last::default(), end: Last::default(), exchange_rate: Last::default() }
    }

    pub(super) fn purchase(
        &mut self,
        fields: &[&'a str; FIELDS],
        metadata: &mut [(&str, &str)],
        records: Vec<u32>,
    ) -> Result<MappedPurchase, Malformed> {
        match self.parse(fields, metadata) {
            Ok(purchase) => Ok(MappedPurchase { records, ..purchase }),
            Err(reason) => Err(Malformed { reason, records }),
        }
    }

    fn parse(
        &mut self,
        fields: &[&'a str; FIELDS],
        pairs: &mut [(&str, &str)],
    ) -> Result<MappedPurchase, Reason> {
        let &[
            reference,
            customer,
            subscription,
            product_key,
            product_text,
            category,
            quantity,
            unit,
            unit_price,
            unit_price_currency,
            cost,
            currency,
            exchange_rate,
            start,
            end,
            amount_kind,
            tier_group,
            tier_key,
        ] = fields;
        if reference.is_empty() {
            return Err("the plugin gave no reference".to_owned());
        }
        let bounds = self.bounds;
        let cost = optional(cost, |text| decimal(bounds, "cost", text))?;
        let currency = optional(currency, |text| code("currency", text))?;
        let description = Description {
            vendor_customer: customer.to_owned(),
            vendor_subscription: subscription.to_owned(),
            product_key: product_key.to_owned(),
            product_text: product_text.to_owned(),
            category: category.to_owned(),
            unit: unit.to_owned(),
            unit_price: optional(unit_price, |text| decimal(bounds, "unit price", text))?,
            unit_price_currency: optional(unit_price_currency, |text| code("unit price currency", text))?,
            exchange_rate: optional(exchange_rate, |text| {
                self.exchange_rate.get(text, |text| decimal(bounds, "exchange rate", text))
            })?,
            start: self.start.get(start, |text| instant("start", text))?,
            end: self.end.get(end, |text| instant("end", text))?,
            amount: amount(amount_kind, tier_group, tier_key)?,
            metadata: metadata(pairs)?,
            currency,
        };
        check(&description, cost.as_ref())?;
        let quantity = decimal(bounds, "quantity", quantity)?;
        Ok(MappedPurchase {
            natural_reference: reference.to_owned(),
            description,
            quantity,
            cost,
            records: Vec::new(),
        })
    }
}

/// The last text and what it was parsed to.
struct Last<'a, T>(Option<(&'a str, T)>);

impl<T> Default for Last<'_, T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T: Clone> Last<'a, T> {
    fn get(&mut self, text: &'a str, parse: impl FnOnce(&'a str) -> Result<T, Reason>) -> Result<T, Reason> {
        match &self.0 {
            Some((last, value)) if *last == text => Ok(value.clone()),
            _ => {
                let value = parse(text)?;
                self.0 = Some((text, value.clone()));
                Ok(value)
            }
        }
    }
}

fn optional<'a, T>(
    text: &'a str,
    parse: impl FnOnce(&'a str) -> Result<T, Reason>,
) -> Result<Option<T>, Reason> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn decimal(bounds: Bounds, field: &str, text: &str) -> Result<Decimal, Reason> {
    match text.parse() {
        Ok(number) if bounds.allow(text, &number) => Ok(number),
        Ok(_) | Err(ParseError::TooLong) => Err(bounds.too_many_digits(&format!("the {field}"))),
        Err(error) => Err(gave(field, text, &format!("{error}"))),
    }
}

fn code(field: &str, text: &str) -> Result<Currency, Reason> {
    text.parse().map_err(|_| gave(field, text, "not a currency code (three upper-case letters)"))
}

fn instant(field: &str, text: &str) -> Result<Timestamp, Reason> {
    text.parse().map_err(|_| gave(field, text, "not an instant (RFC 3339, UTC)"))
}

fn amount(kind: &str, group: &str, key: &str) -> Result<Amount, Reason> {
    match kind {
        "given" => Ok(Amount::Given),
        "none" => Ok(Amount::None),
        "tiered" if group.is_empty() || key.is_empty() => {
            Err("the plugin gave the amount kind \"tiered\" without tier group or tier key".to_owned())
        }
        "tiered" => Ok(Amount::Tiered { group: group.to_owned(), key: key.to_owned() }),
        other => Err(gave("amount kind", other, "none of given, tiered, none")),
    }
}

/// Sorted while still borrowed: a map built from sorted pairs costs half of one that each pair is inserted into.
fn metadata(pairs: &mut [(&str, &str)]) -> Result<BTreeMap<String, String>, Reason> {
    pairs.sort_unstable();
    match pairs.array_windows().find(|[(name, _), (next, _)]| name == next) {
        Some([(name, _), _]) => Err(gave("metadata name", name, "in the same purchase twice")),
        None => Ok(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()),
    }
}

/// What the fields must be together.
fn check(description: &Description, cost: Option<&Decimal>) -> Result<(), Reason> {
    let wrong = match (&description.amount, cost) {
        (Amount::Given, None) => "the amount kind \"given\" without a cost",
        (Amount::Tiered { .. } | Amount::None, Some(_)) => {
            "a cost beside an amount kind other than \"given\""
        }
        (_, Some(_)) if description.currency.is_none() => "a cost without a currency",
        _ if description.end < description.start => "an end before the start",
        _ => return Ok(()),
    };
    Err(format!("the plugin gave {wrong}"))
}

fn gave(field: &str, text: &str, what: &str) -> Reason {
    format!("the plugin gave the {field} {:?}, {what}", shorten(text))
}
