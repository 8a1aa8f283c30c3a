//! Token requests, through the `oauth2` crate, over our own transport.
//!
//! Vendors write numbers as numbers or as text, and add error numbers of their own: both are read here. Nothing of a
//! token response or of an error description is ever kept for display; what a refusal means comes from the
//! connector's table.

mod reply;
mod wire;

use std::time::Duration;

use oauth2::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken, TokenUrl, basic,
};

use crate::client_auth::{Credential, Proof};
use crate::connector::{ConsentRules, ErrorClass, GrantEffect};
use crate::secret::Secret;
use crate::surroundings::Surroundings;
use crate::transport::Transport;
pub(crate) use reply::Refusal;
use reply::TokenReply;
use wire::Busy;
pub(crate) use wire::{TokenHttp, fetch_json};

/// RFC 7523.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a successful exchange gave.
pub(crate) struct Exchanged {
    pub access_token: Secret,
    pub expires_in: Duration,
    pub refresh_token: Option<Secret>,
    pub id_token: Option<Secret>,
}

/// Why an exchange gave nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The vendor said no.
    Refused(Refusal),
    /// No answer, or one that says "later".
    Busy,
    /// An answer that is no token response.
    Unreadable,
}

/// What a refusal means, by the connector's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub class: String,
    pub effect: GrantEffect,
    pub remedy: String,
}

/// One vendor's token endpoint.
pub(crate) struct TokenEndpoint<'a> {
    pub transport: &'a Transport,
    pub surroundings: &'a Surroundings,
    pub rules: &'a ConsentRules,
    pub tenant: &'a str,
}

type OAuthClient = oauth2::Client<
    Refusal,
    TokenReply,
    basic::BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    basic::BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl TokenEndpoint<'_> {
    /// Redeems an authorization code. Never tried twice: a code is good for one use.
    pub(crate) async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        scopes: &[String],
    ) -> Result<Exchanged, Failure> {
        self.proven(&Asked::Redeem { code, verifier, scopes }).await
    }

    /// Exchanges a refresh token for an access token of one audience.
    pub(crate) async fn refresh(&self, token: &Secret, scopes: &[String]) -> Result<Exchanged, Failure> {
        self.proven(&Asked::Refresh { token, scopes }).await
    }

    /// A token of the application itself, without a person.
    pub(crate) async fn of_application(&self, scopes: &[String]) -> Result<Exchanged, Failure> {
        self.proven(&Asked::Application { scopes }).await
    }

    /// Asks with the credential that worked last, and once with the other where the vendor finds fault with the first.
    /// A vendor looks at the client before it looks at a code, so a refused client has not used the code up.
    async fn proven(&self, asked: &Asked<'_>) -> Result<Exchanged, Failure> {
        let mut first_refusal = None;
        for credential in self.rules.client_auth.in_order() {
            let answer = self.ask(asked, credential.map(|(_, credential)| credential)).await;
            match answer {
                Err(Failure::Refused(refusal)) if self.is_client_at_fault(&refusal) => {
                    first_refusal.get_or_insert(refusal);
                }
                answer => {
                    // Whatever else it says, it has taken the credential — where it said anything.
                    if let (Some((place, _)), Ok(_) | Err(Failure::Refused(_))) = (credential, &answer) {
                        self.rules.client_auth.remember(place);
                    }
                    return answer;
                }
            }
        }
        Err(first_refusal.map_or(Failure::Unreadable, Failure::Refused))
    }

    async fn ask(&self, asked: &Asked<'_>, credential: Option<&Credential>) -> Result<Exchanged, Failure> {
        let shown = self.shown(credential)?;
        let client = self.client(&shown)?;
        let again = || self.shown(credential).ok().and_then(Shown::into_assertion);
        match asked {
            Asked::Redeem { code, verifier, scopes } => {
                let mut request = client
                    .exchange_code(AuthorizationCode::new((*code).to_owned()))
                    .set_pkce_verifier(PkceCodeVerifier::new((*verifier).to_owned()))
                    .add_extra_param("scope", scopes.join(" "));
                for (name, value) in shown.parameters() {
                    request = request.add_extra_param(name, value);
                }
                request.request_async(&self.http(1, &again)).await
            }
            Asked::Application { scopes } => {
                let mut request =
                    client.exchange_client_credentials().add_scopes(scopes.iter().cloned().map(Scope::new));
                for (name, value) in shown.parameters() {
                    request = request.add_extra_param(name, value);
                }
                request.request_async(&self.http(self.transport.limits().attempts, &again)).await
            }
            Asked::Refresh { token, scopes } => {
                let token = RefreshToken::new(token.expose().to_owned());
                let mut request =
                    client.exchange_refresh_token(&token).add_scopes(scopes.iter().cloned().map(Scope::new));
                for (name, value) in shown.parameters() {
                    request = request.add_extra_param(name, value);
                }
                request.request_async(&self.http(self.transport.limits().attempts, &again)).await
            }
        }
        .map_err(failure)
        .map(Exchanged::from)
    }

    fn is_client_at_fault(&self, refusal: &Refusal) -> bool {
        meaning(&self.rules.error_classes, refusal).effect == GrantEffect::OperatorFault
    }

    fn shown(&self, credential: Option<&Credential>) -> Result<Shown, Failure> {
        Ok(match credential.map(|credential| &credential.proof) {
            None => Shown::Nothing,
            Some(Proof::Secret(secret)) => Shown::Secret(secret.clone()),
            Some(Proof::Certificate(certificate)) => {
                let (clock, chance) = (&self.surroundings.clock, &self.surroundings.chance);
                let (client, audience) = (&self.rules.client_id, self.token_page()?);
                let made = certificate.assertion(client, audience.as_str(), chance.uuid(), clock.now());
                Shown::Assertion(made.map_err(|_| Failure::Unreadable)?)
            }
        })
    }

    fn token_page(&self) -> Result<url::Url, Failure> {
        self.rules.page(&self.rules.token_path, self.tenant).map_err(|_| Failure::Unreadable)
    }

    fn client(&self, proof: &Shown) -> Result<OAuthClient, Failure> {
        let token_page = self.token_page()?;
        let redirect = RedirectUrl::new(self.rules.redirect_uri.clone()).map_err(|_| Failure::Unreadable)?;
        let client = oauth2::Client::new(ClientId::new(self.rules.client_id.clone()))
            .set_token_uri(TokenUrl::from_url(token_page))
            .set_redirect_uri(redirect)
            .set_auth_type(AuthType::RequestBody);
        Ok(match proof {
            Shown::Secret(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            Shown::Nothing | Shown::Assertion(_) => client,
        })
    }

    fn http<'b>(&'b self, attempts: u32, again: &'b (dyn Fn() -> Option<Secret> + Sync)) -> TokenHttp<'b> {
        let by_operator = self.rules.authority_by_operator;
        TokenHttp { transport: self.transport, surroundings: self.surroundings, by_operator, attempts, again }
    }
}

/// What is asked for.
enum Asked<'a> {
    Redeem { code: &'a str, verifier: &'a str, scopes: &'a [String] },
    Refresh { token: &'a Secret, scopes: &'a [String] },
    Application { scopes: &'a [String] },
}

/// What a token request shows of the client.
enum Shown {
    Nothing,
    Secret(Secret),
    Assertion(Secret),
}

impl Shown {
    fn into_assertion(self) -> Option<Secret> {
        match self {
            Self::Assertion(statement) => Some(statement),
            Self::Nothing | Self::Secret(_) => None,
        }
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Nothing | Self::Secret(_) => Vec::new(),
            Self::Assertion(token) => vec![
                ("client_assertion_type", JWT_BEARER.to_owned()),
                ("client_assertion", token.expose().to_owned()),
            ],
        }
    }
}

/// The first entry that matches; where none does, what the standard's own words mean.
pub(crate) fn meaning(classes: &[ErrorClass], refusal: &Refusal) -> Meaning {
    let matches = |class: &&ErrorClass| {
        class.error.as_ref().is_none_or(|error| *error == refusal.error)
            && class.code.is_none_or(|code| refusal.error_codes.contains(&u64::from(code)))
    };
    if let Some(class) = classes.iter().find(matches) {
        return Meaning { class: class.class.clone(), effect: class.effect, remedy: class.remedy.clone() };
    }
    let (effect, remedy) = match refusal.error.as_str() {
        "temporarily_unavailable" | "server_error" => (GrantEffect::Retry, "it is tried again"),
        "invalid_grant"
        | "consent_required"
        | "interaction_required"
        | "login_required"
        | "access_denied" => (GrantEffect::NeedsConsent, "sign in and consent again"),
        "invalid_client"
        | "unauthorized_client"
        | "invalid_request"
        | "invalid_scope"
        | "unsupported_grant_type" => (
            GrantEffect::OperatorFault,
            "check client id, client secret and redirect URI of the app registration",
        ),
        _ => (
            GrantEffect::Degraded,
            "nobody knows this code yet, and codes may change; it is tried again. If it lasts, consent again, and give the ids shown to the vendor's support",
        ),
    };
    Meaning { class: "unknown".into(), effect, remedy: remedy.into() }
}

/// The library's parse errors hold the body, tokens and all: none of them goes further than here.
fn failure(error: RequestTokenError<Busy, Refusal>) -> Failure {
    match error {
        RequestTokenError::ServerResponse(refusal) => Failure::Refused(refusal),
        RequestTokenError::Request(Busy) => Failure::Busy,
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Failure::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(error: Option<&str>, code: Option<u32>, class: &str, effect: GrantEffect) -> ErrorClass {
        let (error, class) = (error.map(Into::into), class.into());
        ErrorClass { error, code, class, effect, remedy: "do".into() }
    }

    fn refusal(error: &str, codes: &[u64]) -> Refusal {
        Refusal { error: error.into(), error_codes: codes.to_vec(), ..Refusal::default() }
    }

    #[test]
    fn the_first_matching_class_decides_and_unknown_ones_have_a_default() {
        let table = [
            class(Some("invalid_grant"), Some(50076), "mfa-required", GrantEffect::NeedsConsent),
            class(None, Some(7_000_222), "secret-expired", GrantEffect::OperatorFault),
            class(Some("temporarily_unavailable"), None, "transient", GrantEffect::Retry),
        ];
        for (error, codes, class, effect) in [
            ("invalid_grant", &[70002, 50076][..], "mfa-required", GrantEffect::NeedsConsent),
            ("invalid_client", &[7_000_222], "secret-expired", GrantEffect::OperatorFault),
            ("temporarily_unavailable", &[], "transient", GrantEffect::Retry),
            ("invalid_grant", &[1], "unknown", GrantEffect::NeedsConsent),
            ("invalid_client", &[], "unknown", GrantEffect::OperatorFault),
            ("server_error", &[], "unknown", GrantEffect::Retry),
            ("something_new", &[], "unknown", GrantEffect::Degraded),
        ] {
            let meaning = meaning(&table, &refusal(error, codes));
            assert_eq!((meaning.class.as_str(), meaning.effect), (class, effect), "{error} {codes:?}");
        }
    }
}
