//! Graph exports of billing data: ordered, polled, and read from a manifest of blobs.
//!
//! ```text
//! POST export ──202──> GET operation ──running──┐
//!                          ▲  └──── wait ───────┘
//!                          ├─ succeeded, link ──> GET manifest ─> blobs, or the next invoice's export
//!                          ├─ succeeded, inline ───────────────> the same
//!                          └─ failed ─> no data: incomplete; anything else: one more export
//! ```
//!
//! All requests of one partition carry it, so it is complete when its last blob is. Requests for blobs name the state of
//! the data (the manifests' eTags): where that state was committed before, the host does not make them. The blobs go
//! without a token to the address the manifest gave; one that is refused (its signature has run out) is asked for once
//! more by the manifest read anew.

mod manifest;
mod phase;

use purser_plugin_sdk::crawl::{CallTarget, Incompleteness, Partition, Request, Response, Step, Target};
use purser_plugin_sdk::json;
use purser_plugin_sdk::pairs::{self, pair, pairs};
use purser_plugin_sdk::types::{Pair, Problem, RunContext};

use self::manifest::Manifest;
pub use self::phase::Phase;
use self::phase::{Order, Read, version};
use super::{asking, done, fault, gap, incomplete, patience};
use crate::manifest::calls;

/// Seconds between two looks at a running export where the vendor does not say.
const POLL_SECONDS: u32 = 20;
/// Looks at one export: hours, at the vendor's usual pace.
const POLLS: u32 = 720;
const NO_DATA: &str = "5000";

/// The calls that order a feed's exports.
pub struct Orders {
    pub unbilled: &'static str,
    pub billed: &'static str,
}

/// The export of what is unbilled, by the partition's currency and period.
pub fn unbilled(orders: &Orders, partition: Partition) -> Result<Request, Problem> {
    export(orders, partition, Order::default(), 1)
}

/// The exports of a month's invoices, into one partition.
pub fn billed(orders: &Orders, partition: Partition, mut invoices: Vec<String>) -> Result<Request, Problem> {
    let rest = invoices.split_off(invoices.len().min(1));
    let invoice = invoices.pop().ok_or_else(|| Problem::Bug("an export of no invoice".to_owned()))?;
    export(orders, partition, Order { invoice, rest, read: Vec::new() }, 1)
}

/// What follows depends on what was asked.
pub fn next(
    context: &RunContext,
    orders: &Orders,
    request: &Request,
    response: &Response,
    phase: Phase,
) -> Result<Step, Problem> {
    let is_ok = (200..300).contains(&response.status);
    match phase {
        Phase::Blob { .. } if is_ok => Ok(done()),
        Phase::Blob { .. } => refused_blob(context, request, response, phase),
        _ if !is_ok => fault::settle(context, response),
        Phase::Export { order, exports } => ordered(request, response, order, exports),
        Phase::Operation { order, exports, polls } => {
            match json::find_text(&response.envelope, "/status").to_ascii_lowercase().as_str() {
                "succeeded" | "completed" => succeeded(orders, request, &response.envelope, order),
                "failed" => failed(orders, request, &response.envelope, order, exports),
                status if polls >= POLLS => Ok(given_up(status)),
                // A state nobody has announced is waited out as well.
                _ => {
                    let phase = Phase::Operation { order, exports, polls: polls + 1 };
                    let delay = patience::asked_for(context, response).unwrap_or(POLL_SECONDS);
                    Ok(asking(vec![Request { delay, state: phase.write()?, ..request.clone() }]))
                }
            }
        }
        Phase::Manifest { order } => manifest_read(orders, request, &response.envelope, order),
        Phase::Again { only, etag } => read_again(request, &response.envelope, only.as_deref(), &etag),
        Phase::Invoices { .. } => Err(Problem::Bug("the list of invoices is no export".to_owned())),
    }
}

fn export(orders: &Orders, partition: Partition, order: Order, exports: u32) -> Result<Request, Problem> {
    let (name, body) = if order.invoice.is_empty() {
        let parameter = |name| pairs::get(&partition.parameters, name).unwrap_or_default();
        let body = serde_json::json!({
            "currencyCode": parameter("currency"), "billingPeriod": parameter("period"), "attributeSet": "full",
        });
        (orders.unbilled, body)
    } else {
        (orders.billed, serde_json::json!({ "invoiceId": order.invoice, "attributeSet": "full" }))
    };
    let mut request = call(name, Vec::new(), partition, &Phase::Export { order, exports })?;
    request.headers.push(pair("content-type", "application/json"));
    request.body = Some(body.to_string());
    Ok(request)
}

/// The order was taken: the operation is named by the Location, or by the body.
fn ordered(request: &Request, response: &Response, order: Order, exports: u32) -> Result<Step, Problem> {
    let location = pairs::get(&response.headers, "location").unwrap_or_default();
    let in_body = json::find_text(&response.envelope, "/id");
    let operation = last_segment(location).or(Some(&*in_body).filter(|id| !id.is_empty()));
    let Some(operation) = operation else {
        return Ok(incomplete("CSP-403 Microsoft took the export order without naming its operation"));
    };
    let phase = Phase::Operation { order, exports, polls: 1 };
    let mut poll = follow(request, calls::OPERATION, vec![pair("operation", operation)], &phase)?;
    poll.delay = seconds(response).unwrap_or(0);
    Ok(asking(vec![poll]))
}

fn given_up(status: &str) -> Step {
    match status {
        "running" | "notstarted" | "" => {
            incomplete("CSP-404 the export is still running · the next run orders it again")
        }
        status => incomplete(format!("CSP-404 the export is in the unknown state {status:?}")),
    }
}

/// The manifest comes inline, or by link. Of a link only the id is taken.
fn succeeded(orders: &Orders, request: &Request, operation: &str, order: Order) -> Result<Step, Problem> {
    if let Ok(Some(inline)) = json::find(operation, "/resourceLocation")
        && inline.starts_with('{')
    {
        return manifest_read(orders, request, inline, order);
    }
    let by_link = ["/resourceLocation@odata.navigationLink", "/resourceLocation"].into_iter();
    let link = by_link.map(|pointer| json::find_text(operation, pointer)).find(|link| !link.is_empty());
    match link.as_deref().and_then(last_segment) {
        Some(manifest) => Ok(asking(vec![manifest_of(request, manifest, &Phase::Manifest { order })?])),
        None => Ok(incomplete("CSP-406 the export has ended without a manifest")),
    }
}

/// "No data" is never taken for "complete and empty": what is stored stays.
fn failed(
    orders: &Orders,
    request: &Request,
    operation: &str,
    order: Order,
    exports: u32,
) -> Result<Step, Problem> {
    let code = json::find_text(operation, "/error/code");
    let words: String = json::find_text(operation, "/error/message").chars().take(160).collect();
    if code == NO_DATA {
        let what = "CSP-402 Microsoft has nothing to report for this currency and month yet";
        return Ok(gap(Incompleteness::Nothing(what.to_owned())));
    }
    if exports > 1 {
        return Ok(incomplete(format!("CSP-403 the export has failed (code {code}: {words})")));
    }
    let again = export(orders, partition_of(request)?, order, 2)?;
    Ok(asking(vec![Request { delay: POLL_SECONDS, ..again }]))
}

/// The manifest of the order's invoice: its blobs, where it is the only one; else the next invoice's turn, and behind the
/// last one all manifests once more, now that the state of the whole month is known.
fn manifest_read(orders: &Orders, request: &Request, text: &str, mut order: Order) -> Result<Step, Problem> {
    let manifest = match Manifest::read(text) {
        Ok(manifest) => manifest,
        Err(reason) => return Ok(incomplete(reason)),
    };
    let mut partition = partition_of(request)?;
    let read = Read { invoice: order.invoice, manifest: manifest.id.clone(), etag: manifest.etag.clone() };
    if order.rest.is_empty() && order.read.is_empty() {
        partition.version = version(&[read]);
        return blobs(&Request { partition: Some(partition), ..request.clone() }, &manifest, None);
    }
    order.read.push(read);
    if !order.rest.is_empty() {
        order.invoice = order.rest.remove(0);
        return Ok(asking(vec![export(orders, partition, order, 1)?]));
    }
    partition.version = version(&order.read);
    let whole = Request { partition: Some(partition), ..request.clone() };
    let again = order.read.iter().map(|read| {
        let phase = Phase::Again { only: None, etag: read.etag.clone() };
        manifest_of(&whole, &read.manifest, &phase)
    });
    Ok(asking(again.collect::<Result<_, _>>()?))
}

/// The manifest once more: its data must still be those that were seen the first time.
fn read_again(request: &Request, text: &str, only: Option<&str>, etag: &str) -> Result<Step, Problem> {
    match Manifest::read(text) {
        Ok(manifest) if manifest.etag != etag => {
            Ok(incomplete("CSP-408 the data changed while they were read · the next run reads them again"))
        }
        Ok(manifest) => blobs(request, &manifest, only),
        Err(reason) => Ok(incomplete(reason)),
    }
}

/// One request for each blob; with `only`, for the one whose address had run out.
fn blobs(request: &Request, manifest: &Manifest, only: Option<&str>) -> Result<Step, Problem> {
    let wanted = manifest.blobs.iter().filter(|name| only.is_none_or(|only| only == name.as_str()));
    let requests = wanted.map(|name| {
        let phase = Phase::Blob {
            manifest: manifest.id.clone(),
            etag: manifest.etag.clone(),
            name: name.clone(),
            is_second: only.is_some(),
        };
        manifest.download(request, name, &phase)
    });
    let requests: Vec<_> = requests.collect::<Result<_, _>>()?;
    if requests.is_empty() {
        return Ok(incomplete("CSP-406 the manifest no longer names a part of the export"));
    }
    Ok(asking(requests))
}

/// 401, 403 and 404 of the blob host mean an address that has run out. The blob host's word says nothing about the
/// account's grant.
fn refused_blob(
    context: &RunContext,
    request: &Request,
    response: &Response,
    blob: Phase,
) -> Result<Step, Problem> {
    let Phase::Blob { manifest, etag, name, is_second } = blob else {
        return Err(Problem::Bug("only a blob's answer is handled here".to_owned()));
    };
    match response.status {
        408 | 429 | 500..=599 => fault::settle(context, response),
        401 | 403 | 404 if !is_second => {
            let phase = Phase::Again { only: Some(name), etag };
            Ok(asking(vec![manifest_of(request, &manifest, &phase)?]))
        }
        status => {
            Ok(incomplete(format!("CSP-409 a part of the export could not be downloaded (status {status})")))
        }
    }
}

fn manifest_of(request: &Request, manifest: &str, phase: &Phase) -> Result<Request, Problem> {
    follow(request, calls::MANIFEST, vec![pair("manifest", manifest)], phase)
}

/// A request of the same partition.
fn follow(request: &Request, name: &str, path: Vec<Pair>, phase: &Phase) -> Result<Request, Problem> {
    call(name, path, partition_of(request)?, phase)
}

fn partition_of(request: &Request) -> Result<Partition, Problem> {
    let partition = request.partition.clone();
    partition.ok_or_else(|| Problem::Bug("a request of the export lost its partition".to_owned()))
}

fn call(name: &str, path: Vec<Pair>, partition: Partition, phase: &Phase) -> Result<Request, Problem> {
    Ok(Request {
        target: Target::Call(CallTarget { name: name.to_owned(), path, query: Vec::new() }),
        headers: pairs([("accept", "application/json")]),
        body: None,
        partition: Some(partition),
        keep: None,
        delay: 0,
        state: phase.write()?,
    })
}

fn seconds(response: &Response) -> Option<u32> {
    pairs::get(&response.headers, "retry-after")?.parse().ok()
}

/// `…/operations/6fe687d7` and `…/operations('6fe687d7')`, with or without a query.
fn last_segment(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?.trim_end_matches('/');
    let segment = path.rsplit('/').next()?;
    let id = match segment.split_once("('") {
        Some((_, quoted)) => quoted.trim_end_matches("')"),
        None => segment,
    };
    Some(id).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_from_the_ends_of_urls() {
        for url in
            ["https://x/v1.0/operations/6fe6", "https://x/operations/6fe6/?a=/b", "x/operations('6fe6')"]
        {
            assert_eq!(last_segment(url), Some("6fe6"), "{url}");
        }
        assert_eq!(last_segment(""), None);
    }
}
