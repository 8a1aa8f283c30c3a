//! Everything the host must know before it runs the connector: endpoints, calls, feeds, consent, settings, languages.
//!
//! **Invariant:** nothing outside this list ever leaves the host; no call here reads `subscribedskus`, which counts
//! licences of all channels and must never bill.

pub mod calls;
pub mod clouds;
mod consent;
mod errors;
pub mod feeds;
pub mod locales;
mod probes;
mod settings;

use purser_plugin_sdk::manifest::Descriptor;

use crate::charges;

/// The connector's description.
pub fn describe() -> Descriptor {
    Descriptor {
        id: "microsoft-csp".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: "Microsoft CSP".to_owned(),
        publisher: "Purser".to_owned(),
        extends: None,
        endpoints: clouds::endpoints(),
        calls: calls::calls(),
        download_hosts: clouds::download_hosts(),
        feeds: feeds::feeds(),
        coverage: charges::coverage(),
        consent: Some(consent::consent()),
        settings_schema: settings::schema(),
        locales: locales::locales(),
        default_locale: locales::DEFAULT.to_owned(),
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
