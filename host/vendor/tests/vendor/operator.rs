//! Operators who sign in at an OpenID provider: what is taken, and each way in which nothing is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use purser_vendor::operator::{OperatorError, OperatorSignIn, Provider, Vouched};
use purser_vendor::{Chance, Clock, HttpLimits, Secret, Surroundings, Transport};
use serde_json::{Value, json};
use sha2::Digest as _;
use url::Url;

use crate::fake::{public_key, public_key_bytes, signed};
use crate::world::TestPace;

const CLIENT: &str = "purser";
const SECRET: &str = "planted-operator-secret";
const REDIRECT: &str = "http://localhost:8080/sign-in/elsewhere/callback";
const BROWSER: [u8; 32] = [1; 32];

struct Watch(Mutex<Timestamp>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Default)]
struct Inner {
    /// The challenge of each code, and the id token it is good for.
    codes: BTreeMap<String, (String, String)>,
    told_issuer: Option<String>,
    /// It says that it names itself in each answer.
    names_itself: bool,
    token_requests: usize,
}

#[derive(Clone)]
struct Idp {
    issuer: String,
    inner: Arc<Mutex<Inner>>,
}

impl Idp {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realm", listener.local_addr().unwrap());
        let idp = Self { issuer, inner: Arc::default() };
        let routes = Router::new()
            .route("/realm/.well-known/openid-configuration", get(described))
            .route("/realm/keys", get(|| async { axum::Json(json!({ "keys": [public_key()] })) }))
            .route("/realm/token", post(token))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        idp
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap())
    }
}

async fn described(State(idp): State<Idp>) -> Response {
    let issuer = idp.with(|inner| inner.told_issuer.clone()).unwrap_or_else(|| idp.issuer.clone());
    let at = |path: &str| format!("{}/{path}", idp.issuer);
    axum::Json(json!({
        "issuer": issuer, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "jwks_uri": at("keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        // It says what an attacker would like us to take.
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        "authorization_response_iss_parameter_supported": idp.with(|inner| inner.names_itself),
    }))
    .into_response()
}

async fn token(State(idp): State<Idp>, headers: HeaderMap, body: String) -> Response {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    let refused =
        |error: &str| (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": error }))).into_response();
    let code = idp.with(|inner| {
        inner.token_requests += 1;
        inner.codes.remove(&form["code"])
    });
    let Some((challenge, id_token)) = code else { return refused("invalid_grant") };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    if headers["authorization"] != basic || form["redirect_uri"] != REDIRECT {
        return refused("invalid_client");
    }
    if URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier)) != challenge {
        return refused("invalid_grant");
    }
    axum::Json(json!({ "access_token": "planted-access", "token_type": "Bearer", "id_token": id_token }))
        .into_response()
}

struct World {
    idp: Idp,
    clock: Arc<Watch>,
    sign_in: OperatorSignIn,
}

impl World {
    async fn new() -> Self {
        Self::of(Idp::start().await, "groups")
    }

    fn of(idp: Idp, groups_claim: &str) -> Self {
        let clock = Arc::new(Watch(Mutex::new("2026-11-23T10:00:00Z".parse().unwrap())));
        let surroundings = Surroundings {
            clock: clock.clone(),
            pace: Arc::new(TestPace::default()),
            chance: Chance::seeded(1),
        };
        let provider = Provider {
            issuer: idp.issuer.clone(),
            client_id: CLIENT.into(),
            client_secret: Some(Secret::new(SECRET.into())),
            redirect: REDIRECT.parse().unwrap(),
            scopes: vec!["openid".into(), "profile".into()],
            groups_claim: groups_claim.into(),
        };
        let transport = Transport::new(HttpLimits::default()).unwrap();
        Self { idp, clock, sign_in: OperatorSignIn::new(transport, surroundings, provider) }
    }

    fn claims(&self, asked: &BTreeMap<String, String>, own: Value) -> Value {
        let now = self.clock.now().as_second();
        let mut claims = json!({
            "iss": self.idp.issuer, "aud": CLIENT, "sub": "subject-1", "exp": now + 300, "iat": now,
            "nonce": asked["nonce"], "preferred_username": "otto", "groups": ["billing", "everybody"],
        });
        claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        claims
    }

    /// What a browser does at the provider: somebody with these claims signs in, and is sent back.
    fn signs_in(&self, there: &Url, token: impl FnOnce(&BTreeMap<String, String>) -> String) -> Query {
        let asked: BTreeMap<String, String> = there.query_pairs().into_owned().collect();
        assert_eq!((asked["client_id"].as_str(), asked["redirect_uri"].as_str()), (CLIENT, REDIRECT));
        assert_eq!(
            (asked["response_type"].as_str(), asked["code_challenge_method"].as_str()),
            ("code", "S256")
        );
        let (challenge, id_token) = (asked["code_challenge"].clone(), token(&asked));
        let code = format!("code-{}", asked["state"]);
        self.idp.with(|inner| inner.codes.insert(code.clone(), (challenge, id_token)));
        vec![("code".into(), code), ("state".into(), asked["state"].clone())]
    }

    /// A whole sign-in with some claims of its own.
    async fn with(&self, own: Value) -> Result<Vouched, OperatorError> {
        let there = self.sign_in.begin(&BROWSER).await.unwrap();
        let back = self.signs_in(&there, |asked| {
            signed(&json!({"alg": "RS256", "kid": "k1"}), &self.claims(asked, own))
        });
        self.sign_in.finish(&BROWSER, &back).await
    }

    /// A whole sign-in with a token made otherwise.
    async fn forged(&self, forge: impl FnOnce(&Value) -> String) -> Result<Vouched, OperatorError> {
        let there = self.sign_in.begin(&BROWSER).await.unwrap();
        let back = self.signs_in(&there, |asked| forge(&self.claims(asked, json!({}))));
        self.sign_in.finish(&BROWSER, &back).await
    }
}

type Query = Vec<(String, String)>;

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap())
}

#[tokio::test]
async fn operator_is_known_by_issuer_and_subject_with_the_groups_of_the_claim() {
    let world = World::new().await;
    let vouched = world.with(json!({})).await.unwrap();
    assert_eq!(vouched.issuer, world.idp.issuer);
    assert_eq!((vouched.subject.as_str(), vouched.name.as_str()), ("subject-1", "otto"));
    assert_eq!(vouched.groups, ["billing", "everybody"]);
    assert_eq!(world.with(json!({ "groups": "one" })).await.unwrap().groups, ["one"]);
    for none in [json!({ "groups": null }), json!({ "groups": {"a": 1} }), json!({ "groups": [1, 2] })] {
        assert_eq!(world.with(none).await.unwrap().groups, Vec::<String>::new());
    }
}

#[tokio::test]
async fn operator_s_address_is_a_group_only_where_the_provider_has_checked_it() {
    let world = World::of(Idp::start().await, "email");
    let with =
        async |verified| world.with(json!({ "email": "otto@example.net", "email_verified": verified })).await;
    assert_eq!(with(true).await.unwrap().groups, ["otto@example.net"]);
    assert_eq!(with(false).await.unwrap().groups, Vec::<String>::new());
    assert_eq!(
        world.with(json!({ "email": "otto@example.net" })).await.unwrap().groups,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn operator_s_answer_counts_for_the_browser_that_left_and_once_and_in_time() {
    let world = World::new().await;
    let back = async || {
        let there = world.sign_in.begin(&BROWSER).await.unwrap();
        world.signs_in(&there, |asked| {
            signed(&json!({"alg": "RS256", "kid": "k1"}), &world.claims(asked, json!({})))
        })
    };
    let finish = async |browser: &[u8; 32], query: &Query| world.sign_in.finish(browser, query).await.err();
    assert_eq!(finish(&[2; 32], &back().await).await, Some(OperatorError::State), "another browser");
    let mut wrong = back().await;
    wrong[1].1.push('x');
    assert_eq!(finish(&BROWSER, &wrong).await, Some(OperatorError::State), "another state");
    let mut twice = back().await;
    twice.push(twice[1].clone());
    assert_eq!(finish(&BROWSER, &twice).await, Some(OperatorError::State), "two states");
    assert_eq!(finish(&BROWSER, &back().await[..1].to_vec()).await, Some(OperatorError::State), "no state");
    let late = back().await;
    *world.clock.0.lock().unwrap() += SignedDuration::from_mins(10);
    assert_eq!(finish(&BROWSER, &late).await, Some(OperatorError::State), "too late");
    assert_eq!(world.idp.with(|inner| inner.token_requests), 0, "no code was ever sent");
    let once = back().await;
    assert_eq!(finish(&BROWSER, &once).await, None);
    assert_eq!(finish(&BROWSER, &once).await, Some(OperatorError::State), "a second time");
}

#[tokio::test]
async fn operator_s_replayed_code_is_refused() {
    let world = World::new().await;
    let there = world.sign_in.begin(&BROWSER).await.unwrap();
    let first = world.signs_in(&there, |asked| {
        signed(&json!({"alg": "RS256", "kid": "k1"}), &world.claims(asked, json!({})))
    });
    world.sign_in.finish(&BROWSER, &first).await.unwrap();
    let again = world.sign_in.begin(&BROWSER).await.unwrap();
    let mut back = world.signs_in(&again, |_| String::new());
    back[0] = first[0].clone();
    assert_eq!(world.sign_in.finish(&BROWSER, &back).await.err(), Some(OperatorError::Code));
}

#[tokio::test]
async fn operator_s_stolen_code_is_no_use_in_another_sign_in() {
    let world = World::new().await;
    let theirs = world.sign_in.begin(&[2; 32]).await.unwrap();
    let stolen = world.signs_in(&theirs, |asked| {
        signed(&json!({"alg": "RS256", "kid": "k1"}), &world.claims(asked, json!({})))
    });
    let there = world.sign_in.begin(&BROWSER).await.unwrap();
    let mut back = world.signs_in(&there, |_| String::new());
    back[0] = stolen[0].clone();
    assert_eq!(world.sign_in.finish(&BROWSER, &back).await.err(), Some(OperatorError::Code), "PKCE");
}

#[tokio::test]
async fn operator_s_answer_of_another_provider_is_refused_before_its_code_is_sent() {
    let world = World::new().await;
    let back = async |issuer: &str| {
        let there = world.sign_in.begin(&BROWSER).await.unwrap();
        let mut back = world.signs_in(&there, |asked| {
            signed(&json!({"alg": "RS256", "kid": "k1"}), &world.claims(asked, json!({})))
        });
        back.push(("iss".into(), issuer.into()));
        world.sign_in.finish(&BROWSER, &back).await.err()
    };
    assert_eq!(back("https://evil.example").await, Some(OperatorError::Issuer));
    assert_eq!(world.idp.with(|inner| inner.token_requests), 0);
    assert_eq!(back(&world.idp.issuer).await, None);
}

#[tokio::test]
async fn operator_s_answer_without_a_name_is_refused_where_the_provider_names_itself() {
    for (names_itself, expected) in [(true, Some(OperatorError::Issuer)), (false, None)] {
        let world = World::new().await;
        world.idp.with(|inner| inner.names_itself = names_itself);
        assert_eq!(world.with(json!({})).await.err(), expected);
        assert_eq!(world.idp.with(|inner| inner.token_requests), usize::from(!names_itself));
    }
}

#[tokio::test]
async fn operator_token_of_another_issuer_audience_sign_in_or_time_is_refused() {
    let world = World::new().await;
    let now = world.clock.now().as_second();
    for (own, expected) in [
        (json!({ "iss": "https://evil.example" }), OperatorError::Issuer),
        (json!({ "aud": "another-client" }), OperatorError::Audience),
        (json!({ "aud": [CLIENT, "another-client"] }), OperatorError::Audience),
        (json!({ "nonce": "of-another-sign-in" }), OperatorError::Nonce),
        (json!({ "nonce": null }), OperatorError::Nonce),
        (json!({ "exp": now - 1 }), OperatorError::Expired),
    ] {
        assert_eq!(world.with(own.clone()).await.err(), Some(expected), "{own}");
    }
}

#[tokio::test]
async fn operator_token_signed_by_a_shared_secret_or_by_nobody_is_refused() {
    let world = World::new().await;
    let by_secret = |key: &[u8], claims: &Value| {
        let message = format!("{}.{}", encoded(&json!({"alg": "HS256", "kid": "k1"})), encoded(claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let refused = Some(OperatorError::Signature);
    let public = public_key_bytes();
    assert_eq!(world.forged(|claims| by_secret(&public, claims)).await.err(), refused, "the public key");
    let modulus = URL_SAFE_NO_PAD.decode(public_key()["n"].as_str().unwrap()).unwrap();
    assert_eq!(world.forged(|claims| by_secret(&modulus, claims)).await.err(), refused, "its modulus");
    assert_eq!(
        world.forged(|claims| by_secret(SECRET.as_bytes(), claims)).await.err(),
        refused,
        "our secret"
    );
    let none = |claims: &Value| format!("{}.{}.", encoded(&json!({"alg": "none"})), encoded(claims));
    let unsigned = world.forged(none).await.err();
    assert!(matches!(unsigned, Some(OperatorError::Signature | OperatorError::Description)), "{unsigned:?}");
    let changed = world.forged(|claims| {
        let token = signed(&json!({"alg": "RS256", "kid": "k1"}), claims);
        let (head, signature) =
            (token.split_once('.').unwrap().0.to_owned(), token.rsplit_once('.').unwrap().1.to_owned());
        let mut claims = claims.clone();
        claims["groups"] = json!(["admins"]);
        format!("{head}.{}.{signature}", encoded(&claims))
    });
    assert_eq!(changed.await.err(), refused, "changed after it was signed");
}

#[tokio::test]
async fn operator_who_is_refused_there_is_not_signed_in_here() {
    let world = World::new().await;
    let there = world.sign_in.begin(&BROWSER).await.unwrap();
    let mut back = world.signs_in(&there, |_| String::new());
    back[0] = ("error".into(), "access_denied".into());
    assert_eq!(world.sign_in.finish(&BROWSER, &back).await.err(), Some(OperatorError::Refused));
}

#[tokio::test]
async fn operator_s_provider_that_calls_itself_otherwise_is_not_asked() {
    let world = World::new().await;
    world.idp.with(|inner| inner.told_issuer = Some("https://evil.example".into()));
    assert_eq!(world.sign_in.begin(&BROWSER).await.err(), Some(OperatorError::Description));
}

#[tokio::test]
async fn operator_s_provider_out_of_reach_is_told_as_that() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let world = World::of(Idp { issuer, inner: Arc::default() }, "groups");
    assert_eq!(world.sign_in.begin(&BROWSER).await.err(), Some(OperatorError::OutOfReach));
}
