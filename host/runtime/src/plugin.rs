//! An admitted component and the calls that can be made of it.
//!
//! Called by the pipeline for each page and each answer. **Invariant:** what these functions return has been checked
//! against the contract; what breaks it is an error, never a result.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use purser_domain::{Currency, Decimal, Digest};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::admission::{Admission, Role};
use crate::columns::{self, Mapped, Mismatch};
use crate::contract::crawl::{Request, Response, Step};
use crate::contract::localisation::{ProductText, Products, Rejection};
use crate::contract::manifest::Descriptor;
use crate::contract::mapping::PageContext;
use crate::contract::served;
use crate::contract::types::{Fact, Problem, RunContext};
use crate::engine::Host;
use crate::guest::{Call, Guest};
use crate::{CallError, Usage};

/// One plugin version. Cheap to clone; all clones share the compiled component.
#[derive(Clone)]
pub struct Plugin {
    component: Arc<Admitted>,
    room: u32,
}

/// A component that passed admission.
pub(crate) struct Admitted {
    pub host: Arc<Host>,
    pub instance: InstancePre<Guest>,
    pub exports: Exports,
    pub admission: Admission,
    pub descriptor: Descriptor,
}

/// The functions of the roles a component plays.
pub(crate) struct Exports {
    pub crawl: Option<served::Crawl>,
    pub mapping: Option<served::Mapping>,
    pub localisation: Option<served::Localisation>,
}

type Answer<T> = wasmtime::Result<Result<T, Problem>>;

impl Plugin {
    pub(crate) fn new(component: Admitted) -> Self {
        Self { component: Arc::new(component), room: 1 }
    }

    #[cfg(test)]
    pub(crate) fn admitted(&self) -> &Admitted {
        &self.component
    }

    /// The sha256 of the component's bytes: the name of this version on every platform.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.component.admission.digest
    }

    /// What the plugin says it is, and everything it may ever ask for.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.component.descriptor
    }

    /// What admission found.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.component.admission
    }

    /// The same plugin with memory and deadline that many times as large (4 at most), for another try after
    /// [`CallError::Deadline`] or [`CallError::Memory`].
    #[must_use]
    pub fn with_room(&self, times: u32) -> Self {
        Self { component: Arc::clone(&self.component), room: times }
    }

    /// What to ask first, given a batch of the facts the feed needs.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn start(&self, ctx: &RunContext, feed: &str, facts: &[Fact]) -> Result<Step, CallError> {
        let input = facts.iter().map(|fact| fact.kind.len() + fact.key.len() + fact.value.len()).sum();
        let crawl = self.component.exports.crawl.as_ref().ok_or(CallError::NotPlayed(Role::Crawl))?;
        let (step, _) = self.call(ctx, input, |store, instance| {
            crawl.load(&mut *store, instance)?.call_start(store, ctx, feed, facts)
        })?;
        checked_step(step)
    }

    /// What an answer means and what to ask next.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn next(
        &self,
        ctx: &RunContext,
        feed: &str,
        request: &Request,
        response: &Response,
    ) -> Result<Step, CallError> {
        let crawl = self.component.exports.crawl.as_ref().ok_or(CallError::NotPlayed(Role::Crawl))?;
        let (step, _) = self.call(ctx, response.envelope.len(), |store, instance| {
            crawl.load(&mut *store, instance)?.call_next(store, ctx, feed, request, response)
        })?;
        checked_step(step)
    }

    /// From a page of `records` records to Purchases. Each record comes back in exactly one place.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn map(&self, ctx: &PageContext, page: &[u8], records: u32) -> Result<Mapped, CallError> {
        let mapping = self.component.exports.mapping.as_ref().ok_or(CallError::NotPlayed(Role::Mapping))?;
        let (columns, usage) = self.call(&ctx.run, page.len(), |store, instance| {
            mapping.load(&mut *store, instance)?.call_map(store, ctx, page)
        })?;
        let output = columns.text.len() + columns.counts.len() * size_of::<u32>();
        let mapped = columns::decode(&columns.text, &columns.counts, records).map_err(contract)?;
        Ok(Mapped { usage: Usage { output_bytes: output as u64, ..usage }, ..mapped })
    }

    /// Names, units and rates of the products on a page. A text with a malformed rate or currency comes back rejected.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn products(&self, ctx: &PageContext, page: &[u8]) -> Result<Products, CallError> {
        let localisation = self.component.exports.localisation.as_ref();
        let localisation = localisation.ok_or(CallError::NotPlayed(Role::Localisation))?;
        let (products, _) = self.call(&ctx.run, page.len(), |store, instance| {
            localisation.load(&mut *store, instance)?.call_products(store, ctx, page)
        })?;
        products.facts.iter().try_for_each(columns::check_fact).map_err(contract)?;
        Ok(checked_products(products))
    }

    fn call<T: Send>(
        &self,
        ctx: &RunContext,
        input_bytes: usize,
        call: impl FnOnce(&mut Store<Guest>, &Instance) -> Answer<T> + Send,
    ) -> Result<(T, Usage), CallError> {
        let component = &self.component;
        let settings = Call {
            host: &component.host,
            component: &component.instance,
            budget: component.host.limits.budget(input_bytes, self.room),
            as_of: since_1970(&ctx.as_of)?,
            has_wasi: !component.admission.wasi.is_empty(),
        };
        let (answer, usage) = settings.run(call)?;
        Ok((answer.map_err(CallError::Problem)?, usage))
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("id", &self.descriptor().id)
            .field("version", &self.descriptor().version)
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}

fn contract(mismatch: Mismatch) -> CallError {
    CallError::Contract(mismatch.0.into_owned())
}

fn since_1970(as_of: &str) -> Result<Duration, CallError> {
    let instant: Timestamp =
        as_of.parse().map_err(|_| CallError::Sandbox("the run's as-of is not an instant".to_owned()))?;
    Ok(Duration::try_from(instant.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default())
}

fn checked_step(step: Step) -> Result<Step, CallError> {
    step.facts.iter().try_for_each(columns::check_fact).map_err(contract)?;
    Ok(step)
}

fn checked_products(mut products: Products) -> Products {
    let (sound, malformed): (Vec<_>, Vec<_>) =
        std::mem::take(&mut products.texts).into_iter().map(checked_text).partition(Result::is_ok);
    products.texts = sound.into_iter().flatten().collect();
    products.rejected.extend(malformed.into_iter().filter_map(Result::err));
    products
}

fn checked_text(text: ProductText) -> Result<ProductText, Rejection> {
    let record_ordinal = text.record_ordinal;
    match wrong_with(&text) {
        None => Ok(text),
        Some(wrong) => Err(Rejection { record_ordinal, reason: format!("the plugin gave {wrong}") }),
    }
}

/// What is wrong with a product text's key, currency or numbers.
fn wrong_with(text: &ProductText) -> Option<String> {
    if text.key.is_empty() {
        return Some("a product text without a key".to_owned());
    }
    if !text.rates.is_empty() && text.currency.parse::<Currency>().is_err() {
        return Some(format!("rates in the currency {:?}", columns::shorten(&text.currency)));
    }
    let included = Some(text.included_quantity.as_str()).filter(|quantity| !quantity.is_empty());
    let rates = text.rates.iter().flat_map(|(bound, rate)| [bound.as_str(), rate.as_str()]);
    if let Some(number) = rates.chain(included).find(|number| number.parse::<Decimal>().is_err()) {
        return Some(format!("the number {:?}, not a decimal", columns::shorten(number)));
    }
    let bounds: Vec<Option<Decimal>> = text.rates.iter().map(|(bound, _)| bound.parse().ok()).collect();
    let ascending = bounds.is_sorted_by(|lower, upper| lower < upper);
    (!ascending).then(|| "rates whose lower bounds do not ascend".to_owned())
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

    fn reason(text: ProductText) -> String {
        let rejection = checked_text(text).unwrap_err();
        assert_eq!(rejection.record_ordinal, 3);
        rejection.reason
    }

    #[test]
    fn sound_texts_pass() {
        assert!(checked_text(text(&[("0", "0.1"), ("1024", "0.09")], "EUR")).is_ok());
        assert!(checked_text(text(&[], "")).is_ok());
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
}
