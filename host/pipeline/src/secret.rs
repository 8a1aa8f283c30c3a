//! Whether the vendor takes an account's plain secret. No token endpoint says so: only the answers of its calls do.

use std::sync::atomic::{AtomicBool, Ordering};

use purser_runtime::contract::crawl::Target;
use purser_vendor::connector::Connector;

use crate::trouble::{self, Trouble};

/// The code of a secret the vendor does not take.
pub const REFUSED: &str = "RUN-SECRET";

/// What a run has seen of the vendor's opinion of the account's secret.
#[derive(Debug, Default)]
pub struct SecretWatch {
    taken: AtomicBool,
    forbidden: AtomicBool,
}

impl SecretWatch {
    /// What the status of an answer says of the secret; none: nothing that a run must stop for.
    ///
    /// 401 is about who asks. 403 may be about the one thing asked for: the plugin judges it, and only where nothing at all
    /// was given for the secret it is the secret's ([`SecretWatch::refused_everywhere`]).
    pub(crate) fn judge(&self, connector: &Connector, target: &Target, status: u16) -> Option<Trouble> {
        let carries = matches!(target, Target::Call(call) if connector.carries_secret(&call.name));
        match status {
            _ if !carries => {}
            200..=299 => self.taken.store(true, Ordering::Relaxed),
            401 => return Some(refused("the vendor does not take the account's secret (HTTP 401)")),
            403 => self.forbidden.store(true, Ordering::Relaxed),
            _ => {}
        }
        None
    }

    /// Whether every answer for the secret was 403.
    pub(crate) fn refused_everywhere(&self) -> Option<Trouble> {
        let is_so = self.forbidden.load(Ordering::Relaxed) && !self.taken.load(Ordering::Relaxed);
        is_so.then(|| refused("the vendor forbids everything with the account's secret (HTTP 403)"))
    }
}

/// A plugin's word that the grant is refused, as it is meant where the grant is a plain secret.
pub(crate) fn worded(connector: &Connector, trouble: Trouble) -> Trouble {
    if trouble.code == trouble::REFUSED && connector.takes_secret() { refused(trouble.what) } else { trouble }
}

fn refused(what: impl std::fmt::Display) -> Trouble {
    Trouble { stops_run: true, ..Trouble::new(REFUSED, what) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use purser_runtime::contract::crawl::CallTarget;
    use purser_vendor::connector::{Auth, Call, Endpoint, Method};

    use super::*;

    fn connector() -> Connector {
        let endpoint =
            |auth| Endpoint { base_url: "https://api.example".parse().unwrap(), auth, by_operator: false };
        let call = |endpoint: &str| Call {
            endpoint: endpoint.into(),
            method: Method::Get,
            path_template: "/".into(),
            query: Default::default(),
            headers: Default::default(),
            per_minute: None,
        };
        Connector {
            id: "meters".parse().unwrap(),
            cloud: "main".into(),
            endpoints: BTreeMap::from([
                ("keyed".into(), endpoint(Auth::SecretHeader("x-key".into()))),
                ("open".into(), endpoint(Auth::None)),
            ]),
            calls: BTreeMap::from([("keyed".into(), call("keyed")), ("open".into(), call("open"))]),
            download_hosts: Vec::new(),
            consent: None,
        }
    }

    fn to(call: &str) -> Target {
        Target::Call(CallTarget { name: call.into(), path: Vec::new(), query: Vec::new() })
    }

    #[test]
    fn only_401_ends_a_run_and_403_counts_where_nothing_was_given() {
        let connector = connector();
        // Status codes of calls with the secret, whether one of them stops the run, whether all were forbidden.
        let table: [(&[u16], bool, bool); 7] = [
            (&[200, 401], true, false),
            (&[401], true, false),
            (&[403, 403], false, true),
            (&[403, 200], false, false),
            (&[200, 403], false, false),
            (&[404, 500], false, false),
            (&[403, 404], false, true),
        ];
        for (statuses, stops, everywhere) in table {
            let watch = SecretWatch::default();
            let judged: Vec<_> =
                statuses.iter().filter_map(|status| watch.judge(&connector, &to("keyed"), *status)).collect();
            assert_eq!(!judged.is_empty(), stops, "{statuses:?}");
            assert!(judged.iter().all(|trouble| trouble.stops_run && trouble.code == REFUSED));
            assert_eq!(watch.refused_everywhere().is_some(), everywhere, "{statuses:?}");
        }
    }

    #[test]
    fn what_carries_no_secret_says_nothing_of_it() {
        let (connector, watch) = (connector(), SecretWatch::default());
        for target in [to("open"), Target::Absolute("https://files.example/x".into())] {
            for status in [401, 403] {
                assert_eq!(watch.judge(&connector, &target, status), None);
            }
        }
        assert_eq!(watch.refused_everywhere(), None);
    }

    #[test]
    fn a_plugins_word_that_consent_is_needed_is_said_of_the_secret() {
        let told = Trouble { stops_run: true, ..Trouble::new(trouble::REFUSED, "the key is refused") };
        let worded = worded(&connector(), told);
        assert_eq!((worded.code.as_str(), worded.what.as_str()), (REFUSED, "the key is refused"));
        assert!(worded.stops_run && worded.remedy.contains("secret") && !worded.remedy.contains("consent"));
    }
}
