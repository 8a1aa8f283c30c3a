//! `GET /v1/invoices`: what has been billed. Kept as facts here; the month-wise feeds read the same list for themselves.
//!
//! Paged by offset, which the vendor honours for older documents only: a page that brings nothing new is the last.

use purser_plugin_sdk::crawl::{CallTarget, Request, Response, Step, Target};
use purser_plugin_sdk::json;
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::pairs::{self, pair, pairs};
use purser_plugin_sdk::types::{Problem, RunContext};

use super::billing::months;
use super::{asking, done, incomplete, partition};
use crate::manifest::calls;

const PAGE_SIZE: u32 = 200;

pub fn start(context: &RunContext) -> Result<Step, Problem> {
    let since = months::first_day_asked(context).map_err(Problem::Bug)?;
    let partition = partition("invoices".into(), Vec::new());
    let keep = Some(Framing::JsonItems("/items".into()));
    Ok(asking(vec![Request { partition: Some(partition), keep, ..list(&since) }]))
}

pub fn next(request: &Request, response: &Response) -> Step {
    match following(request, &response.envelope, response.kept) {
        Following::Request(request) => asking(vec![*request]),
        Following::End => done(),
        Following::Broken => incomplete(
            "CSP-405 Microsoft announced a further page of invoices without saying how to ask for it",
        ),
    }
}

/// The first page of all documents dated on a day or later.
pub fn list(since: &str) -> Request {
    let filter = serde_json::json!({
        "Field": "InvoiceDate", "Value": since, "Operator": "greater_than_or_equals"
    });
    let query =
        vec![pair("size", PAGE_SIZE.to_string()), pair("offset", "0"), pair("filter", filter.to_string())];
    Request {
        target: Target::Call(CallTarget { name: calls::INVOICES.to_owned(), path: Vec::new(), query }),
        headers: pairs([("accept", "application/json")]),
        body: None,
        partition: None,
        keep: None,
        delay: 0,
        state: String::new(),
    }
}

/// What comes after a page.
pub enum Following {
    Request(Box<Request>),
    End,
    Broken,
}

/// The page after one that brought so many documents. The link is only taken as a sign that there is one.
pub fn following(request: &Request, envelope: &str, brought: u32) -> Following {
    let next = json::find(envelope, "/links/next").ok().flatten().filter(|link| *link != "{}");
    if next.is_none() || brought == 0 {
        return Following::End;
    }
    let mut following = request.clone();
    let Target::Call(call) = &mut following.target else { return Following::Broken };
    let offset = pairs::get(&call.query, "offset").and_then(|offset| offset.parse::<u32>().ok());
    let Some(offset) = offset.and_then(|offset| offset.checked_add(brought)) else {
        return Following::Broken;
    };
    call.query.retain(|pair| pair.name != "offset");
    call.query.push(pair("offset", offset.to_string()));
    Following::Request(Box::new(following))
}
