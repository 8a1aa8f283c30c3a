//! Where an act came from, and how the audit trail is read.
//!
//! **Invariant:** whoever lets somebody in says once where they came from, around all they do ([`arising`]); no act says
//! it of itself, so none can forget it or lie. What nobody let in is the schedule's.

use std::future::Future;
use std::net::IpAddr;

use jiff::Timestamp;
use purser_domain::AccountId;

use crate::people::AuditEntry;

/// By which means, and from which address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `session`, `hand-over`, `token` with its name, `command line`, `schedule`.
    pub means: String,
    /// The address of whoever asked; none where nobody asked over a network.
    pub address: Option<IpAddr>,
}

impl Default for Origin {
    fn default() -> Self {
        Self { means: "schedule".to_owned(), address: None }
    }
}

tokio::task_local! {
    static ORIGIN: Origin;
}

/// Does something whose acts come from there.
pub async fn arising<F: Future>(origin: Origin, act: F) -> F::Output {
    ORIGIN.scope(origin, act).await
}

/// Where the present act comes from.
#[must_use]
pub fn origin() -> Origin {
    ORIGIN.try_with(Clone::clone).unwrap_or_default()
}

/// One line of the trail as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Grows with time.
    pub id: i64,
    /// Who, what and when.
    pub entry: AuditEntry,
    /// By which means; empty where it was not written down yet.
    pub means: String,
    /// From which address; empty where there is none.
    pub address: String,
}

/// Which lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Part of who.
    pub who: String,
    /// Part of what.
    pub what: String,
    /// On which account.
    pub account: Option<AccountId>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not at or after.
    pub until: Option<Timestamp>,
    /// Older than this line.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}
