//! Versions that change while runs are at work: each run keeps the version it began with, and the money stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use purser_domain::diff::verdict::{Terms, Verdict};
use purser_domain::{AccountId, Digest, Role};
use purser_pipeline::Limits;
use purser_pipeline::plugins::Plugins;
use purser_pipeline::replay::{self, Parts, Progress, Question, Report};
use purser_pipeline::rollout::{self, Activation, Delivery, Listed, Rollout, RolloutError, Seen};
use purser_pipeline::run::Execution;
use purser_runtime::Sandbox;
use purser_store::plugins::Swap;
use purser_store::runs::RunState;
use purser_store::{People as _, Runs as _};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fixtures::component_with;
use crate::second_connector::{Asked, Bench, Given, meterhub};

pub const WHO: &str = "anna";

pub fn given(vendor: Router) -> Given<'static> {
    Given { package: "meterhub", cloud: "main", endpoint: "hub", feeds: &[], vendor }
}

pub fn all(digest: Digest) -> Activation {
    Activation { digest, roles: Vec::new(), accepts_asks: true, seen: None }
}

/// What a version would change in these roles, as the whole gate asks for it.
pub async fn report(bench: &Bench, digest: Digest, roles: Vec<Role>) -> Arc<Report> {
    let rollout = bench.host.rollout();
    let candidate = rollout.load_one(digest).await.unwrap();
    let cast = rollout.plugins.cast(&"meterhub".parse().unwrap()).unwrap();
    let roles = if roles.is_empty() { Role::ALL.to_vec() } else { roles };
    let accounts = rollout.store.accounts().await.unwrap().iter().map(|account| account.id).collect();
    let (before, after) = (Parts::of(&cast), Parts::with(&cast, &candidate, &roles));
    let question = Question {
        accounts,
        from: None,
        to: None,
        open_months: false,
        before,
        after,
        terms: Terms::default(),
    };
    let (limits, progress, stop) = (Limits::default(), Progress::default(), CancellationToken::new());
    Arc::new(replay::replay(&rollout.store, &limits, question, &progress, &stop).await.unwrap())
}

/// An activation by somebody who has seen what it would change.
async fn seen(bench: &Bench, digest: Digest) -> Activation {
    let report = report(bench, digest, Vec::new()).await;
    Activation { seen: Some(Seen { report, confirmed: None }), ..all(digest) }
}

pub async fn installed(rollout: &Rollout, features: &[&str]) -> Digest {
    let component = component_with("meterhub", features);
    let delivery = Delivery { component, signatures: Vec::new(), source: "meterhub.wasm".into() };
    rollout.install(delivery, WHO).await.unwrap().0.digest
}

/// The meter hub with two versions installed, the first at work.
pub async fn two_versions(vendor: Router) -> (Bench, Digest, Digest) {
    let bench = Bench::of(given(vendor)).await;
    let rollout = bench.host.rollout();
    let (first, next) = (installed(&rollout, &[]).await, installed(&rollout, &["next"]).await);
    rollout.activate(&all(first), WHO).await.unwrap();
    (bench, first, next)
}

/// By account, site and day: which version mapped its Purchases. Only the later version says so in the metadata.
async fn mapped_by(bench: &Bench) -> BTreeMap<(AccountId, String, String), BTreeSet<bool>> {
    let mut found: BTreeMap<_, BTreeSet<bool>> = BTreeMap::new();
    for row in bench.rows().await {
        let is_next = row.metadata.contains_key("mapped-by");
        found.entry((row.account, row.vendor_customer, row.start)).or_default().insert(is_next);
    }
    found
}

fn all_by(found: &BTreeMap<(AccountId, String, String), BTreeSet<bool>>, is_next: bool) -> bool {
    !found.is_empty() && found.values().all(|versions| *versions == BTreeSet::from([is_next]))
}

/// Lets readings through only while the gate is open.
fn gated(vendor: Router, gate: watch::Receiver<bool>) -> Router {
    async fn wait(State(gate): State<watch::Receiver<bool>>, request: Request, next: Next) -> Response {
        if request.uri().path().ends_with("readings.csv") {
            gate.clone().wait_for(|is_open| *is_open).await.unwrap();
        }
        next.run(request).await
    }
    vendor.layer(middleware::from_fn_with_state(gate, wait))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_flight_keeps_the_version_it_began_with() {
    let (gate, closed) = watch::channel(false);
    let (bench, first, next) = two_versions(gated(meterhub(Asked::default()), closed)).await;
    let bench = Arc::new(bench);
    let run = bench.host.order_now(bench.account.id, None, None).await.unwrap();
    let worker = tokio::spawn({
        let bench = bench.clone();
        async move { bench.host.work_once(&CancellationToken::new()).await.unwrap() }
    });
    while bench.store.run(run).await.unwrap().state != RunState::Running {
        tokio::task::yield_now().await;
    }
    bench.host.rollout().activate(&all(next), WHO).await.unwrap();
    gate.send_replace(true);
    let Some((_, Execution::Finished(state, _))) = worker.await.unwrap() else { panic!("it does not end") };
    assert_eq!(state, RunState::Succeeded);
    assert!(all_by(&mapped_by(&bench).await, false), "the run began with the first version");
    assert_eq!(bench.store.run(run).await.unwrap().order.cast.mapping, first);

    assert_eq!(bench.run().await.0, RunState::Succeeded);
    assert!(all_by(&mapped_by(&bench).await, true), "the next run takes the new version");

    let back = bench.host.rollout().roll_back(&"meterhub".parse().unwrap(), None, WHO).await.unwrap();
    assert!(back.swaps.iter().all(|swap| swap.former == Some(next) && swap.digest == first));
    assert_eq!(back.swaps.len(), 3);
    assert_eq!(bench.run().await.0, RunState::Succeeded);
    assert!(all_by(&mapped_by(&bench).await, false), "rolled back");
    let nothing = bench.host.rollout().roll_back(&"meterhub".parse().unwrap(), None, WHO).await;
    assert!(matches!(nothing, Err(RolloutError::NothingBefore(_))), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_keeps_the_version_it_was_ordered_with() {
    let (bench, _, next) = two_versions(meterhub(Asked::default())).await;
    bench.host.order_now(bench.account.id, None, None).await.unwrap();
    bench.host.rollout().activate(&all(next), WHO).await.unwrap();
    let worked = bench.host.work_once(&CancellationToken::new()).await.unwrap();
    assert!(matches!(worked, Some((_, Execution::Finished(RunState::Succeeded, _)))), "{worked:?}");
    assert!(all_by(&mapped_by(&bench).await, false), "also where a worker takes it only after the change");
}

/// Works on runs until `stop`, and gives how each ended.
async fn work(bench: Arc<Bench>, stop: CancellationToken) -> Vec<RunState> {
    let mut ended = Vec::new();
    loop {
        match bench.host.work_once(&CancellationToken::new()).await.unwrap() {
            Some((_, Execution::Finished(state, _))) => ended.push(state),
            Some((run, other)) => panic!("run {run}: {other:?}"),
            None if stop.is_cancelled() => return ended,
            None => tokio::task::yield_now().await,
        }
    }
}

/// Orders the next run of an account as soon as its last one has ended.
async fn keep_ordering(bench: Arc<Bench>, account: AccountId, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let run = bench.host.order_now(account, None, None).await.unwrap();
        while bench.store.run(run).await.unwrap().finished_at.is_none() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_swaps_under_load_lose_and_double_nothing() {
    const SWAPS: usize = 50;
    let (bench, first, next) = two_versions(meterhub(Asked::default())).await;
    let others = ["second-company", "third-company"];
    let mut accounts = vec![bench.account.id];
    for tenant in others {
        accounts.push(bench.another(tenant, &given(Router::new())).await);
    }
    let (bench, stop, drained) = (Arc::new(bench), CancellationToken::new(), CancellationToken::new());
    let workers: Vec<_> = (0..3).map(|_| tokio::spawn(work(bench.clone(), drained.clone()))).collect();
    let orders: Vec<_> = accounts
        .iter()
        .map(|account| tokio::spawn(keep_ordering(bench.clone(), *account, stop.clone())))
        .collect();
    let torn = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch_partitions(bench.clone(), torn.clone(), stop.clone()));
    for swap in 0..SWAPS {
        let (digest, runs) =
            (if swap % 2 == 0 { next } else { first }, bench.store.runs(None, 10_000).await.unwrap().len());
        bench.host.rollout().activate(&seen(&bench, digest).await, WHO).await.unwrap();
        while bench.store.runs(None, 10_000).await.unwrap().len() < runs + 2 {
            tokio::task::yield_now().await;
        }
    }
    stop.cancel();
    for order in orders {
        order.await.unwrap();
    }
    drained.cancel();
    watcher.await.unwrap();
    let mut ended = Vec::new();
    for worker in workers {
        ended.extend(worker.await.unwrap());
    }
    assert!(ended.len() >= 2 * SWAPS, "{}", ended.len());
    assert!(ended.iter().all(|state| *state == RunState::Succeeded), "{ended:?}");
    assert!(!torn.load(Ordering::SeqCst), "a partition was mapped by two versions");
    let runs = bench.store.runs(None, 10_000).await.unwrap();
    let pinned: BTreeSet<Digest> = runs.iter().map(|run| run.order.cast.mapping).collect();
    assert_eq!(pinned, BTreeSet::from([first, next]), "both versions were at work");
    assert_eq!(bench.rows().await.len(), accounts.len() * 6, "nothing is lost or doubled");
    let costs: BTreeSet<String> = bench.rows().await.into_iter().filter_map(|row| row.cost).collect();
    assert_eq!(costs, ["-0.2", "0.3", "2.0250000000000000000001"].map(str::to_owned).into());
}

/// Looks at the Purchases again and again: those of one partition come from one version.
async fn watch_partitions(bench: Arc<Bench>, torn: Arc<AtomicBool>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if mapped_by(&bench).await.values().any(|versions| versions.len() > 1) {
            torn.store(true, Ordering::SeqCst);
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_more_waits_until_the_difference_is_accepted() {
    let (bench, first, _) = two_versions(meterhub(Asked::default())).await;
    let rollout = bench.host.rollout();
    let wider = installed(&rollout, &["wider"]).await;
    let unaccepted = Activation { accepts_asks: false, ..all(wider) };
    match rollout.activate(&unaccepted, WHO).await {
        Err(RolloutError::AsksMore(beyond)) => {
            assert_eq!(beyond, ["GET /v2/owners of hub, choosing page"], "the difference alone");
        }
        other => panic!("{other:?}"),
    }
    assert!(rollout.store.pins().await.unwrap().iter().all(|pin| pin.digest == first), "it stays staged");
    let accepted = rollout.activate(&all(wider), WHO).await.unwrap();
    assert_eq!(accepted.granted, ["GET /v2/owners of hub, choosing page"]);
    rollout.activate(&Activation { accepts_asks: false, ..all(first) }, WHO).await.unwrap();
    rollout.activate(&unaccepted, WHO).await.unwrap();
    let audited: Vec<String> =
        bench.store.audit_trail(100).await.unwrap().into_iter().map(|it| it.what).collect();
    assert_eq!(audited.iter().filter(|what| *what == "plugin.roles_changed").count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_swapped_alone_and_is_not_taken_by_the_way() {
    let (bench, first, next) = two_versions(meterhub(Asked::default())).await;
    let rollout = bench.host.rollout();
    let mapping = Activation { roles: vec![Role::Mapping], ..all(next) };
    let done = rollout.activate(&mapping, WHO).await.unwrap();
    assert_eq!(done.swaps, [Swap { role: Role::Mapping, former: Some(first), digest: next }]);
    assert_eq!(bench.run().await.0, RunState::Succeeded);
    assert!(all_by(&mapped_by(&bench).await, true));
    let run = bench.store.runs(None, 1).await.unwrap().remove(0);
    assert_eq!((run.order.cast.crawl, run.order.cast.mapping), (first, next));
    let again = rollout.activate(&mapping, WHO).await.unwrap();
    assert_eq!(again.swaps, [], "nothing is left to change");
}

/// What is listed of a version.
async fn listed(rollout: &Rollout, digest: Digest) -> Listed {
    let listed = rollout::list(rollout.store.as_ref(), None).await.unwrap();
    listed.into_iter().find(|listed| listed.version.digest == digest).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_survive_a_restart_and_a_host_that_brings_a_newer_version() {
    let (bench, _, _) = two_versions(meterhub(Asked::default())).await;
    let folder = tempfile::tempdir().unwrap();
    let process = || {
        let sandbox = Sandbox::new(purser_runtime::Limits::default(), None).unwrap();
        let plugins = Arc::new(Plugins::new(sandbox, Some(folder.path().to_path_buf())));
        Rollout { plugins, ..bench.host.rollout() }
    };
    let (before, connector) = (process(), "meterhub".parse().unwrap());
    let (first, next) = (installed(&before, &[]).await, installed(&before, &["next"]).await);
    let after = process();
    after.settle_bundled(&component_with("meterhub", &["next"])).await.unwrap();
    after.refresh().await.unwrap();
    assert_eq!(after.plugins.active(&connector).unwrap().digest(), first, "an upgrade changes no pin");
    assert_eq!(listed(&after, next).await.plays, []);

    std::fs::write(folder.path().join(format!("{first}.wasm")), b"damaged").unwrap();
    let damaged = process();
    damaged.refresh().await.unwrap();
    assert!(
        damaged.plugins.active(&connector).is_none(),
        "never another version than the one that is pinned"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_runs_worked_with_is_removed_and_its_bytes_stay() {
    let (bench, first, next) = two_versions(meterhub(Asked::default())).await;
    let rollout = bench.host.rollout();
    let in_use = rollout.remove(first, WHO).await;
    assert!(matches!(in_use, Err(RolloutError::InUse { .. })), "{in_use:?}");
    bench.run().await;
    rollout.activate(&seen(&bench, next).await, WHO).await.unwrap();
    assert_eq!(rollout.remove(first, WHO).await.unwrap().runs, 1);
    assert!(rollout.load_one(first).await.is_ok(), "Purchases cite it");
    let gone = rollout.activate(&all(first), WHO).await;
    assert!(matches!(gone, Err(RolloutError::NotInstalled(_))), "{gone:?}");
}

/// Takes the run that waits, to its end.
pub async fn worked(bench: &Bench) -> RunState {
    match bench.host.work_once(&CancellationToken::new()).await.unwrap() {
        Some((_, Execution::Finished(state, _))) => state,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_version_made_is_mapped_again_without_asking_the_vendor() {
    let asked = Asked::default();
    let (bench, first, next) = two_versions(meterhub(asked.clone())).await;
    let (rollout, connector) = (bench.host.rollout(), "meterhub".parse().unwrap());
    assert_eq!(bench.run().await.0, RunState::Succeeded);
    let before = bench.rows().await;
    rollout.activate(&seen(&bench, next).await, WHO).await.unwrap();
    assert!(all_by(&mapped_by(&bench).await, false), "activating changes nothing that is committed");
    let requests = asked.lock().unwrap().len();

    assert_eq!(rollout.map_again(&connector, WHO).await.unwrap().len(), 1);
    assert_eq!(worked(&bench).await, RunState::Succeeded);
    assert!(all_by(&mapped_by(&bench).await, true), "all of it");
    let after = bench.rows().await;
    let money = |rows: &[purser_pipeline::export::Row]| -> Vec<_> {
        rows.iter().map(|row| (row.reference.clone(), row.cost.clone(), row.quantity.clone())).collect()
    };
    assert_eq!(money(&after), money(&before), "the same references and money");
    assert_eq!(asked.lock().unwrap().len(), requests, "nothing was asked");
    assert_eq!(rollout.map_again(&connector, WHO).await.unwrap(), [], "nothing is left");

    rollout.roll_back(&connector, None, WHO).await.unwrap();
    assert_eq!(rollout.to_map_again(&connector).await.unwrap().len(), 1, "what the other version committed");
    rollout.map_again(&connector, WHO).await.unwrap();
    assert_eq!(worked(&bench).await, RunState::Succeeded);
    assert!(all_by(&mapped_by(&bench).await, false));
    assert_eq!(bench.store.runs(None, 1).await.unwrap()[0].order.cast.mapping, first);
    assert_eq!(bench.run().await.0, RunState::Succeeded, "and the next daily run goes on as ever");
}

/// What the breaker did, by the trail.
pub async fn broken(bench: &Bench) -> Vec<String> {
    let audited = bench.store.audit_trail(100).await.unwrap().into_iter();
    audited.filter(|entry| entry.who == "breaker").map(|entry| entry.what).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_crashes_again_and_again_falls_back_and_a_new_run_begins() {
    let (bench, first, _) = two_versions(meterhub(Asked::default())).await;
    let rollout = bench.host.rollout();
    let crashing = installed(&rollout, &["crashing"]).await;
    rollout.activate(&all(crashing), WHO).await.unwrap();
    for _ in 0..2 {
        let (state, report) = bench.run().await;
        assert_ne!(state, RunState::Succeeded);
        assert!(report.crashes[&Role::Mapping] > 0, "{report:?}");
        assert_eq!(broken(&bench).await, [""; 0], "not yet");
    }
    bench.run().await;
    assert_eq!(broken(&bench).await, ["plugin.barred", "plugin.roles_changed"]);
    let fallen = listed(&rollout, crashing).await;
    assert!(
        fallen.version.barred.as_deref().unwrap().starts_with("it crashed as mapping in 3 runs in a row")
    );
    assert_eq!(fallen.state, rollout::State::Rejected);
    assert_eq!(worked(&bench).await, RunState::Succeeded, "the run that the breaker ordered");
    assert_eq!(bench.store.runs(None, 1).await.unwrap()[0].order.cast.mapping, first);
    assert_eq!(bench.rows().await.len(), 6);

    let again = rollout.activate(&all(crashing), WHO).await;
    assert!(matches!(again, Err(RolloutError::Barred { .. })), "{again:?}");
    rollout.allow(crashing, WHO).await.unwrap();
    let tried = rollout.activate(&seen(&bench, crashing).await, WHO).await;
    let Err(RolloutError::Unconfirmed { reasons, .. }) = tried else { panic!("{tried:?}") };
    let is_found = reasons.iter().any(|reason| reason.starts_with("TRY-REJECTED 6 records"));
    assert!(is_found, "now that there are pages, a try finds it: {reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_with_none_before_it_keeps_its_roles() {
    let bench = Bench::of(given(meterhub(Asked::default()))).await;
    let rollout = bench.host.rollout();
    let crashing = installed(&rollout, &["crashing"]).await;
    rollout.activate(&all(crashing), WHO).await.unwrap();
    for _ in 0..4 {
        bench.run().await;
    }
    assert_eq!(broken(&bench).await, [""; 0]);
    assert!(listed(&rollout, crashing).await.version.barred.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_purchases_is_activated_only_by_who_has_seen_and_confirmed_exactly_that() {
    let (bench, _, next) = two_versions(meterhub(Asked::default())).await;
    let rollout = bench.host.rollout();
    let renamed = installed(&rollout, &["renamed"]).await;
    rollout.activate(&all(next), WHO).await.unwrap();
    assert_eq!(bench.run().await.0, RunState::Succeeded);
    let unseen = rollout.activate(&all(renamed), WHO).await;
    assert!(matches!(unseen, Err(RolloutError::NotTried)), "{unseen:?}");

    let report = report(&bench, renamed, Vec::new()).await;
    assert_eq!(report.verdict, Verdict::NeedsConfirmation);
    let with = |report: &Arc<Report>, confirmed| Activation {
        seen: Some(Seen { report: report.clone(), confirmed }),
        ..all(renamed)
    };
    for unconfirmed in [None, Some(next)] {
        match rollout.activate(&with(&report, unconfirmed), WHO).await {
            Err(RolloutError::Unconfirmed { report: named, reasons }) => {
                assert_eq!(named, report.digest);
                assert!(reasons[0].starts_with("TRY-DETAIL 6 Purchases"), "{reasons:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let partial = Arc::new(Report { accounts: Vec::new(), ..(*report).clone() });
    let days = Arc::new(Report { to: Some("2026-11-14".parse().unwrap()), ..(*report).clone() });
    let later = Arc::new(Report { from: Some("2026-11-14".parse().unwrap()), ..(*report).clone() });
    for narrower in [partial, days, later] {
        let refused = rollout.activate(&with(&narrower, Some(report.digest)), WHO).await;
        assert!(matches!(refused, Err(RolloutError::NotTried)), "{refused:?}");
    }
    rollout.activate(&with(&report, Some(report.digest)), WHO).await.unwrap();

    rollout.roll_back(&"meterhub".parse().unwrap(), None, WHO).await.unwrap();
    rollout.roll_back(&"meterhub".parse().unwrap(), None, WHO).await.unwrap();
    let stale = rollout.activate(&with(&report, Some(report.digest)), WHO).await;
    assert!(matches!(stale, Err(RolloutError::NotTried)), "another version is at work since: {stale:?}");
}
