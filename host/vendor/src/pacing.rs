//! How fast requests go out: a call's rate, an account's concurrency, waits between tries.
//!
//! When the vendor asks for patience on one call, the account's other requests of that call wait too: each try counts
//! against the vendor's quota, so storming on would only prolong it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use jiff::Timestamp;
use purser_domain::AccountId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::surroundings::{Pace, Surroundings};
use crate::transport::HttpLimits;

/// Account, connector, call.
pub(crate) type Lane = (AccountId, String, String);

type Limiter = RateLimiter<NotKeyed, InMemoryState, PaceClock, NoOpMiddleware<Duration>>;

/// Lets requests out one by one.
pub(crate) struct Gate {
    surroundings: Surroundings,
    per_account: usize,
    places: Mutex<HashMap<AccountId, Arc<Semaphore>>>,
    limiters: Mutex<HashMap<(Lane, u32), Arc<Limiter>>>,
    quiet_until: Mutex<HashMap<Lane, Duration>>,
}

impl Gate {
    pub(crate) fn new(surroundings: Surroundings, limits: &HttpLimits) -> Self {
        Self {
            surroundings,
            per_account: limits.per_account.max(1),
            places: Mutex::default(),
            limiters: Mutex::default(),
            quiet_until: Mutex::default(),
        }
    }

    /// Waits until the request may go; the place is given back when the permit is dropped.
    pub(crate) async fn admit(&self, lane: &Lane, per_minute: Option<u32>) -> Option<OwnedSemaphorePermit> {
        loop {
            let wait = match self.quiet(lane) {
                Duration::ZERO => self.rate_wait(lane, per_minute),
                quiet => quiet,
            };
            if wait.is_zero() {
                break;
            }
            self.surroundings.pace.sleep(wait).await;
        }
        // Only now: a request that waits for its rate must not keep another call's request out.
        let places = lock(&self.places)
            .entry(lane.0)
            .or_insert_with(|| Arc::new(Semaphore::new(self.per_account)))
            .clone();
        places.acquire_owned().await.ok() // never closed
    }

    /// The vendor asked for patience on this lane.
    pub(crate) fn hold_back(&self, lane: &Lane, wait: Duration) {
        let until = self.surroundings.pace.elapsed().saturating_add(wait);
        let mut quiet = lock(&self.quiet_until);
        let held = quiet.entry(lane.clone()).or_default();
        *held = until.max(*held);
    }

    fn quiet(&self, lane: &Lane) -> Duration {
        let now = self.surroundings.pace.elapsed();
        lock(&self.quiet_until).get(lane).map_or(Duration::ZERO, |until| until.saturating_sub(now))
    }

    fn rate_wait(&self, lane: &Lane, per_minute: Option<u32>) -> Duration {
        let Some(per_minute) = per_minute.and_then(NonZeroU32::new) else {
            return Duration::ZERO;
        };
        let clock = PaceClock(self.surroundings.pace.clone());
        let limiter = lock(&self.limiters)
            .entry((lane.clone(), per_minute.get()))
            .or_insert_with(|| Arc::new(RateLimiter::direct_with_clock(quota(per_minute), clock.clone())))
            .clone();
        match limiter.check() {
            Ok(()) => Duration::ZERO,
            Err(not_yet) => not_yet.wait_time_from(clock.now()).max(Duration::from_millis(1)),
        }
    }
}

/// The wait before the try after this many: exponential, between half and all of it.
pub(crate) fn backoff(limits: &HttpLimits, surroundings: &Surroundings, tries: u32) -> Duration {
    let doubled = limits.backoff.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1)));
    let half = doubled.min(limits.backoff_cap) / 2;
    half + surroundings.chance.up_to(half)
}

/// Reads a `Retry-After` header: seconds, or an HTTP date. Some vendors double values ("57,57").
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let first = value.split(',').next().unwrap_or_default().trim();
    if let Ok(seconds) = first.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// A tenth may go at once, the rest evenly: the first minute then holds no more than the vendor allows.
fn quota(per_minute: NonZeroU32) -> Quota {
    let burst = NonZeroU32::new(per_minute.get() / 10).unwrap_or(NonZeroU32::MIN);
    let evenly = per_minute.get().saturating_sub(burst.get()).max(1);
    let period = Duration::from_secs(60) / evenly;
    Quota::with_period(period).unwrap_or(Quota::per_minute(per_minute)).allow_burst(burst)
}

#[derive(Clone)]
struct PaceClock(Arc<dyn Pace>);

impl governor::clock::Clock for PaceClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("57", Some(57)),
            ("57,57", Some(57)),
            (" 0 ", Some(0)),
            ("Mon, 23 Nov 2026 06:01:30 GMT", Some(90)),
            ("Mon, 23 Nov 2026 05:00:00 GMT", Some(0)),
            ("soon", None),
            ("", None),
            ("-5", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_minute_holds_no_more_than_its_quota() {
        for per_minute in [2, 10, 500, 60_000] {
            let quota = quota(NonZeroU32::new(per_minute).unwrap());
            let evenly = 60_000_000_000 / quota.replenish_interval().as_nanos();
            let total = evenly + u128::from(quota.burst_size().get());
            assert!(total <= u128::from(per_minute) + 1, "{per_minute}: {total}");
        }
    }
}
