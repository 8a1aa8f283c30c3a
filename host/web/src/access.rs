//! What an operator's configuration says about who may come in, and the port to a sign-in elsewhere.

use std::net::IpAddr;

use async_trait::async_trait;
use ipnet::IpNet;
use jiff::SignedDuration;
use purser_store::access::Identity;
use purser_store::people::Role;
use url::Url;

use crate::Problem;

/// Rules of sessions and sign-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRules {
    /// A session ends after this long without use.
    pub idle: SignedDuration,
    /// A session ends this long after sign-in.
    pub absolute: SignedDuration,
    /// Whether people may sign in with a password of this Purser's.
    pub takes_passwords: bool,
    /// Who may say for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for AccessRules {
    fn default() -> Self {
        Self {
            idle: SignedDuration::from_hours(8),
            absolute: SignedDuration::from_hours(24),
            takes_passwords: true,
            trusted_proxies: Vec::new(),
        }
    }
}

/// Shortest and longest of both ends.
const IDLE: [SignedDuration; 2] = [SignedDuration::from_mins(10), SignedDuration::from_hours(24)];
const ABSOLUTE: [SignedDuration; 2] = [SignedDuration::from_hours(1), SignedDuration::from_hours(168)];

impl AccessRules {
    /// What is wrong with them, in words.
    ///
    /// # Errors
    /// A sentence that names the bounds.
    pub fn check(&self) -> Result<(), &'static str> {
        let within =
            |value: SignedDuration, [least, most]: [SignedDuration; 2]| least <= value && value <= most;
        if !within(self.idle, IDLE) {
            return Err("session-idle-minutes must lie between 10 and 1440");
        }
        if !within(self.absolute, ABSOLUTE) {
            return Err("session-hours must lie between 1 and 168");
        }
        if self.idle > self.absolute {
            return Err("session-idle-minutes must not be longer than session-hours");
        }
        Ok(())
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// A person whom somebody else vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outsider {
    /// Who vouches, and for whom.
    pub identity: Identity,
    /// What to call them.
    pub name: String,
    /// The highest role that their groups give.
    pub role: Role,
}

/// Signing in elsewhere.
#[async_trait]
pub trait OutsideSignIn: Send + Sync + 'static {
    /// The text of the button.
    fn title(&self) -> &str;
    /// Where the browser goes. `browser` is the hash of a secret that only this browser holds.
    async fn begin(&self, browser: &[u8; 32]) -> Result<Url, Problem>;
    /// Who came back, once everything was checked.
    async fn finish(&self, browser: &[u8; 32], query: &[(String, String)]) -> Result<Outsider, Problem>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_outside_the_bounds_are_refused_by_name() {
        let rules = |idle, absolute| AccessRules {
            idle: SignedDuration::from_mins(idle),
            absolute: SignedDuration::from_hours(absolute),
            ..AccessRules::default()
        };
        assert_eq!(AccessRules::default().check(), Ok(()));
        for (idle, absolute, name) in
            [(9, 24, "idle"), (1441, 48, "idle"), (480, 169, "hours"), (480, 0, "hours"), (120, 1, "longer")]
        {
            assert!(rules(idle, absolute).check().unwrap_err().contains(name), "{idle} {absolute}");
        }
    }
}
