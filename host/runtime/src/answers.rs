//! What plugins hand back beside columns, checked before anybody else sees it: steps of a crawl and product texts.
//!
//! **Invariant:** what there is too much of fails the call; a malformed rate or currency rejects its own text alone.

use purser_domain::{Currency, Decimal};

use crate::columns::{self, Bounds};
use crate::contract::crawl::{Incompleteness, Request, Step, Target};
use crate::contract::localisation::{ProductText, Products, Rejection};
use crate::contract::types::{Fact, Pair};
use crate::error::Counted;
use crate::{CallError, Limits};

/// A step within the limits, and its size in bytes.
pub(crate) fn step(step: Step, limits: &Limits) -> Result<(Step, u64), CallError> {
    at_most(Counted::Requests, step.requests.len(), limits.requests.into())?;
    let most = limits.string_bytes.saturating_mul(Limits::LONG);
    if let Some(Incompleteness::Nothing(why) | Incompleteness::Broken(why)) = &step.incomplete {
        short("what a step says of its partition", why, limits.string_bytes)?;
    }
    let mut bytes = 0;
    for request in &step.requests {
        for string in strings(request) {
            bytes += string.len() as u64;
            short("a string of a request", string, most)?;
        }
    }
    Ok((Step { facts: facts(step.facts, limits, &mut bytes)?, ..step }, bytes))
}

/// Product texts within the limits, and their size in bytes.
pub(crate) fn products(
    mut products: Products,
    records: u32,
    limits: &Limits,
) -> Result<(Products, u64), CallError> {
    let texts = u64::from(records.max(1)).saturating_mul(limits.texts_per_record.into());
    at_most(Counted::Texts, products.texts.len() + products.rejected.len(), texts)?;
    let mut bytes = 0;
    products.facts = facts(products.facts, limits, &mut bytes)?;
    bytes += products.texts.iter().map(size).sum::<u64>();
    let bounds = Bounds::of(limits);
    let checked = std::mem::take(&mut products.texts).into_iter().map(|text| checked_text(text, &bounds));
    let (sound, malformed): (Vec<_>, Vec<_>) = checked.partition(Result::is_ok);
    products.texts = sound.into_iter().flatten().collect();
    products.rejected.extend(malformed.into_iter().filter_map(Result::err));
    products.rejected.iter_mut().for_each(|rejection| columns::clip(&mut rejection.reason));
    Ok((products, bytes))
}

fn facts(facts: Vec<Fact>, limits: &Limits, bytes: &mut u64) -> Result<Vec<Fact>, CallError> {
    at_most(Counted::Facts, facts.len(), limits.facts.into())?;
    let bounds = Bounds::of(limits);
    for fact in &facts {
        *bytes += (fact.kind.len() + fact.key.len() + fact.value.len()) as u64;
        columns::check_fact(fact, &bounds)?;
    }
    Ok(facts)
}

/// Fails where there are more than there may be.
pub(crate) fn at_most(what: Counted, given: usize, limit: u64) -> Result<(), CallError> {
    let given = given as u64;
    if given > limit { Err(CallError::TooMany { what, given, limit }) } else { Ok(()) }
}

fn short(what: &'static str, string: &str, limit_bytes: u64) -> Result<(), CallError> {
    let bytes = string.len() as u64;
    if bytes > limit_bytes { Err(CallError::TooLong { what, bytes, limit_bytes }) } else { Ok(()) }
}

fn strings(request: &Request) -> impl Iterator<Item = &str> {
    fn of(pairs: &[Pair]) -> impl Iterator<Item = &str> {
        pairs.iter().flat_map(|pair| [pair.name.as_str(), pair.value.as_str()])
    }
    let (target, path, query) = match &request.target {
        Target::Call(call) => (call.name.as_str(), call.path.as_slice(), call.query.as_slice()),
        Target::Absolute(url) => (url.as_str(), [].as_slice(), [].as_slice()),
    };
    let partition = request.partition.iter().flat_map(|partition| {
        let own = [&partition.key, &partition.month, &partition.currency, &partition.version];
        own.into_iter().map(String::as_str).chain(of(&partition.parameters))
    });
    let own = [target, request.state.as_str()].into_iter().chain(request.body.as_deref());
    own.chain(of(path)).chain(of(query)).chain(of(&request.headers)).chain(partition)
}

fn size(text: &ProductText) -> u64 {
    let rates = text.rates.iter().map(|(bound, rate)| bound.len() + rate.len()).sum::<usize>();
    let own: usize = texts(text).map(str::len).sum();
    (own + rates) as u64
}

fn texts(text: &ProductText) -> impl Iterator<Item = &str> {
    let own = [&text.key, &text.name, &text.category, &text.subcategory, &text.unit, &text.region];
    own.into_iter().map(String::as_str)
}

fn checked_text(text: ProductText, bounds: &Bounds) -> Result<ProductText, Rejection> {
    let record_ordinal = text.record_ordinal;
    match wrong_with(&text, bounds) {
        None => Ok(text),
        Some(reason) => Err(Rejection { record_ordinal, reason }),
    }
}

/// What is wrong with a product text's key, currency or numbers.
fn wrong_with(text: &ProductText, bounds: &Bounds) -> Option<String> {
    if text.key.is_empty() {
        return Some("the plugin gave a product text without a key".to_owned());
    }
    if let Some(long) = texts(text).find_map(|text| bounds.too_long(text.len())) {
        return Some(long);
    }
    if !text.rates.is_empty() && text.currency.parse::<Currency>().is_err() {
        return Some(format!("the plugin gave rates in the currency {:?}", columns::shorten(&text.currency)));
    }
    let included = Some(text.included_quantity.as_str()).filter(|quantity| !quantity.is_empty());
    let rates = text.rates.iter().flat_map(|(bound, rate)| [bound.as_str(), rate.as_str()]);
    for number in rates.chain(included) {
        match number.parse::<Decimal>() {
            Ok(value) if bounds.allow(number, &value) => {}
            Ok(_) => return Some(bounds.too_many_digits("a number")),
            Err(_) => {
                return Some(format!(
                    "the plugin gave the number {:?}, not a decimal",
                    columns::shorten(number)
                ));
            }
        }
    }
    let bounds: Vec<Option<Decimal>> = text.rates.iter().map(|(bound, _)| bound.parse().ok()).collect();
    let ascending = bounds.is_sorted_by(|lower, upper| lower < upper);
    (!ascending).then(|| "the plugin gave rates whose lower bounds do not ascend".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rates: &[(&str, &str)], currency: &str) -> ProductText {
        ProductText {
            key: "meter".into(),
            name: "Name".into(),
            category: String::new(),
            subcategory: String::new(),
            unit: "1 Hour".into(),
            region: String::new(),
            currency: currency.into(),
            rates: rates.iter().map(|(bound, rate)| ((*bound).into(), (*rate).into())).collect(),
            included_quantity: "0".into(),
            record_ordinal: 3,
        }
    }

    fn checked(text: ProductText) -> Result<ProductText, Rejection> {
        checked_text(text, &Bounds::of(&Limits::default()))
    }

    fn reason(text: ProductText) -> String {
        let rejection = checked(text).unwrap_err();
        assert_eq!(rejection.record_ordinal, 3);
        rejection.reason
    }

    #[test]
    fn sound_texts_pass() {
        assert!(checked(text(&[("0", "0.1"), ("1024", "0.09")], "EUR")).is_ok());
        assert!(checked(text(&[], "")).is_ok());
    }

    #[test]
    fn malformed_rates_are_rejected_with_what_was_given() {
        assert_eq!(
            reason(text(&[("0", "free")], "EUR")),
            "the plugin gave the number \"free\", not a decimal"
        );
        assert_eq!(reason(text(&[("0", "1")], "Euro")), "the plugin gave rates in the currency \"Euro\"");
        assert_eq!(
            reason(text(&[("10", "1"), ("0", "2")], "EUR")),
            "the plugin gave rates whose lower bounds do not ascend"
        );
    }

    #[test]
    fn numbers_and_names_beyond_the_limits_reject_their_text_with_its_code() {
        let long = "9".repeat(1_000_000);
        assert!(reason(text(&[("0", &long)], "EUR")).contains("not a decimal"));
        let mut limits = Limits::default();
        limits.set("number-digits", 10).unwrap();
        limits.set("string-kib", 1).unwrap();
        let bounds = Bounds::of(&limits);
        let exponent = checked_text(text(&[("0", "1e10")], "EUR"), &bounds).unwrap_err();
        assert_eq!(exponent.reason, "PLG-227 the plugin gave a number with more than 10 digits");
        let name = ProductText { name: "x".repeat(1_025), ..text(&[], "") };
        let name = checked_text(name, &bounds).unwrap_err();
        assert_eq!(name.reason, "PLG-226 the plugin gave a text of 1025 bytes, 1024 are allowed");
    }
}
