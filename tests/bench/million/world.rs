//! What a case's processes share: how large the cloud is, where it answers, who asks, where files lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::case::Case;

/// The feed that is measured.
pub const FEED: &str = "utilization";
/// Few enough that the vendor's rate limit on customers and subscriptions is never reached.
pub const CUSTOMERS: usize = 34;
/// Reported days the cloud has.
const DAYS: usize = 3;
/// What all clocks show at the start.
const START: Timestamp = Timestamp::constant(1_795_456_805, 0);

/// A case, for its processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    /// Legacy Azure subscriptions of each customer.
    pub subscriptions: usize,
    /// Records a subscription has on each reported day: a partition.
    pub records_a_day: usize,
    /// Before every answer, in milliseconds.
    pub latency: u64,
    /// Holds the plugin and its machine code.
    pub folder: PathBuf,
    /// Where the cloud answers; empty before it runs.
    pub base: String,
    /// The partner's tenant.
    pub tenant: String,
    /// For the native program.
    pub access_token: String,
    /// For Purser.
    pub refresh_token: String,
}

impl World {
    /// The world of a case, before its cloud runs: as many subscriptions as fill partitions of about that size.
    pub fn for_case(folder: &Path, case: Case, partition: usize) -> Self {
        let all_days = CUSTOMERS * DAYS;
        let subscriptions = (case.records / (all_days * partition.max(1))).max(1);
        Self {
            subscriptions,
            records_a_day: case.records.div_ceil(all_days * subscriptions),
            latency: case.latency,
            folder: folder.to_owned(),
            base: String::new(),
            tenant: String::new(),
            access_token: String::new(),
            refresh_token: String::new(),
        }
    }

    /// Days that are asked for, half-open.
    pub fn window() -> (Date, Date) {
        let today = START.to_zoned(jiff::tz::TimeZone::UTC).date();
        (today.saturating_sub(jiff::Span::new().days(3)), today)
    }
}

/// The component's bytes.
pub fn plugin_file(folder: &Path) -> PathBuf {
    folder.join("plugin.wasm")
}

/// A clock that shows [`START`] now and goes on from there.
pub fn clock() -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
    let begun = Instant::now();
    Arc::new(move || {
        let since = SignedDuration::try_from(begun.elapsed()).unwrap_or_default();
        START.saturating_add(since).unwrap_or(START)
    })
}
