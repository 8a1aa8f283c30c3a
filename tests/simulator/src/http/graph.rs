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
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, json_value, nested, with_header};
use super::blobs::{self, Dataset};
use super::gate;
use crate::calendar::{month, month_start};
use crate::cloud::{Cloud, lock};

const BILLING: &str = "/v1.0/reports/partners/billing";

pub(super) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/v1.0/reports/partners/billing/usage/unbilled/export", post(export))
        .route("/v1.0/reports/partners/billing/operations/{id}", get(operation))
        .route("/v1.0/reports/partners/billing/manifests/{id}", get(manifest))
}

/// An ordered export.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    dataset: Dataset,
    created: Timestamp,
    polls: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    currency_code: String,
    billing_period: String,
    attribute_set: Option<String>,
}

async fn export(State(cloud): State<Arc<Cloud>>, headers: HeaderMap, body: Bytes) -> Answer {
    gate::graph(&cloud, &headers)?;
    let order: Order = serde_json::from_slice(&body)
        .map_err(|_| nested(400, "BadRequest", "currencyCode and billingPeriod are required."))?;
    let dataset = dataset(&cloud, &order)?;
    let id = {
        let mut operations = lock(&cloud.operations);
        let before = operations.values().filter(|o| o.dataset == dataset).count() as u64;
        let id = cloud.world.seed.guid(&format!("operation {}", dataset.folder()), before);
        operations.insert(id.clone(), Operation { dataset, created: cloud.now(), polls: 0 });
        id
    };
    let location = format!("{}/graph{BILLING}/operations/{id}", cloud.base);
    Ok(with_header(StatusCode::ACCEPTED.into_response(), "Location", &location))
}

fn dataset(cloud: &Cloud, order: &Order) -> Result<Dataset, Refusal> {
    let today = cloud.today();
    let months = match order.billing_period.to_lowercase().as_str() {
        "current" => 0,
        "last" => -1,
        _ => return Err(nested(400, "BadRequest", "billingPeriod is current or last.")),
    };
    let full = match order.attribute_set.as_deref().unwrap_or("full") {
        "full" => true,
        "basic" => false,
        _ => return Err(nested(400, "BadRequest", "attributeSet is full or basic.")),
    };
    Ok(Dataset {
        currency: order.currency_code.to_uppercase(),
        month: month(month_start(today, months)),
        today,
        full,
        late: cloud.fault(|f| f.late_usage),
        empty: cloud.fault(|f| f.vanish_all),
    })
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
    let nothing = cloud.fault(|f| f.no_data)
        || (!operation.dataset.empty && operation.dataset.lines(&cloud.world) == 0);
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

/// Data does not change within a day, and neither does its eTag.
fn manifest_of(cloud: &Cloud, id: &str, operation: &Operation) -> Value {
    let dataset = &operation.dataset;
    let names: Vec<_> =
        (0..dataset.blobs(&cloud.world)).map(|part| dataset.blob_name(&cloud.world, part)).collect();
    let blobs: Vec<_> =
        names.iter().map(|name| json!({ "name": name, "partitionValue": "default" })).collect();
    let until = cloud.now() + SignedDuration::from_hours(12);
    json!({
        "id": id,
        "schemaVersion": if dataset.is_euro() { json!("1") } else { json!(1) },
        "dataFormat": if dataset.is_euro() { "compressedJSON" } else { "compressedJSONLines" },
        "createdDateTime": operation.created.strftime("%Y-%m-%dT%H:%M:%S.87Z").to_string(),
        "eTag": dataset.etag(&cloud.world),
        "partnerTenantId": cloud.world.tenant,
        "rootDirectory": format!("{}/blobs/{}", cloud.base, dataset.folder()),
        "sasToken": blobs::sas_token(&cloud.world, &dataset.folder(), until.as_second()),
        "partitionType": "Default",
        "blobCount": names.len(),
        "blobs": blobs,
    })
}
