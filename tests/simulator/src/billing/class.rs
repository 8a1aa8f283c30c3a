//! What a billed line is for.

use serde::Serialize;

/// Class of a subscription and of a billed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Seats of online services. Their daily count comes from the same history as their charge lines.
    Seat,
    /// Metered usage of an Azure plan: also in the daily rated usage.
    AzurePlanUsage,
    /// Metered usage of legacy Azure: in the utilization records, never on these invoices.
    LegacyAzure,
    /// A reservation; listed among the subscriptions with billing type `license`.
    Reservation,
    /// A savings plan's commitment; listed with billing type `none`.
    SavingsPlan,
    /// Marketplace software as a service; listed with billing type `license`.
    Marketplace,
    /// Software for a term; listed with billing type `license`, so that a daily count has it.
    SoftwareSubscription,
    /// Software bought for ever; in no other feed.
    Software,
    /// A fee; in no other feed.
    OneTime,
    /// A credit, negative; in no other feed. Lines of credit documents are of this class, whatever they credit.
    Credit,
    /// The part of an invoice that is `TaxTotal` of lines of any class.
    Tax,
}

impl Class {
    /// `azure-plan-usage`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seat => "seat",
            Self::AzurePlanUsage => "azure-plan-usage",
            Self::LegacyAzure => "legacy-azure",
            Self::Reservation => "reservation",
            Self::SavingsPlan => "savings-plan",
            Self::Marketplace => "marketplace",
            Self::SoftwareSubscription => "software-subscription",
            Self::Software => "software",
            Self::OneTime => "one-time",
            Self::Credit => "credit",
            Self::Tax => "tax",
        }
    }

    /// Whether a daily licence count has subscriptions of this class: those that are sold by the piece and used daily.
    #[must_use]
    pub fn is_counted_daily(self) -> bool {
        matches!(self, Self::Seat | Self::SoftwareSubscription)
    }
}
