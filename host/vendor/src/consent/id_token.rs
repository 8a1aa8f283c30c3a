//! Who signed in: the id token, checked.
//!
//! RS256 only, by a key of the authority; issuer by template with the token's own tenant; audience, times, nonce; then
//! who it is: no consumer account, no guest, on renewal no other tenant.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::flow::Begun;
use super::{ConsentError, handle};
use crate::connector::ConsentRules;
use crate::error::SendError;
use crate::oauth::fetch_json;
use crate::secret::Secret;
use crate::transport::Transport;

/// Clocks differ.
const SKEW_SECONDS: i64 = 300;

/// Who signed in.
pub(super) struct User {
    pub tenant: String,
    pub id: String,
    pub name: String,
    /// What roles the token names; none: it names none at all.
    pub roles: Option<Vec<String>>,
}

/// What the checks need.
pub(super) struct Checked<'a> {
    pub transport: &'a Transport,
    pub now: Timestamp,
    pub rules: &'a ConsentRules,
}

type Claims = Map<String, Value>;

impl Checked<'_> {
    /// Checks everything, and says who it is. `iss` is the issuer the redirect named, where it named one.
    pub(super) async fn user(
        &self,
        token: &Secret,
        flow: &Begun,
        iss: Option<&str>,
    ) -> Result<User, ConsentError> {
        let (claims, key_issuer) = self.signed_claims(token, &flow.tenant_path).await?;
        let tenant = text(&claims, &self.rules.claims.tenant).ok_or(ConsentError::Incomplete)?;
        self.check_issuer(&claims, &tenant, key_issuer.as_deref(), iss)?;
        self.check_binding(&claims, flow)?;
        self.check_person(&claims, &tenant, flow)?;
        let id = text(&claims, &self.rules.claims.user).ok_or(ConsentError::Incomplete)?;
        let name = text(&claims, &self.rules.claims.user_name).unwrap_or_else(|| id.clone());
        let name = name.chars().filter(|c| !c.is_control()).take(200).collect();
        Ok(User { roles: self.roles(&claims), tenant, id, name })
    }

    fn roles(&self, claims: &Claims) -> Option<Vec<String>> {
        let ids = claims.get(self.rules.claims.roles.as_ref()?)?.as_array()?;
        let ids: Vec<String> = ids.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Some(self.rules.roles.named(&ids))
    }

    /// The claims, once their signature holds, and the issuer the key belongs to.
    async fn signed_claims(
        &self,
        token: &Secret,
        tenant_path: &str,
    ) -> Result<(Claims, Option<String>), ConsentError> {
        let header = decode_header(token.expose()).map_err(|_| ConsentError::BadSignature)?;
        let key_id = header.kid.ok_or(ConsentError::BadSignature)?;
        if header.alg != Algorithm::RS256 {
            return Err(ConsentError::BadSignature);
        }
        let key = self.key(&key_id, tenant_path).await?;
        let member = |name| key.get(name).and_then(Value::as_str).ok_or(ConsentError::BadSignature);
        let decoding = DecodingKey::from_rsa_components(member("n")?, member("e")?);
        let decoding = decoding.map_err(|_| ConsentError::BadSignature)?;
        // The library compares with the system's clock and has no words of ours: only the signature is its part.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = decode::<Claims>(token.expose(), &decoding, &validation)
            .map_err(|_| ConsentError::BadSignature)?;
        Ok((claims.claims, key.get("issuer").and_then(Value::as_str).map(str::to_owned)))
    }

    async fn key(&self, key_id: &str, tenant_path: &str) -> Result<Value, ConsentError> {
        let page = self.rules.page(&self.rules.keys_path, tenant_path).map_err(|_| ConsentError::NoRules)?;
        let keys =
            fetch_json(self.transport, self.rules.authority_by_operator, page).await.map_err(|error| {
                match error {
                    SendError::Damaged | SendError::TooLarge(_) => ConsentError::Unreadable,
                    _ => ConsentError::Busy,
                }
            })?;
        let keys = keys.get("keys").and_then(Value::as_array).ok_or(ConsentError::Unreadable)?;
        let is = |key: &Value, name: &str, value: &str| key.get(name).and_then(Value::as_str) == Some(value);
        let key = keys.iter().find(|key| is(key, "kid", key_id) && is(key, "kty", "RSA"));
        key.cloned().ok_or(ConsentError::BadSignature)
    }

    fn check_issuer(
        &self,
        claims: &Claims,
        tenant: &str,
        key_issuer: Option<&str>,
        redirect_issuer: Option<&str>,
    ) -> Result<(), ConsentError> {
        let is_guid = tenant.len() == 36 && Uuid::try_parse(tenant).is_ok();
        let expected = self.rules.issuer_of(tenant);
        let fits_key = key_issuer.is_none_or(|issuer| fill(issuer, tenant) == expected);
        let fits_redirect = redirect_issuer.is_none_or(|issuer| issuer == expected);
        let fits_claim = text(claims, "iss").is_some_and(|issuer| issuer == expected);
        if is_guid && fits_key && fits_redirect && fits_claim {
            Ok(())
        } else {
            Err(ConsentError::WrongIssuer)
        }
    }

    /// That the token is for us, for now, and for this very sign-in.
    fn check_binding(&self, claims: &Claims, flow: &Begun) -> Result<(), ConsentError> {
        let for_us = match claims.get("aud") {
            Some(Value::String(audience)) => *audience == self.rules.client_id,
            Some(Value::Array(audiences)) => {
                matches!(audiences.as_slice(), [Value::String(only)] if *only == self.rules.client_id)
            }
            _ => false,
        };
        if !for_us {
            return Err(ConsentError::WrongAudience);
        }
        let now = self.now.as_second();
        let expires = claims.get("exp").and_then(Value::as_i64).ok_or(ConsentError::Incomplete)?;
        let starts = claims.get("nbf").and_then(Value::as_i64).unwrap_or(i64::MIN);
        if now >= expires.saturating_add(SKEW_SECONDS) || now < starts.saturating_sub(SKEW_SECONDS) {
            return Err(ConsentError::NotNow);
        }
        let nonce = text(claims, "nonce").unwrap_or_default();
        if handle::hash(nonce.as_bytes()) == handle::hash(flow.nonce.as_bytes()) {
            Ok(())
        } else {
            Err(ConsentError::WrongNonce)
        }
    }

    fn check_person(&self, claims: &Claims, tenant: &str, flow: &Begun) -> Result<(), ConsentError> {
        if self.rules.personal_tenants.iter().any(|personal| personal.eq_ignore_ascii_case(tenant)) {
            return Err(ConsentError::PersonalAccount);
        }
        if let Some((claim, value)) = &self.rules.claims.guest
            && text(claims, claim).is_some_and(|found| found == *value)
        {
            return Err(ConsentError::Guest);
        }
        match &flow.renewal {
            Some(renewal) if !renewal.tenant.eq_ignore_ascii_case(tenant) => Err(ConsentError::WrongTenant),
            _ => Ok(()),
        }
    }
}

/// A key's issuer may be a template, in which some word in braces stands for the tenant.
fn fill(issuer: &str, tenant: &str) -> String {
    let template = issuer.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?.1)));
    template.map_or_else(|| issuer.to_owned(), |(before, after)| format!("{before}{tenant}{after}"))
}

fn text(claims: &Claims, name: &str) -> Option<String> {
    match claims.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}
