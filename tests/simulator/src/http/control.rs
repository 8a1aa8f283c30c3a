//! `/_simulator`: what another process may ask of the simulator itself. Not part of the vendor's protocols, not logged,
//! and no fault acts on it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use jiff::civil::Date;

use super::answer::{body_of, query_of, value_of};
use crate::billing::ledger::BillingLedger;
use crate::billing::legacy::LegacyDay;
use crate::cloud::{Cloud, RequestLogEntry};
use crate::faults::Faults;
use crate::ledger::Ledger;

pub(super) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/requests", get(requests))
        .route("/ledger", get(ledger))
        .route("/billing", get(billing))
        .route("/legacy", get(legacy))
        .route("/faults", put(set_faults).get(faults))
}

async fn requests(State(cloud): State<Arc<Cloud>>) -> Json<Vec<RequestLogEntry>> {
    Json(cloud.requests())
}

async fn ledger(State(cloud): State<Arc<Cloud>>) -> Json<Ledger> {
    Json(cloud.ledger())
}

/// `?day=2026-11-30`: as of the end of that day; without it of today.
async fn billing(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Json<BillingLedger> {
    let query = query_of(query.as_deref());
    Json(cloud.billing_ledger(day_of(&cloud, &query)))
}

/// `?day=2026-11-30&currency=EUR`: both may be left out.
async fn legacy(State(cloud): State<Arc<Cloud>>, RawQuery(query): RawQuery) -> Json<Vec<LegacyDay>> {
    let query = query_of(query.as_deref());
    Json(cloud.legacy_days(day_of(&cloud, &query), value_of(&query, "currency").unwrap_or("EUR")))
}

fn day_of(cloud: &Cloud, query: &[(String, String)]) -> Date {
    value_of(query, "day").and_then(|day| day.parse().ok()).unwrap_or_else(|| cloud.today())
}

async fn faults(State(cloud): State<Arc<Cloud>>) -> Json<Faults> {
    Json(cloud.faults())
}

/// TOML or JSON; an unknown key is 400 with the known ones.
async fn set_faults(State(cloud): State<Arc<Cloud>>, text: String) -> Response {
    match Faults::parse(&text) {
        Ok(faults) => {
            cloud.set_faults(faults);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => body_of(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", error.to_string().into()),
    }
}
