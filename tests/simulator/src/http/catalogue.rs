//! Products and SKUs of new commerce in the language of `X-Locale`.
//!
//! Languages are those of the rate cards. An unknown or missing language is answered in English, and the answer's own
//! `X-Locale` header says so; a SKU that was never translated is English under any header.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, fault, header_text, json_body, query_of, value_of, with_header};
use super::gate::{self, Need};
use super::partner_center::collection;
use crate::cloud::Cloud;
use crate::random::turn;
use crate::world::meters::LOCALES;
use crate::world::offers::{FAMILIES, Family, sku_title};

/// Views there are; some have nothing.
const VIEWS: [&str; 7] = [
    "Azure",
    "AzureReservations",
    "MicrosoftAzure",
    "OnlineServices",
    "Software",
    "SoftwareSUSELinux",
    "MarketplaceSaaS",
];

/// A checked request.
struct Ask {
    locale: usize,
    country: String,
    query: Vec<(String, String)>,
}

impl Ask {
    fn check(cloud: &Cloud, headers: &HeaderMap, query: Option<&str>) -> Result<Self, Refusal> {
        gate::partner_center(cloud, headers, Need::Customers)?;
        let asked = header_text(headers, "x-locale");
        let query = query_of(query);
        let country = value_of(&query, "country").unwrap_or("").to_uppercase();
        if country.len() != 2 {
            return Err(fault(400, "3000", "A country is required.", &["country"]));
        }
        let locale = LOCALES.iter().position(|l| l.eq_ignore_ascii_case(asked)).unwrap_or(0);
        Ok(Self { locale, country, query })
    }

    fn answer(&self, body: String) -> Response {
        with_header(json_body(body), "X-Locale", turn(&LOCALES, self.locale as u64))
    }
}

pub(super) async fn products(
    State(cloud): State<Arc<Cloud>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let ask = Ask::check(&cloud, &headers, query.as_deref())?;
    let view = value_of(&ask.query, "targetview").unwrap_or("");
    if !VIEWS.iter().any(|known| known.eq_ignore_ascii_case(view)) {
        return Err(fault(403, "400036", "The target view is not allowed.", &["targetView"]));
    }
    let families =
        FAMILIES.iter().filter(|f| f.view.eq_ignore_ascii_case(view) && !cloud.fault(|x| x.vanish_all));
    let items: Vec<_> = families.map(|f| product_item(&cloud, &ask, f).to_string()).collect();
    let uri = format!("/products?country={}&targetView={view}", ask.country);
    Ok(ask.answer(collection(&items.join(","), items.len(), &uri, None)))
}

pub(super) async fn product(
    State(cloud): State<Arc<Cloud>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let ask = Ask::check(&cloud, &headers, query.as_deref())?;
    let family = family(&cloud, &id)?;
    Ok(ask.answer(product_item(&cloud, &ask, family).to_string()))
}

pub(super) async fn skus(
    State(cloud): State<Arc<Cloud>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let ask = Ask::check(&cloud, &headers, query.as_deref())?;
    let family = family(&cloud, &id)?;
    let items: Vec<_> =
        family.skus.iter().map(|sku| sku_item(&cloud, &ask, family, sku).to_string()).collect();
    let uri = format!("/products/{}/skus?country={}", family.product(cloud.world.seed), ask.country);
    Ok(ask.answer(collection(&items.join(","), items.len(), &uri, None)))
}

pub(super) async fn sku(
    State(cloud): State<Arc<Cloud>>,
    Path((id, sku)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let ask = Ask::check(&cloud, &headers, query.as_deref())?;
    let family = family(&cloud, &id)?;
    let known = family.skus.iter().find(|known| known.eq_ignore_ascii_case(&sku));
    let known = known.ok_or_else(|| fault(404, "400018", "There is no such SKU.", &[]))?;
    Ok(ask.answer(sku_item(&cloud, &ask, family, known).to_string()))
}

fn family(cloud: &Cloud, id: &str) -> Result<&'static Family, Refusal> {
    let found = FAMILIES.iter().find(|family| family.product(cloud.world.seed).eq_ignore_ascii_case(id));
    found.ok_or_else(|| fault(404, "400013", "There is no such product.", &[]))
}

fn product_item(cloud: &Cloud, ask: &Ask, family: &Family) -> Value {
    let id = family.product(cloud.world.seed);
    let title = turn(&family.title, ask.locale as u64);
    let mut product_type = json!({ "id": family.product_type, "displayName": family.product_type });
    if let (false, Some(members)) = (family.sub_type.is_empty(), product_type.as_object_mut()) {
        members.insert("subType".into(), json!({ "id": family.sub_type, "displayName": family.sub_type }));
    }
    json!({
        "id": id,
        "title": title,
        "description": title,
        "productType": product_type,
        "isMicrosoftProduct": family.is_microsoft(),
        "publisherName": family.publisher,
        "links": {
            "skus": { "uri": format!("/products/{id}/skus?country={}", ask.country), "method": "GET", "headers": [] },
            "self": { "uri": format!("/products/{id}?country={}", ask.country), "method": "GET", "headers": [] }
        }
    })
}

fn sku_item(cloud: &Cloud, ask: &Ask, family: &Family, sku: &str) -> Value {
    let product = family.product(cloud.world.seed);
    let title = sku_title(family, sku, ask.locale);
    let uri = format!("/products/{product}/skus/{sku}");
    json!({
        "id": sku,
        "productId": product,
        "title": title,
        "description": title,
        "minimumQuantity": 1,
        "maximumQuantity": 300,
        "isTrial": sku == "000T",
        "supportedBillingCycles": ["annual", "monthly"],
        "purchasePrerequisites": ["MicrosoftCloudAgreement"],
        "inventoryVariables": [],
        "provisioningVariables": [],
        "actions": ["Refund"],
        "dynamicAttributes": { "isMicrosoftProduct": family.is_microsoft(), "isAddon": false, "internal": false },
        "links": {
            "availabilities": { "uri": format!("{uri}/availabilities?country={}", ask.country), "method": "GET", "headers": [] },
            "self": { "uri": format!("{uri}?country={}", ask.country), "method": "GET", "headers": [] }
        }
    })
}
