//! A vendor on loopback that answers from a recording, so that a plugin can be seen at work without its vendor.
//!
//! It knows no more of the vendor than the plugin's descriptor says: where the recorded calls would have gone is worked out
//! by the same code that sends them.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use purser_pipeline::recording::redact::address;
use purser_pipeline::recording::{Exchange, Recording};
use purser_vendor::{Connector, Outgoing, Target};
use url::Url;

/// Where downloads are served, each under its vendor's host.
const DOWNLOADS: &str = "/downloads";

/// The answers, by method, path and query.
struct Answers {
    by_request: HashMap<String, Vec<Recorded>>,
    given: Mutex<HashMap<String, usize>>,
}

struct Recorded {
    exchange: Exchange,
    body: Vec<u8>,
}

/// A router that answers as the vendor did, for a connector whose endpoints are at `here`.
pub fn vendor(recording: &Recording, connector: &Connector, here: SocketAddr) -> Router {
    let origins = origins(recording);
    let mut by_request: HashMap<String, Vec<Recorded>> = HashMap::new();
    for exchange in &recording.exchanges {
        // What the plugin may not ask any more, nobody will ask for.
        let Some(key) = key_of(exchange, connector) else { continue };
        let body = moved(exchange.answer_body(), &origins, here);
        by_request.entry(key).or_default().push(Recorded { exchange: exchange.clone(), body });
    }
    let answers = Answers { by_request, given: Mutex::default() };
    Router::new().fallback(answer).with_state(Arc::new(answers))
}

/// The base URLs under which downloads are served.
pub fn download_hosts(recording: &Recording, here: SocketAddr) -> Vec<Url> {
    match origins(recording).is_empty() {
        true => Vec::new(),
        false => Url::parse(&format!("http://{here}{DOWNLOADS}/")).into_iter().collect(),
    }
}

/// Where recorded downloads came from: `https://store.example`.
fn origins(recording: &Recording) -> BTreeSet<String> {
    let downloads = recording.exchanges.iter().filter_map(|exchange| Url::parse(&exchange.download).ok());
    downloads.map(|url| url.origin().ascii_serialization()).collect()
}

/// Addresses of downloads inside an answer lead here.
fn moved(body: Vec<u8>, origins: &BTreeSet<String>, here: SocketAddr) -> Vec<u8> {
    match String::from_utf8(body) {
        Err(bytes) => bytes.into_bytes(),
        Ok(text) => origins
            .iter()
            .fold(text, |text, origin| {
                text.replace(&format!("{origin}/"), &format!("http://{here}{}/", under(origin)))
            })
            .into_bytes(),
    }
}

/// `https://store.example` is `/downloads/store.example` here.
fn under(origin: &str) -> String {
    format!("{DOWNLOADS}/{}", origin.split_once("://").map_or(origin, |(_, host)| host))
}

fn key_of(exchange: &Exchange, connector: &Connector) -> Option<String> {
    if let Ok(url) = Url::parse(&exchange.download) {
        let path = format!("{}{}", under(&url.origin().ascii_serialization()), url.path());
        return Some(key("GET", &path, url.query()));
    }
    let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
        pairs.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let target = Target::Call {
        name: exchange.call.clone(),
        path: pairs(&exchange.path),
        query: pairs(&exchange.query),
    };
    let outgoing =
        Outgoing { target, headers: Vec::new(), body: exchange.body.clone(), request_id: uuid::Uuid::nil() };
    let url = purser_vendor::address_of(connector, &outgoing).ok()?;
    let method = if exchange.body.is_some() { "POST" } else { "GET" };
    Some(key(method, url.path(), url.query()))
}

/// The order of a query says nothing.
fn key(method: &str, path: &str, query: Option<&str>) -> String {
    let mut pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    pairs.sort();
    format!("{method} {path} {pairs:?}")
}

async fn answer(State(answers): State<Arc<Answers>>, request: Request) -> Response {
    let (method, uri) = (request.method().as_str(), request.uri());
    // A signature handed out beside its address comes back as what stands for it.
    let shown = address(&format!("http://here{uri}"));
    let query = Url::parse(&shown).ok().and_then(|url| url.query().map(str::to_owned));
    let key = key(method, uri.path(), query.as_deref());
    let Some(recorded) = answers.by_request.get(&key) else {
        let what = format!("the recording has no answer to {method} {uri}");
        return (StatusCode::NOT_FOUND, axum::Json(serde_json::json!({ "error": what }))).into_response();
    };
    let mut fitting: Vec<&Recorded> = recorded.iter().filter(|one| one.fits(request.headers())).collect();
    // What was recorded for any headers answers only where nothing was for these.
    if fitting.iter().any(|one| !one.exchange.asked_with.is_empty()) {
        fitting.retain(|one| !one.exchange.asked_with.is_empty());
    }
    let mut given = answers.given.lock().unwrap_or_else(PoisonError::into_inner);
    let turn = given.entry(format!("{key} {:?}", fitting.first().map(|one| &one.exchange.asked_with)));
    let turn = turn.or_default();
    let found = fitting.get(*turn).or(fitting.last());
    *turn += 1;
    found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |recorded| as_response(recorded))
}

impl Recorded {
    fn fits(&self, headers: &HeaderMap) -> bool {
        let is_there = |(name, value): (&String, &String)| {
            headers.get(name).is_some_and(|given| given.as_bytes() == value.as_bytes())
        };
        self.exchange.asked_with.iter().all(is_there)
    }
}

fn as_response(recorded: &Recorded) -> Response {
    let exchange = &recorded.exchange;
    let status = StatusCode::from_u16(exchange.status).unwrap_or(StatusCode::OK);
    let mut response = (status, recorded.body.clone()).into_response();
    let kind = if exchange.json.is_some() { "application/json" } else { "text/plain; charset=utf-8" };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in &exchange.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(locale: Option<&str>, status: u16) -> Recorded {
        let asked_with =
            locale.map(|locale| ("x-locale".to_owned(), locale.to_owned())).into_iter().collect();
        Recorded { exchange: Exchange { asked_with, status, ..Exchange::default() }, body: Vec::new() }
    }

    async fn status(answers: &Arc<Answers>, locale: &str) -> Option<u16> {
        let request = Request::get("/v1/sku").header("x-locale", locale).body(axum::body::Body::empty());
        Some(answer(State(answers.clone()), request.ok()?).await.status().as_u16())
    }

    #[tokio::test]
    async fn what_was_asked_with_another_header_is_answered_otherwise() {
        let all = vec![recorded(Some("en-US"), 200), recorded(Some("nl-NL"), 201), recorded(None, 202)];
        let by_request = [(key("GET", "/v1/sku", None), all)].into();
        let answers = Arc::new(Answers { by_request, given: Mutex::default() });
        assert_eq!(status(&answers, "nl-NL").await, Some(201));
        assert_eq!(status(&answers, "en-US").await, Some(200));
        assert_eq!(status(&answers, "nl-NL").await, Some(201), "the last of its answers, for ever");
        assert_eq!(
            status(&answers, "de-DE").await,
            Some(202),
            "recorded without a header, it answers to any"
        );
    }
}
