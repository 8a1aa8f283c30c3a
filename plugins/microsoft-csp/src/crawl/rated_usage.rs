//! The Graph export of unbilled daily rated usage: ordered, polled, and read from a manifest of blobs.
//!
//! ```text
//! POST export ──202──> GET operation ──running──┐
//!                          ▲  └──── wait ───────┘
//!                          ├─ succeeded, link ──> GET manifest ─> blobs
//!                          ├─ succeeded, inline ───────────────> blobs
//!                          └─ failed ─> no data: incomplete; anything else: one more export
//! ```
//!
//! All requests of one currency and month carry the same partition, so it is complete when its last blob is. The blobs
//! go without a token to the address the manifest gave; one that is refused (its signature has run out) is asked for
//! once more by the manifest read anew.

mod manifest;
mod phase;

use purser_plugin_sdk::crawl::{CallTarget, Partition, Request, Response, Step, Target};
use purser_plugin_sdk::date;
use purser_plugin_sdk::json;
use purser_plugin_sdk::pairs::{self, pair, pairs};
use purser_plugin_sdk::types::{Problem, RunContext};

use self::manifest::Manifest;
use self::phase::Phase;
use super::{asking, done, fault, incomplete, patience};
use crate::manifest::{calls, clouds};
use crate::settings::Settings;

/// Seconds between two looks at a running export where the vendor does not say.
const POLL_SECONDS: u32 = 20;
/// Looks at one export: hours, at the vendor's usual pace.
const POLLS: u32 = 720;
/// The invoice of a month is out by then, and billed data take over.
const LAST_PERIOD_UNTIL_DAY: i8 = 10;
const NO_DATA: &str = "5000";

/// Exports exist in the global cloud only.
pub fn start(context: &RunContext) -> Result<Step, Problem> {
    if context.cloud != clouds::GLOBAL {
        return Ok(done());
    }
    let settings = Settings::read(&context.settings)?;
    let periods = periods(&context.as_of, settings.last_period).map_err(Problem::Bug)?;
    let requests = settings.currencies.iter().flat_map(|currency| {
        periods.iter().map(move |(period, month)| {
            let parameters = pairs([("currency", currency.as_str()), ("month", month), ("period", period)]);
            export(Partition {
                key: format!("{currency}/{month}/unbilled"),
                month: month.clone(),
                currency: currency.clone(),
                stage: 0,
                parameters,
            })
        })
    });
    Ok(asking(requests.collect()))
}

/// What follows depends on what was asked: the phase the request carries.
pub fn next(context: &RunContext, request: &Request, response: &Response) -> Result<Step, Problem> {
    let phase = Phase::read(&request.state)?;
    let is_ok = (200..300).contains(&response.status);
    match phase {
        Phase::Blob { .. } if is_ok => Ok(done()),
        Phase::Blob { .. } => refused_blob(context, request, response, phase),
        _ if !is_ok => fault::settle(context, response),
        Phase::Export { exports } => ordered(request, response, exports),
        Phase::Operation { exports, polls } => polled(context, request, response, exports, polls),
        Phase::Manifest { only, etag } => {
            blobs(request, &response.envelope, only.as_deref(), etag.as_deref())
        }
    }
}

/// The vendor's word for a month, and the month: by UTC, as the vendor counts.
fn periods(as_of: &str, with_last: bool) -> Result<Vec<(&'static str, String)>, String> {
    let today = date::civil(as_of.get(..10).unwrap_or_default())?;
    let month = |date: jiff::civil::Date| format!("{:04}-{:02}", date.year(), date.month());
    let mut periods = vec![("current", month(today))];
    if with_last && today.day() <= LAST_PERIOD_UNTIL_DAY {
        let last = today.first_of_month().yesterday().map_err(|error| error.to_string())?;
        periods.push(("last", month(last)));
    }
    Ok(periods)
}

fn export(partition: Partition) -> Request {
    let parameter = |name: &str| pairs::get(&partition.parameters, name).unwrap_or_default().to_owned();
    let body = serde_json::json!({
        "currencyCode": parameter("currency"),
        "billingPeriod": parameter("period"),
        "attributeSet": "full",
    });
    let mut request = call(calls::EXPORT, Vec::new(), partition, &Phase::Export { exports: 1 });
    request.headers.push(pair("content-type", "application/json"));
    request.body = Some(body.to_string());
    request
}

/// The order was taken: the operation is named by the Location, or by the body.
fn ordered(request: &Request, response: &Response, exports: u32) -> Result<Step, Problem> {
    let location = pairs::get(&response.headers, "location").unwrap_or_default();
    let in_body = json::find_text(&response.envelope, "/id");
    let operation = last_segment(location).or(Some(&*in_body).filter(|id| !id.is_empty()));
    let Some(operation) = operation else {
        return Ok(incomplete("CSP-403 Microsoft took the export order without naming its operation"));
    };
    let path = vec![pair("operation", operation)];
    let phase = Phase::Operation { exports, polls: 1 };
    let mut poll = follow(request, calls::OPERATION, path, &phase)?;
    poll.delay = seconds(response).unwrap_or(0);
    Ok(asking(vec![poll]))
}

fn polled(
    context: &RunContext,
    request: &Request,
    response: &Response,
    exports: u32,
    polls: u32,
) -> Result<Step, Problem> {
    let status = json::find_text(&response.envelope, "/status").to_ascii_lowercase();
    match status.as_str() {
        "succeeded" | "completed" => succeeded(request, &response.envelope),
        "failed" => failed(request, &response.envelope, exports),
        "running" | "notstarted" | "" if polls >= POLLS => {
            Ok(incomplete("CSP-404 the export is still running · the next run orders it again"))
        }
        // A state nobody has announced is waited out as well.
        _ if polls >= POLLS => {
            Ok(incomplete(format!("CSP-404 the export is in the unknown state {status:?}")))
        }
        _ => {
            let mut poll = request.clone();
            poll.delay = patience::asked_for(context, response).unwrap_or(POLL_SECONDS);
            poll.state = Phase::Operation { exports, polls: polls + 1 }.write()?;
            Ok(asking(vec![poll]))
        }
    }
}

/// The manifest comes inline, or by link. Of a link only the id is taken.
fn succeeded(request: &Request, operation: &str) -> Result<Step, Problem> {
    if let Ok(Some(inline)) = json::find(operation, "/resourceLocation")
        && inline.starts_with('{')
    {
        return blobs(request, inline, None, None);
    }
    let by_link = ["/resourceLocation@odata.navigationLink", "/resourceLocation"].into_iter();
    let link = by_link.map(|pointer| json::find_text(operation, pointer)).find(|link| !link.is_empty());
    match link.as_deref().and_then(last_segment) {
        Some(manifest) => {
            let phase = Phase::Manifest { only: None, etag: None };
            Ok(asking(vec![follow(request, calls::MANIFEST, vec![pair("manifest", manifest)], &phase)?]))
        }
        None => Ok(incomplete("CSP-406 the export has ended without a manifest")),
    }
}

/// "No data" is never taken for "complete and empty": what is stored stays.
fn failed(request: &Request, operation: &str, exports: u32) -> Result<Step, Problem> {
    let code = json::find_text(operation, "/error/code");
    let words: String = json::find_text(operation, "/error/message").chars().take(160).collect();
    if code == NO_DATA {
        return Ok(incomplete("CSP-402 Microsoft has no usage to report for this currency and month yet"));
    }
    match request.partition.clone() {
        Some(partition) if exports == 1 => {
            let mut again = export(partition);
            again.state = Phase::Export { exports: 2 }.write()?;
            again.delay = POLL_SECONDS;
            Ok(asking(vec![again]))
        }
        _ => Ok(incomplete(format!("CSP-403 the export has failed (code {code}: {words})"))),
    }
}

/// One request for each blob; with `only`, for the one whose address had run out.
fn blobs(request: &Request, manifest: &str, only: Option<&str>, etag: Option<&str>) -> Result<Step, Problem> {
    let manifest = match Manifest::read(manifest) {
        Ok(manifest) => manifest,
        Err(reason) => return Ok(incomplete(reason)),
    };
    if etag.is_some_and(|etag| etag != manifest.etag) {
        return Ok(incomplete(
            "CSP-408 the data changed while they were read · the next run reads them again",
        ));
    }
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
            let phase = Phase::Manifest { only: Some(name), etag: Some(etag) };
            Ok(asking(vec![follow(request, calls::MANIFEST, vec![pair("manifest", manifest)], &phase)?]))
        }
        status => {
            Ok(incomplete(format!("CSP-409 a part of the export could not be downloaded (status {status})")))
        }
    }
}

/// A request of the same partition.
fn follow(
    request: &Request,
    name: &str,
    path: Vec<purser_plugin_sdk::types::Pair>,
    phase: &Phase,
) -> Result<Request, Problem> {
    let partition = request.partition.clone();
    let partition =
        partition.ok_or_else(|| Problem::Bug("a request of the export lost its partition".to_owned()))?;
    Ok(call(name, path, partition, phase))
}

fn call(
    name: &str,
    path: Vec<purser_plugin_sdk::types::Pair>,
    partition: Partition,
    phase: &Phase,
) -> Request {
    Request {
        target: Target::Call(CallTarget { name: name.to_owned(), path, query: Vec::new() }),
        headers: pairs([("accept", "application/json")]),
        body: None,
        partition: Some(partition),
        keep: None,
        delay: 0,
        state: phase.write().unwrap_or_default(),
    }
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
    fn the_last_period_is_read_until_the_tenth() {
        let months = |as_of: &str| periods(as_of, true).unwrap();
        assert_eq!(
            months("2026-01-10T18:00:00Z"),
            [("current", "2026-01".into()), ("last", "2025-12".into())]
        );
        assert_eq!(months("2026-01-11T18:00:00Z"), [("current", "2026-01".into())]);
        assert_eq!(periods("2026-01-01T00:00:00Z", false).unwrap(), [("current", "2026-01".into())]);
    }

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
