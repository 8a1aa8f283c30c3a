//! What Purser must know beforehand. Nothing outside this list is ever asked.

use purser_plugin_sdk::manifest::{
    Auth, Call, Descriptor, Endpoint, Feed, FeedKind, Framing, Partitioning,
};

pub fn describe() -> Descriptor {
    let items = || Framing::JsonItems("/items".into());
    Descriptor {
        endpoints: vec![Endpoint::new(
            "api",
            "https://api.{{name}}.example",
            // The account's secret is put into this header by Purser; the plugin never sees it.
            Auth::SecretHeader("x-api-key".into()),
        )],
        calls: vec![
            Call::get("customers", "api", "/v1/customers", &["page"], "read your customers"),
            Call::get("usage", "api", "/v1/usage", &["day", "page"], "read what each customer used"),
            Call::get("products", "api", "/v1/products", &["language", "page"], "read the names of products"),
        ],
        feeds: vec![
            Feed {
                gives: vec!["customer".into()],
                ..Feed::new("customers", "Customers", FeedKind::Facts, items())
            },
            Feed {
                partitioning: Partitioning::SubscriptionReportedDay,
                needs: vec!["customer".into()],
                // Where an amount stands in one record: Purser counts and sums beside the plugin.
                amount: vec!["/amount".into()],
                currency: vec!["/currency".into()],
                quantity: vec!["/hours".into()],
                customer: vec!["/customer".into()],
                ..Feed::new("usage", "Usage", FeedKind::Purchases, items())
            },
            Feed::new("products", "Products", FeedKind::Texts, items()),
        ],
        settings_schema: SETTINGS.into(),
        ..Descriptor::new("{{name}}", env!("CARGO_PKG_VERSION"), "{{title}}", "You")
    }
}

/// Purser draws the form from it.
const SETTINGS: &str = r#"{
    "type": "object",
    "properties": {
        "free-products": {
            "type": "array",
            "items": { "type": "string" },
            "title": "Free products",
            "description": "Products that are never billed, by their ids",
            "default": ["trial"]
        }
    }
}"#;
