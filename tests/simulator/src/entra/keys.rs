//! Signs id tokens (RS256), and publishes the key and the metadata.

use std::sync::Arc;

use anyhow::Context;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::users::User;
use crate::cloud::Cloud;
use crate::http::answer::json_value;

/// The tenant's signing key: made at the first sign-in, new with each start.
pub(super) struct Signer {
    pair: KeyPair,
    kid: String,
}

impl Signer {
    fn generate(kid: String) -> anyhow::Result<Self> {
        Ok(Self { pair: KeyPair::generate(KeySize::Rsa2048).ok().context("no RSA key could be made")?, kid })
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

fn signer(cloud: &Cloud) -> Option<&Signer> {
    if let Some(signer) = cloud.entra.signer.get() {
        return Some(signer);
    }
    let made = Signer::generate(cloud.world.seed.code("kid", 0, 27)).ok()?;
    Some(cloud.entra.signer.get_or_init(|| made))
}

/// Issuer as the tokens of a tenant name it.
fn issuer(cloud: &Cloud, tenant: &str) -> String {
    format!("{}/entra/{tenant}/v2.0", cloud.base)
}

/// A signed id token, with the faults that are switched on; empty where no key can be made.
pub(super) fn id_token(cloud: &Cloud, user: &User, nonce: Option<&str>, now: Timestamp) -> String {
    let Some(signer) = signer(cloud) else { return String::new() };
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": signer.kid });
    let claims = claims(cloud, user, nonce, now);
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(&header), encode(&claims));
    let mut signature = signer.sign(message.as_bytes()).unwrap_or_default();
    if let (true, Some(last)) = (cloud.fault(|f| f.bad_signature), signature.last_mut()) {
        *last ^= 1;
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims(cloud: &Cloud, user: &User, nonce: Option<&str>, now: Timestamp) -> Value {
    let faults = cloud.faults();
    let seed = cloud.world.seed;
    let tenant = if faults.wrong_tenant { seed.guid("wrong tenant", 0) } else { user.tenant.clone() };
    let issuer = if faults.wrong_issuer {
        format!("https://elsewhere.example/{tenant}/v2.0")
    } else {
        issuer(cloud, &tenant)
    };
    let audience =
        if faults.wrong_audience { seed.guid("wrong audience", 0) } else { cloud.config.client_id.clone() };
    let seconds = now.as_second();
    let mut claims = json!({
        "aud": audience,
        "iss": issuer,
        "iat": seconds,
        "nbf": seconds,
        "exp": seconds + super::ACCESS_SECONDS,
        "acct": u8::from(user.guest),
        "name": user.name,
        "oid": user.object,
        "preferred_username": user.upn,
        "sub": seed.code(&format!("subject {}", user.id), 0, 43),
        "tid": tenant,
        "ver": "2.0",
    });
    if let Some(members) = claims.as_object_mut() {
        if let Some(nonce) = nonce {
            let nonce = if faults.wrong_nonce { "another-nonce" } else { nonce };
            members.insert("nonce".into(), json!(nonce));
        }
        if !faults.no_role_claim {
            members.insert("wids".into(), json!(user.directory_roles()));
        }
        if user.guest {
            members.insert(
                "idp".into(),
                json!(format!("https://sts.windows.net/{}/", seed.guid("other tenant", 0))),
            );
        }
    }
    claims
}

pub(super) async fn keys(State(cloud): State<Arc<Cloud>>, Path(tenant): Path<String>) -> Response {
    let Some(signer) = signer(&cloud) else { return json_value(500, &json!({ "keys": [] })) };
    let public = signer.pair.public_key();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // A key of any tenant: else the key alone would give another tenant away.
    let any = matches!(tenant.as_str(), "organizations" | "common") || cloud.fault(|f| f.wrong_tenant);
    let tenant = if any { "{tenantid}" } else { &tenant };
    let key = json!({
        "kty": "RSA", "use": "sig", "kid": signer.kid,
        "n": encode(public.modulus().big_endian_without_leading_zero()),
        "e": encode(public.exponent().big_endian_without_leading_zero()),
        "issuer": issuer(&cloud, tenant),
    });
    json_value(200, &json!({ "keys": [key] }))
}

pub(super) async fn metadata(State(cloud): State<Arc<Cloud>>, Path(tenant): Path<String>) -> Response {
    let at = |path: &str| format!("{}/entra/{tenant}/{path}", cloud.base);
    let named = if matches!(tenant.as_str(), "organizations" | "common") { "{tenantid}" } else { &tenant };
    let body = json!({
        "issuer": issuer(&cloud, named),
        "authorization_endpoint": at("oauth2/v2.0/authorize"),
        "token_endpoint": at("oauth2/v2.0/token"),
        "jwks_uri": at("discovery/v2.0/keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
    });
    json_value(200, &body)
}
