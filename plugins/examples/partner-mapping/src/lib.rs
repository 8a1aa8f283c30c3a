//! An example of a mapping alone: what a partner wants to see on each Purchase, in place of the Microsoft CSP connector's
//! own mapping.
//!
//! The connector's mapping is used as a library, so that every rule about money and every reference stays as it is; this
//! plugin adds the partner's article number and the customer's cost centre ([`own`]). It plays one role of another's
//! connector and asks for nothing: crawl and localisation go on as they are, and so does the mapping for everybody who
//! does not activate it (`purser plugin activate partner-mapping@0.1.0 --role mapping`).
//!
//! **Invariant:** an own mapping adds words and moves no money: reference, quantity, cost and customer of each Purchase, and
//! what becomes of each record, are the connector's. `purser plugin try` shows as much before it is activated.

#[cfg(target_arch = "wasm32")]
mod component;
pub mod own;

use purser_microsoft_csp::MicrosoftCsp;
use purser_plugin_sdk::Connector;
use purser_plugin_sdk::mapping::{Mapped, PageContext};
use purser_plugin_sdk::types::Problem;

/// The connector whose mapping this is.
pub const EXTENDS: &str = "microsoft-csp";

/// The connector's mapping of a page, with the partner's own words added.
///
/// # Errors
/// Those of the connector.
pub fn map(context: &PageContext, page: &[u8]) -> Result<Mapped, Problem> {
    MicrosoftCsp::map(context, page)?.changed(|theirs| {
        for purchase in &mut theirs.purchases {
            let added = own::words(&context.feed, purchase);
            purchase.metadata.extend(added);
        }
    })
}
