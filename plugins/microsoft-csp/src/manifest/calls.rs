//! The requests the connector may make: reads, and the one export order.

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
/// Invoices: only the preflight asks, whether billing may be read.
pub const INVOICES: &str = "invoices";
/// Orders an export of unbilled usage.
pub const EXPORT: &str = "usage-export";
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
            query: owned(&["size"]),
            ..read(INVOICES, PARTNER_CENTER, "/v1/invoices", "check that the account may read billing data")
        },
        Call {
            method: Method::Post,
            headers: owned(&["accept", "content-type"]),
            ..read(
                EXPORT,
                GRAPH,
                "/v1.0/reports/partners/billing/usage/unbilled/export",
                "order an export of the unbilled daily usage; nothing is changed by it",
            )
        },
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
