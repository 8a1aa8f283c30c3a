//! Graph's partner billing: an export is ordered, polled, and read from a manifest of compressed blobs.
//!
//! Euro exports end as `succeeded` with a *link* to the manifest (`compressedJSON`, two blobs), all others as `completed`
//! with the manifest *inline* (`compressedJSONLines`): the vendor's documents and samples disagree in just this.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, json_value, nested, with_header};
use super::blobs;
use super::exports::{Dataset, What};
use super::gate;
use crate::cloud::{Cloud, lock};

const BILLING: &str = "/v1.0/reports/partners/billing";

pub(super) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/v1.0/reports/partners/billing/usage/unbilled/export", post(unbilled_usage))
        .route("/v1.0/reports/partners/billing/usage/billed/export", post(billed_usage))
        .route("/v1.0/reports/partners/billing/reconciliation/unbilled/export", post(unbilled_reconciliation))
        .route("/v1.0/reports/partners/billing/reconciliation/billed/export", post(billed_reconciliation))
        .route("/v1.0/reports/partners/billing/operations/{id}", get(operation))
        .route("/v1.0/reports/partners/billing/manifests/{id}", get(manifest))
}

/// An ordered export.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    dataset: Dataset,
    folder: String,
    created: Timestamp,
    polls: u32,
}

async fn unbilled_usage(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Answer {
    gate::graph(&cloud, &headers)?;
    order(&cloud, Dataset::unbilled(&cloud, What::Usage, &body))
}

async fn billed_usage(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Answer {
    gate::graph(&cloud, &headers)?;
    order(&cloud, Dataset::billed(&cloud, What::Usage, &body))
}

async fn unbilled_reconciliation(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Answer {
    gate::graph(&cloud, &headers)?;
    order(&cloud, Dataset::unbilled(&cloud, What::Reconciliation, &body))
}

async fn billed_reconciliation(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Answer {
    gate::graph(&cloud, &headers)?;
    order(&cloud, Dataset::billed(&cloud, What::Reconciliation, &body))
}

fn order(cloud: &Cloud, dataset: Result<Dataset, Refusal>) -> Answer {
    let dataset = dataset?;
    let id = {
        let mut operations = lock(&cloud.operations);
        let folder = dataset.folder();
        let before = operations.values().filter(|o| o.folder == folder).count() as u64;
        let id = cloud.world.seed.guid(&format!("operation {folder}"), before);
        operations.insert(id.clone(), Operation { dataset, folder, created: cloud.now(), polls: 0 });
        id
    };
    let location = format!("{}/graph{BILLING}/operations/{id}", cloud.base);
    Ok(with_header(StatusCode::ACCEPTED.into_response(), "Location", &location))
}

async fn operation(State(cloud): State<Arc<Cloud>>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    gate::graph(&cloud, &headers)?;
    let operation = {
        let mut operations = lock(&cloud.operations);
        let operation =
            operations.get_mut(&id).ok_or_else(|| nested(404, "NotFound", "There is no such operation."))?;
        operation.polls += 1;
        operation.clone()
    };
    let wanted = if operation.dataset.is_euro() { 2 } else { 1 };
    if operation.polls <= wanted {
        return Ok(waiting(&id, &operation));
    }
    let dataset = &operation.dataset;
    let nothing = cloud.fault(|f| f.no_data)
        || dataset.closed
        || (!dataset.empty && blobs::lines(&cloud, dataset) == 0);
    Ok(if nothing { failed(&id, &operation) } else { succeeded(&cloud, &id, &operation) })
}

fn state(id: &str, operation: &Operation, kind: &str, status: &str) -> Value {
    json!({
        "@odata.type": format!("#microsoft.graph.partners.billing.{kind}"),
        "id": id,
        "status": status,
        "createdDateTime": operation.created.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        "lastActionDateTime": operation.created.strftime("%Y-%m-%dT%H:%M:%S.4046691Z").to_string(),
    })
}

fn waiting(id: &str, operation: &Operation) -> Response {
    let (kind, status) = match (operation.polls, operation.dataset.is_euro()) {
        (1, true) => ("operation", "notStarted"),
        _ => ("runningOperation", "running"),
    };
    with_header(json_value(200, &state(id, operation, kind, status)), "Retry-After", "0")
}

fn failed(id: &str, operation: &Operation) -> Response {
    let mut body = state(id, operation, "failedOperation", "failed");
    if let Some(members) = body.as_object_mut() {
        members.insert("error".into(), json!({ "message": "No data available", "code": "5000" }));
    }
    json_value(200, &body)
}

fn succeeded(cloud: &Cloud, id: &str, operation: &Operation) -> Response {
    let euro = operation.dataset.is_euro();
    let mut body =
        state(id, operation, "exportSuccessOperation", if euro { "succeeded" } else { "completed" });
    if let Some(members) = body.as_object_mut() {
        if euro {
            let link = format!("{}/graph{BILLING}/manifests/{id}", cloud.base);
            members.insert("resourceLocation@odata.navigationLink".into(), json!(link));
        } else {
            members.insert("resourceLocation".into(), manifest_of(cloud, id, operation));
        }
    }
    json_value(200, &body)
}

async fn manifest(State(cloud): State<Arc<Cloud>>, Path(id): Path<String>, headers: HeaderMap) -> Answer {
    gate::graph(&cloud, &headers)?;
    let operation = lock(&cloud.operations).get(&id).cloned();
    let operation = operation.ok_or_else(|| nested(404, "NotFound", "There is no such manifest."))?;
    Ok(json_value(200, &manifest_of(&cloud, &id, &operation)))
}

/// The eTag changes with the data only.
fn manifest_of(cloud: &Cloud, id: &str, operation: &Operation) -> Value {
    let dataset = &operation.dataset;
    let names: Vec<_> =
        (0..blobs::count(cloud, dataset)).map(|part| blobs::name(&cloud.world, dataset, part)).collect();
    let blobs: Vec<_> =
        names.iter().map(|name| json!({ "name": name, "partitionValue": "default" })).collect();
    let until = cloud.now() + SignedDuration::from_hours(12);
    json!({
        "id": id,
        "schemaVersion": if dataset.is_euro() { json!("1") } else { json!(1) },
        "dataFormat": if dataset.is_euro() { "compressedJSON" } else { "compressedJSONLines" },
        "createdDateTime": operation.created.strftime("%Y-%m-%dT%H:%M:%S.87Z").to_string(),
        "eTag": blobs::etag(cloud, dataset),
        "partnerTenantId": cloud.world.tenant,
        "rootDirectory": format!("{}/blobs/{}", cloud.base, operation.folder),
        "sasToken": blobs::sas_token(&cloud.world, &operation.folder, until.as_second()),
        "partitionType": "Default",
        "blobCount": names.len(),
        "blobs": blobs,
    })
}
