//! How the app registration proves itself at the token endpoint: by a secret or by a certificate, one or two of them.
//!
//! Two overlap while they are exchanged: where the vendor finds fault with one, the other is tried once, and which
//! worked is remembered for as long as the process lives. **Invariant:** no secret or key is ever shown.

mod certificate;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use certificate::{Certificate, CertificateFault};

use crate::secret::Secret;

/// Days before the end at which a reminder becomes another one.
const REMINDERS: [i64; 3] = [7, 30, 60];

/// One way to prove it.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What is shown to the vendor.
    pub proof: Proof,
    /// When it ends, where that is known.
    pub expires: Option<Timestamp>,
}

/// What is shown to the vendor.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The secret itself.
    Secret(Secret),
    /// A short-lived statement signed by the certificate's key.
    Certificate(Arc<Certificate>),
}

/// The credentials of one app registration. Clones share what is remembered.
#[derive(Debug, Clone, Default)]
pub struct ClientAuth {
    credentials: Vec<Credential>,
    works: Arc<AtomicUsize>,
}

/// How near the end of a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// It is over.
    Over,
    /// At most so many days are left: 7, 30 or 60.
    Within(i64),
}

impl Credential {
    /// A secret that ends nobody knows when.
    #[must_use]
    pub fn secret(secret: Secret) -> Self {
        Self { proof: Proof::Secret(secret), expires: None }
    }

    /// A certificate; it says itself when it ends.
    #[must_use]
    pub fn certificate(certificate: Certificate) -> Self {
        let expires = Some(certificate.not_after());
        Self { proof: Proof::Certificate(Arc::new(certificate)), expires }
    }

    /// What kind it is, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.proof {
            Proof::Secret(_) => "client secret",
            Proof::Certificate(_) => "client certificate",
        }
    }

    /// What is said of its end, the same words on every day; none: nobody knows when it ends.
    #[must_use]
    pub fn ending(&self, nearness: Nearness) -> Option<String> {
        let day = self.expires?.to_zoned(TimeZone::UTC).date();
        let verb = if nearness == Nearness::Over { "has ended" } else { "ends" };
        Some(format!("the {} {verb} on {day}", self.kind()))
    }

    /// Whether its end is near enough to say so.
    #[must_use]
    pub fn nearness(&self, now: Timestamp) -> Option<Nearness> {
        let left = self.expires?.duration_since(now);
        if left <= SignedDuration::ZERO {
            return Some(Nearness::Over);
        }
        let within = |days: &&i64| left <= SignedDuration::from_hours(**days * 24);
        REMINDERS.iter().find(within).map(|days| Nearness::Within(*days))
    }
}

impl ClientAuth {
    /// The credentials in the order they are tried.
    #[must_use]
    pub fn new(credentials: Vec<Credential>) -> Self {
        Self { credentials, works: Arc::default() }
    }

    /// One secret.
    #[must_use]
    pub fn secret(secret: Secret) -> Self {
        Self::new(vec![Credential::secret(secret)])
    }

    /// All, in the order of the configuration.
    #[must_use]
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// The credential that ends last, where its end is near: after it nothing works any more.
    #[must_use]
    pub fn end(&self, now: Timestamp) -> Option<(&Credential, Nearness)> {
        let last = self.credentials.iter().max_by_key(|one| one.expires.unwrap_or(Timestamp::MAX))?;
        Some((last, last.nearness(now)?))
    }

    /// The place of the credential that worked last: the first, before any did.
    #[must_use]
    pub fn preferred(&self) -> usize {
        self.works.load(Ordering::Relaxed)
    }

    /// The one to use, and the other one. None: a public client, which proves nothing.
    pub(crate) fn in_order(&self) -> Vec<Option<(usize, &Credential)>> {
        if self.credentials.is_empty() {
            return vec![None];
        }
        let preferred = self.preferred();
        let mut all: Vec<_> = self.credentials.iter().enumerate().map(Some).collect();
        all.sort_by_key(|one| one.is_none_or(|(place, _)| place != preferred));
        all
    }

    pub(crate) fn remember(&self, place: usize) {
        if self.works.swap(place, Ordering::Relaxed) != place {
            tracing::info!(client.credential = place + 1, "client.credential_changed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_credential_is_told_at_60_30_and_7_days_and_when_it_is_over() {
        let end: Timestamp = "2027-03-01T00:00:00Z".parse().unwrap();
        let credential = Credential { expires: Some(end), ..Credential::secret(Secret::new("x".into())) };
        for (at, nearness) in [
            ("2026-12-30T23:59:59Z", None),
            ("2026-12-31T00:00:00Z", Some(Nearness::Within(60))),
            ("2027-01-30T00:00:00Z", Some(Nearness::Within(30))),
            ("2027-02-21T23:59:59Z", Some(Nearness::Within(30))),
            ("2027-02-22T00:00:00Z", Some(Nearness::Within(7))),
            ("2027-03-01T00:00:00Z", Some(Nearness::Over)),
        ] {
            assert_eq!(credential.nearness(at.parse().unwrap()), nearness, "{at}");
        }
        assert_eq!(Credential::secret(Secret::new("x".into())).nearness(end), None);
    }

    #[test]
    fn only_the_last_end_is_an_end() {
        let ending = |days: i64| {
            let end = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days);
            Credential { expires: Some(end), ..Credential::secret(Secret::new("x".into())) }
        };
        let end = |credentials: Vec<Credential>| {
            ClientAuth::new(credentials).end(Timestamp::UNIX_EPOCH).map(|(_, nearness)| nearness)
        };
        assert_eq!(end(vec![ending(5)]), Some(Nearness::Within(7)));
        assert_eq!(end(vec![ending(5), ending(45)]), Some(Nearness::Within(60)));
        assert_eq!(end(vec![ending(5), ending(365)]), None);
        assert_eq!(end(vec![ending(0), Credential::secret(Secret::new("y".into()))]), None);
        assert_eq!(end(Vec::new()), None);
    }

    #[test]
    fn the_one_that_worked_is_tried_first_by_every_clone() {
        let credential = |text: &str| Credential::secret(Secret::new(text.into()));
        let auth = ClientAuth::new(vec![credential("a"), credential("b")]);
        let places = |auth: &ClientAuth| auth.in_order().iter().map(|one| one.unwrap().0).collect::<Vec<_>>();
        assert_eq!(places(&auth), [0, 1]);
        auth.clone().remember(1);
        assert_eq!(places(&auth), [1, 0]);
        assert_eq!(ClientAuth::default().in_order().len(), 1);
    }
}
