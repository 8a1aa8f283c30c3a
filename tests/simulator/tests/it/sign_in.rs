//! The sign-in over HTTP as a browser and a server do it, and everything that can be refused on the way.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use purser_simulator::{Config, Faults};
use reqwest::StatusCode;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::client::{Cloud, cloud};

const REDIRECT: &str = "http://127.0.0.1:8080/connectors/microsoft-csp/callback";
const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-0123456789";
const SCOPES: &str = "openid profile offline_access https://api.partnercenter.microsoft.com/user_impersonation \
                      https://graph.microsoft.com/PartnerBilling.Read.All";
const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com/user_impersonation";
const GRAPH: &str = "https://graph.microsoft.com/PartnerBilling.Read.All";

async fn registered(faults: Faults) -> Cloud {
    cloud(Config { redirect_uris: vec![REDIRECT.into()], faults, ..Config::default() }).await
}

fn authorize_url(cloud: &Cloud, tenant: &str, change: &[(&str, &str)]) -> Url {
    let base = cloud.simulator.public_base_urls().entra;
    let mut url = Url::parse(&format!("{base}/{tenant}/oauth2/v2.0/authorize")).unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let client = Config::default().client_id;
    let usual = [
        ("client_id", client.as_str()),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", SCOPES),
        ("state", "the-state"),
        ("nonce", "the-nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ];
    for (name, value) in usual {
        let value = change.iter().find(|(n, _)| *n == name).map_or(value, |(_, v)| v);
        url.query_pairs_mut().append_pair(name, value);
    }
    url
}

/// Opens the page and presses a button; where the browser is sent.
async fn press(cloud: &Cloud, tenant: &str, user: &str) -> Result<Url, String> {
    let page = cloud.http.get(authorize_url(cloud, tenant, &[])).send().await.unwrap().text().await.unwrap();
    let action = page.split("action=\"").nth(1).expect("a form").split('"').next().unwrap();
    let url = format!("http://{}{action}", cloud.simulator.addr());
    let answer = cloud.http.post(url).form(&[("user", user)]).send().await.unwrap();
    match answer.headers().get("location") {
        Some(location) => Ok(Url::parse(location.to_str().unwrap()).unwrap()),
        None => Err(answer.text().await.unwrap()),
    }
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap_or_default()
}

async fn code(cloud: &Cloud, user: &str) -> String {
    parameter(&press(cloud, "organizations", user).await.unwrap(), "code")
}

/// A token request; later pairs replace earlier ones of the same name, empty values leave them out.
async fn token(cloud: &Cloud, tenant: &str, change: &[(&str, &str)]) -> (StatusCode, Value) {
    let Config { client_id, client_secret, .. } = Config::default();
    let mut form = vec![("client_id", client_id.as_str()), ("client_secret", &client_secret)];
    for (name, value) in change {
        form.retain(|(n, _)| n != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    let url = format!("{}/{tenant}/oauth2/v2.0/token", cloud.simulator.public_base_urls().entra);
    let answer = cloud.http.post(url).form(&form).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn redeem(cloud: &Cloud, code: &str, change: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("scope", PARTNER_CENTER),
    ];
    form.extend(change);
    token(cloud, "organizations", &form).await
}

fn number(body: &Value) -> u64 {
    body["error_codes"][0].as_u64().unwrap()
}

async fn claims(cloud: &Cloud, id_token: &str) -> jsonwebtoken::errors::Result<Value> {
    let url = format!("{}/organizations/discovery/v2.0/keys", cloud.simulator.public_base_urls().entra);
    let keys: Value = cloud.http.get(url).send().await.unwrap().json().await.unwrap();
    let key = &keys["keys"][0];
    assert_eq!(decode_header(id_token).unwrap().kid.as_deref(), key["kid"].as_str());
    let key =
        DecodingKey::from_rsa_components(key["n"].as_str().unwrap(), key["e"].as_str().unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[Config::default().client_id]);
    rules.validate_exp = false;
    decode::<Value>(id_token, &key, &rules).map(|data| data.claims)
}

#[tokio::test]
async fn a_user_signs_in_and_the_tokens_open_both_apis() {
    let mut cloud = registered(Faults::default()).await;
    let back = press(&cloud, "organizations", "service").await.unwrap();
    assert!(back.as_str().starts_with(REDIRECT));
    assert_eq!(parameter(&back, "state"), "the-state");
    let (status, body) = redeem(&cloud, &parameter(&back, "code"), &[]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["expires_in"], 4_200);
    let id = claims(&cloud, body["id_token"].as_str().unwrap()).await.unwrap();
    let base = cloud.simulator.public_base_urls().entra;
    assert_eq!(id["tid"], cloud.simulator.tenant());
    assert_eq!(id["iss"], format!("{base}/{}/v2.0", cloud.simulator.tenant()));
    assert_eq!((id["nonce"].as_str(), id["acct"].as_u64()), (Some("the-nonce"), Some(0)));
    cloud.grant.partner_center = body["access_token"].as_str().unwrap().into();
    assert_eq!(cloud.customers().await.len(), 8);

    let refresh = body["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", GRAPH)];
    let tenant = cloud.simulator.tenant().to_owned();
    let (status, graph) = token(&cloud, &tenant, &form).await;
    assert_eq!(status, 200);
    assert_ne!(graph["refresh_token"], body["refresh_token"]);
    assert_eq!(token(&cloud, &tenant, &form).await.0, 200, "the old refresh token stays good");
    cloud.grant.graph = graph["access_token"].as_str().unwrap().into();
    assert!(cloud.export("EUR", "current").await.is_some());
}

#[tokio::test]
async fn the_page_needs_no_script_and_leads_with_the_hint() {
    let cloud = registered(Faults::default()).await;
    let url = authorize_url(&cloud, "organizations", &[("prompt", "")]);
    let url = format!("{url}&login_hint=norole@simulated-partner.example");
    let page = cloud.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(!page.contains("<script") && page.contains("Cancel"));
    assert_eq!(page.matches("name=\"user\"").count(), 9);
    let first = page.split("value=\"").nth(1).unwrap();
    assert!(first.starts_with("norole"));
}

#[tokio::test]
async fn what_is_wrong_with_the_application_stays_on_the_page() {
    let cloud = registered(Faults::default()).await;
    let cases = [
        (
            "organizations",
            ("redirect_uri", "http://127.0.0.1:8080/connectors/microsoft-csp/callback/"),
            "AADSTS50011",
        ),
        ("organizations", ("client_id", "somebody-else"), "AADSTS700016"),
        ("11111111-2222-4333-8444-555555555555", ("state", "s"), "AADSTS90002"),
    ];
    for (tenant, change, expected) in cases {
        let answer = cloud.http.get(authorize_url(&cloud, tenant, &[change])).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(answer.headers().get("location").is_none());
        assert!(answer.text().await.unwrap().contains(expected));
    }
    let tenant = cloud.simulator.tenant().to_owned();
    assert!(press(&cloud, &tenant, "other").await.unwrap_err().contains("AADSTS50020"));
}

#[tokio::test]
async fn wrong_parameters_and_cancelling_are_told_to_the_application() {
    let cloud = registered(Faults::default()).await;
    let cases = [
        ("response_type", "token", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("scope", "https://elsewhere.example/everything", "invalid_request"),
        ("prompt", "none", "login_required"),
    ];
    for (name, value, expected) in cases {
        let answer =
            cloud.http.get(authorize_url(&cloud, "organizations", &[(name, value)])).send().await.unwrap();
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(parameter(&back, "error"), expected, "{name}");
        assert_eq!(parameter(&back, "state"), "the-state");
    }
    let back = press(&cloud, "organizations", "cancel").await.unwrap();
    assert_eq!(parameter(&back, "error"), "access_denied");
    assert!(parameter(&back, "error_description").starts_with("AADSTS65004"));
    assert_eq!(parameter(&back, "state"), "the-state");
}

#[tokio::test]
async fn a_code_is_redeemed_once_in_time_and_by_the_one_who_asked() {
    let mut cloud = registered(Faults::default()).await;
    let wrong = [
        (("code_verifier", "another-verifier-of-more-than-forty-three-characters"), 501_481),
        (("redirect_uri", "http://127.0.0.1:8080/"), 50_011),
        (("client_secret", "wrong"), 7_000_215),
        (("client_secret", ""), 7_000_218),
        (("client_id", "another"), 700_016),
        (("code", "unknown"), 70_000),
        (("grant_type", "password"), 70_003),
        (
            (
                "scope",
                "https://api.partnercenter.microsoft.com/.default https://graph.microsoft.com/.default",
            ),
            700_022,
        ),
    ];
    for (change, expected) in wrong {
        let code = code(&cloud, "service").await;
        let (status, body) = redeem(&cloud, &code, &[change]).await;
        assert!(status.is_client_error());
        assert_eq!(number(&body), expected, "{change:?}");
        assert!(body["trace_id"].is_string() && body["correlation_id"].is_string());
    }
    let used = code(&cloud, "service").await;
    assert_eq!(redeem(&cloud, &used, &[]).await.0, 200);
    assert_eq!(number(&redeem(&cloud, &used, &[]).await.1), 54_005);
    let elsewhere = code(&cloud, "service").await;
    let form = [("grant_type", "authorization_code"), ("code", elsewhere.as_str())];
    assert_eq!(number(&token(&cloud, "common", &form).await.1), 700_005);
    let late = code(&cloud, "service").await;
    cloud.pass_hours(1);
    assert_eq!(number(&redeem(&cloud, &late, &[]).await.1), 70_008);
}

#[tokio::test]
async fn a_client_may_authenticate_with_basic() {
    let cloud = registered(Faults::default()).await;
    let Config { client_id, client_secret, .. } = Config::default();
    let url = format!("{}/organizations/oauth2/v2.0/token", cloud.simulator.public_base_urls().entra);
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", cloud.grant.refresh.as_str()), ("scope", GRAPH)];
    let answer =
        cloud.http.post(url).basic_auth(client_id, Some(client_secret)).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn refresh_tokens_live_ninety_days_from_their_last_use() {
    let mut cloud = registered(Faults::default()).await;
    let refresh = cloud.grant.refresh.clone();
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", PARTNER_CENTER)];
    cloud.pass_hours(24 * 89);
    assert_eq!(token(&cloud, "organizations", &form).await.0, 200);
    cloud.pass_hours(24 * 89);
    assert_eq!(token(&cloud, "organizations", &form).await.0, 200, "its use made it live on");
    cloud.pass_hours(24 * 91);
    let (_, body) = token(&cloud, "organizations", &form).await;
    assert_eq!((body["error"].as_str(), number(&body)), (Some("invalid_grant"), 700_082));
}

#[tokio::test]
async fn each_kind_of_person_shows_in_the_id_token() {
    let cloud = registered(Faults::default()).await;
    for (user, own_tenant, guest) in
        [("service", true, 0), ("guest", true, 1), ("other", false, 0), ("personal", false, 0)]
    {
        let (_, body) = redeem(&cloud, &code(&cloud, user).await, &[]).await;
        let id = claims(&cloud, body["id_token"].as_str().unwrap()).await.unwrap();
        assert_eq!(
            (id["tid"] == cloud.simulator.tenant(), id["acct"].as_u64()),
            (own_tenant, Some(guest)),
            "{user}"
        );
        assert_eq!(id["tid"] == "9188040d-6c67-4c5b-b112-36a304b66dad", user == "personal");
    }
}

#[tokio::test]
async fn id_tokens_can_be_wrong_in_each_way() {
    let cloud = registered(Faults::default()).await;
    let id_token = async |faults: Faults| {
        cloud.simulator.set_faults(faults);
        let (_, body) = redeem(&cloud, &code(&cloud, "service").await, &[]).await;
        claims(&cloud, body["id_token"].as_str().unwrap()).await
    };
    let issuer = id_token(Faults { wrong_issuer: true, ..Faults::default() }).await.unwrap();
    assert!(issuer["iss"].as_str().unwrap().starts_with("https://elsewhere"));
    assert_eq!(
        id_token(Faults { wrong_nonce: true, ..Faults::default() }).await.unwrap()["nonce"],
        "another-nonce"
    );
    let tenant = id_token(Faults { wrong_tenant: true, ..Faults::default() }).await.unwrap();
    assert_ne!(tenant["tid"], cloud.simulator.tenant());
    assert!(id_token(Faults { wrong_audience: true, ..Faults::default() }).await.is_err());
    assert!(id_token(Faults { bad_signature: true, ..Faults::default() }).await.is_err());
    assert!(id_token(Faults::default()).await.is_ok());
}

#[tokio::test]
async fn token_requests_fail_in_each_way() {
    let cloud = registered(Faults::default()).await;
    let cases = [
        (Faults { expired_grant: true, ..Faults::default() }, 400, "invalid_grant", 700_082),
        (Faults { revoked_grant: true, ..Faults::default() }, 400, "invalid_grant", 50_173),
        (Faults { user_disabled: true, ..Faults::default() }, 400, "invalid_grant", 50_057),
        (Faults { mfa_expired: true, ..Faults::default() }, 400, "invalid_grant", 50_076),
        (Faults { secret_expired: true, ..Faults::default() }, 401, "invalid_client", 7_000_222),
        (Faults { transient_token_errors: 1, ..Faults::default() }, 503, "temporarily_unavailable", 90_033),
    ];
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", cloud.grant.refresh.as_str()), ("scope", GRAPH)];
    for (faults, status, error, code) in cases {
        cloud.simulator.set_faults(faults);
        let (answered, body) = token(&cloud, "organizations", &form).await;
        assert_eq!((answered.as_u16(), body["error"].as_str(), number(&body)), (status, Some(error), code));
        assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
    }
    assert_eq!(token(&cloud, "organizations", &form).await.0, 200, "one transient error only");
}
