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
        self.recent(&by_user(user, address), now) < MAX_PER_USER && self.allows_address(address, now)
    }

    /// Whether another try from this address is allowed, whoever it is.
    pub(crate) fn allows_address(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        self.recent(&by_address(address), now) < MAX_PER_ADDRESS
    }

    fn recent(&self, source: &Source, now: Timestamp) -> usize {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(source).map_or(0, |times| times.iter().filter(|time| is_recent(**time, now)).count())
    }

    /// Notes a failure.
    pub(crate) fn failed(&self, user: &str, address: Option<IpAddr>, now: Timestamp) {
        self.note(&[by_user(user, address), by_address(address)], now);
    }

    /// Notes a failure of nobody in particular.
    pub(crate) fn failed_from(&self, address: Option<IpAddr>, now: Timestamp) {
        self.note(&[by_address(address)], now);
    }

    fn note(&self, sources: &[Source], now: Timestamp) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MAX_KEYS {
            failures.retain(|_, times| times.iter().any(|time| is_recent(*time, now)));
        }
        if failures.len() >= MAX_KEYS {
            failures.clear();
        }
        for source in sources {
            let times = failures.entry(source.clone()).or_default();
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
    (Some(user.chars().take(120).collect::<String>().to_lowercase()), address.map(network))
}

fn by_address(address: Option<IpAddr>) -> Source {
    (None, address.map(network))
}

/// Who has one IPv6 address has its whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
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
    fn a_whole_network_of_ipv6_counts_as_one_address() {
        let throttle = Throttle::default();
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for guess in 0..MAX_PER_ADDRESS {
            throttle.failed_from(format!("2001:db8::{guess}").parse().ok(), now);
        }
        assert!(!throttle.allows_address("2001:db8::ffff".parse().ok(), now));
        assert!(throttle.allows_address("2001:db8:0:1::1".parse().ok(), now));
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
