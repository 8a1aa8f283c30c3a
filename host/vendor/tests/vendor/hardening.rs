//! What an attacker tries on a consent: forged proofs, other people's answers, and a token endpoint that misbehaves.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use purser_vendor::HttpLimits;
use purser_vendor::consent::{Confirmation, ConsentError};
use serde_json::{Value, json};
use url::Url;

use crate::fake::{CLIENT, CLIENT_SECRET, KEY, TENANT, raw, raw_answer, stalling};
use crate::world::{World, limits};

const SESSION: &[u8] = b"session-1";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

type Query = Vec<(String, String)>;

async fn begin(world: &World) -> Url {
    world.consent.begin(&world.connector, SESSION, None).await.unwrap().redirect
}

async fn finish(world: &World, query: &Query) -> Result<Confirmation, ConsentError> {
    world.consent.finish(&world.connector, query, SESSION).await
}

fn asked(redirect: &Url) -> BTreeMap<String, String> {
    redirect.query_pairs().into_owned().collect()
}

fn message(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
    format!("{}.{}", encode(header), encode(claims))
}

/// A sign-in whose id token is whatever `forge` makes of the right claims.
async fn with_id_token(
    world: &World,
    forge: impl FnOnce(&Value) -> String,
) -> Result<Confirmation, ConsentError> {
    let redirect = begin(world).await;
    let now = world.now();
    let claims = json!({
        "iss": format!("{}login/{TENANT}/v2", world.vendor.base), "aud": CLIENT, "tid": TENANT, "oid": "user-1",
        "preferred_username": "service@example.net", "nonce": asked(&redirect)["nonce"],
        "exp": now + 3600, "nbf": now, "iat": now,
    });
    let reply = json!({
        "token_type": "Bearer", "expires_in": 3600, "access_token": "a", "refresh_token": "r", "id_token": forge(&claims),
    });
    world.vendor.token_answers(200, &JSON, serde_json::to_vec(&reply).unwrap());
    finish(world, &world.vendor.sign_in(&redirect, now, json!({}))).await
}

fn rs256(key: &RsaKeyPair, header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn hs256(secret: &[u8], claims: &Value) -> String {
    let message = message(&json!({"alg": "HS256", "typ": "JWT", "kid": "k1"}), claims);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The public key in every form somebody might take for a shared secret.
fn public_key_as_secrets() -> Vec<Vec<u8>> {
    let public = KEY.public_key();
    let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
    let der = public.as_ref().to_vec();
    let base64 = STANDARD.encode(&der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n", lines.join("\n"));
    vec![URL_SAFE_NO_PAD.encode(&modulus).into_bytes(), modulus, der, pem.into_bytes(), Vec::new()]
}

#[tokio::test]
async fn a_proof_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let world = World::new().await;
    for secret in public_key_as_secrets() {
        let outcome = with_id_token(&world, |claims| hs256(&secret, claims)).await;
        assert_eq!(outcome.unwrap_err(), ConsentError::BadSignature);
    }
    let with_the_clients = with_id_token(&world, |claims| hs256(CLIENT_SECRET.as_bytes(), claims)).await;
    assert_eq!(with_the_clients.unwrap_err(), ConsentError::BadSignature);
}

#[tokio::test]
async fn a_proof_without_a_signature_is_refused_however_none_is_spelled() {
    let world = World::new().await;
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        for signature in ["", "."] {
            let forge = |claims: &Value| {
                format!("{}{signature}", message(&json!({"alg": algorithm, "kid": "k1"}), claims))
            };
            assert_eq!(with_id_token(&world, forge).await.unwrap_err(), ConsentError::BadSignature);
        }
    }
    let right = json!({"alg": "RS256", "kid": "k1"});
    for changed in [
        |token: &str| token.rsplit_once('.').unwrap().0.to_owned(),
        |token: &str| format!("{}.", token.rsplit_once('.').unwrap().0),
        |token: &str| format!("{token}.{token}"),
    ] {
        let outcome = with_id_token(&world, |claims| changed(&rs256(&KEY, &right, claims))).await;
        assert_eq!(outcome.unwrap_err(), ConsentError::BadSignature);
    }
    assert!(with_id_token(&world, |claims| rs256(&KEY, &right, claims)).await.is_ok(), "the control");
}

#[tokio::test]
async fn a_key_that_a_proof_brings_along_or_points_to_is_not_used() {
    let world = World::new().await;
    let own = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kty": "RSA", "kid": "k1",
        "n": encode(own.public_key().modulus().big_endian_without_leading_zero()),
        "e": encode(own.public_key().exponent().big_endian_without_leading_zero()),
    });
    let elsewhere = world.vendor.base.join("/attacker/keys").unwrap();
    for extra in [json!({}), json!({"jwk": jwk}), json!({"jku": elsewhere}), json!({"x5u": elsewhere})] {
        let mut header = json!({"alg": "RS256", "kid": "k1"});
        header.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let outcome = with_id_token(&world, |claims| rs256(&own, &header, claims)).await;
        assert_eq!(outcome.unwrap_err(), ConsentError::BadSignature, "{header}");
    }
    assert!(world.vendor.seen().is_empty(), "nobody asked for the attacker's keys");
}

#[tokio::test]
async fn an_answer_that_names_another_issuer_is_refused_before_its_code_is_redeemed() {
    let world = World::new().await;
    let base = &world.vendor.base;
    for iss in [
        "https://evil.test/v2".to_owned(),
        format!("{base}login/{TENANT}/v2/x"),
        format!("{base}login/{TENANT}/../v2"),
        format!("{base}login//v2"),
        String::new(),
    ] {
        let mut query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
        query.push(("iss".into(), iss.clone()));
        assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::WrongIssuer, "{iss}");
        let state = asked(&begin(&world).await)["state"].clone();
        let refusal: Query = [("error", "access_denied"), ("state", state.as_str()), ("iss", iss.as_str())]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(finish(&world, &refusal).await.unwrap_err(), ConsentError::WrongIssuer, "{iss}");
    }
    assert!(world.vendor.token_requests().is_empty(), "no code was handed on");
    assert!(ConsentError::WrongIssuer.is_security_event());
}

#[tokio::test]
async fn the_verifier_is_nowhere_but_in_the_token_request() {
    let world = World::new().await;
    let redirect = begin(&world).await;
    let stored = format!("{:?}", world.flows.0.lock().unwrap());
    finish(&world, &world.vendor.sign_in(&redirect, world.now(), json!({}))).await.unwrap();
    let verifier = world.vendor.token_requests()[0]["code_verifier"].clone();
    assert_eq!(verifier.len(), 43);
    assert!(!redirect.as_str().contains(&verifier) && !stored.contains(&verifier));
    assert_ne!(asked(&redirect)["code_challenge"], verifier, "the challenge is a digest");
}

#[tokio::test]
async fn each_sign_in_has_its_own_state_nonce_and_challenge() {
    let world = World::new().await;
    let (first, second) = (asked(&begin(&world).await), asked(&begin(&world).await));
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(first[name], second[name], "{name}");
    }
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let world = World::new().await;
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = world.vendor.base.join("/attacker").unwrap();
        world.vendor.token_answers(status, &[("location", elsewhere.as_str())], "");
        let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
        assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::Unreadable, "{status}");
    }
    assert!(world.vendor.seen().is_empty(), "nothing followed, with the client's secret in its body");
    assert_eq!(world.vendor.token_requests().len(), 5, "a code is offered once");
}

#[tokio::test]
async fn an_endless_answer_of_the_token_endpoint_is_cut_off() {
    let world = World::new().await;
    let padding = " ".repeat(300 * 1024);
    let reply = format!(r#"{{"access_token":"a","token_type":"Bearer"{padding}}}"#);
    world.vendor.token_answers(200, &JSON, reply);
    let query = world.vendor.sign_in(&begin(&world).await, world.now(), json!({}));
    assert_eq!(finish(&world, &query).await.unwrap_err(), ConsentError::Busy);
}

/// The vendor's sign-in, with its token endpoint at another address.
async fn at(world: &mut World, authority: Url) -> Result<Confirmation, ConsentError> {
    world.connector.consent.as_mut().unwrap().authority = authority.join("/login").unwrap();
    let query = world.vendor.sign_in(&begin(world).await, world.now(), json!({}));
    finish(world, &query).await
}

#[tokio::test]
async fn a_token_endpoint_that_does_not_answer_in_time_is_given_up() {
    let mut world = World::with_limits(HttpLimits { deadline: Duration::from_millis(300), ..limits() }).await;
    let silent = stalling(Vec::new()).await;
    assert_eq!(at(&mut world, silent).await.unwrap_err(), ConsentError::Busy);
    let halting = stalling(raw_answer(100, b"{")).await;
    assert_eq!(at(&mut world, halting).await.unwrap_err(), ConsentError::Busy);
    let broken = raw(vec![raw_answer(100, b"{")]).await;
    assert_eq!(at(&mut world, broken).await.unwrap_err(), ConsentError::Busy);
}
