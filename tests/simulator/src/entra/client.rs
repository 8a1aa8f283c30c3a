//! Who asks for tokens: the app registration, by one of its secrets or by a statement that one of its certificates signed.
//!
//! **Invariants:** a statement is taken for one tenant's endpoint, once, within ten minutes, and only from a registered
//! certificate; a secret only until it ends.

use std::collections::HashMap;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use x509_cert::der::{DecodePem, Encode};

use super::token::Refused;
use crate::cloud::{Cloud, lock};
use crate::config::Config;
use crate::http::answer::{header_text, value_of};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LONGEST_LIFE: i64 = 600;
/// Clocks differ.
const SKEW: i64 = 300;

/// What the app registration accepts; several of each at once.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    /// Secrets, each until its end, where it has one.
    pub secrets: Vec<(String, Option<Timestamp>)>,
    /// Certificates in PEM.
    pub certificates: Vec<String>,
}

impl Registration {
    pub(super) fn of(config: &Config) -> Self {
        Self { secrets: vec![(config.client_secret.clone(), None)], certificates: Vec::new() }
    }
}

/// Statements that were taken, and until when they must be remembered.
pub(super) type Taken = HashMap<String, Timestamp>;

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    jti: String,
    nbf: i64,
    exp: i64,
}

pub(super) fn check(
    cloud: &Cloud,
    tenant: &str,
    headers: &HeaderMap,
    form: &[(String, String)],
) -> Result<(), Refused> {
    let basic =
        header_text(headers, "authorization").strip_prefix("Basic ").and_then(|v| STANDARD.decode(v).ok());
    let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) = match basic.as_deref().and_then(|text| text.split_once(':')) {
        Some((id, secret)) => (decoded(id), Some(decoded(secret))),
        None => {
            let text = |name| value_of(form, name).map(str::to_owned);
            (text("client_id").unwrap_or_default(), text("client_secret"))
        }
    };
    if id != cloud.config.client_id {
        return Err((400, "unauthorized_client", 700_016, "The application was not found in the directory."));
    }
    match (value_of(form, "client_assertion"), secret) {
        (Some(assertion), _) => check_assertion(cloud, tenant, assertion, form),
        (None, Some(secret)) => check_secret(cloud, &secret),
        (None, None) => {
            Err(invalid(7_000_218, "The request body must contain client_assertion or client_secret."))
        }
    }
}

/// Basic credentials are form-encoded before they are encoded again.
fn decoded(text: &str) -> String {
    let pairs = format!("v={text}");
    url::form_urlencoded::parse(pairs.as_bytes()).next().map_or_else(String::new, |(_, v)| v.into_owned())
}

fn check_secret(cloud: &Cloud, secret: &str) -> Result<(), Refused> {
    let registration = lock(&cloud.entra.registration);
    match registration.secrets.iter().find(|(known, _)| known == secret) {
        None => Err(invalid(7_000_215, "Invalid client secret provided.")),
        Some((_, Some(end))) if *end <= cloud.now() => {
            Err(invalid(7_000_222, "The provided client secret keys are expired."))
        }
        Some(_) => Ok(()),
    }
}

fn check_assertion(
    cloud: &Cloud,
    tenant: &str,
    assertion: &str,
    form: &[(String, String)],
) -> Result<(), Refused> {
    let bad = |words| invalid(700_027, words);
    if value_of(form, "client_assertion_type") != Some(JWT_BEARER) {
        return Err(bad("The client assertion is of another type."));
    }
    let header =
        jsonwebtoken::decode_header(assertion).map_err(|_| bad("The client assertion is no JWT."))?;
    if header.alg != Algorithm::PS256 || header.typ.as_deref() != Some("JWT") {
        return Err(bad("The client assertion is not signed by PS256."));
    }
    let key = registered_key(cloud, header.x5t_s256.as_deref())
        .ok_or(bad("The certificate with the thumbprint is not registered."))?;
    let mut validation = Validation::new(Algorithm::PS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(assertion, &key, &validation)
        .map_err(|_| bad("Client assertion failed signature validation."))?;
    check_claims(cloud, tenant, claims.claims)
}

fn registered_key(cloud: &Cloud, thumbprint: Option<&str>) -> Option<DecodingKey> {
    let registration = lock(&cloud.entra.registration);
    registration.certificates.iter().find_map(|pem| {
        let certificate = x509_cert::Certificate::from_pem(pem).ok()?;
        let known = URL_SAFE_NO_PAD.encode(Sha256::digest(certificate.to_der().ok()?));
        let key = &certificate.tbs_certificate.subject_public_key_info.subject_public_key;
        (thumbprint == Some(known.as_str())).then(|| DecodingKey::from_rsa_der(key.raw_bytes()))
    })
}

fn check_claims(cloud: &Cloud, tenant: &str, claims: Claims) -> Result<(), Refused> {
    let client = &cloud.config.client_id;
    if claims.iss != *client || claims.sub != *client {
        return Err(invalid(700_021, "Client assertion application identifier doesn't match client_id."));
    }
    if claims.aud != format!("{}/entra/{tenant}/oauth2/v2.0/token", cloud.base) {
        return Err(invalid(700_023, "Client assertion audience claim does not match the endpoint."));
    }
    let now = cloud.now().as_second();
    if claims.nbf > now + SKEW || claims.exp + SKEW <= now || claims.exp - claims.nbf > LONGEST_LIFE {
        return Err(invalid(700_024, "Client assertion is not within its valid time range."));
    }
    let mut taken = lock(&cloud.entra.taken);
    taken.retain(|_, until| until.as_second() > now);
    let until = Timestamp::from_second(claims.exp + SKEW).unwrap_or(Timestamp::MAX);
    match taken.insert(claims.jti, until) {
        None => Ok(()),
        Some(_) => Err(invalid(700_027, "The client assertion was used before.")),
    }
}

fn invalid(number: u32, words: &'static str) -> Refused {
    (401, "invalid_client", number, words)
}
