//! `GET /v1/customers`: who there is to ask about. One partition, paged by seek.

use purser_plugin_sdk::crawl::Step;
use purser_plugin_sdk::pairs::pairs;

use super::{asking, kept_call, partition};
use crate::manifest::calls;

/// As many as one page gives.
const PAGE_SIZE: &str = "500";

pub fn start() -> Step {
    let query = pairs([("size", PAGE_SIZE)]);
    let request =
        kept_call(calls::CUSTOMERS, Vec::new(), query, "/items", partition("customers".into(), Vec::new()));
    asking(vec![request])
}
