//! Partner Center v1: customers and the licences probe; everything else has a module of its own.
//!
//! Collections use the vendor's envelope: `totalCount` is the size of the *page*, and the `uri` of `links.next` cannot be
//! replayed (a second `?` stands where `&` belongs): only its token counts.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, fault, header_text, json_body, query_of, value_of};
use super::gate::{self, Need};
use super::{catalogue, invoices, ratecard, subscriptions, utilization};
use crate::cloud::Cloud;
use crate::world::Customer;

/// Customers on a page when the request does not say.
const DEFAULT_PAGE: usize = 500;

pub(super) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/v1/customers", get(customers))
        .route("/v1/customers/{customer}", get(customer_by_id))
        .route("/v1/customers/{customer}/subscriptions", get(subscriptions::list))
        .route("/v1/customers/{customer}/subscriptions/{subscription}", get(subscriptions::by_id))
        .route(
            "/v1/customers/{customer}/subscriptions/{subscription}/utilizations/azure",
            get(utilization::list),
        )
        .route("/v1/customers/{customer}/subscribedskus", get(subscribed_skus))
        .route("/v1/ratecards/azure", get(ratecard::azure))
        .route("/v1/invoices", get(invoices::list))
        .route("/v1/invoices/{id}", get(invoices::by_id))
        .route("/v1/products", get(catalogue::products))
        .route("/v1/products/{product}", get(catalogue::product))
        .route("/v1/products/{product}/skus", get(catalogue::skus))
        .route("/v1/products/{product}/skus/{sku}", get(catalogue::sku))
        .layer(middleware::from_fn(stamp))
}

async fn stamp(request: axum::extract::Request, next: Next) -> Response {
    let headers = request.headers().clone();
    gate::stamp(next.run(request).await, &headers)
}

/// The collection envelope around items that are JSON already.
pub(crate) fn collection(items: &str, count: usize, self_uri: &str, next: Option<(&str, &str)>) -> String {
    let link = |uri: &str, headers: Value| json!({ "uri": uri, "method": "GET", "headers": headers });
    let mut links = json!({ "self": link(self_uri, json!([])) });
    if let (Some((uri, token)), Some(members)) = (next, links.as_object_mut()) {
        members.insert("next".into(), link(uri, json!([{ "key": "MS-ContinuationToken", "value": token }])));
    }
    format!(
        "{{\"totalCount\":{count},\"items\":[{items}],\"links\":{links},\"attributes\":{{\"objectType\":\"Collection\"}}}}"
    )
}

/// What a continuation token of this kind carries; none: not ours.
pub(crate) fn read_token(kind: &str, token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix(kind)?.strip_prefix('|').map(str::to_owned)
}

/// A continuation token that carries this.
pub(crate) fn write_token(kind: &str, carries: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}|{carries}"))
}

/// The token of a seek request; an error when it asks for the next page without one.
pub(crate) fn seek(
    query: &[(String, String)],
    operation: &str,
    headers: &HeaderMap,
    kind: &str,
) -> Result<Option<String>, Refusal> {
    if value_of(query, operation).is_none() {
        return Ok(None);
    }
    let token = read_token(kind, header_text(headers, "ms-continuationtoken"));
    token
        .map(Some)
        .ok_or_else(|| fault(400, "3000", "The continuation token is not valid.", &["MS-ContinuationToken"]))
}

/// The customer of the path, or 404.
pub(crate) fn customer_of<'a>(cloud: &'a Cloud, id: &str) -> Result<&'a Customer, Refusal> {
    cloud.world.customer(id).ok_or_else(|| fault(404, "60003", "There is no such customer.", &[]))
}

async fn customers(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Customers)?;
    let query = query_of(query.as_deref());
    let size = match value_of(&query, "size").map(str::parse::<usize>) {
        None | Some(Ok(0)) => DEFAULT_PAGE,
        Some(Ok(size)) => size.min(DEFAULT_PAGE),
        Some(Err(_)) => return Err(fault(400, "3000", "The size is not a number.", &["size"])),
    };
    let start =
        seek(&query, "seekoperation", &headers, "customers")?.and_then(|t| t.parse().ok()).unwrap_or(0);
    let gone = cloud.fault(|f| f.vanish_all);
    let all: &[Customer] = if gone { &[] } else { &cloud.world.customers };
    let page: Vec<_> = all.iter().skip(start).take(size).map(|c| customer_item(c).to_string()).collect();
    let after = start + page.len();
    let token = write_token("customers", &after.to_string());
    let uri = format!("/customers?size={size}?seekOperation=Next");
    let next = (after < all.len()).then_some((uri.as_str(), token.as_str()));
    Ok(json_body(collection(&page.join(","), page.len(), &format!("/v1/customers?size={size}"), next)))
}

fn customer_item(customer: &Customer) -> Value {
    let id = customer.listed_id();
    let mut item = json!({
        "id": id,
        "companyProfile": {
            "tenantId": id,
            "domain": customer.domain,
            "companyName": customer.name,
            "attributes": { "objectType": "CustomerCompanyProfile" }
        },
        "relationshipToPartner": if customer.index % 3 == 2 { "Reseller" } else { "reseller" },
        "attributes": { "objectType": "Customer" }
    });
    if let (0, Some(members)) = (customer.index % 5, item.as_object_mut()) {
        members.insert("previewTraits".into(), json!({ "tier": 2, "since": null }));
    }
    item
}

async fn customer_by_id(
    State(cloud): State<Arc<Cloud>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Customers)?;
    let customer = customer_of(&cloud, &id)?;
    let mut item = customer_item(customer);
    if let Some(members) = item.as_object_mut() {
        let address = json!({ "country": customer.country, "city": "", "postalCode": null });
        let profile = json!({
            "companyName": customer.name, "culture": culture(customer), "language": culture(customer),
            "defaultAddress": address, "attributes": { "objectType": "CustomerBillingProfile" }
        });
        members.insert("billingProfile".into(), profile);
        members.insert("allowDelegatedAccess".into(), json!(true));
    }
    Ok(json_body(item.to_string()))
}

fn culture(customer: &Customer) -> &'static str {
    match customer.country {
        "NL" => "nl-NL",
        "BE" => "nl-BE",
        "DE" => "de-DE",
        "FR" => "fr-FR",
        _ => "en-US",
    }
}

async fn subscribed_skus(
    State(cloud): State<Arc<Cloud>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Customers)?;
    let customer = customer_of(&cloud, &id)?;
    // Tenants hold licences from other channels too: these numbers are nobody's bill.
    let sku = json!({
        "availableUnits": 3, "activeUnits": 1000, "consumedUnits": 997, "suspendedUnits": 0, "totalUnits": 1000,
        "warningUnits": 0, "capabilityStatus": "Enabled",
        "productSku": {
            "id": cloud.world.seed.guid("tenant sku", customer.index), "name": "Workplace Suite (all channels)",
            "skuPartNumber": "WORKPLACE", "targetType": "User", "licenseGroupId": "group1"
        },
        "servicePlans": [], "attributes": { "objectType": "SubscribedSku" }
    });
    Ok(json_body(collection(&sku.to_string(), 1, "/subscribedskus", None)))
}
