//! Operators who sign in at an OpenID provider: authorization code with PKCE, by the `openidconnect` crate, over our own
//! transport.
//!
//! **Invariants:** an answer counts once, for the browser that left, and for ten minutes; an id token counts only when
//! it is signed by a key of the provider, never by a shared secret, and made for this client, this sign-in and now. A
//! person is known by issuer and subject.

mod description;
mod error;
mod flows;
mod token;

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{CoreAuthenticationFlow, CoreClientAuthMethod};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::oauth::TokenHttp;
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use crate::transport::Transport;
use description::Description;
pub use error::OperatorError;
use flows::{Begun, Flows};
pub use token::Vouched;

/// How long the provider's own description of itself is believed.
const DESCRIPTION_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// Somebody waits in front of a browser.
const ATTEMPTS: u32 = 2;

/// What the operator's configuration says of the provider.
#[derive(Debug, Clone)]
pub struct Provider {
    /// As the provider writes it, to the letter.
    pub issuer: String,
    /// This Purser's id there.
    pub client_id: String,
    /// Its secret; none: a public client.
    pub client_secret: Option<Secret>,
    /// Where the browser comes back to.
    pub redirect: Url,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists groups.
    pub groups_claim: String,
}

/// Signing in at one provider.
pub struct OperatorSignIn {
    transport: Transport,
    surroundings: Surroundings,
    provider: Provider,
    flows: Flows,
    known: Mutex<Option<(Timestamp, Description)>>,
}

impl OperatorSignIn {
    /// Made once: sign-ins under way are remembered in it.
    #[must_use]
    pub fn new(transport: Transport, surroundings: Surroundings, provider: Provider) -> Self {
        Self { transport, surroundings, provider, flows: Flows::default(), known: Mutex::default() }
    }

    /// Where to send the browser. `browser` is the hash of a secret that only this browser holds.
    ///
    /// # Errors
    /// Where the provider cannot be reached.
    pub async fn begin(&self, browser: &[u8; 32]) -> Result<Url, OperatorError> {
        let chance = &self.surroundings.chance;
        let (state, nonce, verifier) = (chance.token(), chance.token(), chance.token());
        let client = self.client(self.description().await?)?;
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let (sent_state, sent_nonce) = (state.clone(), nonce.clone());
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(sent_state),
            move || Nonce::new(sent_nonce),
        );
        let scopes = self.provider.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
        let (there, ..) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
        let begun = Begun { browser: *browser, nonce, verifier, at: self.surroundings.clock.now() };
        self.flows.put(hash(&state), begun);
        Ok(there)
    }

    /// Who came back.
    ///
    /// # Errors
    /// Where anything is not as it was asked for.
    pub async fn finish(
        &self,
        browser: &[u8; 32],
        query: &[(String, String)],
    ) -> Result<Vouched, OperatorError> {
        let told = self.description().await?;
        let (begun, code) = self.accepted(browser, query, description::names_itself(&told))?;
        let client = self.client(told)?;
        let answer = self.redeemed(&client, code, begun.verifier).await?;
        let now = self.surroundings.clock.now();
        token::vouched(&client, &answer, &Nonce::new(begun.nonce), now, &self.provider.groups_claim)
    }

    /// The code, where it answers a question of this browser. Whatever comes of it, the question is answered.
    fn accepted(
        &self,
        browser: &[u8; 32],
        query: &[(String, String)],
        names_itself: bool,
    ) -> Result<(Begun, String), OperatorError> {
        let state = parameter(query, "state")?.ok_or(OperatorError::State)?;
        let begun = self.flows.take(&hash(state), self.surroundings.clock.now());
        let begun = begun.filter(|begun| begun.browser == *browser).ok_or(OperatorError::State)?;
        // RFC 9207: an answer of another provider must not reach this one's token endpoint.
        match parameter(query, "iss")? {
            Some(issuer) if issuer != self.provider.issuer => return Err(OperatorError::Issuer),
            None if names_itself => return Err(OperatorError::Issuer),
            _ => {}
        }
        match (parameter(query, "error")?, parameter(query, "code")?) {
            (None, Some(code)) => Ok((begun, code.to_owned())),
            _ => Err(OperatorError::Refused),
        }
    }

    async fn redeemed(
        &self,
        client: &token::Client,
        code: String,
        verifier: String,
    ) -> Result<token::Answer, OperatorError> {
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|_| OperatorError::Description)?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
        request.request_async(&self.http()).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(_) => OperatorError::Code,
            RequestTokenError::Request(_) => OperatorError::OutOfReach,
            _ => OperatorError::Description,
        })
    }

    /// Endpoints and keys, as the provider tells them.
    async fn description(&self) -> Result<Description, OperatorError> {
        let now = self.surroundings.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, known)) = known
            && now.duration_since(at) < DESCRIPTION_LIFE
        {
            return Ok(known);
        }
        let issuer = IssuerUrl::new(self.provider.issuer.clone()).map_err(|_| OperatorError::Description)?;
        let http = self.http();
        let told = Description::discover_async(issuer, &http).await;
        let told = told.map_err(|error| match error {
            openidconnect::DiscoveryError::Request(_) => OperatorError::OutOfReach,
            _ => OperatorError::Description,
        })?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, told.clone()));
        Ok(told)
    }

    fn client(&self, told: Description) -> Result<token::Client, OperatorError> {
        let redirect = RedirectUrl::new(self.provider.redirect.to_string());
        let redirect = redirect.map_err(|_| OperatorError::Description)?;
        let secret = self.provider.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let methods = told.token_endpoint_auth_methods_supported().cloned();
        let takes_basic = methods.is_none_or(|it| it.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth = if takes_basic && secret.is_some() { AuthType::BasicAuth } else { AuthType::RequestBody };
        let id = ClientId::new(self.provider.client_id.clone());
        let client = token::Client::from_provider_metadata(told, id, secret);
        Ok(client.set_redirect_uri(redirect).set_auth_type(auth))
    }

    /// The operator named the provider, so it may lie in a network of theirs.
    fn http(&self) -> TokenHttp<'_> {
        TokenHttp {
            transport: &self.transport,
            surroundings: &self.surroundings,
            by_operator: true,
            attempts: ATTEMPTS,
            again: &|| None,
        }
    }
}

/// A parameter; given twice, it is an attempt to have two readers see different things.
fn parameter<'a>(query: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, OperatorError> {
    let mut values = query.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(OperatorError::State),
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
