//! Mapping again what is kept, beside a closed month: its Purchases stay as they are, whatever another version makes of
//! their records.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use jiff::civil::Date;
use purser_domain::Digest;
use purser_domain::diff::verdict::Verdict;
use purser_pipeline::export::Row;
use purser_pipeline::rollout::{Activation, Seen};
use purser_simulator::Config;
use purser_store::runs::{Order, RunState, Trigger};
use purser_store::{Periods as _, Runs as _};

use crate::rollout::{WHO, all, given, installed, report, worked};
use crate::second_connector::Bench;
use crate::year::house::House;

const TODAY: Date = Date::constant(2026, 11, 16);
const HEADER: &str = "reading,meter,tariff,kwh,amount,currency,used\n";

/// A hub of one site with readings of October, readings of November, and one of October that is told in November.
fn hub() -> Router {
    let sites = r#"{"sites":[{"id":"north","label":"North hall"}],"more":false}"#;
    let tariffs = r#"{"language":"en-US","tariffs":[{"key":"day","name":"Day rate","unit":"kWh"}]}"#;
    async fn readings(_: Path<String>, Query(query): Query<BTreeMap<String, String>>) -> String {
        let rows = match query["day"].as_str() {
            "2026-10-30" => "1,a,day,10,2,EUR,\n",
            "2026-11-01" => "2,b,day,20,4,EUR,2026-10-31\n3,c,day,30,6,EUR,\n",
            "2026-11-14" => "4,d,day,40,8,EUR,\n",
            _ => "",
        };
        format!("{HEADER}{rows}")
    }
    Router::new()
        .route("/v2/sites", get(move || async move { sites }))
        .route("/v2/sites/{site}/readings.csv", get(readings))
        .route("/v2/tariffs", get(move || async move { tariffs }))
}

/// Meter, booked month, quantity, cost, revision of each Purchase.
fn told(rows: &[Row]) -> Vec<String> {
    let of = |row: &Row| {
        let cost = row.cost.as_deref().unwrap_or_default();
        let (_, reading) = row.reference.rsplit_once("-").unwrap_or_default();
        format!("{} {} {} {cost} r{}", reading, row.booked_period, row.quantity, row.revision)
    };
    let mut told: Vec<_> = rows.iter().map(of).collect();
    told.sort();
    told
}

/// A bench, and a version beside the one at work that counts readings in place of what they read.
async fn bench() -> (Bench, Digest) {
    let bench = Bench::of(given(hub())).await;
    let rollout = bench.host.rollout();
    let (first, counting) = (installed(&rollout, &[]).await, installed(&rollout, &["counting"]).await);
    rollout.activate(&all(first), WHO).await.unwrap();
    (bench, counting)
}

async fn brought(bench: &Bench, from: Date, to: Date) {
    bench.host.order_now(bench.account.id, Some(from), Some(to)).await.unwrap();
    assert_eq!(worked(bench).await, RunState::Succeeded);
}

async fn close_october(bench: &Bench) {
    let october = "2026-10".parse().unwrap();
    bench.store.close_period(bench.account.id, &october, TODAY, WHO, (bench.host.clock)()).await.unwrap();
}

/// October was closed before the reading of it came that is told in November.
pub async fn told_late() -> (Bench, Digest) {
    let (bench, counting) = bench().await;
    brought(&bench, Date::constant(2026, 10, 28), Date::constant(2026, 11, 1)).await;
    close_october(&bench).await;
    brought(&bench, Date::constant(2026, 11, 1), TODAY).await;
    (bench, counting)
}

/// All there is was brought, then October was closed, and another version plays.
async fn closed_october() -> Bench {
    let (bench, counting) = bench().await;
    brought(&bench, Date::constant(2026, 10, 28), TODAY).await;
    close_october(&bench).await;
    let report = report(&bench, counting, Vec::new()).await;
    assert_eq!(report.verdict, Verdict::NeedsConfirmation);
    let seen = Some(Seen { confirmed: Some(report.digest), report });
    bench.host.rollout().activate(&Activation { seen, ..all(counting) }, WHO).await.unwrap();
    bench
}

const OCTOBER: [&str; 2] = ["30/a/day 2026-10 10 2 r1", "31/b/day 2026-10 20 4 r1"];
const NOVEMBER: [&str; 2] = ["01/c/day 2026-11 30 6 r1", "14/d/day 2026-11 40 8 r1"];

#[tokio::test(flavor = "multi_thread")]
async fn mapped_again_a_closed_month_stays_and_only_what_reaches_into_an_open_one_is_corrected() {
    let (bench, connector) = (closed_october().await, "meterhub".parse().unwrap());
    let before = bench.rows().await;
    assert_eq!(told(&before), [NOVEMBER, OCTOBER].concat());
    bench.host.rollout().map_again(&connector, WHO).await.unwrap();
    assert_eq!(worked(&bench).await, RunState::Succeeded);
    let after = bench.rows().await;
    let mapped = ["01/c/day 2026-11 1 6 r2", "14/d/day 2026-11 1 8 r2"];
    let mut expected = [mapped, OCTOBER].concat();
    expected.push("31/b/day#c1 2026-11 -19 0 r1");
    assert_eq!(told(&after), expected, "of October nothing but a correction in November");
    let october =
        |rows: &[Row]| rows.iter().filter(|row| row.booked_period == "2026-10").cloned().collect::<Vec<_>>();
    assert_eq!(october(&after), october(&before), "to the last word");
    assert_eq!(bench.host.rollout().to_map_again(&connector).await.unwrap(), [], "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn mapping_again_asks_not_even_whether_the_consent_stands() {
    let config = Config { customers: 1, records: 20, ..Config::default() };
    let house = House::open(config, "2026-11-16T12:00:00Z".parse().unwrap()).await;
    house.daily_run(TODAY).await;
    // The preflight of the run is no longer young enough to be relied on.
    house.time.set("2026-11-19T12:00:00Z".parse().unwrap());
    let former = house.store.runs(None, 1).await.unwrap().remove(0).order;
    let order = Order { trigger: Trigger::Remap, occurrence: None, ..former };
    house.store.order_run(&order, house.time.now()).await.unwrap().unwrap();
    let asked = house.simulator.requests().len();
    assert_eq!(house.work().await.unwrap().1.notes, []);
    assert_eq!(house.simulator.requests().len(), asked);
}
