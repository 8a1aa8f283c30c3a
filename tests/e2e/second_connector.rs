//! A second connector, of another vendor: other authentication, other paging, CSV. It goes through the same host to
//! Purchases, and a plugin that traps loses one record by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jiff::Timestamp;
use purser_domain::AccountId;
use purser_pipeline::export::{Row, Rows};
use purser_pipeline::plugins::Plugins;
use purser_pipeline::report::Report;
use purser_pipeline::run::Execution;
use purser_pipeline::{Host, Limits};
use purser_runtime::Sandbox;
use purser_store::accounts::Account;
use purser_store::ledger::Filter;
use purser_store::runs::RunState;
use purser_store_sqlite::SqliteStore;
use tokio_util::sync::CancellationToken;

use crate::fixtures::component_with;
use crate::ground::{Ground, NewAccount, Served};
use crate::world::NOW;

/// The account's secret.
pub const KEY: &str = "meterhub-key-of-the-test";

/// What the vendor was asked.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// The vendor's API: two pages of sites, readings as CSV, tariffs in a language.
pub fn meterhub(asked: Asked) -> Router {
    Router::new()
        .route("/v2/sites", get(sites))
        .route("/v2/sites/{site}/readings.csv", get(readings))
        .route("/v2/tariffs", get(tariffs))
        .with_state(asked)
}

/// Refuses whoever has not the key; notes what was asked.
fn admit(asked: &Asked, headers: &HeaderMap, what: String) -> bool {
    asked.lock().unwrap().push(what);
    headers.get("x-meterhub-key").is_some_and(|key| key == KEY)
}

type Parameters = Query<BTreeMap<String, String>>;

async fn sites(State(asked): State<Asked>, query: Parameters, headers: HeaderMap) -> Response {
    let page = query.get("page").cloned().unwrap_or_default();
    if !admit(&asked, &headers, format!("sites {page}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = match page.as_str() {
        "1" => r#"{"sites":[{"id":"north","label":"North hall"}],"more":true}"#,
        _ => r#"{"sites":[{"id":"south","label":"South hall"}],"more":false}"#,
    };
    body.into_response()
}

async fn readings(
    State(asked): State<Asked>,
    axum::extract::Path(site): axum::extract::Path<String>,
    query: Parameters,
    headers: HeaderMap,
) -> Response {
    let day = query.get("day").cloned().unwrap_or_default();
    if !admit(&asked, &headers, format!("readings {site} {day}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut body = "reading,meter,tariff,kwh,amount,currency\n".to_owned();
    if day == "2026-11-14" {
        body.push_str(&format!("1,{site}-a,day,10.125,2.0250000000000000000001,EUR\n"));
        body.push_str(&format!("2,{site}-a,night,3,0.3,EUR\n"));
        body.push_str(&format!("3,{site}-b,\"day\",-1,-0.2,CHF\n"));
    }
    body.into_response()
}

async fn tariffs(State(asked): State<Asked>, query: Parameters, headers: HeaderMap) -> Response {
    let language = query.get("lang").cloned().unwrap_or_default();
    if !admit(&asked, &headers, format!("tariffs {language}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let body = r#"{"language":"en-US","tariffs":[{"key":"day","name":"Day rate","unit":"kWh"},
                   {"key":"night","name":"Night rate","unit":"kWh"}]}"#;
    body.into_response()
}

/// A host with one connector, one account of it, and a vendor at work.
pub struct Bench {
    pub host: Host,
    pub store: Arc<SqliteStore>,
    pub account: Account,
    ground: Ground,
}

/// What the host is given of one connector.
pub struct Given<'a> {
    pub package: &'a str,
    pub cloud: &'a str,
    pub endpoint: &'a str,
    pub feeds: &'a [&'a str],
    pub vendor: Router,
}

impl Given<'_> {
    fn account<'a>(&'a self, tenant: &'a str) -> NewAccount<'a> {
        NewAccount { connector: self.package, cloud: self.cloud, tenant, secret: KEY, feeds: self.feeds }
    }
}

impl Bench {
    pub async fn of(given: Given<'_>) -> Self {
        let now: Timestamp = NOW.parse().unwrap();
        let ground = Ground::of(given.vendor.clone(), Arc::new(move || now)).await;
        let account = ground.connect(&given.account("our-company")).await;
        let plugins = Plugins::new(Sandbox::new(purser_runtime::Limits::default(), None).unwrap(), None);
        plugins.activate(&component_with(given.package, &[])).unwrap();
        let served = Served { connector: given.package, cloud: given.cloud, endpoint: given.endpoint };
        let host = ground.host(plugins, &[served], Limits::default());
        Self { host, store: ground.store.clone(), account, ground }
    }

    /// Another account of the connector.
    pub async fn another(&self, tenant: &str, given: &Given<'_>) -> AccountId {
        self.ground.connect(&given.account(tenant)).await.id
    }

    /// One run, to its end.
    pub async fn run(&self) -> (RunState, Report) {
        self.run_of(self.account.id).await
    }

    /// One run of an account, to its end.
    pub async fn run_of(&self, account: AccountId) -> (RunState, Report) {
        self.host.order_now(account, None, None).await.unwrap();
        match self.host.work_once(&CancellationToken::new()).await.unwrap() {
            Some((_, Execution::Finished(state, report))) => (state, *report),
            other => panic!("{other:?}"),
        }
    }

    pub async fn rows(&self) -> Vec<Row> {
        let mut rows = Rows::new(self.store.as_ref(), Filter::default(), "en-US");
        rows.next().await.unwrap().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_vendor_goes_through_the_same_host_to_purchases() {
    let asked = Asked::default();
    let given = Given {
        package: "meterhub",
        cloud: "main",
        endpoint: "hub",
        feeds: &[],
        vendor: meterhub(asked.clone()),
    };
    let bench = Bench::of(given).await;
    let (state, report) = bench.run().await;
    assert_eq!(state, RunState::Succeeded, "{report:?}");
    assert_eq!(report.notes, []);
    let rows = bench.rows().await;
    let mut found: Vec<String> = rows
        .iter()
        .map(|row| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            format!(
                "{} {} {} {} {} {} {}",
                row.vendor_customer,
                row.product_text,
                row.quantity,
                row.unit,
                text(&row.cost),
                text(&row.currency),
                row.start
            )
        })
        .collect();
    found.sort();
    let expected: Vec<String> = ["north", "south"]
        .iter()
        .flat_map(|site| {
            [
                format!("{site} Day rate -1 kWh -0.2 CHF 2026-11-14T00:00:00Z"),
                format!("{site} Day rate 10.125 kWh 2.0250000000000000000001 EUR 2026-11-14T00:00:00Z"),
                format!("{site} Night rate 3 kWh 0.3 EUR 2026-11-14T00:00:00Z"),
            ]
        })
        .collect();
    assert_eq!(found, expected);
    let asked = asked.lock().unwrap().clone();
    assert!(asked.contains(&"sites 2".to_owned()), "the second page is asked for: {asked:?}");
    assert!(asked.iter().any(|what| what.starts_with("tariffs ")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_makes_the_plugin_trap_is_rejected_by_name_and_the_others_are_mapped() {
    let good = r#"{"amount":"1","currency":"EUR"}"#;
    let body = format!("{good}\n{good}\ntrap\n{good}\n");
    let vendor = Router::new().route("/records", get(|| async { body }));
    let given = Given { package: "hostile", cloud: "main", endpoint: "api", feeds: &["records"], vendor };
    let bench = Bench::of(given).await;
    let (state, report) = bench.run().await;
    assert_eq!(state, RunState::Warnings, "{report:?}");
    let rejected: Vec<(&String, u64)> =
        report.balance.rejected.iter().map(|(reason, tally)| (reason, tally.records)).collect();
    assert!(matches!(&rejected[..], [(reason, 1)] if reason.starts_with("PLG-201")), "{rejected:?}");
    assert_eq!(report.balance.received.records, 4);
    assert_eq!(report.balance.purchased.records, 3);
    let rows = bench.rows().await;
    let costs: Vec<_> = rows.iter().map(|row| (row.quantity.as_str(), row.cost.as_deref())).collect();
    assert_eq!(costs, [("3", Some("3"))], "equal references are summed by record");
}
