//! Everything on one listener: `/entra`, `/partner-center`, `/graph`, `/blobs` and `/_simulator`.
//!
//! The outermost layer logs, waits the configured latency and lets the fault rules act; so a fault can hit any path.

pub(crate) mod answer;
pub(crate) mod blobs;
pub(crate) mod catalogue;
pub(crate) mod control;
pub(crate) mod exports;
pub(crate) mod gate;
pub(crate) mod graph;
pub(crate) mod inject;
pub(crate) mod invoices;
pub(crate) mod partner_center;
pub(crate) mod ratecard;
pub(crate) mod subscriptions;
mod surgery;
pub(crate) mod utilization;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;

use crate::cloud::{Cloud, RequestLogEntry};
use crate::entra;

/// All routes of the cloud.
pub(crate) fn router(cloud: Arc<Cloud>) -> Router {
    Router::new()
        .nest("/entra", entra::routes())
        .nest("/partner-center", partner_center::routes())
        .nest("/graph", graph::routes())
        .route("/blobs/{*path}", get(blobs::download))
        .nest("/_simulator", control::routes())
        .layer(middleware::from_fn_with_state(Arc::clone(&cloud), around))
        .with_state(cloud)
}

async fn around(State(cloud): State<Arc<Cloud>>, request: Request, next: Next) -> Response {
    let method = request.method().as_str().to_owned();
    let path_and_query = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    if path_and_query.starts_with("/_simulator") {
        return next.run(request).await;
    }
    if !cloud.config.latency.is_zero() {
        tokio::time::sleep(cloud.config.latency).await;
    }
    let response = match cloud.rule_for(&method, &path_and_query) {
        Some(rule) => inject::act(&cloud, rule.action, request, next).await,
        None => next.run(request).await,
    };
    let (status, at) = (response.status().as_u16(), cloud.now());
    tracing::debug!(%method, path = path_and_query.split('?').next().unwrap_or(""), status, "simulator answered");
    cloud.record(RequestLogEntry { method, path_and_query, status, at });
    response
}
