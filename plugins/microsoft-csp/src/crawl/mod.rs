//! What to ask Microsoft, and what each answer leads to. The host performs the requests.

pub mod billing;
pub mod catalogue;
mod customers;
mod exports;
mod fault;
mod invoices;
mod licences;
mod paging;
mod patience;
mod rate_card;
mod rated_usage;
mod reconciliation;
mod utilization;

use purser_plugin_sdk::crawl::{CallTarget, Incompleteness, Partition, Request, Response, Step, Target};
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::pairs::pairs;
use purser_plugin_sdk::types::{Fact, Pair, Problem, RunContext};

use crate::manifest::{feeds, locales};

/// The first requests of a feed.
pub fn start(context: &RunContext, feed: &str, facts: &[Fact]) -> Result<Step, Problem> {
    match feed {
        feeds::CUSTOMERS => Ok(customers::start()),
        feeds::LICENCES => licences::start(context, facts),
        feeds::UTILIZATION => utilization::start(context, facts),
        feeds::RATED_USAGE => billing::start(context, &rated_usage::FEED),
        feeds::RECONCILIATION => billing::start(context, &reconciliation::FEED),
        feeds::INVOICES => invoices::start(context),
        feeds::RATE_CARD => rate_card::start(context),
        feeds::CATALOGUE => catalogue::start(context, facts),
        other => Err(Problem::Bug(format!("there is no feed {other:?}"))),
    }
}

/// What follows from an answer. Answers that tell of an error mean the same in every feed.
pub fn next(
    context: &RunContext,
    feed: &str,
    request: &Request,
    response: &Response,
) -> Result<Step, Problem> {
    match feed {
        feeds::RATED_USAGE => return billing::next(context, &rated_usage::FEED, request, response),
        feeds::RECONCILIATION => return billing::next(context, &reconciliation::FEED, request, response),
        feeds::CATALOGUE => return catalogue::next(context, request, response),
        _ => {}
    }
    if !(200..300).contains(&response.status) {
        return fault::settle(context, response);
    }
    match feed {
        feeds::CUSTOMERS => paging::follow(request, response, "seekOperation"),
        feeds::UTILIZATION => utilization::next(context, request, response),
        feeds::LICENCES => Ok(done()),
        feeds::INVOICES => Ok(invoices::next(request, response)),
        feeds::RATE_CARD => rate_card::next(request, response),
        other => Err(Problem::Bug(format!("there is no feed {other:?}"))),
    }
}

/// Nothing more to ask.
fn done() -> Step {
    asking(Vec::new())
}

fn asking(requests: Vec<Request>) -> Step {
    Step { requests, facts: Vec::new(), incomplete: None }
}

/// The partition stays as it is stored.
fn incomplete(reason: impl Into<String>) -> Step {
    gap(Incompleteness::Broken(reason.into()))
}

fn gap(why: Incompleteness) -> Step {
    Step { requests: Vec::new(), facts: Vec::new(), incomplete: Some(why) }
}

/// A partition without months or money.
fn partition(key: String, parameters: Vec<Pair>) -> Partition {
    Partition {
        key,
        month: String::new(),
        currency: String::new(),
        stage: 0,
        parameters,
        version: String::new(),
    }
}

/// The account's language, and the one every name falls back to.
fn languages(context: &RunContext) -> Vec<&str> {
    let mut languages = vec![context.locale.as_str()];
    if !context.locale.eq_ignore_ascii_case(locales::DEFAULT) {
        languages.push(locales::DEFAULT);
    }
    languages.retain(|locale| !locale.is_empty());
    languages
}

/// A listed call whose items are kept.
fn kept_call(call: &str, path: Vec<Pair>, query: Vec<Pair>, pointer: &str, partition: Partition) -> Request {
    Request {
        target: Target::Call(CallTarget { name: call.to_owned(), path, query }),
        headers: pairs([("accept", "application/json")]),
        body: None,
        partition: Some(partition),
        keep: Some(Framing::JsonItems(pointer.to_owned())),
        delay: 0,
        state: String::new(),
    }
}
