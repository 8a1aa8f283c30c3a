//! Rate cards: meters with their tiers, in the language of `X-Locale`.
//!
//! The language comes from `X-Locale` only. Without `currency` and `region` it decides these too, which is why clients
//! should always send all three. An unknown language is answered in English, and the answer says so.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::json;

use super::answer::{Answer, fault, header_text, json_body, query_of, value_of};
use super::gate::{self, Need};
use crate::amount::Amount;
use crate::cloud::Cloud;
use crate::world::World;
use crate::world::meters::{LOCALES, Meter, in_euro};

/// What an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Card {
    /// Position in [`LOCALES`].
    locale: usize,
    euro: bool,
    empty: bool,
}

pub(super) async fn azure(
    State(cloud): State<Arc<Cloud>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    gate::partner_center(&cloud, &headers, Need::Prices)?;
    let asked = header_text(&headers, "x-locale");
    let locale = LOCALES.iter().position(|l| l.eq_ignore_ascii_case(asked)).unwrap_or(0);
    let query = query_of(query.as_deref());
    let home = if locale == 0 { "USD" } else { "EUR" };
    let currency = value_of(&query, "currency").unwrap_or(home);
    let region = value_of(&query, "region");
    if value_of(&query, "currency").is_some() && region.is_none() {
        return Err(fault(400, "3000", "A currency needs a region.", &["region"]));
    }
    let euro = match currency.to_uppercase().as_str() {
        "EUR" => true,
        "USD" => false,
        _ => {
            return Err(fault(
                400,
                "3000",
                "There are no prices in this currency and region.",
                &["currency"],
            ));
        }
    };
    let card = Card { locale, euro, empty: cloud.fault(|f| f.vanish_all) };
    Ok(json_body(cloud.bodies.get(format!("rate card|{card:?}"), || body(&cloud.world, card))))
}

fn body(world: &World, card: Card) -> Bytes {
    let mut text = format!(
        "{{\"locale\":\"{}\",\"currency\":\"{}\",\"{}\":false,\"meters\":[",
        LOCALES.get(card.locale).unwrap_or(&"en-US"),
        if card.euro { "EUR" } else { "USD" },
        if card.locale == 2 { "taxIncluded" } else { "isTaxIncluded" },
    );
    let meters = world.meters.iter().filter(|m| m.in_rate_card(card.locale) && !card.empty);
    for (position, meter) in meters.enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_meter(&mut text, meter, card);
    }
    let terms = if card.locale == 3 {
        json!(null)
    } else {
        let excluded: Vec<_> = world.meters.iter().skip(2).step_by(17).map(|m| m.id.to_uppercase()).collect();
        json!([{ "name": "Simulated volume discount", "discount": 0.15, "excludedMeterIds": excluded, "effectiveDate": "2014-01-01T00:00:00" }])
    };
    write!(text, "],\"offerTerms\":{terms},\"attributes\":{{\"objectType\":\"AzureRateCard\"}}}}")
        .unwrap_or_default();
    Bytes::from(text)
}

fn write_meter(text: &mut String, meter: &Meter, card: Card) {
    let words = meter.text(card.locale);
    let id = if meter.index % 10 == 8 { meter.id.to_uppercase() } else { meter.id.clone() };
    let head = json!({
        "id": id, "name": words.name, "category": words.category, "subcategory": words.subcategory,
        "region": words.region, "unit": words.unit,
        "tags": if meter.index % 13 == 9 { json!(["Third Party"]) } else { json!([]) },
        "includedQuantity": 0,
        "effectiveDate": if meter.index % 8 == 1 { "0001-01-01T00:00:00Z" } else { "2024-02-01T00:00:00Z" },
    });
    let head = head
        .to_string()
        .replace("\"includedQuantity\":0", &format!("\"includedQuantity\":{}", meter.included));
    text.push_str(head.trim_end_matches('}'));
    // Tiers are listed from the highest bound down now and then: their order means nothing.
    let mut rates: Vec<_> =
        meter.rates.iter().map(|(bound, rate)| format!("\"{bound}\":{}", priced(*rate, card))).collect();
    if meter.index % 2 == 1 {
        rates.reverse();
    }
    write!(text, ",\"rates\":{{{}}}}}", rates.join(",")).unwrap_or_default();
}

fn priced(rate: Amount, card: Card) -> Amount {
    if card.euro { in_euro(rate) } else { rate }
}
