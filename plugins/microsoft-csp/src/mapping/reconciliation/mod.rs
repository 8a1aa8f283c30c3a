//! Charge lines: everything Microsoft bills, each line classed, and purchased where no other feed bills its class.
//!
//! Amounts are taken as given: the vendor's proration cannot be recomputed to the cent from what a line says. A removed
//! seat comes as a credit of the old line and a charge of the new one, both under one charge type; the sign is therefore
//! part of the reference. Dates are dates: a charge lasts from its first day to its last, whatever the hours say.

mod line;

use std::borrow::Cow;

use purser_plugin_sdk::date;
use purser_plugin_sdk::mapping::{Amount, Mapped, PageContext, Purchase};
use purser_plugin_sdk::pairs;

use self::line::{
    AVAILABILITY, BILLABLE_QUANTITY, CATEGORY, CHARGE_END, CHARGE_START, CHARGE_TYPE, CREDIT_REASON,
    CURRENCY, CUSTOMER, DATES, EXCHANGE_RATE, FREQUENCY, Line, METER, NAMES, NUMBERS, ORDER, ORDER_DATE,
    PRICING_CURRENCY, PRODUCT, PRODUCT_NAME, PROMOTION, PUBLISHER, PUBLISHER_ID, QUANTITY, RESERVATION_ORDER,
    SKU, SKU_NAME, SUBSCRIPTION, SUBTOTAL, TERM, TEXTS, UNIT, UNIT_PRICE,
};
use super::product_fact;
use crate::charges::{Class, Evidence};
use crate::crawl::billing::CREDIT;
use crate::ids;
use crate::manifest::feeds;
use crate::settings::Settings;

/// What the partition says of its lines.
pub struct Billing<'c> {
    /// Empty where an answer is tried without its partition: then the line's own start tells.
    month: &'c str,
    is_credit_document: bool,
    settings: Settings,
}

/// First and last day of a charge.
struct Days {
    first: String,
    last: String,
}

impl<'c> Billing<'c> {
    pub fn of(context: &'c PageContext, settings: Settings) -> Self {
        let is_credit_document = pairs::get(&context.parameters, "document") == Some(CREDIT);
        Self { month: &context.month, is_credit_document, settings }
    }

    pub fn record(&self, mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
        let line = Line::read(&NAMES, record)?;
        let class = self.class(&line)?;
        let cost = line.required_decimal(SUBTOTAL)?;
        let days = self.days(&line)?;
        let month = if self.month.is_empty() { days.first.get(..7).unwrap_or_default() } else { self.month };
        let mode = self.settings.licence_mode(month);
        if let Some(rule) = class.covered_elsewhere(feeds::RECONCILIATION, mode) {
            let covered = covered(&line, &days, cost)?;
            mapped.covered(&covered, rule, class.billed_by(mode), ordinal);
            return Ok(());
        }
        let (customer, subscription) = (line.text(CUSTOMER)?, line.text(SUBSCRIPTION)?);
        let ((start, _), (_, end)) = (date::day(&days.first)?, date::day(&days.last)?);
        let purchase = Purchase {
            reference: reference(&line, &days, &cost)?.into(),
            vendor_customer: ids::id(&customer),
            vendor_subscription: ids::id(&subscription),
            product_key: product_key(&line)?.into(),
            product_text: first_of(&line, &[SKU_NAME, PRODUCT_NAME])?,
            category: match line.text(CATEGORY)? {
                category if category.trim().is_empty() => class.title().into(),
                category => category,
            },
            quantity: quantity(&line)?,
            unit: line.text(UNIT)?,
            unit_price: line.decimal(UNIT_PRICE)?,
            unit_price_currency: line.text(PRICING_CURRENCY)?.trim().to_ascii_uppercase().into(),
            cost,
            currency: currency(&line)?,
            exchange_rate: line.decimal(EXCHANGE_RATE)?,
            start: date::rfc3339(start).into(),
            end: date::rfc3339(end).into(),
            amount: Amount::Given,
            metadata: metadata(&line, class)?,
        };
        mapped.purchase(&purchase, &[ordinal]);
        let (product, sku) = (line.text(PRODUCT)?, line.text(SKU)?);
        if let Some(fact) = product_fact(product_key(&line)?, product.trim(), sku.trim()) {
            mapped.fact(fact);
        }
        Ok(())
    }

    fn class(&self, line: &Line<'_>) -> Result<Class, String> {
        let lower = |at: usize| line.text(at).map(|text| text.trim().to_ascii_lowercase());
        Ok(Evidence {
            product: lower(PRODUCT)?,
            names: format!("{} {}", lower(PRODUCT_NAME)?, lower(SKU_NAME)?),
            is_foreign: !lower(PUBLISHER_ID)?.is_empty() && !lower(PUBLISHER)?.starts_with("microsoft"),
            category: lower(CATEGORY)?,
            charge_type: lower(CHARGE_TYPE)?,
            term: lower(TERM)?,
            frequency: lower(FREQUENCY)?,
            billing_type: String::new(),
            is_metered: !lower(METER)?.is_empty(),
            is_credited: !lower(CREDIT_REASON)?.is_empty(),
            is_in_credit_document: self.is_credit_document,
            is_new_commerce: true,
        }
        .class())
    }

    /// A line without a start is of its order's day, or of the month's first; one whose end is before its start, or that
    /// has none, of its start.
    fn days(&self, line: &Line<'_>) -> Result<Days, String> {
        let day = |at: usize| {
            let at = line.moment(at)?.at();
            Ok::<_, String>(at.map(|at| date::rfc3339(at).get(..10).unwrap_or_default().to_owned()))
        };
        let first = match (day(CHARGE_START)?, day(ORDER_DATE)?) {
            (Some(day), _) | (None, Some(day)) => day,
            (None, None) if self.month.is_empty() => return Err("ChargeStartDate is missing".to_owned()),
            (None, None) => format!("{}-01", self.month),
        };
        let last = day(CHARGE_END)?.filter(|last| *last >= first).unwrap_or_else(|| first.clone());
        Ok(Days { first, last })
    }
}

/// A line that another feed bills: what it takes to set it against that feed's Purchases.
fn covered<'r>(line: &Line<'r>, days: &Days, cost: Cow<'r, str>) -> Result<Purchase<'r>, String> {
    let ((start, _), (_, end)) = (date::day(&days.first)?, date::day(&days.last)?);
    Ok(Purchase {
        vendor_customer: ids::id(&line.text(CUSTOMER)?).into_owned().into(),
        vendor_subscription: ids::id(&line.text(SUBSCRIPTION)?).into_owned().into(),
        product_key: product_key(line)?.into(),
        product_text: first_of(line, &[METER, SKU_NAME, PRODUCT_NAME])?,
        quantity: quantity(line)?,
        unit: line.text(UNIT)?,
        cost,
        currency: currency(line)?,
        start: date::rfc3339(start).into(),
        end: date::rfc3339(end).into(),
        amount: Amount::Given,
        ..Purchase::default()
    })
}

/// What stays the same from the first unbilled line to the billed one: who, of which order and product, what kind of
/// charge, for which days, and whether it is a credit. Equal ones are summed.
fn reference(line: &Line<'_>, days: &Days, cost: &str) -> Result<String, String> {
    let (customer, subscription) = (line.text(CUSTOMER)?, line.text(SUBSCRIPTION)?);
    let sign = if cost.starts_with('-') { "credit" } else { "charge" };
    Ok(ids::reference(&[
        &ids::id(&customer),
        &line.text(ORDER)?,
        &ids::id(&subscription),
        &line.text(PRODUCT)?,
        &line.text(SKU)?,
        &line.text(AVAILABILITY)?,
        &line.text(CHARGE_TYPE)?,
        &days.first,
        &days.last,
        &line.text(CURRENCY)?,
        &line.text(RESERVATION_ORDER)?,
        &line.text(CREDIT_REASON)?,
        &line.text(PROMOTION)?,
        &line.text(METER)?,
        sign,
    ]))
}

/// `product:sku`, as licences and the catalogue have it.
fn product_key(line: &Line<'_>) -> Result<String, String> {
    let (product, sku) = (line.text(PRODUCT)?, line.text(SKU)?);
    let parts: Vec<_> = [product.trim(), sku.trim()].into_iter().filter(|part| !part.is_empty()).collect();
    Ok(parts.join(":").to_ascii_lowercase())
}

/// Metered lines have a quantity of 1, and the real one beside it.
fn quantity<'r>(line: &Line<'r>) -> Result<Cow<'r, str>, String> {
    let billable = line.decimal(BILLABLE_QUANTITY)?;
    if billable.is_empty() { line.required_decimal(QUANTITY) } else { Ok(billable) }
}

/// As the line spells it: the host adds up what it reads itself, by the same spelling.
fn currency<'r>(line: &Line<'r>) -> Result<Cow<'r, str>, String> {
    let currency = line.text(CURRENCY)?;
    if currency.trim().is_empty() { Err("Currency is missing".to_owned()) } else { Ok(currency) }
}

fn first_of<'r>(line: &Line<'r>, members: &[usize]) -> Result<Cow<'r, str>, String> {
    for at in members {
        let text = line.text(*at)?;
        if !text.trim().is_empty() {
            return Ok(text);
        }
    }
    Ok(Cow::Borrowed(""))
}

fn metadata<'r>(line: &Line<'r>, class: Class) -> Result<Vec<(&'static str, Cow<'r, str>)>, String> {
    let mut metadata = vec![("line_class", Cow::Borrowed(class.code()))];
    for (name, at) in TEXTS {
        metadata.push((name, line.json(at)?));
    }
    for (name, at) in NUMBERS {
        metadata.push((name, line.text(at)?));
    }
    for (name, at) in DATES {
        // A date that cannot be read is shown as it came: no money hangs on it.
        let text = match line.moment(at) {
            Ok(moment) => moment.text().into(),
            Err(_) => line.text(at)?,
        };
        metadata.push((name, text));
    }
    Ok(metadata)
}
