//! Contexts and pages with sensible contents, changed where a test cares.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use purser_focus_csv::FocusCsv;
use purser_focus_csv::sources::source;
use purser_plugin_sdk::Connector;
use purser_plugin_sdk::crawl::Response;
use purser_plugin_sdk::manifest::Framing;
use purser_plugin_sdk::mapping::PageContext;
use purser_plugin_sdk::types::{Problem, RunContext};
use purser_plugin_sdk::unpack::{Unpacked, UnpackedPurchase, unpack};

/// A daily run in the middle of November.
pub fn run(cloud: &str, settings: &str) -> RunContext {
    RunContext {
        settings: settings.into(),
        as_of: "2026-11-16T18:00:05Z".into(),
        local_date: "2026-11-16".into(),
        window_from: "2026-11-13".into(),
        window_to: "2026-11-17".into(),
        cloud: cloud.into(),
        locale: "en-US".into(),
    }
}

/// A page of November's file.
pub fn page(cloud: &str, settings: &str) -> PageContext {
    PageContext {
        run: run(cloud, settings),
        feed: source(cloud).map(|source| source.feed).unwrap_or_default().into(),
        partition_key: "2026-11".into(),
        month: "2026-11".into(),
        currency: String::new(),
        stage: 0,
        parameters: Vec::new(),
        framing: Framing::Csv,
        envelope: String::new(),
        page: 0,
    }
}

pub fn map(cloud: &str, settings: &str, text: &str) -> Unpacked {
    unpack(&FocusCsv::map(&page(cloud, settings), text.as_bytes()).unwrap().pack()).unwrap()
}

/// Why a page is refused as a whole.
pub fn refusal(cloud: &str, settings: &str, text: &str) -> String {
    match FocusCsv::map(&page(cloud, settings), text.as_bytes()) {
        Err(Problem::Reject(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

/// Cost by currency.
pub fn sums(purchases: &[UnpackedPurchase]) -> BTreeMap<String, BigDecimal> {
    let mut sums: BTreeMap<String, BigDecimal> = BTreeMap::new();
    for purchase in purchases {
        let cost: BigDecimal = purchase.field("cost").parse().unwrap();
        *sums.entry(purchase.field("currency").to_owned()).or_default() += cost;
    }
    sums
}

/// Customers, each with its name.
pub fn names(mapped: &Unpacked) -> Vec<(&str, String)> {
    let name = |value: &str| {
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        value["name"].as_str().unwrap().to_owned()
    };
    assert!(mapped.facts.iter().all(|fact| fact.kind == "customer"));
    mapped.facts.iter().map(|fact| (fact.key.as_str(), name(&fact.value))).collect()
}

/// The value of a name.
pub fn kept<'p>(purchase: &'p UnpackedPurchase, name: &str) -> &'p str {
    purchase.metadata.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
}

pub fn answer(status: u16, kept: u32) -> Response {
    Response { status, headers: Vec::new(), envelope: String::new(), kept, attempt: 1 }
}
