//! A customer's subscriptions with their seats: only the state of now, no history, no price, no translation.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::answer::{Answer, fault, json_body};
use super::gate::{self, Need};
use super::partner_center::{collection, customer_of};
use crate::billing::class::Class;
use crate::calendar::{Form, shift};
use crate::cloud::Cloud;
use crate::world::licences::{Seats, Story};
use crate::world::others::Other;
use crate::world::{Customer, Kind, Subscription, World};

pub(super) async fn list(
    State(cloud): State<Arc<Cloud>>,
    Path(customer): Path<String>,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Customers)?;
    let customer = customer_of(&cloud, &customer)?;
    let day = cloud.note_snapshot();
    let gone = cloud.fault(|f| f.vanish_all);
    let body = cloud.bodies.get(format!("subscriptions|{}|{day}|{gone}", customer.id), || {
        let items: Vec<_> = customer
            .subscriptions
            .iter()
            .filter(|_| !gone)
            .filter_map(|s| item(&cloud.world, customer, s, day))
            .map(|item| item.to_string())
            .collect();
        let uri = format!("/customers/{}/subscriptions", customer.id);
        collection(&items.join(","), items.len(), &uri, None).into()
    });
    Ok(json_body(body))
}

pub(super) async fn by_id(
    State(cloud): State<Arc<Cloud>>,
    Path((customer, subscription)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Customers)?;
    let customer = customer_of(&cloud, &customer)?;
    let day = crate::calendar::local_day(cloud.now());
    let item = customer.subscription(&subscription).and_then(|s| item(&cloud.world, customer, s, day));
    let item = item.ok_or_else(|| fault(404, "20003", "There is no such subscription.", &[]))?;
    Ok(json_body(item.to_string()))
}

/// The subscription as of a local date; none before it began.
fn item(world: &World, customer: &Customer, subscription: &Subscription, day: Date) -> Option<Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| drop(members.insert(name.into(), value));
    put("id", json!(subscription.listed_id()));
    match &subscription.kind {
        Kind::Usage => usage(world, subscription, &mut put),
        Kind::Plan => plan(world, subscription, &mut put),
        Kind::Seats(seats) => {
            let (status, quantity) = seats.on(day, world.local_origin)?;
            licence(world, subscription, seats, (day, status, quantity), &mut put);
        }
        Kind::Dormant => dormant(subscription, &mut put),
        Kind::Other(other) if day < other.start => return None,
        Kind::Other(other) => bought(other, day, &mut put),
    }
    put("contractType", json!("subscription"));
    put("partnerId", json!(""));
    let uri = format!("/customers/{}/subscriptions/{}", customer.id, subscription.id);
    put("links", json!({ "self": { "uri": uri, "method": "GET", "headers": [] } }));
    put("orderId", json!(world.seed.guid("order", subscription.index)));
    put(
        "attributes",
        json!({ "etag": world.seed.hex(&format!("etag {day}"), subscription.index), "objectType": "Subscription" }),
    );
    Some(Value::Object(members))
}

/// Legacy Azure: its quantity means nothing, and its commitment never ends.
fn usage(world: &World, subscription: &Subscription, put: &mut impl FnMut(&str, Value)) {
    put("offerId", json!("MS-AZR-0145P"));
    put("entitlementId", json!(subscription.entitlement));
    put("offerName", json!("Simulated Azure"));
    put("friendlyName", json!(format!("Azure {}", subscription.index + 1)));
    put("productType", json!({ "id": "Azure", "displayName": "Azure" }));
    put("quantity", json!(if subscription.index.is_multiple_of(3) { 20 } else { 1 }));
    put("unitType", json!("Usage-based"));
    put("creationDate", json!("2017-03-02T10:11:12.1234567Z"));
    put("effectiveStartDate", json!("2017-03-02T00:00:00+00:00"));
    put("commitmentEndDate", json!("9999-12-14T00:00:00Z"));
    put("status", json!(if subscription.index % 4 == 2 { "Active" } else { "active" }));
    put("autoRenewEnabled", json!(true));
    put("isTrial", json!(false));
    put("billingType", json!(if subscription.index % 4 == 1 { "Usage" } else { "usage" }));
    put("billingCycle", json!("monthly"));
    put("parentSubscriptionId", Value::Null);
    put(
        "refundOptions",
        json!([{ "type": "Full", "expiresAt": Form::Zulu.midnight(shift(world.origin, -90)) }]),
    );
}

/// An Azure plan: usage comes by the unbilled exports, the utilization call does not answer for it.
fn plan(world: &World, subscription: &Subscription, put: &mut impl FnMut(&str, Value)) {
    let offer = format!("DZH3{}:0001:DZH3{}", world.seed.code("plan", 0, 8), world.seed.code("plan", 1, 8));
    put("offerId", json!(offer));
    put("offerName", json!("Simulated Azure plan"));
    put("friendlyName", json!("Simulated Azure plan"));
    put("productType", json!({ "id": "Azure", "displayName": "Azure" }));
    put("quantity", json!(1));
    put("unitType", json!("Licenses"));
    put("creationDate", json!("2021-10-15T21:28:19.3058617Z"));
    put("effectiveStartDate", json!("2021-10-15T21:28:18.478Z"));
    put("status", json!("active"));
    put("billingType", json!(if subscription.index.is_multiple_of(2) { "usage" } else { "Usage" }));
    put("billingCycle", json!("one_time"));
    put("termDuration", json!(""));
}

/// Seats of a new-commerce offer.
fn licence(
    world: &World,
    subscription: &Subscription,
    seats: &Seats,
    (day, status, quantity): (Date, &str, u32),
    put: &mut impl FnMut(&str, Value),
) {
    let since = seats.since(world.local_origin);
    put("offerId", json!(seats.offer.id()));
    put("offerName", json!(seats.offer.name()));
    put("friendlyName", json!(format!("{} for everyone", seats.offer.name())));
    put("productType", json!({ "id": "OnlineServicesNCE", "displayName": "OnlineServicesNCE" }));
    put("quantity", if subscription.index % 6 == 3 { json!(quantity.to_string()) } else { json!(quantity) });
    put("unitType", json!(if subscription.index % 3 == 1 { "License(s)" } else { "Licenses" }));
    put("creationDate", json!(format!("{since}T09:14:03.0966728Z")));
    put("effectiveStartDate", json!(Form::any(subscription.index).midnight(since)));
    let commitment = seats.life.as_ref().map_or(shift(since, 365), |life| life.term_of(day).1);
    put("commitmentEndDate", json!(Form::NoZone.midnight(commitment)));
    put("cancellationAllowedUntilDate", json!("0001-01-01T00:00:00"));
    put("status", if subscription.index.is_multiple_of(5) { json!(capital(status)) } else { json!(status) });
    put("autoRenewEnabled", json!(seats.story != Story::Expired));
    put("isTrial", json!(seats.is_trial()));
    put("billingType", json!(if subscription.index % 4 == 3 { "License" } else { "license" }));
    put("billingCycle", json!(if subscription.index.is_multiple_of(2) { "monthly" } else { "annual" }));
    put(
        "termDuration",
        json!(if seats.life.as_ref().is_some_and(|life| life.monthly) { "P1M" } else { "P1Y" }),
    );
    put("renewalTermDuration", if subscription.index.is_multiple_of(2) { json!("") } else { Value::Null });
    put("isMicrosoftProduct", json!(true));
    put("publisherName", json!("Simulated Corporation"));
    if subscription.index.is_multiple_of(7) {
        put("scheduledNextTermInstructions", json!({ "quantity": quantity, "customTermEndDate": null }));
    }
}

/// Reservations, savings plans, marketplace and software subscriptions: the product type tells them from seats.
fn bought(other: &Other, day: Date, put: &mut impl FnMut(&str, Value)) {
    let family = other.offer.family();
    let name = other.offer.name();
    put("offerId", json!(other.offer.id()));
    put("offerName", json!(name));
    put("friendlyName", json!(name));
    let mut product_type = json!({ "id": family.product_type, "displayName": family.product_type });
    if let (false, Some(members)) = (family.sub_type.is_empty(), product_type.as_object_mut()) {
        members.insert("subType".into(), json!({ "id": family.sub_type, "displayName": family.sub_type }));
    }
    put("productType", product_type);
    put("quantity", json!(other.quantity));
    put("unitType", json!(if other.class == Class::SavingsPlan { "none" } else { "Licenses" }));
    put("creationDate", json!(format!("{}T09:14:03.0966728Z", other.start)));
    put("effectiveStartDate", json!(format!("{}T09:14:03.478Z", other.start)));
    put("commitmentEndDate", json!(Form::Zulu.midnight(other.term_end(day))));
    put("status", json!("active"));
    put("autoRenewEnabled", json!(true));
    put("isTrial", json!(false));
    put("billingType", json!(if other.class == Class::SavingsPlan { "none" } else { "license" }));
    put("billingCycle", json!(if other.monthly { "monthly" } else { "one_time" }));
    put("termDuration", json!("P1Y"));
    put("isMicrosoftProduct", json!(family.is_microsoft()));
    put("publisherName", json!(family.publisher));
}

/// What the vendor keeps listing although nothing is billed by it; blanks in its dates.
fn dormant(subscription: &Subscription, put: &mut impl FnMut(&str, Value)) {
    put("entitlementId", json!(subscription.entitlement.to_uppercase()));
    put("friendlyName", json!("nickname"));
    put("quantity", json!(1));
    put("unitType", json!("none"));
    put("creationDate", json!("2015-11-25T06: 41: 12Z"));
    put("effectiveStartDate", json!("2015-11-24T08: 00: 00Z"));
    put("status", json!("active"));
    put("billingType", json!("none"));
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
    format!("{}{rest}", first.to_uppercase())
}
