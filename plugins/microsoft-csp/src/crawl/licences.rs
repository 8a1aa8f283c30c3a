//! `GET /v1/customers/{customer}/subscriptions`: each customer's subscriptions with their seats, of now.
//!
//! Microsoft keeps no history of seats, so the answer is the snapshot of the run's local date.

use purser_plugin_sdk::crawl::Step;
use purser_plugin_sdk::json;
use purser_plugin_sdk::pairs::{pair, pairs};
use purser_plugin_sdk::types::{Fact, Problem, RunContext};

use super::{asking, kept_call, partition};
use crate::manifest::calls;

pub fn start(context: &RunContext, customers: &[Fact]) -> Result<Step, Problem> {
    let resold = customers.iter().filter(|customer| is_resold(&customer.value));
    let requests = resold.map(|customer| {
        let path = vec![pair("customer", customer.key.as_str())];
        let parameters = pairs([("customer", &customer.key), ("date", &context.local_date)]);
        let key = format!("{}/{}", customer.key, context.local_date);
        kept_call(calls::SUBSCRIPTIONS, path, Vec::new(), "/items", partition(key, parameters))
    });
    Ok(asking(requests.collect()))
}

/// A tenant that is only advised buys nothing from us; asking for its subscriptions is refused.
fn is_resold(customer: &str) -> bool {
    let relationship = json::find_text(customer, "/relationship").to_ascii_lowercase();
    !matches!(relationship.as_str(), "none" | "advisor")
}
