//! Subscriptions with their seats: a fact each, one for each product in use, and a Purchase of one day for each licence
//! that is billed by the count.
//!
//! The day is the run's local date, from midnight to midnight UTC: a date, not a span of somebody's clock.

use purser_plugin_sdk::json::{Fields, Names};
use purser_plugin_sdk::mapping::{Amount, Mapped, PageContext, Purchase};
use purser_plugin_sdk::types::{Fact, Problem};
use purser_plugin_sdk::{date, pairs};
use serde_json::json;

use super::{fact, product_fact};
use crate::charges::{Class, Evidence, Mode};
use crate::ids;
use crate::manifest::feeds;
use crate::settings::Settings;

const SUBSCRIPTION: Names<26> = [
    &["id"],
    &["offerId"],
    &["entitlementId"],
    &["offerName"],
    &["friendlyName"],
    &["productType"],
    &["quantity"],
    &["unitType"],
    &["creationDate"],
    &["effectiveStartDate"],
    &["commitmentEndDate", "commitmentEndDateTime"],
    &["status"],
    &["autoRenewEnabled"],
    &["isTrial"],
    &["billingType"],
    &["billingCycle"],
    &["termDuration"],
    &["publisherName"],
    &["orderId"],
    &["parentSubscriptionId"],
    &["promotionId"],
    &["partnerId"],
    &["migratedFromSubscriptionId"],
    &["consumptionType"],
    &["cancellationAllowedUntilDate"],
    &["isMicrosoftProduct"],
];
const ID: usize = 0;
const OFFER: usize = 1;
const ENTITLEMENT: usize = 2;
const OFFER_NAME: usize = 3;
const PRODUCT_TYPE: usize = 5;
const QUANTITY: usize = 6;
const UNIT: usize = 7;
const STATUS: usize = 11;
const BILLING_TYPE: usize = 14;
const BILLING_CYCLE: usize = 15;
const TERM: usize = 16;
const PUBLISHER: usize = 17;
const IS_MICROSOFT: usize = 25;

const PRODUCT: Names<2> = [&["id"], &["displayName"]];

/// Texts that go to the metadata as they are.
const TEXTS: [(&str, usize); 14] = [
    ("offer_id", OFFER),
    ("friendly_name", 4),
    ("status", STATUS),
    ("auto_renew", 12),
    ("trial", 13),
    ("billing_cycle", BILLING_CYCLE),
    ("term", TERM),
    ("publisher", PUBLISHER),
    ("order_id", 18),
    ("parent_subscription", 19),
    ("promotion", 20),
    ("partner_id", 21),
    ("migrated_from", 22),
    ("entitlement", ENTITLEMENT),
];
/// Dates that go to the metadata as UTC.
const DATES: [(&str, usize); 3] = [("created", 8), ("effective_from", 9), ("commitment_until", 10)];

/// The seats of one customer on one day.
pub struct Snapshot<'c> {
    customer: &'c str,
    date: &'c str,
    start: String,
    end: String,
    mode: Mode,
    settings: Settings,
}

impl<'c> Snapshot<'c> {
    pub fn of(context: &'c PageContext, settings: Settings) -> Result<Self, Problem> {
        let date = pairs::get(&context.parameters, "date").unwrap_or(&context.run.local_date);
        let (start, end) = date::day(date).map_err(Problem::Bug)?;
        let customer = pairs::get(&context.parameters, "customer").unwrap_or_default();
        let mode = settings.licence_mode(date.get(..7).unwrap_or_default());
        Ok(Self { customer, date, start: date::rfc3339(start), end: date::rfc3339(end), mode, settings })
    }

    pub fn record(&self, mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
        let subscription = Fields::read(&SUBSCRIPTION, record)?;
        let id = ids::id(&subscription.text(ID)?).into_owned();
        if id.is_empty() {
            return Err("id is missing".to_owned());
        }
        let class = class(&subscription)?;
        let rule = self.rule(&subscription, class)?;
        let seats = if rule.is_none() { Some(subscription.required_decimal(QUANTITY)?) } else { None };
        mapped.fact(self.fact(&subscription, &id, class)?);
        if let Some(product) = product_in_use(&subscription.text(OFFER)?, class) {
            mapped.fact(product);
        }
        match (rule, seats) {
            (None, Some(seats)) => {
                let product = subscription.object(PRODUCT_TYPE, &PRODUCT)?;
                let offer = subscription.text(OFFER)?;
                mapped.purchase(
                    &Purchase {
                        reference: ids::reference(&["seats", &id, self.date]).into(),
                        vendor_customer: self.customer.into(),
                        vendor_subscription: id.as_str().into(),
                        product_key: product_key(&offer).into(),
                        product_text: subscription.text(OFFER_NAME)?,
                        category: product.text(1)?,
                        quantity: seats,
                        unit: subscription.text(UNIT)?,
                        start: self.start.as_str().into(),
                        end: self.end.as_str().into(),
                        amount: Amount::None,
                        metadata: metadata(&subscription)?,
                        ..Purchase::default()
                    },
                    &[ordinal],
                );
            }
            (rule, _) => mapped.ignore(rule.unwrap_or("not-a-licence"), ordinal),
        }
        Ok(())
    }

    /// Why a subscription is no licence Purchase of this day.
    fn rule(&self, subscription: &Fields<'_, 26>, class: Class) -> Result<Option<&'static str>, String> {
        if !subscription.text(BILLING_TYPE)?.trim().eq_ignore_ascii_case("license") {
            return Ok(Some("not-a-licence"));
        }
        let covered = class.covered_elsewhere(feeds::LICENCES, self.mode);
        let is_billed = self.settings.bills(&subscription.text(STATUS)?);
        Ok(covered.or((!is_billed).then_some("status-not-billed")))
    }

    fn fact(&self, subscription: &Fields<'_, 26>, id: &str, class: Class) -> Result<Fact, String> {
        let value = json!({
            "customer": self.customer,
            "offerId": subscription.text(OFFER)?.trim(),
            "name": subscription.text(OFFER_NAME)?.trim(),
            "kind": class.code(),
            "status": subscription.text(STATUS)?.trim().to_ascii_lowercase(),
            "entitlement": ids::id(&subscription.text(ENTITLEMENT)?),
        });
        Ok(fact("subscription", id, &value))
    }
}

fn class(subscription: &Fields<'_, 26>) -> Result<Class, String> {
    let lower = |at: usize| subscription.text(at).map(|text| text.trim().to_ascii_lowercase());
    let offer = lower(OFFER)?;
    Ok(Evidence {
        product: offer.split(':').next().unwrap_or_default().to_owned(),
        names: lower(OFFER_NAME)?,
        is_foreign: lower(IS_MICROSOFT)? == "false",
        category: subscription.object(PRODUCT_TYPE, &PRODUCT)?.text(0)?.trim().to_ascii_lowercase(),
        term: lower(TERM)?,
        frequency: lower(BILLING_CYCLE)?,
        billing_type: lower(BILLING_TYPE)?,
        is_new_commerce: offer.contains(':'),
        ..Evidence::default()
    }
    .class())
}

/// The Azure plan is no product anybody reads a title of.
fn product_in_use(offer: &str, class: Class) -> Option<Fact> {
    let mut parts = offer.trim().split(':');
    let (product, sku) = (parts.next()?, parts.next()?);
    if class == Class::AzurePlan { None } else { product_fact(product_key(offer), product, sku) }
}

/// `product:sku` of an offer in new commerce; a legacy offer is its own product.
fn product_key(offer: &str) -> String {
    let offer = offer.trim().to_ascii_lowercase();
    offer.split(':').take(2).collect::<Vec<_>>().join(":")
}

fn metadata<'r>(
    subscription: &Fields<'r, 26>,
) -> Result<Vec<(&'static str, std::borrow::Cow<'r, str>)>, String> {
    let mut metadata = Vec::with_capacity(TEXTS.len() + DATES.len());
    for (name, at) in TEXTS {
        metadata.push((name, subscription.text(at)?));
    }
    for (name, at) in DATES {
        // A date that cannot be read is shown as it came: no money hangs on it.
        let text = match subscription.moment(at) {
            Ok(moment) => moment.text().into(),
            Err(_) => subscription.text(at)?,
        };
        metadata.push((name, text));
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_named_without_their_availability() {
        assert_eq!(product_key("CFQ7TTC0LH18:0001:CFQ7TTC0K971"), "cfq7ttc0lh18:0001");
        assert_eq!(product_key(" 0CCA44D6-68E9 "), "0cca44d6-68e9");
        assert_eq!(product_key(""), "");
    }
}
