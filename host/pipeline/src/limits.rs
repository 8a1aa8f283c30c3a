//! All bounds of a run in one table.

use std::time::Duration;

use crate::framing::Sizes;

/// What a run may use at once, and how patient it is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests under way at once: as many as the client lets out for an account, see `HttpLimits::per_account`.
    pub requests_in_flight: usize,
    /// Pages mapped at once: one a core.
    pub pages_in_sandbox: usize,
    /// Sizes of pages, documents and records.
    pub sizes: Sizes,
    /// Bytes of mapped pages a long answer may hold before they are staged.
    pub unstaged_bytes: usize,
    /// Bytes of mapped pages that may wait to be written, over all requests of a run: what keeps its memory flat.
    pub unwritten_bytes: usize,
    /// The largest answer that is not kept.
    pub envelope_bytes: usize,
    /// Requests that one attempt at a run may come to know: a plugin that asks for ever would else never end.
    pub requests_of_run: u64,
    /// How often a vendor may ask for patience for one request.
    pub retries: u32,
    /// The longest patience one such answer may ask for.
    pub retry_after: Duration,
    /// Facts handed to one `start`.
    pub facts_in_batch: u32,
    /// How long a run's lease holds without being renewed.
    pub lease: Duration,
    /// How long a run waits for its preflight.
    pub preflight: Duration,
    /// How often live progress is written.
    pub progress: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_in_flight: 16,
            pages_in_sandbox: std::thread::available_parallelism().map_or(2, usize::from),
            sizes: Sizes::default(),
            unstaged_bytes: 8 << 20,
            unwritten_bytes: 2 << 20,
            envelope_bytes: 4 << 20,
            requests_of_run: 2_000_000,
            retries: 12,
            retry_after: Duration::from_secs(900),
            facts_in_batch: 200,
            lease: Duration::from_secs(60),
            preflight: Duration::from_secs(60),
            progress: Duration::from_millis(400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More would only wait inside the client, fewer would leave a slow vendor's latency unhidden.
    #[test]
    fn a_run_has_as_many_requests_under_way_as_the_client_lets_out() {
        assert_eq!(Limits::default().requests_in_flight, purser_vendor::HttpLimits::default().per_account);
    }
}
