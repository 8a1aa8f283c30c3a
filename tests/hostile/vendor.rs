//! The vendor of everybody in these tests, on loopback: it answers the attacked account as it is told, its neighbours
//! always the same, and notes who asked for what.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::routing::get;

/// Secret of the account that is attacked.
pub const ATTACKED: &str = "key-of-the-attacked";
/// Secret of every other account.
pub const NEIGHBOUR: &str = "key-of-a-neighbour";

/// A record of 1 EUR.
pub const GOOD: &str = r#"{"amount":"1","currency":"EUR"}"#;

/// A vendor at work.
#[derive(Clone, Default)]
pub struct Vendor(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    body: String,
    asked: Vec<String>,
}

impl Vendor {
    /// What the attacked account is answered from now on.
    pub fn answer(&self, body: &str) {
        self.0.lock().unwrap().body = body.to_owned();
    }

    /// What anybody but a neighbour asked for since the last time: method and path.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    pub fn routes(&self) -> Router {
        Router::new()
            .route(
                "/v2/sites",
                get(|| async { r#"{"sites":[{"id":"north","label":"North"}],"more":false}"# }),
            )
            .route("/v2/sites/{site}/readings.csv", get(readings))
            .route("/v2/tariffs", get(|| async { r#"{"language":"en-US","tariffs":[]}"# }))
            .fallback(answer)
            .with_state(self.clone())
    }
}

async fn answer(State(vendor): State<Vendor>, method: Method, uri: Uri, headers: HeaderMap) -> String {
    if headers.get("x-hostile-key").is_some_and(|key| key == NEIGHBOUR) {
        return format!("{GOOD}\n{GOOD}\n{GOOD}\n");
    }
    let mut seen = vendor.0.lock().unwrap();
    seen.asked.push(format!("{method} {uri}"));
    seen.body.clone()
}

async fn readings(Path(site): Path<String>, uri: Uri) -> String {
    let head = "reading,meter,tariff,kwh,amount,currency\n";
    match uri.query().unwrap_or_default().contains("2026-11-14") {
        true => {
            format!("{head}1,{site}-a,day,10.125,2.0250000000000000000001,EUR\n2,{site}-a,night,3,0.3,EUR\n")
        }
        false => head.to_owned(),
    }
}
