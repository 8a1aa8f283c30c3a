//! What plugins did since the process started: calls, use against limits, records, what they printed, by version.
//!
//! A [`Board`] is passed in where the sandbox is made, and told of every call. Pages, API and `/metrics` read it.
//! **Invariant:** its size is bounded by the versions at hand, whatever they do: counts, and the last of what they
//! printed.

mod metrics;
mod printed;
mod run;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use purser_domain::Digest;
use purser_runtime::{Called, Function, Recorder, Records, Version};
use serde::Serialize;

use crate::work::Clock;
pub use metrics::{CONTENT_TYPE, text};
use printed::Log;
pub use printed::Print;
pub use run::RunUse;

/// All that is known.
pub struct Board {
    clock: Clock,
    since: Timestamp,
    versions: Mutex<BTreeMap<(String, Digest), Kept>>,
}

/// One version, as it is kept.
#[derive(Default)]
struct Kept {
    functions: BTreeMap<Function, FunctionUse>,
    records: Records,
    log: Log,
}

/// One plugin version's use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersionUse {
    /// The plugin's id.
    pub plugin: String,
    /// The version's bytes.
    pub digest: Digest,
    /// By function of the contract; only those that were called.
    pub functions: Vec<FunctionUse>,
    /// Records of pages that were mapped to their end.
    pub records: Records,
    /// The last of what it printed, oldest first.
    pub printed: Vec<Print>,
    /// How often it printed and nothing was kept, since it prints too often.
    pub unkept_prints: u64,
}

/// What one function of a version used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionUse {
    /// Which.
    pub function: Function,
    /// The role it belongs to.
    pub role: purser_runtime::Role,
    /// Calls by how they ended: `ok` or a code.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// What it was given, in bytes.
    pub input_bytes: u64,
    /// What it handed back, in bytes.
    pub output_bytes: u64,
    /// Time in the sandbox, in milliseconds.
    pub elapsed_ms: u64,
    /// Calls by time: of each entry of [`LATENCIES_MS`] those that took no longer, then the rest.
    pub latencies: [u64; LATENCIES_MS.len() + 1],
    /// Use against limit, of the call that came closest to each.
    pub peaks: Peaks,
}

/// Bounds of the latencies that are counted, in milliseconds.
pub const LATENCIES_MS: [u64; 8] = [1, 5, 25, 100, 500, 2_000, 10_000, 60_000];

/// The calls that came closest to their limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Peaks {
    /// Memory, in bytes.
    pub memory_bytes: Peak,
    /// Time, in milliseconds.
    pub elapsed_ms: Peak,
    /// The answer, in bytes.
    pub output_bytes: Peak,
    /// What was printed, kept or not, in bytes.
    pub printed_bytes: Peak,
}

/// Use against limit. Limits grow with the page, so what came closest need not be the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Peak {
    /// What was used …
    pub used: u64,
    /// … of what was allowed.
    pub allowed: u64,
}

impl Peak {
    fn take(&mut self, used: u64, allowed: u64) {
        let share = |one: u64, of: u64| u128::from(one) * u128::from(of.max(1));
        if self.allowed == 0 || share(used, self.allowed) > share(self.used, allowed) {
            *self = Self { used, allowed };
        }
    }
}

impl Peaks {
    /// Takes a call where it came closer to a limit than those before.
    pub(crate) fn take(&mut self, call: &Called<'_>) {
        self.memory_bytes.take(call.used.memory_peak_bytes, call.allowed.memory_bytes);
        self.elapsed_ms.take(milliseconds(call), call.allowed.deadline_ms);
        self.output_bytes.take(call.used.output_bytes, call.allowed.output_bytes);
        let printed = call.printed.text.len() as u64 + call.printed.dropped_bytes;
        self.printed_bytes.take(printed, call.allowed.log_bytes);
    }

    /// Takes those of another attempt, where they came closer.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.memory_bytes.take(other.memory_bytes.used, other.memory_bytes.allowed);
        self.elapsed_ms.take(other.elapsed_ms.used, other.elapsed_ms.allowed);
        self.output_bytes.take(other.output_bytes.used, other.output_bytes.allowed);
        self.printed_bytes.take(other.printed_bytes.used, other.printed_bytes.allowed);
    }
}

fn milliseconds(call: &Called<'_>) -> u64 {
    u64::try_from(call.used.elapsed.as_millis()).unwrap_or(u64::MAX)
}

impl FunctionUse {
    fn of(function: Function) -> Self {
        Self {
            function,
            role: function.role(),
            outcomes: BTreeMap::new(),
            input_bytes: 0,
            output_bytes: 0,
            elapsed_ms: 0,
            latencies: Default::default(),
            peaks: Peaks::default(),
        }
    }

    fn take(&mut self, call: &Called<'_>) {
        let elapsed_ms = milliseconds(call);
        *self.outcomes.entry(call.outcome).or_default() += 1;
        self.input_bytes += call.input_bytes;
        self.output_bytes += call.used.output_bytes;
        self.elapsed_ms += elapsed_ms;
        let place = LATENCIES_MS.iter().position(|bound| elapsed_ms <= *bound).unwrap_or(LATENCIES_MS.len());
        if let Some(calls) = self.latencies.get_mut(place) {
            *calls += 1;
        }
        self.peaks.take(call);
    }

    /// All calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

impl Board {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { since: clock(), clock, versions: Mutex::default() }
    }

    /// Since when it counts: the start of the process.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// What all versions of a plugin did.
    #[must_use]
    pub fn of_plugin(&self, plugin: &str) -> Vec<VersionUse> {
        self.all().into_iter().filter(|version| version.plugin == plugin).collect()
    }

    /// What every version did.
    #[must_use]
    pub fn all(&self) -> Vec<VersionUse> {
        let view = |((plugin, digest), kept): (&(String, Digest), &Kept)| VersionUse {
            plugin: plugin.clone(),
            digest: *digest,
            functions: kept.functions.values().cloned().collect(),
            records: kept.records,
            printed: kept.log.prints(),
            unkept_prints: kept.log.unkept(),
        };
        self.kept().iter().map(view).collect()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<(String, Digest), Kept>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, version: &Version<'_>, change: impl FnOnce(&mut Kept)) {
        change(self.kept().entry((version.plugin.to_owned(), version.digest)).or_default());
    }
}

impl Recorder for Board {
    fn called(&self, call: &Called<'_>) {
        let print = printed::print(call, (self.clock)());
        self.with(&call.version, |kept| {
            kept.functions.entry(call.function).or_insert_with(|| FunctionUse::of(call.function)).take(call);
            if let Some(print) = print {
                kept.log.take(print);
            }
        });
    }

    fn mapped(&self, version: &Version<'_>, records: Records) {
        self.with(version, |kept| {
            let all = &mut kept.records;
            all.received += records.received;
            all.mapped += records.mapped;
            all.ignored += records.ignored;
            all.rejected += records.rejected;
        });
    }
}

#[cfg(test)]
mod tests;
