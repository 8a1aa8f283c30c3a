//! What a call may use, and what it used.
//!
//! Limits grow with the page: a budget is worked out for each call from its input. The operator's configuration fills
//! [`Limits`]; each stop names use against limit.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// What plugins may use. The defaults fit pages of 1 to 4 MiB, also for guests in JavaScript and Python.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Linear memory of one instance, in bytes. Default: 256 MiB; a mapping of 4 MiB in Rust takes 12 MiB.
    pub memory_bytes: u64,
    /// Wall time of any call, in milliseconds. Default: 2,000.
    pub deadline_base_ms: u64,
    /// Wall time beyond that for each MiB of input, in milliseconds. Default: 1,000; Rust takes 2, Python 25.
    pub deadline_per_mib_ms: u64,
    /// What a call may hand back, in bytes. Default: 64 MiB.
    pub output_bytes: u64,
    /// What is kept of a guest's standard output and error, in bytes; the rest is dropped. Default: 16 KiB.
    pub log_bytes: u64,
    /// Size of a component, in bytes. Default: 64 MiB; JavaScript takes 12, Python 19.
    pub component_bytes: u64,
    /// Instances that may live at the same time; further calls wait. Default: 8.
    pub pool_instances: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            deadline_base_ms: 2_000,
            deadline_per_mib_ms: 1_000,
            output_bytes: 64 * MIB,
            log_bytes: 16 * 1024,
            component_bytes: 64 * MIB,
            pool_instances: 8,
        }
    }
}

/// The most that [`crate::Plugin::with_room`] widens memory and deadline.
pub(crate) const MOST_ROOM: u32 = 4;

/// What one call may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub memory_bytes: usize,
    pub deadline_ms: u64,
    pub output_bytes: usize,
    pub log_bytes: usize,
}

impl Limits {
    /// The budget of a call with this much input, memory and deadline widened by `room`.
    pub(crate) fn budget(&self, input_bytes: usize, room: u32) -> Budget {
        let room = u64::from(room.clamp(1, MOST_ROOM));
        let scaled = u128::from(self.deadline_per_mib_ms) * input_bytes as u128 / u128::from(MIB);
        let deadline = self.deadline_base_ms.saturating_add(u64::try_from(scaled).unwrap_or(u64::MAX));
        Budget {
            memory_bytes: bytes(self.memory_bytes.saturating_mul(room)),
            deadline_ms: deadline.saturating_mul(room),
            output_bytes: bytes(self.output_bytes),
            log_bytes: bytes(self.log_bytes),
        }
    }
}

fn bytes(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// What a call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Wall time of the instance, from making it to taking it down.
    pub elapsed: Duration,
    /// The most linear memory held at a time, in bytes.
    pub memory_peak_bytes: u64,
    /// What came back from `map`, in bytes.
    pub output_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_grows_with_the_page_and_with_the_room() {
        let limits = Limits::default();
        assert_eq!(limits.budget(0, 1).deadline_ms, 2_000);
        assert_eq!(limits.budget(4 << 20, 1).deadline_ms, 6_000);
        assert_eq!(limits.budget(4 << 20, 2).deadline_ms, 12_000);
        assert_eq!(limits.budget(0, 2).memory_bytes, 512 << 20);
        assert_eq!(limits.budget(0, 99).memory_bytes, 1024 << 20);
    }

    #[test]
    fn absurd_limits_saturate() {
        let limits = Limits { deadline_per_mib_ms: u64::MAX, memory_bytes: u64::MAX, ..Limits::default() };
        assert_eq!(limits.budget(usize::MAX, 4).deadline_ms, u64::MAX);
    }
}
