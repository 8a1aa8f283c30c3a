//! What to ask Microsoft, and what each answer leads to. The host performs the requests.

mod customers;
mod fault;
mod licences;
mod paging;
mod patience;
mod rate_card;
mod rated_usage;
mod utilization;

use purser_plugin_sdk::crawl::{CallTarget, Partition, Request, Response, Step, Target};
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::pairs::pairs;
use purser_plugin_sdk::types::{Fact, Pair, Problem, RunContext};

use crate::manifest::feeds;

/// The first requests of a feed.
pub fn start(context: &RunContext, feed: &str, facts: &[Fact]) -> Result<Step, Problem> {
    match feed {
        feeds::CUSTOMERS => Ok(customers::start()),
        feeds::LICENCES => licences::start(context, facts),
        feeds::UTILIZATION => utilization::start(context, facts),
        feeds::RATED_USAGE => rated_usage::start(context),
        feeds::RATE_CARD => rate_card::start(context),
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
    if feed == feeds::RATED_USAGE {
        return rated_usage::next(context, request, response);
    }
    if !(200..300).contains(&response.status) {
        return fault::settle(context, response);
    }
    match feed {
        feeds::CUSTOMERS => paging::follow(request, response, "seekOperation"),
        feeds::UTILIZATION => utilization::next(context, request, response),
        feeds::LICENCES => Ok(done()),
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
    Step { requests: Vec::new(), facts: Vec::new(), incomplete: Some(reason.into()) }
}

/// A partition without months or money.
fn partition(key: String, parameters: Vec<Pair>) -> Partition {
    Partition { key, month: String::new(), currency: String::new(), stage: 0, parameters }
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
