//! The blobs of an export: gzip, one JSON object a line, read with a signature in the URL and no `Authorization` header.
//!
//! **Invariant:** a blob's path names everything its bytes depend on (currency, month, day of the data, attribute set),
//! so the same path always gives the same bytes, also tomorrow.

use std::io::Write;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer::{Answer, Refusal, body_of, query_of, value_of};
use super::exports::{Dataset, What};
use crate::billing::charge::Charge;
use crate::billing::charge_json;
use crate::calendar::month_start;
use crate::cloud::Cloud;
use crate::rated;
use crate::rated_json::LineWriter;
use crate::world::{Customer, Kind, Subscription, World};

/// Lines of a blob, about.
const LINES_OF_A_BLOB: u64 = 20_000;

/// How many lines there are; of usage an upper bound, exact when 0.
pub(crate) fn lines(cloud: &Cloud, dataset: &Dataset) -> u64 {
    let world = &cloud.world;
    if dataset.empty {
        return 0;
    }
    if dataset.what == What::Reconciliation {
        return charges(cloud, dataset).len() as u64;
    }
    if dataset.invoice.as_ref().is_some_and(|invoice| invoice.amends.is_some()) {
        return 0;
    }
    let days = rated::usage_days(world, dataset.scope.as_of);
    let days = days.filter(|day| month_start(*day, 0) == dataset.scope.month).count() as u64;
    days * plans(world, dataset).count() as u64 * world.rated_records
}

/// How many blobs: at least two of euro data.
pub(crate) fn count(cloud: &Cloud, dataset: &Dataset) -> u64 {
    lines(cloud, dataset).div_ceil(LINES_OF_A_BLOB).max(if dataset.is_euro() { 2 } else { 1 })
}

pub(crate) fn name(world: &World, dataset: &Dataset, part: u64) -> String {
    format!("part-{part:05}-{}.c000.json.gz", world.seed.guid(&format!("blob {}", dataset.folder()), part))
}

/// Of usage, of which every day brings new lines, the day decides; of charges their text.
pub(crate) fn etag(cloud: &Cloud, dataset: &Dataset) -> String {
    let label = match dataset.what {
        What::Usage => format!("etag {}", dataset.folder()),
        What::Reconciliation => {
            let charges = charges(cloud, dataset);
            let charges: &[Charge] = if dataset.empty { &[] } else { &charges };
            charge_text(&cloud.world, dataset, charges.iter())
        }
    };
    cloud.world.seed.hex(&label, 0).split_off(47)
}

fn charges(cloud: &Cloud, dataset: &Dataset) -> Arc<Vec<Charge>> {
    match &dataset.invoice {
        Some(invoice) => cloud.books.of_invoice(&cloud.world, invoice, dataset.scope.late),
        None => cloud.books.charges(&cloud.world, &dataset.scope),
    }
}

fn plans<'a>(
    world: &'a World,
    dataset: &'a Dataset,
) -> impl Iterator<Item = (&'a Customer, &'a Subscription)> {
    let mine = |(c, s): &(&Customer, &Subscription)| {
        c.currency == dataset.scope.currency && matches!(s.kind, Kind::Plan)
    };
    world.subscriptions().filter(mine)
}

/// The lines of one blob: plans, or charges, are dealt out to blobs in turn.
fn blob(cloud: &Cloud, dataset: &Dataset, part: u64) -> std::io::Result<Bytes> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let (part, blobs) = (part as usize, count(cloud, dataset) as usize);
    match dataset.what {
        _ if dataset.empty => {}
        What::Reconciliation => {
            let charges = charges(cloud, dataset);
            let mine = charges.iter().skip(part).step_by(blobs);
            gzip.write_all(charge_text(&cloud.world, dataset, mine).as_bytes())?;
        }
        What::Usage => {
            let invoice = number(dataset);
            let writer =
                LineWriter { world: &cloud.world, altered: cloud.altered, full: dataset.full, invoice };
            let mut text = String::new();
            for (customer, plan) in plans(&cloud.world, dataset).skip(part).step_by(blobs) {
                for line in rated::lines_of_month(&cloud.world, customer, plan, &dataset.scope) {
                    text.clear();
                    writer.write(&mut text, customer, plan, &line);
                    gzip.write_all(text.as_bytes())?;
                }
            }
        }
    }
    gzip.finish().map(Bytes::from)
}

fn charge_text<'a>(world: &World, dataset: &Dataset, charges: impl Iterator<Item = &'a Charge>) -> String {
    let mut text = String::new();
    charges.for_each(|charge| charge_json::write(&mut text, world, charge, number(dataset)));
    text
}

/// Number of the invoice; empty where nothing is billed yet.
fn number(dataset: &Dataset) -> &str {
    dataset.invoice.as_ref().map_or("", |invoice| &invoice.id)
}

/// A signed token for everything under a folder, without a `?`.
pub(crate) fn sas_token(world: &World, folder: &str, until: i64) -> String {
    format!("sv=2021-08-06&se={until}&sr=d&sp=rl&sdd=5&sig={}", signature(world, folder, until))
}

fn signature(world: &World, folder: &str, until: i64) -> String {
    world.seed.hex(&format!("signature {folder}"), u64::try_from(until).unwrap_or(0))
}

pub(super) async fn download(
    State(cloud): State<Arc<Cloud>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    if headers.contains_key("authorization") {
        let message = "Authentication information is not given in the correct format.";
        return Err(refused(StatusCode::BAD_REQUEST, "InvalidAuthenticationInfo", message));
    }
    let missing = || refused(StatusCode::NOT_FOUND, "BlobNotFound", "There is no such blob.");
    let (folder, name) = path.rsplit_once('/').ok_or_else(missing)?;
    let query = query_of(query.as_deref());
    let until: i64 = value_of(&query, "se").and_then(|se| se.parse().ok()).unwrap_or(0);
    let signed = value_of(&query, "sig") == Some(signature(&cloud.world, folder, until).as_str());
    if !signed || until < cloud.now().as_second() {
        let message = "The signature did not match, or has expired.";
        return Err(refused(StatusCode::FORBIDDEN, "AuthenticationFailed", message));
    }
    let dataset = Dataset::parse(&cloud.world, cloud.today(), folder).ok_or_else(missing)?;
    let part = (0..count(&cloud, &dataset)).find(|part| self::name(&cloud.world, &dataset, *part) == name);
    let part = part.ok_or_else(missing)?;
    let body = tokio::task::spawn_blocking(move || {
        let key = format!("blob|{path}");
        cloud.bodies.get(key, || blob(&cloud, &dataset, part).unwrap_or_default())
    });
    let body =
        body.await.map_err(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "No blob."))?;
    Ok(body_of(StatusCode::OK, "application/octet-stream", body))
}

fn refused(status: StatusCode, code: &str, message: &str) -> Refusal {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    body_of(status, "application/xml", Bytes::from(xml)).into()
}
