//! A connector of no real vendor, as pages show one.

use purser_domain::Digest;
use purser_pipeline::reconcile::FeedPart;

use crate::{
    CallView, CloudView, ConnectorView, ConsentView, CoverageView, FeedView, LocaleView, RoleSetView,
};

/// A connector whose words are found in no source of the host.
pub(crate) fn connector() -> ConnectorView {
    let locale = |tag: &str, title: &str| LocaleView { tag: tag.into(), title: title.into() };
    let feed = |name: &str, title: &str, kind: &str| FeedView {
        name: name.into(),
        title: title.into(),
        kind: kind.into(),
        is_snapshot: false,
        is_by_day: name == "usage",
        clouds: if name == "usage" { vec!["global".into()] } else { Vec::new() },
    };
    ConnectorView {
        id: "test-cloud".parse().unwrap(),
        title: "Test Cloud".into(),
        publisher: "Example".into(),
        version: "1.2.3".into(),
        interface: "0.1".into(),
        digest: Digest::of(b"plugin"),
        clouds: [("global", "Global"), ("moon", "Moon")]
            .map(|(id, t)| CloudView { id: id.into(), title: t.into() })
            .into(),
        consent: Some(consent()),
        takes_secret: false,
        locales: vec![
            locale("en-US", "English (United States)"),
            locale("nl-NL", "Nederlands (Nederland)"),
            locale("de-DE", "Deutsch (Deutschland)"),
        ],
        default_locale: "en-US".into(),
        settings_schema: serde_json::json!({ "type": "object", "properties": {
            "market": { "type": "string", "title": "Market", "default": "NL" },
            "mode": { "type": "string", "title": "Mode", "enum": ["daily", "events"], "default": "daily" },
            "months": { "type": "integer", "title": "Months", "minimum": 1, "maximum": 12, "default": 1 },
            "trial": { "type": "boolean", "title": "Trials too", "default": false },
            "skip": { "type": "array", "items": { "type": "string" }, "title": "Skip" },
        }}),
        application_permissions: vec![("Test Billing API".into(), "Billing.Read.All".into())],
        feeds: vec![feed("usage", "Metered usage", "purchases"), feed("names", "Product names", "texts")],
        reconciled: [("usage", false), ("invoice", true)]
            .map(|(name, is_invoice)| FeedPart {
                name: name.into(),
                is_invoice,
                is_on_invoice: true,
                is_quantity_only: false,
                has_stages: is_invoice,
            })
            .into(),
        coverage: Vec::new(),
        credentials: Vec::new(),
        calls: vec![CallView {
            name: "customers".into(),
            method: "GET".into(),
            endpoint: "https://api.example".into(),
            path: "/v1/customers".into(),
            purpose: "to list the customers".into(),
        }],
        download_hosts: vec!["*.files.example".into()],
    }
}

/// A row of a coverage table.
pub(crate) fn coverage_row(class: &str, mode: &str, feed: &str) -> CoverageView {
    CoverageView {
        class: class.into(),
        title: format!("Class {class}"),
        mode: mode.into(),
        feed: feed.into(),
        note: format!("note of {class}"),
    }
}

fn consent() -> ConsentView {
    let set = |roles: &[&str], enough, note: &str| RoleSetView {
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        enough,
        note: note.into(),
    };
    ConsentView {
        advice: ["Use a service account.", "Open a private window, so that no other sign-in is reused."]
            .map(String::from)
            .into(),
        button: "Login with your Test Account".into(),
        role_rule: "Needs the billing role.".into(),
        role_sets: vec![set(&["Billing"], true, ""), set(&["Global", "Sales"], false, "sees no invoices")],
        idle_days: 90,
        removal: "Delete the application in the test cloud.".into(),
    }
}
