//! The id token: checked by the library, and read.

use jiff::Timestamp;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, ClaimsVerificationError, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IdTokenClaims, IdTokenFields, Nonce, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::OperatorError;

/// Who the provider says signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Who says so.
    pub issuer: String,
    /// Its name for the person, which never passes to somebody else.
    pub subject: String,
    /// What to call them.
    pub name: String,
    /// What the groups claim lists.
    pub groups: Vec<String>,
}

/// Claims no standard names.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct OwnClaims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for OwnClaims {}

type Fields = IdTokenFields<
    OwnClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
pub(super) type Answer = StandardTokenResponse<Fields, CoreTokenType>;

/// The library's client, with our claims and the endpoints a provider describes.
pub(super) type Client = openidconnect::Client<
    OwnClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Answer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Only by a key whose private half the provider alone has: with a shared secret among them, whoever knows a public key
/// could sign by it.
const SIGNATURES: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];

/// Checks the token of an answer, and reads it.
pub(super) fn vouched(
    client: &Client,
    answer: &Answer,
    nonce: &Nonce,
    now: Timestamp,
    groups_claim: &str,
) -> Result<Vouched, OperatorError> {
    let token = answer.id_token().ok_or(OperatorError::Incomplete)?;
    let verifier = client.id_token_verifier().set_allowed_algs(SIGNATURES);
    let now = chrono::DateTime::from_timestamp(now.as_second(), 0).ok_or(OperatorError::Incomplete)?;
    let claims = token.claims(&verifier.set_time_fn(move || now), nonce).map_err(|error| fault(&error))?;
    let groups = groups(claims, groups_claim);
    Ok(Vouched {
        issuer: claims.issuer().to_string(),
        subject: claims.subject().to_string(),
        name: name(claims),
        groups,
    })
}

/// The library's text holds values of the token, so nothing of it is kept.
fn fault(error: &ClaimsVerificationError) -> OperatorError {
    match error {
        ClaimsVerificationError::Expired(_) => OperatorError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => OperatorError::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => OperatorError::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => OperatorError::Nonce,
        ClaimsVerificationError::SignatureVerification(_) | ClaimsVerificationError::Unsupported(_) => {
            OperatorError::Signature
        }
        _ => OperatorError::Incomplete,
    }
}

type Claims = IdTokenClaims<OwnClaims, CoreGenderClaim>;

fn name(claims: &Claims) -> String {
    let name = claims.preferred_username().map(|name| name.as_str());
    let name = name.or_else(|| claims.email().map(|email| email.as_str()));
    name.unwrap_or(claims.subject().as_str()).to_owned()
}

/// A list, or one word. An address is a group only where the provider has checked that it is the person's.
fn groups(claims: &Claims, claim: &str) -> Vec<String> {
    if claim == "email" {
        let checked = claims.email_verified() == Some(true);
        return claims.email().filter(|_| checked).map(|email| email.to_string()).into_iter().collect();
    }
    match claims.additional_claims().all.get(claim) {
        Some(Value::String(group)) => vec![group.clone()],
        Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
