//! `GET …/utilizations/azure`: legacy Azure usage by the day it was *reported*.
//!
//! A late report shows up in a later window as an additional record of an earlier day, so what one reported day says is
//! replaced as a whole, and days of use are sums over reported days. Asked day by day, in UTC from midnight to midnight.

use jiff::SignedDuration;
use purser_plugin_sdk::crawl::{Request, Response, Step};
use purser_plugin_sdk::pairs::{pair, pairs};
use purser_plugin_sdk::types::{Fact, Problem, RunContext};
use purser_plugin_sdk::{date, json};

use super::{asking, incomplete, kept_call, paging, partition, patience};
use crate::charges::Class;
use crate::manifest::calls;

/// A reported day is complete, and answered at all, this long after it ended.
const REPORTING_LAG: SignedDuration = SignedDuration::from_hours(2);
/// Answers "not ready" before the next run has to see to it.
const PATIENCE: u32 = 6;
const NOT_READY_SECONDS: u32 = 60;
const NO_CONTENT: u16 = 204;

pub fn start(context: &RunContext, subscriptions: &[Fact]) -> Result<Step, Problem> {
    let days = reported_days(context).map_err(Problem::Bug)?;
    let legacy = subscriptions.iter().filter(|subscription| is_asked(&subscription.value));
    let requests = legacy.flat_map(|subscription| {
        let customer = json::find_text(&subscription.value, "/customer");
        days.iter().map(move |day| request(&customer, &subscription.key, day))
    });
    Ok(asking(requests.collect()))
}

/// 204 means that the reports of the day are still being gathered; a page may have pages after it.
pub fn next(context: &RunContext, request: &Request, response: &Response) -> Result<Step, Problem> {
    match response.status {
        NO_CONTENT if response.attempt < PATIENCE => {
            Err(Problem::RetryLater(patience::asked_for(context, response).unwrap_or(NOT_READY_SECONDS)))
        }
        NO_CONTENT => Ok(incomplete(
            "CSP-401 Microsoft has not yet prepared this day's usage · the next run reads it again",
        )),
        _ => paging::follow(request, response, "seek_operation"),
    }
}

struct ReportedDay {
    name: String,
    start: String,
    end: String,
}

/// Days of the window that are over; the day of the run itself has not been reported yet.
fn reported_days(context: &RunContext) -> Result<Vec<ReportedDay>, String> {
    let now = date::parse(&context.as_of)?.at().ok_or("the run has no instant")?;
    let mut days = Vec::new();
    for day in date::days(&context.window_from, &context.window_to)? {
        let name = date::name(day);
        let (start, end) = date::day(&name)?;
        if now.duration_since(end) >= REPORTING_LAG {
            days.push(ReportedDay { name, start: date::rfc3339(start), end: date::rfc3339(end) });
        }
    }
    Ok(days)
}

/// Late usage of a subscription that was just cancelled is still asked for.
fn is_asked(subscription: &str) -> bool {
    let status = json::find_text(subscription, "/status");
    json::find_text(subscription, "/kind") == Class::LegacyAzure.code()
        && !matches!(&*status, "pending" | "none")
}

fn request(customer: &str, subscription: &str, day: &ReportedDay) -> Request {
    let path = vec![pair("customer", customer), pair("subscription", subscription)];
    let query = pairs([
        ("start_time", day.start.as_str()),
        ("end_time", &day.end),
        ("granularity", "daily"),
        ("show_details", "true"),
        ("size", "1000"),
    ]);
    let parameters =
        pairs([("customer", customer), ("subscription", subscription), ("reported-day", &day.name)]);
    let partition = partition(format!("{subscription}/{}", day.name), parameters);
    kept_call(calls::UTILIZATION, path, query, "/items", partition)
}
