//! Requests that a plugin may not make. The controls send the same request by the same client with the grant widened, or
//! behind the check: then it arrives.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Method as HttpMethod, Uri};
use purser_runtime::Limits;
use purser_runtime::contract::crawl::{CallTarget, Request, Target as Asked};
use purser_store::runs::RunState;
use purser_vendor::{Call, HostPattern, Method, Outgoing, Target};
use url::Url;

use crate::components::{Cell, run, tight};
use crate::ground::serve;
use crate::house::{House, Outcome, Plan};
use crate::wait;

/// A run of a feed that asks for what it may not: its code is told.
async fn attacked(feed: &'static str, body: &str) -> (House, Outcome) {
    let house = House::with(Plan::of(feed)).await;
    let outcome = house.attack(body).await;
    assert_ne!(outcome.state, RunState::Succeeded, "{:?}", outcome.report);
    (house, outcome)
}

fn refused(feed: &'static str, name: &str, code: &str) {
    wait(async {
        let (_, outcome) = attacked(feed, "").await;
        let is_told = |what: &str, found: &str| what.contains(name) && found == code;
        assert!(
            outcome.report.notes.iter().any(|note| is_told(&note.what, &note.code)),
            "{:?}",
            outcome.report
        );
        assert_eq!(outcome.asked, Vec::<String>::new(), "nothing was sent");
    });
}

pub fn unlisted(code: &'static str) {
    refused("stray-call", "everything", code);
}

pub fn with_body(code: &'static str) {
    refused("stray-body", "a body", code);
}

pub fn order(code: &'static str) {
    refused("stray-calls", "create-order", code);
}

pub fn cancellation(code: &'static str) {
    refused("stray-calls", "cancel-subscription", code);
}

fn outgoing(target: Target, body: Option<&str>) -> Outgoing {
    Outgoing { target, headers: Vec::new(), body: body.map(str::to_owned), request_id: uuid::Uuid::nil() }
}

/// Sends a call that the descriptor does not list, with the grant widened by it.
fn arrives_as(name: &str, method: Method, path: &str, expected: &str) {
    wait(async {
        let house = House::with(Plan::of("records")).await;
        let mut granted = house.granted();
        let call = Call {
            endpoint: "api".into(),
            method,
            path_template: path.into(),
            query: Default::default(),
            headers: Default::default(),
            per_minute: None,
        };
        granted.calls.insert(name.into(), call);
        let target = Target::Call { name: name.into(), path: Vec::new(), query: Vec::new() };
        let body = (method == Method::Post).then_some("{\"quantity\":1}");
        house.host.client.send(house.attacked, &granted, &outgoing(target, body)).await.unwrap();
        assert_eq!(house.vendor.asked(), [expected]);
    });
}

pub fn unlisted_arrives() {
    arrives_as("everything", Method::Get, "/everything", "GET /everything");
}

pub fn body_arrives() {
    arrives_as("records", Method::Post, "/records", "POST /records");
}

pub fn order_arrives() {
    arrives_as("create-order", Method::Post, "/orders", "POST /orders");
}

pub fn cancellation_arrives() {
    arrives_as(
        "cancel-subscription",
        Method::Post,
        "/subscriptions/1/cancel",
        "POST /subscriptions/1/cancel",
    );
}

/// What a vendor sends that lists this address, and has the plugin ask for that one.
fn listing(received: &str, asked: &str) -> String {
    let backwards: String = asked.chars().rev().collect();
    format!("{{\"received\":[\"{received}\"],\"ask\":[\"{backwards}\"]}}")
}

fn address_refused(received: &str, asked: &str, code: &str) {
    wait(async {
        let (_, outcome) = attacked("follow", &listing(received, asked)).await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        assert_eq!(outcome.asked, ["GET /records"], "only the call itself");
    });
}

pub fn foreign(code: &'static str) {
    address_refused("https://evil.example/x", "https://evil.example/x", code);
}

pub fn look_alike(code: &'static str) {
    for host in [
        "a.blob.hostile.example.evil.example",
        "a-blob.hostile.example",
        "evilblob.hostile.example",
        "a.bl\u{43e}b.hostile.example",
    ] {
        let url = format!("https://{host}/x");
        address_refused(&url, &url, code);
    }
}

pub fn smuggled(code: &'static str) {
    let received = "https://a.blob.hostile.example/x/1";
    for asked in [
        "https://a.blob.hostile.example/x/1-and-customers-of-the-account",
        "https://customers-of-the-account.blob.hostile.example/x/1",
        "https://a.blob.hostile.example/x/1/../../customers-of-the-account",
    ] {
        address_refused(received, asked, code);
    }
}

/// A server of somebody else, and what it was asked.
async fn stranger() -> (Url, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    let note = move |method: HttpMethod, uri: Uri| async move {
        notes.lock().unwrap().push(format!("{method} {uri}"));
        ""
    };
    (serve(Router::new().fallback(note)).await, asked)
}

/// Sends a download to a host that the grant has been widened by.
fn download_arrives(path: &str) {
    wait(async {
        let house = House::with(Plan::of("records")).await;
        let (base, asked) = stranger().await;
        let mut granted = house.granted();
        granted.download_hosts.push(HostPattern::by_operator(&base).unwrap());
        let target = Target::Absolute(base.join(path).unwrap().into());
        house.host.client.send(house.attacked, &granted, &outgoing(target, None)).await.unwrap();
        assert_eq!(*asked.lock().unwrap(), [format!("GET /{path}")]);
    });
}

pub fn foreign_is_reached() {
    download_arrives("x");
}

pub fn look_alike_is_reached() {
    download_arrives("a.blob.hostile.example/x");
}

/// The client alone lets it out where the host is one of the vendor's: it is the check in front that stops it.
pub fn smuggled_arrives() {
    download_arrives("x/1-and-customers-of-the-account");
}

pub fn crowd(code: &'static str) {
    wait(async {
        let limits = Limits { memory_bytes: 512 << 20, output_bytes: 256 << 20, ..tight() };
        let house = House::with(Plan { limits, ..Plan::of("crowd") }).await;
        let outcome = house.attack("").await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        assert_eq!(outcome.asked, Vec::<String>::new(), "none of them is made");
    });
}

fn started(limits: Limits) -> usize {
    let step = Cell::with(limits).plugin.start(&run(), "crowd", &[]);
    step.map_or(0, |step| step.requests.len())
}

pub fn crowd_passes() {
    let roomy = Limits { memory_bytes: 1 << 30, output_bytes: 1 << 30, deadline_base_ms: 60_000, ..tight() };
    assert_eq!(started(roomy.clone()), 0);
    assert_eq!(started(Limits { requests: u32::MAX, ..roomy }), 110_000);
}

pub fn endless(code: &'static str) {
    wait(async {
        let house = House::with(Plan { requests: 30, ..Plan::of("endless") }).await;
        let outcome = house.attack("{}").await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        assert!((30..40).contains(&outcome.asked.len()), "{}", outcome.asked.len());
        assert_ne!(outcome.state, RunState::Succeeded, "{:?}", outcome.report);
    });
}

/// With the limit lifted it asks on, until this test's own bound of ten times as much.
pub fn endless_goes_on() {
    wait(async {
        let house = House::with(Plan { requests: 300, ..Plan::of("endless") }).await;
        assert!(house.attack("{}").await.asked.len() >= 300);
    });
    // What it asks is always the same, and a call that is listed: nothing else would stop it.
    let target = CallTarget { name: "records".into(), path: Vec::new(), query: Vec::new() };
    let step = Cell::with(tight()).plugin.start(&run(), "endless", &[]).unwrap();
    assert!(matches!(&step.requests[..], [Request { target: Asked::Call(call), .. }] if *call == target));
}
