//! A plain secret that the vendor does not take: only the answers of calls tell, and only another secret mends it.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use purser_pipeline::health;
use purser_store::Accounts as _;
use purser_store::accounts::{ConsentState, Reason};
use purser_store::notices::Notices as _;
use purser_store::runs::RunState;

use crate::second_connector::{Bench, Given};
use crate::world::NOW;

fn given(vendor: Router) -> Given<'static> {
    Given { package: "meterhub", cloud: "main", endpoint: "hub", feeds: &[], vendor }
}

async fn reason(bench: &Bench) -> Option<Reason> {
    match bench.store.account(bench.account.id).await.unwrap().state {
        ConsentState::NeedsConsent(reason) => Some(reason),
        ConsentState::Active => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_the_vendor_refuses_waits_for_another_and_that_is_told() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        let bench = Bench::of(given(Router::new().fallback(move || async move { status }))).await;
        let (state, report) = bench.run().await;
        assert_eq!(state, RunState::Failed, "{report:?}");
        let note = report.notes.iter().find(|note| note.code == "RUN-SECRET").expect("it is in the run");
        assert!(note.remedy.contains("Change secret") && !note.remedy.contains("consent"), "{note:?}");
        let reason = reason(&bench).await.expect("the account waits");
        assert_eq!((reason.code.as_str(), &reason.remedy), ("RUN-SECRET", &note.remedy));
        assert!(reason.what.contains(status.as_str()), "{}", reason.what);
        health::look(&bench.host).await.unwrap();
        let told = bench.store.open_notices(None).await.unwrap();
        let told: Vec<_> = told.iter().map(|notice| notice.concern.code.as_str()).collect();
        assert_eq!(told, ["RUN-SECRET"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_thing_that_is_forbidden_is_not_the_secrets_fault() {
    let sites = r#"{"sites":[{"id":"north","label":"North hall"}],"more":false}"#;
    let vendor = Router::new()
        .route("/v2/sites", get(move || async move { sites }))
        .fallback(|| async { StatusCode::FORBIDDEN });
    let bench = Bench::of(given(vendor)).await;
    let (state, report) = bench.run().await;
    assert_eq!(state, RunState::Partial, "{report:?}");
    assert!(report.notes.iter().any(|note| note.what.contains("MH-403")), "the plugin judges: {report:?}");
    assert_eq!(reason(&bench).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_not_missed_for_not_being_refreshed() {
    let mut bench = Bench::of(given(Router::new())).await;
    let later = NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * 400);
    bench.host.clock = std::sync::Arc::new(move || later);
    health::look(&bench.host).await.unwrap();
    assert_eq!(bench.store.open_notices(None).await.unwrap(), []);
}
