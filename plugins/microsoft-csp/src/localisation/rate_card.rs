//! The Azure rate card: names, units and tier rates of meters in one language and currency.
//!
//! Texts follow the meter's id, never the other way round: they change without notice, and half of them are not
//! translated. The language answered may differ from the one asked for, and is told.

use std::cmp::Ordering;

use purser_plugin_sdk::json::{self, Fields, Names};
use purser_plugin_sdk::localisation::{ProductText, Products, Rejection};
use purser_plugin_sdk::mapping::PageContext;
use purser_plugin_sdk::types::{Fact, Problem};
use purser_plugin_sdk::{number, page, pairs};

use crate::ids;
use crate::settings::Settings;

const METER: Names<8> = [
    &["id"],
    &["name"],
    &["rates"],
    &["category"],
    &["subcategory"],
    &["region"],
    &["unit"],
    &["includedQuantity"],
];

/// The texts and rates of a page of meters.
pub fn products(context: &PageContext, page: &[u8]) -> Result<Products, Problem> {
    let card = Card::of(context, page)?;
    let mut products = Products {
        requested: card.requested,
        answered: card.answered,
        texts: Vec::new(),
        rejected: Vec::new(),
        facts: offer_terms(card.envelope, &card.market).into_iter().collect(),
    };
    for (record_ordinal, meter) in (0..).zip(page::records(&context.framing, page)?) {
        match text(meter, &card.currency, record_ordinal) {
            Ok(text) => products.texts.push(text),
            Err(reason) => products.rejected.push(Rejection { record_ordinal, reason }),
        }
    }
    Ok(products)
}

/// Discounts and the meters they do not apply to: they stand beside the meters of a card. None where there are none.
pub fn offer_terms(envelope: &str, market: &str) -> Option<Fact> {
    let terms = json::find(envelope, "/offerTerms").ok().flatten()?;
    let currency = json::find_text(envelope, "/currency").to_ascii_uppercase();
    let key = format!("{market}/{currency}");
    let value = json::compact(terms).into_owned();
    Some(Fact { kind: "offer-terms".to_owned(), key, value }).filter(|fact| fact.value != "[]")
}

/// What holds for all meters of a page.
struct Card<'p> {
    envelope: &'p str,
    requested: String,
    answered: String,
    currency: String,
    market: String,
}

impl<'p> Card<'p> {
    fn of(context: &'p PageContext, page: &'p [u8]) -> Result<Self, Problem> {
        let envelope = match context.envelope.as_str() {
            "" => std::str::from_utf8(page).unwrap_or_default(),
            envelope => envelope,
        };
        let settings = Settings::read(&context.run.settings)?;
        let asked =
            |name, otherwise: &str| pairs::get(&context.parameters, name).unwrap_or(otherwise).to_owned();
        let said = |pointer, otherwise: &str| match json::find_text(envelope, pointer).trim() {
            "" => otherwise.to_owned(),
            said => said.to_owned(),
        };
        let with_tax =
            ["/isTaxIncluded", "/taxIncluded"].iter().any(|flag| json::find_text(envelope, flag) == "true");
        if with_tax {
            return Err(Problem::Reject(
                "CSP-502 the rate card has tax in its rates, which no Purchase may".to_owned(),
            ));
        }
        let requested = asked("locale", &context.run.locale);
        let currency = said("/currency", &asked("currency", &settings.currency)).to_ascii_uppercase();
        Ok(Self {
            answered: said("/locale", &requested),
            requested,
            currency,
            market: asked("market", &settings.market),
            envelope,
        })
    }
}

fn text(meter: &str, currency: &str, record_ordinal: u32) -> Result<ProductText, String> {
    let meter = Fields::read(&METER, meter)?;
    let trimmed = |at: usize| meter.text(at).map(|text| text.trim().to_owned());
    let key = ids::id(&meter.text(0)?).into_owned();
    if key.is_empty() {
        return Err("id is missing".to_owned());
    }
    Ok(ProductText {
        key,
        name: trimmed(1)?,
        category: trimmed(3)?,
        subcategory: trimmed(4)?,
        unit: trimmed(6)?,
        region: trimmed(5)?,
        currency: currency.to_owned(),
        rates: rates(meter.raw(2).unwrap_or("{}"))?,
        included_quantity: meter.decimal(7)?.into_owned(),
        record_ordinal,
    })
}

/// Lower bounds and rates, ascending by value: the vendor does not promise an order, and `"9"` is less than `"10"`.
fn rates(object: &str) -> Result<Vec<(String, String)>, String> {
    let members = json::members(object).map_err(|_| "rates is no object".to_owned())?;
    let mut rates = Vec::with_capacity(members.len());
    for (from, rate) in members {
        let rate = json::text(rate).map(json::trim).unwrap_or_default();
        let from = from.trim().to_owned();
        if !number::is_decimal(&from) || !number::is_decimal(&rate) {
            return Err(format!("rates has {rate:?} from {from:?}"));
        }
        rates.push((from, rate.into_owned()));
    }
    let order = |left: &(String, String), right: &(String, String)| {
        number::compare(&left.0, &right.0).unwrap_or(Ordering::Equal)
    };
    rates.sort_by(order);
    let repeated = rates.windows(2).any(|pair| matches!(pair, [left, right] if order(left, right).is_eq()));
    if repeated { Err("rates names a lower bound twice".to_owned()) } else { Ok(rates) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_ascend_by_value_and_keep_their_digits() {
        let read =
            rates(r#"{"512000":0.01564,"0":"0.0170","51200":0.01632,"9223372036854780000":1e-3}"#).unwrap();
        let read: Vec<_> = read.iter().map(|(from, rate)| (from.as_str(), rate.as_str())).collect();
        assert_eq!(
            read,
            [("0", "0.0170"), ("51200", "0.01632"), ("512000", "0.01564"), ("9223372036854780000", "1e-3")]
        );
    }

    #[test]
    fn rates_that_make_no_sense_are_refused() {
        for bad in [r#"{"x":1}"#, r#"{"0":"free"}"#, r#"{"0":null}"#, r#"{"0":1,"0.0":2}"#, "[1]"] {
            assert!(rates(bad).is_err(), "{bad}");
        }
    }
}
