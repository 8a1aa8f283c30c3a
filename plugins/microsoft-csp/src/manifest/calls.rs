//! The requests the connector may make: reads, and the four export orders.

use purser_plugin_sdk::manifest::{Call, Method};

use super::clouds::{GRAPH, PARTNER_CENTER};
use super::owned;

/// Customers.
pub const CUSTOMERS: &str = "customers";
/// A customer's subscriptions.
pub const SUBSCRIPTIONS: &str = "subscriptions";
/// Legacy Azure usage.
pub const UTILIZATION: &str = "utilization";
/// Names and rates of meters.
pub const RATE_CARD: &str = "rate-card";
/// Invoices and credit notes.
pub const INVOICES: &str = "invoices";
/// Title of a product's variant.
pub const SKU: &str = "sku";
/// Orders an export of unbilled usage.
pub const USAGE_EXPORT: &str = "usage-export";
/// Orders an export of an invoice's usage.
pub const BILLED_USAGE_EXPORT: &str = "billed-usage-export";
/// Orders an export of unbilled charge lines.
pub const LINES_EXPORT: &str = "reconciliation-export";
/// Orders an export of an invoice's charge lines.
pub const BILLED_LINES_EXPORT: &str = "billed-reconciliation-export";
/// How far an export is.
pub const OPERATION: &str = "export-operation";
/// Where an export's parts are.
pub const MANIFEST: &str = "export-manifest";

/// The vendor's limit for customers and subscriptions, per tenant.
const CUSTOMER_CALLS_A_MINUTE: u32 = 500;

/// All calls.
pub fn calls() -> Vec<Call> {
    vec![
        Call {
            query: owned(&["size", "seekOperation"]),
            headers: owned(&["accept", "ms-continuationtoken", "validatemfa"]),
            per_minute: Some(CUSTOMER_CALLS_A_MINUTE),
            ..read(CUSTOMERS, PARTNER_CENTER, "/v1/customers", "read the list of your customers")
        },
        Call {
            per_minute: Some(CUSTOMER_CALLS_A_MINUTE),
            ..read(
                SUBSCRIPTIONS,
                PARTNER_CENTER,
                "/v1/customers/{customer}/subscriptions",
                "read each customer's subscriptions and their number of licences",
            )
        },
        Call {
            query: owned(&[
                "start_time",
                "end_time",
                "granularity",
                "show_details",
                "size",
                "seek_operation",
            ]),
            headers: owned(&["accept", "ms-continuationtoken"]),
            ..read(
                UTILIZATION,
                PARTNER_CENTER,
                "/v1/customers/{customer}/subscriptions/{subscription}/utilizations/azure",
                "read the usage of legacy Azure subscriptions",
            )
        },
        Call {
            query: owned(&["currency", "region"]),
            headers: owned(&["accept", "x-locale"]),
            ..read(
                RATE_CARD,
                PARTNER_CENTER,
                "/v1/ratecards/azure",
                "read names and rates of Azure meters in your language",
            )
        },
        Call {
            query: owned(&["size", "offset", "filter"]),
            ..read(
                INVOICES,
                PARTNER_CENTER,
                "/v1/invoices",
                "read the list of Microsoft's invoices and credit notes",
            )
        },
        Call {
            query: owned(&["country"]),
            headers: owned(&["accept", "x-locale"]),
            ..read(
                SKU,
                PARTNER_CENTER,
                "/v1/products/{product}/skus/{sku}",
                "read the titles of products in your language",
            )
        },
        order(USAGE_EXPORT, "usage/unbilled", "unbilled daily usage"),
        order(BILLED_USAGE_EXPORT, "usage/billed", "an invoice's daily usage"),
        order(LINES_EXPORT, "reconciliation/unbilled", "unbilled charge lines"),
        order(BILLED_LINES_EXPORT, "reconciliation/billed", "an invoice's charge lines"),
        read(
            OPERATION,
            GRAPH,
            "/v1.0/reports/partners/billing/operations/{operation}",
            "see how far an ordered export is",
        ),
        read(
            MANIFEST,
            GRAPH,
            "/v1.0/reports/partners/billing/manifests/{manifest}",
            "find the files of an export",
        ),
    ]
}

fn order(name: &str, of: &str, what: &str) -> Call {
    let path = format!("/v1.0/reports/partners/billing/{of}/export");
    let purpose = format!("order an export of {what}; nothing is changed by it");
    Call {
        method: Method::Post,
        headers: owned(&["accept", "content-type"]),
        ..read(name, GRAPH, &path, &purpose)
    }
}

fn read(name: &str, endpoint: &str, path: &str, purpose: &str) -> Call {
    Call {
        name: name.to_owned(),
        endpoint: endpoint.to_owned(),
        method: Method::Get,
        path: path.to_owned(),
        query: Vec::new(),
        headers: owned(&["accept"]),
        per_minute: None,
        purpose: purpose.to_owned(),
    }
}
