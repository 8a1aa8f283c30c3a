//! The page at the vendor's where an administrator consents for a whole tenant: an address to hand on, and nothing more.
//!
//! Nothing that comes back from it is trusted: a sign-in must follow all the same.

use url::Url;

use crate::connector::Connector;
use crate::tokens::refusal_code;

/// The address of that page; none where the connector has no such page.
///
/// `tenant` is none where it is not known: the page then asks. `state` comes back with whatever is answered.
#[must_use]
pub fn admin_link(connector: &Connector, tenant: Option<&str>, state: &str) -> Option<Url> {
    let rules = connector.consent.as_ref()?;
    let path = &rules.admin_consent.as_ref()?.path;
    let mut url = rules.page(path, tenant.unwrap_or(&rules.first_tenant)).ok()?;
    let audiences = connector.audiences().into_iter().flat_map(|audience| &audience.scopes);
    let scopes: Vec<&str> = rules.scopes.iter().chain(audiences).map(String::as_str).collect();
    url.query_pairs_mut()
        .append_pair("client_id", &rules.client_id)
        .append_pair("scope", &scopes.join(" "))
        .append_pair("redirect_uri", &rules.redirect_uri)
        .append_pair("state", state);
    Some(url)
}

/// Whether what this code stands for is mended there.
#[must_use]
pub fn admin_mends(connector: &Connector, code: &str) -> bool {
    let page = connector.consent.as_ref().and_then(|rules| rules.admin_consent.as_ref());
    page.is_some_and(|page| page.classes.iter().any(|class| refusal_code(class) == code))
}
