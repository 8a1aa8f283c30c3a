//! Subscriptions with their seats: a fact each, and a Purchase of one day for each licence that is billed.
//!
//! The day is the run's local date, from midnight to midnight UTC: a date, not a span of somebody's clock.

use purser_plugin_sdk::json::{Fields, Names};
use purser_plugin_sdk::mapping::{Amount, Mapped, PageContext, Purchase};
use purser_plugin_sdk::types::Problem;
use purser_plugin_sdk::{date, pairs};
use serde_json::json;

use super::{fact, subscription_kind};
use crate::ids;
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

const PRODUCT: Names<2> = [&["id"], &["displayName"]];

/// Texts that go to the metadata as they are.
const TEXTS: [(&str, usize); 14] = [
    ("offer_id", OFFER),
    ("friendly_name", 4),
    ("status", STATUS),
    ("auto_renew", 12),
    ("trial", 13),
    ("billing_cycle", 15),
    ("term", 16),
    ("publisher", 17),
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
    settings: Settings,
}

impl<'c> Snapshot<'c> {
    pub fn of(context: &'c PageContext, settings: Settings) -> Result<Self, Problem> {
        let date = pairs::get(&context.parameters, "date").unwrap_or(&context.run.local_date);
        let (start, end) = date::day(date).map_err(Problem::Bug)?;
        let customer = pairs::get(&context.parameters, "customer").unwrap_or_default();
        Ok(Self { customer, date, start: date::rfc3339(start), end: date::rfc3339(end), settings })
    }

    pub fn record(&self, mapped: &mut Mapped, ordinal: u32, record: &str) -> Result<(), String> {
        let subscription = Fields::read(&SUBSCRIPTION, record)?;
        let id = ids::id(&subscription.text(ID)?).into_owned();
        if id.is_empty() {
            return Err("id is missing".to_owned());
        }
        let rule = self.rule(&subscription)?;
        let seats = if rule.is_none() { Some(subscription.required_decimal(QUANTITY)?) } else { None };
        mapped.fact(self.fact(&subscription, &id)?);
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
    fn rule(&self, subscription: &Fields<'_, 26>) -> Result<Option<&'static str>, String> {
        let is_licence = subscription.text(BILLING_TYPE)?.trim().eq_ignore_ascii_case("license");
        Ok(match (is_licence, self.settings.bills(&subscription.text(STATUS)?)) {
            (false, _) => Some("not-a-licence"),
            (true, false) => Some("status-not-billed"),
            (true, true) => None,
        })
    }

    fn fact(
        &self,
        subscription: &Fields<'_, 26>,
        id: &str,
    ) -> Result<purser_plugin_sdk::types::Fact, String> {
        let product = subscription.object(PRODUCT_TYPE, &PRODUCT)?;
        let (offer, billing_type) = (subscription.text(OFFER)?, subscription.text(BILLING_TYPE)?);
        let value = json!({
            "customer": self.customer,
            "offerId": offer.trim(),
            "name": subscription.text(OFFER_NAME)?.trim(),
            "kind": subscription_kind::of(&offer, &billing_type, &product.text(0)?),
            "status": subscription.text(STATUS)?.trim().to_ascii_lowercase(),
            "entitlement": ids::id(&subscription.text(ENTITLEMENT)?),
        });
        Ok(fact("subscription", id, &value))
    }
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
