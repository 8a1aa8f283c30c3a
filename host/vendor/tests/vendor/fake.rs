//! A vendor in a few lines: an API that answers what it is told to, and an identity provider that checks what it gets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub const PERSONAL: &str = "9188040d-0000-0000-0000-000000000000";
pub const CLIENT: &str = "client-1";
pub const CLIENT_SECRET: &str = "planted-client-secret";
pub const REDIRECT: &str = "http://localhost:8080/callback";

pub static KEY: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap());

/// What the vendor saw.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub type Scripted = (u16, Vec<(&'static str, String)>, Vec<u8>);

#[derive(Default)]
pub struct Inner {
    pub seen: Vec<Seen>,
    pub answers: VecDeque<Scripted>,
    pub token_requests: Vec<BTreeMap<String, String>>,
    pub token_answers: VecDeque<Scripted>,
    /// The refresh tokens that are good.
    pub good: Vec<String>,
    pub issued: u32,
    /// Where the vendor gives no new refresh token.
    pub keeps_refresh_token: bool,
    pub codes: BTreeMap<String, Code>,
    pub codes_made: u32,
    pub key_members: Map<String, Value>,
    pub id_token_header: Value,
    pub events: Vec<String>,
}

/// A code, and what it was asked with.
#[derive(Clone)]
pub struct Code {
    challenge: String,
    tenant_path: String,
    claims: Value,
}

#[derive(Clone)]
pub struct Vendor {
    pub base: Url,
    pub inner: Arc<Mutex<Inner>>,
}

impl Vendor {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let inner = Inner { id_token_header: json!({"alg": "RS256", "kid": "k1"}), ..Inner::default() };
        let vendor = Self { base, inner: Arc::new(Mutex::new(inner)) };
        let routes = Router::new()
            .route("/login/{tenant}/token", post(token))
            .route("/login/{tenant}/keys", get(keys))
            .fallback(api)
            .with_state(vendor.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        vendor
    }

    pub fn answers(&self, status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) {
        self.with(|inner| inner.answers.push_back(scripted(status, headers, body.into())));
    }

    pub fn token_answers(&self, status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) {
        self.with(|inner| inner.token_answers.push_back(scripted(status, headers, body.into())));
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.with(|inner| inner.seen.clone())
    }

    pub fn token_requests(&self) -> Vec<BTreeMap<String, String>> {
        self.with(|inner| inner.token_requests.clone())
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap())
    }

    /// What a browser does at the authorize page: somebody with these claims signs in, and is sent back.
    pub fn sign_in(&self, redirect: &Url, now: i64, claims: Value) -> Vec<(String, String)> {
        let asked: BTreeMap<String, String> = redirect.query_pairs().into_owned().collect();
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["redirect_uri"], REDIRECT);
        assert_eq!(asked["code_challenge_method"], "S256");
        let tenant = claims.get("tid").and_then(Value::as_str).unwrap_or(TENANT).to_owned();
        let mut all = json!({
            "iss": format!("{}login/{tenant}/v2", self.base), "aud": CLIENT, "tid": tenant, "oid": "user-1",
            "preferred_username": "service@example.net", "nonce": asked["nonce"],
            "exp": now + 3600, "nbf": now, "iat": now,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let tenant_path = redirect.path_segments().unwrap().nth(1).unwrap().to_owned();
        let code = Code { challenge: asked["code_challenge"].clone(), tenant_path, claims: all };
        let name = self.with(|inner| {
            inner.codes_made += 1;
            let name = format!("code-{}", inner.codes_made);
            inner.codes.insert(name.clone(), code);
            name
        });
        vec![("code".into(), name), ("state".into(), asked["state"].clone())]
    }
}

pub fn scripted(status: u16, headers: &[(&'static str, &str)], body: Vec<u8>) -> Scripted {
    (status, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), body)
}

fn respond((status, headers, body): Scripted) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

async fn api(
    State(vendor): State<Vendor>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = vendor.with(|inner| {
        inner.events.push(format!("api {}", uri.path()));
        inner.seen.push(Seen {
            method,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
        inner.answers.pop_front()
    });
    respond(answer.unwrap_or_else(|| scripted(200, &[], b"{\"fine\":true}".to_vec())))
}

/// The key that [`signed`] signs by, as a provider shows it.
pub fn public_key() -> Value {
    let public = KEY.public_key();
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "kty": "RSA", "kid": "k1", "use": "sig",
        "n": encode(public.modulus().big_endian_without_leading_zero()),
        "e": encode(public.exponent().big_endian_without_leading_zero()),
    })
}

/// The same as plain bytes: what somebody may try as a shared secret.
pub fn public_key_bytes() -> Vec<u8> {
    KEY.public_key().as_ref().to_vec()
}

async fn keys(State(vendor): State<Vendor>) -> Response {
    let mut key = public_key();
    vendor.with(|inner| key.as_object_mut().unwrap().extend(inner.key_members.clone()));
    axum::Json(json!({"keys": [{"kty": "EC", "kid": "other"}, key]})).into_response()
}

async fn token(State(vendor): State<Vendor>, Path(tenant): Path<String>, body: String) -> Response {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    vendor.with(|inner| {
        inner.events.push("token".into());
        inner.token_requests.push(form.clone());
        if let Some(answer) = inner.token_answers.pop_front() {
            return respond(answer);
        }
        if form.get("client_secret").map(String::as_str) != Some(CLIENT_SECRET) {
            return refuse(401, "invalid_client", 7_000_215);
        }
        match form["grant_type"].as_str() {
            "refresh_token" if inner.good.contains(&form["refresh_token"]) => respond(issue(inner, None)),
            "refresh_token" => refuse(400, "invalid_grant", 70_000),
            "client_credentials" => {
                inner.keeps_refresh_token = true;
                respond(issue(inner, None))
            }
            _ => redeem(inner, &tenant, &form),
        }
    })
}

fn redeem(inner: &mut Inner, tenant: &str, form: &BTreeMap<String, String>) -> Response {
    let Some(code) = inner.codes.remove(&form["code"]) else { return refuse(400, "invalid_grant", 54_005) };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier));
    if challenge != code.challenge {
        return refuse(400, "invalid_grant", 501_481);
    }
    if tenant != code.tenant_path || form["redirect_uri"] != REDIRECT {
        return refuse(400, "invalid_grant", 700_005);
    }
    let token = signed(&inner.id_token_header, &code.claims);
    respond(issue(inner, Some(token)))
}

fn issue(inner: &mut Inner, id_token: Option<String>) -> Scripted {
    inner.issued += 1;
    let number = inner.issued;
    // The numbers are text, as some vendors write them.
    let mut reply = json!({"token_type": "Bearer", "expires_in": "3600", "access_token": format!("planted-access-{number}")});
    if !inner.keeps_refresh_token {
        let token = format!("planted-refresh-{number}");
        reply["refresh_token"] = token.clone().into();
        inner.good.push(token);
    }
    if let Some(token) = id_token {
        reply["id_token"] = token.into();
    }
    scripted(200, &[("content-type", "application/json")], serde_json::to_vec(&reply).unwrap())
}

fn refuse(status: u16, error: &str, code: u32) -> Response {
    let body = json!({"error": error, "error_codes": [code], "error_description": "planted-description", "trace_id": "t-1"});
    respond(scripted(status, &[("content-type", "application/json")], serde_json::to_vec(&body).unwrap()))
}

pub fn signed(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A server that writes these bytes, one answer a connection, the last one for ever.
pub async fn raw(answers: Vec<Vec<u8>>) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let mut socket = asked(&listener).await;
            let answer = answers.get(number).or(answers.last()).unwrap();
            socket.write_all(answer).await.ok();
            socket.shutdown().await.ok();
        }
    });
    base
}

/// A server that writes these bytes, and then nothing more, without ending.
pub async fn stalling(answer: Vec<u8>) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let mut socket = asked(&listener).await;
        socket.write_all(&answer).await.unwrap();
        std::future::pending::<()>().await;
    });
    base
}

/// A connection whose request has been read.
async fn asked(listener: &tokio::net::TcpListener) -> tokio::net::TcpStream {
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    socket
}

pub fn raw_answer(promised: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {promised}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}
