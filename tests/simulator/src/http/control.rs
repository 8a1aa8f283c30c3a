//! `/_simulator`: what another process may ask of the simulator itself. Not part of the vendor's protocols, not logged,
//! and no fault acts on it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};

use super::answer::body_of;
use crate::cloud::{Cloud, RequestLogEntry};
use crate::faults::Faults;
use crate::ledger::Ledger;

pub(super) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/requests", get(requests))
        .route("/ledger", get(ledger))
        .route("/faults", put(set_faults).get(faults))
}

async fn requests(State(cloud): State<Arc<Cloud>>) -> Json<Vec<RequestLogEntry>> {
    Json(cloud.requests())
}

async fn ledger(State(cloud): State<Arc<Cloud>>) -> Json<Ledger> {
    Json(cloud.ledger())
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
