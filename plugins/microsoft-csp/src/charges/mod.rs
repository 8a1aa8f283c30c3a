//! Classes of what Microsoft charges, and the one feed that bills each: the table behind mapping, descriptor and page.
//!
//! **Invariant:** every class has exactly one feed in each licence mode. A line or subscription that another feed bills is
//! ignored by the rule `covered-by-…`; one that cannot be classed is billed by `reconciliation`, never dropped.

mod rules;

use purser_plugin_sdk::manifest::CoverageRow;

pub use self::rules::Evidence;
use crate::manifest::feeds;

/// A class of charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Licences with a term, counted or charged by the seat; software subscriptions as well, which are counted alike.
    Seats,
    /// Metered usage under an Azure plan, third parties' as well.
    AzurePlan,
    /// Metered usage of the offers before the Azure plan.
    LegacyAzure,
    Reservations,
    SavingsPlans,
    /// Other publishers' subscriptions and products.
    Marketplace,
    /// Perpetual software.
    Software,
    OneTime,
    Credits,
    Tax,
    /// Nothing tells what it is.
    Other,
}

/// How licences are billed in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A count of each local day.
    DailySnapshot,
    /// Microsoft's charge lines.
    ChargeEvents,
}

struct Row {
    class: Class,
    /// None: in both.
    mode: Option<Mode>,
    feed: &'static str,
    /// Whether charge lines show it too.
    is_on_invoice: bool,
    title: &'static str,
    note: &'static str,
}

const TABLE: [Row; 12] = [
    Row {
        class: Class::Seats,
        mode: Some(Mode::DailySnapshot),
        feed: feeds::LICENCES,
        is_on_invoice: true,
        title: "Licences",
        note: "One Purchase per subscription and local day, with a quantity and no money. A missed day is a gap.",
    },
    Row {
        class: Class::Seats,
        mode: Some(Mode::ChargeEvents),
        feed: feeds::RECONCILIATION,
        is_on_invoice: true,
        title: "Licences",
        note: "Microsoft's charge lines with their money, credit and rebill as they come.",
    },
    Row {
        class: Class::AzurePlan,
        mode: None,
        feed: feeds::RATED_USAGE,
        is_on_invoice: true,
        title: "Azure plan usage",
        note: "Amounts as Microsoft gives them, by day and resource; partner earned credit is in them.",
    },
    Row {
        class: Class::LegacyAzure,
        mode: None,
        feed: feeds::UTILIZATION,
        is_on_invoice: false,
        title: "Azure usage (legacy)",
        note: "Quantities by day and resource, priced from the rate card.",
    },
    by_lines(
        Class::Reservations,
        "Reservations",
        "Bought for one or three years, charged at once or by the month.",
    ),
    by_lines(Class::SavingsPlans, "Savings plans", "The commitment. Usage it pays for is Azure plan usage."),
    by_lines(
        Class::Marketplace,
        "Marketplace",
        "Subscriptions of other publishers. Their metered usage is Azure plan usage.",
    ),
    by_lines(
        Class::Software,
        "Software",
        "Perpetual licences. Software with a term is counted as licences are.",
    ),
    by_lines(Class::OneTime, "One-time charges", "Bought once, without a term."),
    by_lines(
        Class::Credits,
        "Credits",
        "Credit notes, voided invoices, and credits with a reason of their own. Azure credits are in the usage they reduce.",
    ),
    by_lines(
        Class::Tax,
        "Tax",
        "Tax of a line is kept beside it and is never cost. A line that is only tax is billed as it comes.",
    ),
    by_lines(
        Class::Other,
        "Anything else",
        "A charge that nothing tells the class of is billed, never dropped.",
    ),
];

const fn by_lines(class: Class, title: &'static str, note: &'static str) -> Row {
    Row { class, mode: None, feed: feeds::RECONCILIATION, is_on_invoice: true, title, note }
}

impl Class {
    /// Stable name, in metadata and facts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Seats => "seats",
            Self::AzurePlan => "azure-plan-usage",
            Self::LegacyAzure => "legacy-azure",
            Self::Reservations => "reservations",
            Self::SavingsPlans => "savings-plans",
            Self::Marketplace => "marketplace",
            Self::Software => "software",
            Self::OneTime => "one-time",
            Self::Credits => "credits",
            Self::Tax => "tax",
            Self::Other => "other",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        TABLE.iter().find(|row| row.class == self).map_or("", |row| row.title)
    }

    /// The feed that bills it.
    pub fn billed_by(self, mode: Mode) -> &'static str {
        let holds = |row: &&Row| row.class == self && row.mode.is_none_or(|of| of == mode);
        TABLE.iter().find(holds).map_or(feeds::RECONCILIATION, |row| row.feed)
    }

    /// The rule another feed's copy is ignored by; none where `feed` is the one that bills it.
    pub fn covered_elsewhere(self, feed: &str, mode: Mode) -> Option<&'static str> {
        let billed_by = self.billed_by(mode);
        (billed_by != feed).then(|| covered_by(billed_by))
    }
}

fn covered_by(feed: &str) -> &'static str {
    match feed {
        feeds::LICENCES => "covered-by-licences",
        feeds::RATED_USAGE => "covered-by-rated-usage",
        feeds::UTILIZATION => "covered-by-utilization",
        _ => "covered-by-reconciliation",
    }
}

/// The table as the host and an administrator read it.
pub fn coverage() -> Vec<CoverageRow> {
    let mode = |mode: Option<Mode>| match mode {
        None => "",
        Some(Mode::DailySnapshot) => "daily-snapshot",
        Some(Mode::ChargeEvents) => "charge-events",
    };
    let row = |row: &Row| CoverageRow {
        class: row.class.code().to_owned(),
        title: row.title.to_owned(),
        mode: mode(row.mode).to_owned(),
        feed: row.feed.to_owned(),
        on_invoice: row.is_on_invoice,
        note: row.note.to_owned(),
    };
    TABLE.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conserv_each_class_is_billed_by_one_feed_in_each_mode() {
        let feeds = [feeds::LICENCES, feeds::UTILIZATION, feeds::RATED_USAGE, feeds::RECONCILIATION];
        for row in &TABLE {
            for mode in [Mode::DailySnapshot, Mode::ChargeEvents] {
                let billing = feeds.iter().filter(|feed| row.class.covered_elsewhere(feed, mode).is_none());
                assert_eq!(billing.count(), 1, "{:?} {mode:?}", row.class);
            }
        }
        assert_eq!(
            Class::Seats.covered_elsewhere(feeds::RECONCILIATION, Mode::DailySnapshot),
            Some("covered-by-licences")
        );
        assert_eq!(
            Class::Seats.covered_elsewhere(feeds::LICENCES, Mode::ChargeEvents),
            Some("covered-by-reconciliation")
        );
    }
}
