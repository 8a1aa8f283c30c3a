//! What the host must know beforehand.

mod settings;

use purser_plugin_sdk::manifest::{
    Auth, Call, Descriptor, Endpoint, Feed, FeedKind, Framing, Locale, Method, Partitioning,
};
use purser_plugin_sdk::pairs::pair;

use crate::files::MOST_STEPS;
use crate::sources::{BILLED, CURRENCY_COLUMNS, EFFECTIVE, NET, SOURCES, cost_columns, pointer};

/// Where files lie; the operator says where that is.
const EXPORT: &str = "export";
/// Nowhere: a secret never goes to an address nobody has configured.
const UNCONFIGURED: &str = "https://not-configured.invalid";

/// The descriptor.
pub fn describe() -> Descriptor {
    Descriptor {
        id: "focus-csv".into(),
        extends: None,
        version: env!("CARGO_PKG_VERSION").into(),
        title: "Cost and usage files".into(),
        publisher: "Purser".into(),
        endpoints: vec![Endpoint {
            name: EXPORT.into(),
            base_urls: SOURCES.iter().map(|source| pair(source.id, UNCONFIGURED)).collect(),
            auth: Auth::SecretHeader("authorization".into()),
        }],
        calls: (1..=MOST_STEPS).map(call).collect(),
        download_hosts: Vec::new(),
        feeds: vec![
            feed(BILLED, "Charges at billed cost"),
            feed(NET, "Charges at net cost"),
            feed(EFFECTIVE, "Charges at effective cost"),
        ],
        coverage: Vec::new(),
        consent: None,
        settings_schema: settings::schema(),
        locales: vec![Locale { tag: "en-US".into(), title: "English (United States)".into() }],
        default_locale: "en-US".into(),
    }
}

/// The call for a path of so many steps: each fills one place, so that no path is read otherwise than it is written.
pub fn call_name(steps: usize) -> String {
    format!("file-{steps}")
}

fn call(steps: usize) -> Call {
    let path: String = (1..=steps).map(|step| format!("/{{s{step}}}")).collect();
    Call {
        name: call_name(steps),
        endpoint: EXPORT.into(),
        method: Method::Get,
        path,
        query: Vec::new(),
        headers: Vec::new(),
        per_minute: None,
        purpose: "read the files of your cost and usage export".into(),
    }
}

fn feed(name: &str, title: &str) -> Feed {
    let clouds = SOURCES.iter().filter(|source| source.feed == name).map(|source| source.id.to_owned());
    Feed {
        name: name.into(),
        title: title.into(),
        kind: FeedKind::Purchases,
        invoice: false,
        clouds: clouds.collect(),
        partitioning: Partitioning::CurrencyMonthStage,
        framing: Framing::Csv,
        gives: vec!["customer".into()],
        needs: Vec::new(),
        amount: cost_columns(name).iter().map(|column| pointer(column)).collect(),
        currency: CURRENCY_COLUMNS.iter().map(|column| pointer(column)).collect(),
        quantity: Vec::new(),
        unit: Vec::new(),
        customer: Vec::new(),
    }
}
