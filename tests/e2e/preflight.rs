//! The preflight before a run: asked once, in time, and deciding nothing but the account's state.

use jiff::civil::{Date, date};
use purser_simulator::{Action, Config, Faults, Rule};
use purser_store::Accounts as _;
use purser_store::accounts::ConsentState;
use purser_store::ledger::Filter;
use purser_store::runs::RunState;
use purser_store::{Ledger as _, Runs as _};

use crate::year::house::House;

const FIRST: Date = date(2026, 3, 2);
/// What only a probe asks for.
const PROBE: &str = "size=1&";

async fn house() -> House {
    let config = Config { customers: 3, legacy_customers: 1, records: 2, ..Config::large() };
    House::open(config, "2026-03-02T12:00:00Z".parse().unwrap()).await
}

fn probed(house: &House) -> usize {
    let is_probe = |path: &str| path.ends_with("size=1") || path.contains(PROBE);
    house.simulator.requests().iter().filter(|entry| is_probe(&entry.path_and_query)).count()
}

/// A run that a person orders now.
async fn run_now(house: &House) -> RunState {
    house.host.order_now(house.account, None, None).await.unwrap();
    house.work().await.unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_run_the_preflight_is_asked_once_within_minutes() {
    let house = house().await;
    house.daily_run(FIRST).await;
    let once = probed(&house);
    assert!(once > 0, "{:?}", house.simulator.requests());
    let table = house.store.probes(house.account).await.unwrap();
    assert!(table.iter().all(|probe| probe.verdict == "ok"), "{table:?}");
    run_now(&house).await;
    assert_eq!(probed(&house), once, "a table of some minutes is not asked again");
    house.daily_run(FIRST.tomorrow().unwrap()).await;
    assert_eq!(probed(&house), 2 * once);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preflight_that_takes_too_long_blocks_no_run() {
    let mut house = house().await;
    house.host.limits.preflight = std::time::Duration::from_millis(50);
    house.simulator.set_faults(Faults::default().with(Rule::new("size=1", Action::Slow { ms: 3_000 })));
    let (state, report) = house.daily_run(FIRST).await;
    // Nobody has mapped the customers; that is all there is to say.
    assert_eq!(state, RunState::Warnings, "{:?}", report.notes);
    assert!(report.notes.iter().any(|note| note.code == "RUN-PREFLIGHT"), "{:?}", report.notes);
    assert_eq!(house.store.account(house.account).await.unwrap().state, ConsentState::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_preflight_misses_stands_in_the_run_and_voids_nothing() {
    let house = house().await;
    house.daily_run(FIRST).await;
    let all = Filter { account: Some(house.account), ..Filter::default() };
    let before = house.store.purchases(&all, None, u32::MAX).await.unwrap();
    house.simulator.set_faults(Faults { role_missing: true, ..Faults::default() });
    let (state, report) = house.daily_run(FIRST.tomorrow().unwrap()).await;
    assert_eq!(state, RunState::Failed);
    let note = report.notes.iter().find(|note| note.subject == "preflight").unwrap();
    assert!(note.code == "CSP-PRE-203" && note.what.contains("a role was there and is not now"), "{note:?}");
    assert_eq!(house.store.purchases(&all, None, u32::MAX).await.unwrap(), before);
    // The account stays scheduled: what works again is retrieved again.
    house.simulator.set_faults(Faults::default());
    let newest = house.store.runs(Some(house.account), 1).await.unwrap().remove(0);
    assert!(newest.order.window_from < FIRST);
    assert_eq!(house.daily_run(FIRST.tomorrow().unwrap().tomorrow().unwrap()).await.0, RunState::Warnings);
}
