//! Slows down guessing of passwords: per user and address, and per address.
//!
//! **Invariant:** bounded memory: beyond [`MAX_KEYS`] the oldest half is forgotten. Time is passed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Failures of one user from one address before the next try is refused.
pub(crate) const MAX_PER_USER: usize = 5;
/// Failures of one address, whatever the user.
pub(crate) const MAX_PER_ADDRESS: usize = 30;
/// How long a failure counts.
pub(crate) const WINDOW: SignedDuration = SignedDuration::from_mins(15);
const MAX_KEYS: usize = 10_000;

/// Whose failures: a user's from an address, or all of an address.
type Source = (Option<String>, Option<IpAddr>);

/// Recent failures.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<Source, Vec<Timestamp>>>);

impl Throttle {
    /// Whether another try is allowed.
    pub(crate) fn allows(&self, user: &str, address: Option<IpAddr>, now: Timestamp) -> bool {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |key: &Source| {
            failures.get(key).map_or(0, |times| times.iter().filter(|time| is_recent(**time, now)).count())
        };
        recent(&by_user(user, address)) < MAX_PER_USER && recent(&(None, address)) < MAX_PER_ADDRESS
    }

    /// Notes a failure.
    pub(crate) fn failed(&self, user: &str, address: Option<IpAddr>, now: Timestamp) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MAX_KEYS {
            failures.retain(|_, times| times.iter().any(|time| is_recent(*time, now)));
        }
        if failures.len() >= MAX_KEYS {
            failures.clear();
        }
        for key in [by_user(user, address), (None, address)] {
            let times = failures.entry(key).or_default();
            times.retain(|time| is_recent(*time, now));
            times.push(now);
        }
    }

    /// Forgets the failures of a user who has signed in.
    pub(crate) fn succeeded(&self, user: &str, address: Option<IpAddr>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&by_user(user, address));
    }
}

fn by_user(user: &str, address: Option<IpAddr>) -> Source {
    (Some(user.chars().take(120).collect::<String>().to_lowercase()), address)
}

fn is_recent(time: Timestamp, now: Timestamp) -> bool {
    now.duration_since(time) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_guess_waits_until_the_window_has_passed() {
        let throttle = Throttle::default();
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for _ in 0..MAX_PER_USER {
            assert!(throttle.allows("anna", None, now));
            throttle.failed("Anna", None, now);
        }
        assert!(!throttle.allows("anna", None, now));
        assert!(throttle.allows("ben", None, now), "another user is not locked out");
        assert!(throttle.allows("anna", None, now + WINDOW));
    }

    #[test]
    fn one_address_cannot_try_many_users() {
        let throttle = Throttle::default();
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for guess in 0..MAX_PER_ADDRESS {
            throttle.failed(&format!("user{guess}"), address, now);
        }
        assert!(!throttle.allows("anna", address, now));
        assert!(throttle.allows("anna", Some(IpAddr::from([192, 0, 2, 2])), now));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for guess in 0..MAX_KEYS + 10 {
            throttle.failed(&format!("user{guess}"), None, now);
        }
        assert!(throttle.0.lock().unwrap().len() <= MAX_KEYS + 2);
    }
}
