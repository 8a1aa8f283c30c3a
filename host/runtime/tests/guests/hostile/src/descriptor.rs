//! The smallest sound descriptor; with the feature `importing`, an unsound one; with `mapping-only`, that of a mapping alone.

use crate::exports::purser::connector::manifest::{
    Auth, Call, Descriptor, Endpoint, Feed, FeedKind, Locale, Method, Partitioning,
};
use crate::purser::connector::types::{Framing, Pair};

pub fn describe() -> Descriptor {
    if cfg!(feature = "mapping-only") { extension() } else { whole() }
}

/// What plays a role for another's connector has nothing of its own beside its name.
fn extension() -> Descriptor {
    Descriptor {
        extends: Some("another".into()),
        endpoints: Vec::new(),
        calls: Vec::new(),
        feeds: Vec::new(),
        settings_schema: String::new(),
        locales: Vec::new(),
        default_locale: String::new(),
        ..whole()
    }
}

fn whole() -> Descriptor {
    Descriptor {
        id: if cfg!(feature = "importing") { "Not An Id".into() } else { "hostile".into() },
        version: "0.1.0".into(),
        title: "Hostile".into(),
        publisher: "The tests".into(),
        extends: None,
        endpoints: vec![Endpoint {
            name: "api".into(),
            base_urls: vec![Pair { name: "global".into(), value: "https://api.example.net".into() }],
            auth: Auth::None,
        }],
        calls: vec![call()],
        download_hosts: Vec::new(),
        feeds: vec![feed()],
        coverage: Vec::new(),
        consent: None,
        settings_schema: r#"{"type":"object","properties":{}}"#.into(),
        locales: vec![Locale { tag: "en-US".into(), title: "English".into() }],
        default_locale: "en-US".into(),
    }
}

fn call() -> Call {
    Call {
        name: "lines".into(),
        endpoint: "api".into(),
        method: Method::Get,
        path: "/lines/{day}".into(),
        query: Vec::new(),
        headers: Vec::new(),
        per_minute: None,
        purpose: "read the lines".into(),
    }
}

fn feed() -> Feed {
    Feed {
        name: "lines".into(),
        title: "Lines".into(),
        kind: FeedKind::Purchases,
        invoice: false,
        clouds: Vec::new(),
        partitioning: Partitioning::Scope,
        framing: Framing::Lines,
        gives: Vec::new(),
        needs: Vec::new(),
        amount: vec!["/cost".into()],
        currency: vec!["/currency".into()],
        quantity: Vec::new(),
        unit: Vec::new(),
        customer: Vec::new(),
    }
}
