//! The authorize page: the way there, and the query that comes back from it.

use oauth2::{
    AuthUrl, ClientId, CsrfToken, EndpointNotSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    basic,
};
use url::Url;

use super::ConsentError;
use super::flow::Begun;
use crate::connector::{Connector, ConsentRules, GrantEffect};
use crate::oauth::Refusal;

/// Where to send the administrator.
pub(super) fn authorize_url(
    connector: &Connector,
    rules: &ConsentRules,
    flow: &Begun,
    state: &str,
) -> Result<Url, ConsentError> {
    let page = rules.page(&rules.authorize_path, &flow.tenant_path).map_err(|_| ConsentError::NoRules)?;
    let redirect = RedirectUrl::new(rules.redirect_uri.clone()).map_err(|_| ConsentError::NoRules)?;
    let client: basic::BasicClient<EndpointNotSet> =
        basic::BasicClient::new(ClientId::new(rules.client_id.clone()));
    let client = client.set_auth_uri(AuthUrl::from_url(page)).set_redirect_uri(redirect);
    let audiences = connector.audiences().into_iter().flat_map(|audience| &audience.scopes);
    let verifier = PkceCodeVerifier::new(flow.verifier.clone());
    let mut request = client
        .authorize_url(|| CsrfToken::new(state.to_owned()))
        .add_scopes(rules.scopes.iter().chain(audiences).cloned().map(Scope::new))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .add_extra_param("nonce", flow.nonce.clone());
    for (name, value) in &rules.authorize_parameters {
        // The hint of a renewal and a prompt to choose contradict each other.
        if flow.renewal.is_none() || name != "prompt" {
            request = request.add_extra_param(name.clone(), value.clone());
        }
    }
    if let Some(renewal) = &flow.renewal {
        request = request.add_extra_param("login_hint", renewal.user_name.clone());
    }
    Ok(request.url().0)
}

/// The vendor's refusal in the query. Its text is not shown: anybody can make such a link.
pub(super) fn authorize_refusal(rules: &ConsentRules, error: &str, description: &str) -> ConsentError {
    let refusal =
        Refusal { error: error.to_owned(), error_codes: numbers_in(description), ..Refusal::default() };
    let refused = ConsentError::refused(rules, &refusal);
    // What the table knows of it counts first: a policy may deny access as well.
    let is_nobodys_fault = matches!(&refused, ConsentError::Refused { class, effect, .. }
        if class == "unknown" || *effect == GrantEffect::Retry);
    if error == "access_denied" && is_nobodys_fault { ConsentError::Cancelled } else { refused }
}

/// Error numbers in a description: long runs of digits with a colon behind them.
fn numbers_in(description: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut digits = String::new();
    for c in description.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if c == ':' && (4..=10).contains(&digits.len()) {
            numbers.extend(digits.parse::<u64>());
        }
        digits.clear();
    }
    numbers
}

/// A parameter; given twice, it is an attempt to have two readers see different things.
pub(super) fn parameter<'a>(
    query: &'a [(String, String)],
    name: &str,
) -> Result<Option<&'a str>, ConsentError> {
    let mut values = query.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(ConsentError::WrongState),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_are_found_in_a_description_and_times_are_not() {
        let text = "XYZ65004: User declined.\r\nTrace ID: 753be5e9-4229\r\nTimestamp: 2018-02-13 18:12:08Z";
        assert_eq!(numbers_in(text), [65004]);
    }
}
