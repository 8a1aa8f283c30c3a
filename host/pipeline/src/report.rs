//! What a run tells while it goes on, and its summary when it has ended. Stored as JSON in the run's row.

use std::collections::BTreeMap;

use purser_domain::completeness::Alarm;
use purser_domain::{Balance, Role};
use serde::{Deserialize, Serialize};

use crate::usage::Peaks;

/// A run's progress, then its result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// One per feed, in the connector's order.
    pub feeds: Vec<Feed>,
    /// What came in and what became of it, over all committed partitions.
    pub balance: Balance,
    /// Purchases that are new, changed, unchanged, set to 0, and whose voids are held.
    pub added: u64,
    /// See `added`.
    pub changed: u64,
    /// See `added`.
    pub unchanged: u64,
    /// See `added`.
    pub voided: u64,
    /// See `added`.
    pub voids_held: u64,
    /// Purchases without a customer.
    pub unmapped: u64,
    /// Partitions committed.
    pub committed: u64,
    /// Partitions left as they are, since the vendor says that their data are those stored.
    pub left_unchanged: u64,
    /// Purchases that the host gave a first or another price, after the commits.
    pub priced: u64,
    /// Partitions that look as if they said again what another one has said.
    pub restating: u64,
    /// References they have in common with it, of equal quantity.
    pub repeated: u64,
    /// What the commits found suspicious: one for each feed and kind of alarm.
    pub alarms: Vec<AlarmSeen>,
    /// Calls and records on which a plugin crashed, by the role it played.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub crashes: BTreeMap<Role, u64>,
    /// How close the plugin came to its limits; all zero where it was not called.
    pub plugin: Peaks,
    /// What somebody should know: incomplete partitions, held voids, nothing where there was something.
    pub notes: Vec<Note>,
}

/// A kind of alarm that partitions of a feed raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSeen {
    /// The feed.
    pub feed: String,
    /// What was found.
    pub alarm: Alarm,
    /// In how many partitions.
    pub parts: u64,
    /// The first of them.
    pub first: String,
}

/// One feed's progress.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feed {
    /// The feed's name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// `waiting`, `running`, `done` or `skipped`.
    pub state: String,
    /// Requests answered.
    pub requests_done: u64,
    /// Requests known so far.
    pub requests_known: u64,
    /// Pages kept.
    pub pages: u64,
    /// Records kept.
    pub records: u64,
    /// Partitions committed.
    pub partitions: u64,
    /// Partitions left as they are.
    pub left_unchanged: u64,
}

/// Something a person should know about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// `info`, `warn` or `error`.
    pub level: String,
    /// Stable code: `RUN-…`.
    pub code: String,
    /// Where: a feed, a partition; may be empty.
    pub subject: String,
    /// What happened.
    pub what: String,
    /// What to do.
    pub remedy: String,
}
