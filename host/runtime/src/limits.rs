//! What a call may use, and what it used.
//!
//! Limits grow with the page: a budget is worked out for each call from its input. The operator sets them by the
//! [`Knob`](crate::Knob)s; each stop names use against limit. **Invariant:** every limit is a value passed in, so a test
//! can lift one and leave the others.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// What plugins may use. The defaults fit pages of 1 to 4 MiB, also for guests in JavaScript and Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, in bytes: all of it for a page of 4 MiB and more, half of it for an empty one.
    /// Default: 256 MiB; a mapping of 4 MiB in Rust takes 12 MiB.
    pub memory_bytes: u64,
    /// Wall time of any call, in milliseconds. Default: 2,000.
    pub deadline_base_ms: u64,
    /// Wall time beyond that for each MiB of input, in milliseconds. Default: 1,000; Rust takes 2, Python 25.
    pub deadline_per_mib_ms: u64,
    /// What a call may hand back, in bytes; scaled as memory is. Default: 128 MiB; a step with a request for each day of a
    /// year and 200 subscriptions takes 30.
    pub output_bytes: u64,
    /// What is kept of a guest's standard output and error, in bytes; the rest is dropped and counted. Default: 16 KiB.
    pub log_bytes: u64,
    /// Size of a component, in bytes. Default: 64 MiB; JavaScript takes 12, Python 19.
    pub component_bytes: u64,
    /// Instances that may live at the same time; further calls wait. Default: 8.
    pub pool_instances: u32,
    /// Records of a page that is mapped in one call. Default: 250,000, of 8 bytes each on a page of 2 MiB.
    pub records: u32,
    /// Records of one page that the guest may crash on before the page counts as failed. Default: 100.
    pub crashes: u32,
    /// Requests of one step. Default: 100,000.
    pub requests: u32,
    /// Facts of one answer. Default: 100,000.
    pub facts: u32,
    /// Product texts of one page, for each of its records. Default: 64.
    pub texts_per_record: u32,
    /// A string, in bytes; a fact's value and what a request carries may be [`Limits::LONG`] times as long. Default: 256 KiB.
    pub string_bytes: u64,
    /// Digits of a number in plain notation. Default and most: 1,000.
    pub number_digits: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            deadline_base_ms: 2_000,
            deadline_per_mib_ms: 1_000,
            output_bytes: 128 * MIB,
            log_bytes: 16 * 1024,
            component_bytes: 64 * MIB,
            pool_instances: 8,
            records: 250_000,
            crashes: 100,
            requests: 100_000,
            facts: 100_000,
            texts_per_record: 64,
            string_bytes: 256 * 1024,
            number_digits: 1_000,
        }
    }
}

/// The most that [`crate::Plugin::with_room`] widens memory and deadline.
pub(crate) const MOST_ROOM: u32 = 4;

/// A page of this many bytes has the whole of the scaled limits.
const WHOLE_PAGE: u64 = 4 * MIB;

/// Scaled limits are rounded down to this: a page of WebAssembly memory.
const STEP: u64 = 64 * 1024;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Budget {
    /// Linear memory, in bytes.
    pub memory_bytes: u64,
    /// Wall time, in milliseconds.
    pub deadline_ms: u64,
    /// What may come back, in bytes.
    pub output_bytes: u64,
    /// What is kept of what it prints, in bytes.
    pub log_bytes: u64,
}

impl Limits {
    /// How many times [`Limits::string_bytes`] a fact's value and what a request carries may be long.
    pub const LONG: u64 = 16;

    /// The budget of a call with this much input, memory and deadline widened by `room`.
    pub(crate) fn budget(&self, input_bytes: usize, room: u32) -> Budget {
        let room = u64::from(room.clamp(1, MOST_ROOM));
        let input = input_bytes as u64;
        let for_page = u128::from(self.deadline_per_mib_ms) * u128::from(input) / u128::from(MIB);
        let deadline = self.deadline_base_ms.saturating_add(u64::try_from(for_page).unwrap_or(u64::MAX));
        Budget {
            memory_bytes: scaled(self.memory_bytes, input).saturating_mul(room),
            deadline_ms: deadline.saturating_mul(room),
            output_bytes: scaled(self.output_bytes, input),
            log_bytes: self.log_bytes,
        }
    }
}

/// Half of a limit, and of the other half as much as the input is of a whole page.
fn scaled(limit: u64, input: u64) -> u64 {
    let half = limit / 2;
    let share = u128::from(limit - half) * u128::from(input.min(WHOLE_PAGE)) / u128::from(WHOLE_PAGE);
    let whole = half.saturating_add(u64::try_from(share).unwrap_or(u64::MAX));
    if whole > STEP { whole - whole % STEP } else { whole }
}

/// What a call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// Wall time of the instance, from making it to taking it down.
    pub elapsed: Duration,
    /// The most linear memory held at a time, in bytes.
    pub memory_peak_bytes: u64,
    /// What came back, in bytes; none where the call was stopped.
    pub output_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_deadline_and_output_grow_with_the_page_and_the_first_two_with_the_room() {
        let limits = Limits::default();
        let of = |input: usize, room| limits.budget(input, room);
        assert_eq!([0, 1 << 20, 4 << 20].map(|input| of(input, 1).deadline_ms), [2_000, 3_000, 6_000]);
        assert_eq!([0, 1 << 20, 4 << 20].map(|input| of(input, 1).memory_bytes >> 20), [128, 160, 256]);
        assert_eq!([0, 1 << 20, 96 << 20].map(|input| of(input, 1).output_bytes >> 20), [64, 80, 128]);
        assert_eq!(of(4 << 20, 2).deadline_ms, 12_000);
        assert_eq!([2, 99].map(|room| of(0, room).memory_bytes >> 20), [256, 512]);
        assert_eq!(of(0, 2).output_bytes, of(0, 1).output_bytes);
    }

    #[test]
    fn absurd_limits_saturate() {
        let limits = Limits { deadline_per_mib_ms: u64::MAX, memory_bytes: u64::MAX, ..Limits::default() };
        assert_eq!(limits.budget(usize::MAX, 4).deadline_ms, u64::MAX);
        assert_eq!(limits.budget(usize::MAX, 4).memory_bytes, u64::MAX);
        let nothing = Limits { memory_bytes: 0, output_bytes: 1, ..Limits::default() };
        assert_eq!((nothing.budget(0, 1).memory_bytes, nothing.budget(0, 1).output_bytes), (0, 0));
    }
}
