//! The app registration at the token endpoint: secrets that end, and statements signed by certificates.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use purser_simulator::{Config, Registration};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::client::{Cloud, cloud};

const FIRST: &str = include_str!("../../../fixtures/certificates/first.pem");
const FIRST_KEY: &str = include_str!("../../../fixtures/certificates/first.key");
const NEXT: &str = include_str!("../../../fixtures/certificates/next.pem");
const NEXT_KEY: &str = include_str!("../../../fixtures/certificates/next.key");
const SCOPE: &str = "https://api.partnercenter.microsoft.com/.default";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn ask(cloud: &Cloud, proof: &[(&str, &str)]) -> u64 {
    let client_id = Config::default().client_id;
    let mut form = vec![
        ("client_id", client_id.as_str()),
        ("grant_type", "refresh_token"),
        ("refresh_token", cloud.grant.refresh.as_str()),
        ("scope", SCOPE),
    ];
    form.extend(proof);
    let answer = cloud.http.post(endpoint(cloud)).form(&form).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["error_codes"][0].as_u64().unwrap_or(0)
}

fn endpoint(cloud: &Cloud) -> String {
    format!("{}/organizations/oauth2/v2.0/token", cloud.simulator.public_base_urls().entra)
}

fn thumbprint(pem: &str) -> String {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    URL_SAFE_NO_PAD.encode(Sha256::digest(der))
}

/// A good statement with what a test changes about it.
fn statement(cloud: &Cloud, alg: Algorithm, pem: &str, key: &str, change: Value) -> String {
    let mut header = Header::new(alg);
    header.x5t_s256 = Some(thumbprint(pem));
    let (now, client) = (cloud.now().as_second(), Config::default().client_id);
    let mut claims = json!({
        "aud": endpoint(cloud), "iss": client, "sub": client, "jti": format!("{change}"),
        "nbf": now, "iat": now, "exp": now + 300,
    });
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_rsa_pem(key.as_bytes()).unwrap()).unwrap()
}

async fn assert_by(cloud: &Cloud, statement: &str) -> u64 {
    ask(cloud, &[("client_assertion_type", JWT_BEARER), ("client_assertion", statement)]).await
}

fn registered(cloud: &Cloud, certificates: &[&str]) {
    let certificates = certificates.iter().map(|pem| (*pem).to_owned()).collect();
    cloud.simulator.register(Registration { secrets: Vec::new(), certificates });
}

#[tokio::test]
async fn several_secrets_work_at_once_each_until_its_end() {
    let mut cloud = cloud(Config::default()).await;
    let end = cloud.now() + SignedDuration::from_hours(24);
    let secrets = vec![("former".to_owned(), Some(end)), ("new".to_owned(), None)];
    cloud.simulator.register(Registration { secrets, certificates: Vec::new() });
    for (secret, number) in [("former", 0), ("new", 0), ("wrong", 7_000_215)] {
        assert_eq!(ask(&cloud, &[("client_secret", secret)]).await, number, "{secret}");
    }
    cloud.pass_hours(25);
    for (secret, number) in [("former", 7_000_222), ("new", 0)] {
        assert_eq!(ask(&cloud, &[("client_secret", secret)]).await, number, "{secret}");
    }
}

#[tokio::test]
async fn a_statement_of_each_registered_certificate_is_taken_once() {
    let cloud = cloud(Config::default()).await;
    registered(&cloud, &[FIRST, NEXT]);
    let first = statement(&cloud, Algorithm::PS256, FIRST, FIRST_KEY, json!({}));
    assert_eq!(assert_by(&cloud, &first).await, 0);
    assert_eq!(assert_by(&cloud, &first).await, 700_027);
    let next = statement(&cloud, Algorithm::PS256, NEXT, NEXT_KEY, json!({"jti": "next"}));
    assert_eq!(assert_by(&cloud, &next).await, 0);
    registered(&cloud, &[NEXT]);
    let gone = statement(&cloud, Algorithm::PS256, FIRST, FIRST_KEY, json!({"jti": "gone"}));
    assert_eq!(assert_by(&cloud, &gone).await, 700_027);
}

#[tokio::test]
async fn a_statement_that_is_not_as_it_must_be_is_refused() {
    let cloud = cloud(Config::default()).await;
    registered(&cloud, &[FIRST, NEXT]);
    let now = cloud.now().as_second();
    let elsewhere = endpoint(&cloud).replace("organizations", "common");
    for (change, number) in [
        (json!({"aud": elsewhere}), 700_023),
        (json!({"iss": "another"}), 700_021),
        (json!({"sub": "another"}), 700_021),
        (json!({"exp": now - 301, "nbf": now - 600}), 700_024),
        (json!({"nbf": now + 301, "exp": now + 400}), 700_024),
        (json!({"exp": now + 3_600}), 700_024),
    ] {
        let wrong = statement(&cloud, Algorithm::PS256, FIRST, FIRST_KEY, change.clone());
        assert_eq!(assert_by(&cloud, &wrong).await, number, "{change}");
    }
    let other_alg = statement(&cloud, Algorithm::RS256, FIRST, FIRST_KEY, json!({"jti": "a"}));
    assert_eq!(assert_by(&cloud, &other_alg).await, 700_027);
    let other_key = statement(&cloud, Algorithm::PS256, FIRST, NEXT_KEY, json!({"jti": "b"}));
    assert_eq!(assert_by(&cloud, &other_key).await, 700_027);
    let good = statement(&cloud, Algorithm::PS256, FIRST, FIRST_KEY, json!({"jti": "c"}));
    assert_eq!(ask(&cloud, &[("client_assertion", &good)]).await, 700_027, "without its type");
}
