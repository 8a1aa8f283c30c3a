//! The feeds, and where the host finds amounts in their records to count for itself.

use purser_plugin_sdk::manifest::{Feed, FeedKind, Framing, Partitioning};

use super::clouds::GLOBAL;
use super::owned;
use crate::crawl::catalogue::UNLISTED;

/// Who there is.
pub const CUSTOMERS: &str = "customers";
/// Subscriptions and their seats.
pub const LICENCES: &str = "licences";
/// Legacy Azure usage.
pub const UTILIZATION: &str = "utilization";
/// Azure plan usage with its money.
pub const RATED_USAGE: &str = "rated-usage";
/// Charge lines: everything that is neither counted nor metered.
pub const RECONCILIATION: &str = "reconciliation";
/// What has been billed.
pub const INVOICES: &str = "invoices";
/// Names and rates.
pub const RATE_CARD: &str = "rate-card";
/// Titles of products.
pub const CATALOGUE: &str = "catalogue";

/// All feeds, in the order people expect them.
pub fn feeds() -> Vec<Feed> {
    vec![
        Feed {
            gives: owned(&["customer"]),
            ..feed(CUSTOMERS, "Customers", FeedKind::Facts, Partitioning::Scope)
        },
        Feed {
            gives: owned(&["subscription", "product"]),
            needs: owned(&["customer"]),
            quantity: owned(&["/quantity"]),
            unit: owned(&["/unitType"]),
            ..feed(LICENCES, "Licences", FeedKind::Purchases, Partitioning::CustomerLocalDate)
        },
        Feed {
            needs: owned(&["subscription"]),
            quantity: owned(&["/quantity"]),
            unit: owned(&["/unit"]),
            ..feed(
                UTILIZATION,
                "Azure usage (legacy)",
                FeedKind::Purchases,
                Partitioning::SubscriptionReportedDay,
            )
        },
        Feed {
            framing: Framing::Lines,
            clouds: owned(&[GLOBAL]),
            amount: owned(&["/BillingPreTaxTotal"]),
            currency: owned(&["/BillingCurrency"]),
            quantity: owned(&["/Quantity"]),
            unit: owned(&["/Unit", "/unitOfMeasure"]),
            customer: owned(&["/CustomerId"]),
            ..feed(RATED_USAGE, "Azure plan usage", FeedKind::Purchases, Partitioning::CurrencyMonthStage)
        },
        Feed {
            framing: Framing::Lines,
            clouds: owned(&[GLOBAL]),
            amount: owned(&["/Subtotal"]),
            currency: owned(&["/Currency"]),
            quantity: owned(&["/BillableQuantity", "/Quantity"]),
            unit: owned(&["/UnitType"]),
            customer: owned(&["/CustomerId"]),
            gives: owned(&["product"]),
            invoice: true,
            ..feed(RECONCILIATION, "Charge lines", FeedKind::Purchases, Partitioning::CurrencyMonthStage)
        },
        Feed {
            gives: owned(&["invoice"]),
            ..feed(INVOICES, "Invoices", FeedKind::Facts, Partitioning::Scope)
        },
        Feed {
            framing: Framing::JsonItems("/meters".to_owned()),
            gives: owned(&["offer-terms"]),
            ..feed(RATE_CARD, "Names and rates", FeedKind::Texts, Partitioning::Scope)
        },
        Feed {
            gives: owned(&[UNLISTED]),
            needs: owned(&["product"]),
            ..feed(CATALOGUE, "Product titles", FeedKind::Texts, Partitioning::Scope)
        },
    ]
}

fn feed(name: &str, title: &str, kind: FeedKind, partitioning: Partitioning) -> Feed {
    Feed {
        name: name.to_owned(),
        title: title.to_owned(),
        kind,
        invoice: false,
        clouds: Vec::new(),
        partitioning,
        framing: Framing::JsonItems("/items".to_owned()),
        gives: Vec::new(),
        needs: Vec::new(),
        amount: Vec::new(),
        currency: Vec::new(),
        quantity: Vec::new(),
        unit: Vec::new(),
        customer: Vec::new(),
    }
}
