//! What an account can be: whose columns its files have, and which of their costs is billed.
//!
//! The host knows a source as a *cloud*, which an account is given once and for good. **Invariant:** a source has one feed,
//! and a feed's cost is one list of column names, which the host reads as well: what is billed is what is counted, and two
//! costs of one charge can never both be billed.

/// Whose columns a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// FOCUS 1.0 to 1.2, whoever writes it.
    Focus,
    /// The cost and usage reports of AWS.
    AwsCur,
    /// The billing export of Google Cloud.
    GoogleBillingExport,
    /// Anybody's, by plain names.
    Plain,
}

/// One kind of account.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The cloud's id, as the host keeps it.
    pub id: &'static str,
    /// Whose columns.
    pub preset: Preset,
    /// Which cost, by the name of its feed.
    pub feed: &'static str,
}

/// What the vendor charges, before any spreading.
pub const BILLED: &str = "billed-cost";
/// After discounts that show nowhere else.
pub const NET: &str = "net-cost";
/// With what was paid in advance spread over the time it is for.
pub const EFFECTIVE: &str = "effective-cost";

/// All, the usual one first.
pub const SOURCES: [Source; 6] = [
    Source { id: "focus-billed-cost", preset: Preset::Focus, feed: BILLED },
    Source { id: "focus-effective-cost", preset: Preset::Focus, feed: EFFECTIVE },
    Source { id: "aws-unblended-cost", preset: Preset::AwsCur, feed: BILLED },
    Source { id: "aws-net-unblended-cost", preset: Preset::AwsCur, feed: NET },
    Source { id: "google-cost", preset: Preset::GoogleBillingExport, feed: BILLED },
    Source { id: "other-csv", preset: Preset::Plain, feed: BILLED },
];

/// The source of this id.
#[must_use]
pub fn source(id: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.id == id)
}

/// Columns with the cost, in the order they are tried: the first that is not empty counts, here and for the host.
#[must_use]
pub fn cost_columns(feed: &str) -> &'static [&'static str] {
    match feed {
        EFFECTIVE => &["EffectiveCost"],
        NET => &["line_item_net_unblended_cost", "lineItem/NetUnblendedCost"],
        _ => &[
            "BilledCost",
            "line_item_unblended_cost",
            "lineItem/UnblendedCost",
            "cost",
            "amount",
            "net_cost",
            "net_amount",
            "total_cost",
            "total",
            "charge",
        ],
    }
}

/// Columns with the cost's currency, in the order they are tried.
pub const CURRENCY_COLUMNS: [&str; 5] =
    ["BillingCurrency", "line_item_currency_code", "lineItem/CurrencyCode", "currency", "currency_code"];

/// A column's name as a JSON pointer into a row.
#[must_use]
pub fn pointer(column: &str) -> String {
    format!("/{}", column.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_its_own_and_leads_to_one_cost() {
        for (place, source) in SOURCES.iter().enumerate() {
            assert!(SOURCES.iter().skip(place + 1).all(|other| other.id != source.id), "{}", source.id);
            assert!(!cost_columns(source.feed).is_empty());
        }
        assert_eq!(source("focus-billed-cost").map(|found| found.feed), Some(BILLED));
        assert!(source("mars").is_none());
    }

    #[test]
    fn a_pointer_names_a_column_with_a_slash() {
        assert_eq!(pointer("lineItem/UnblendedCost"), "/lineItem~1UnblendedCost");
    }
}
