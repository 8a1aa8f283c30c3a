//! What stands before a version plays a role: each condition alone holds it back, and nothing else does.

use std::sync::Arc;

use jiff::civil::Date;
use purser_domain::diff::verdict::Verdict;
use purser_domain::{Digest, Role};
use purser_pipeline::Limits;
use purser_pipeline::plugins::Plugins;
use purser_pipeline::replay::{Progress, Report, Wanted, question, replay};
use purser_pipeline::rollout::{Activation, Rollout, RolloutError, Seen, way_back};
use purser_runtime::Sandbox;
use purser_store::Plugins as _;
use purser_store::plugins::Swap;
use purser_store::runs::RunState;
use tokio_util::sync::CancellationToken;

use crate::fixtures::component_with;
use crate::remap::told_late;
use crate::rollout::{WHO, all, given, installed, report, two_versions};
use crate::second_connector::{Asked, Bench, meterhub};

/// A version at work that has brought Purchases, and another that would change nothing in them.
async fn at_work() -> (Bench, Digest, Digest) {
    let (bench, first, next) = two_versions(meterhub(Asked::default())).await;
    assert_eq!(bench.run().await.0, RunState::Succeeded);
    (bench, first, next)
}

fn with(digest: Digest, roles: &[Role], report: Report) -> Activation {
    let seen = Some(Seen { confirmed: Some(report.digest), report: Arc::new(report) });
    Activation { roles: roles.to_vec(), seen, ..all(digest) }
}

async fn is_untried(bench: &Bench, activation: &Activation) -> bool {
    match bench.host.rollout().activate(activation, WHO).await {
        Ok(_) => false,
        Err(RolloutError::NotTried) => true,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_another_version_lets_nothing_pass() {
    let (bench, _, next) = at_work().await;
    let report = Report::clone(&*report(&bench, next, Vec::new()).await);
    let other = installed(&bench.host.rollout(), &["renamed"]).await;
    assert!(is_untried(&bench, &with(other, &[], report.clone())).await);
    for (mapping, localisation) in [(other, next), (next, other)] {
        let mut mixed = report.clone();
        (mixed.after.mapping, mixed.after.localisation) = (Some(mapping), Some(localisation));
        assert!(is_untried(&bench, &with(next, &[], mixed)).await);
    }
    assert!(!is_untried(&bench, &with(next, &[], report)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_one_role_lets_that_role_pass_and_no_other() {
    let (bench, first, next) = at_work().await;
    let alone = Report::clone(&*report(&bench, next, vec![Role::Mapping]).await);
    assert!(is_untried(&bench, &with(next, &[], alone.clone())).await, "all roles");
    assert!(is_untried(&bench, &with(next, &[Role::Localisation], alone.clone())).await);
    let activated = bench.host.rollout().activate(&with(next, &[Role::Mapping], alone), WHO).await.unwrap();
    assert_eq!(activated.swaps, [Swap { role: Role::Mapping, former: Some(first), digest: next }]);
    // Who only asks the vendor otherwise changes nothing that is there.
    let crawl = Activation { roles: vec![Role::Crawl], ..all(next) };
    assert!(!is_untried(&bench, &crawl).await);
}

/// What a version would change, as the command line and the pages ask for it.
async fn tried(bench: &Bench, digest: Digest, from: Option<Date>) -> Report {
    let rollout = bench.host.rollout();
    let candidate = rollout.load_one(digest).await.unwrap();
    let wanted = Wanted { from, ..Wanted::default() };
    let question = question(rollout.store.as_ref(), &rollout.plugins, &candidate, wanted).await.unwrap();
    let (limits, progress, stop) = (Limits::default(), Progress::default(), CancellationToken::new());
    replay(&rollout.store, &limits, question, &progress, &stop).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_holds_what_is_booked_in_an_open_month_whenever_it_began() {
    let (bench, counting) = told_late().await;
    let november = Some(Date::constant(2026, 11, 1));
    let days = tried(&bench, counting, november).await;
    assert_eq!((days.from, days.diff.counts.changed), (november, 2));
    assert!(is_untried(&bench, &with(counting, &[], days)).await, "it says nothing of what was told late");
    let open = tried(&bench, counting, None).await;
    let changed = open.diff.rows.iter().map(|row| row.reference.rsplit_once('-').unwrap().1);
    assert_eq!(
        changed.collect::<Vec<_>>(),
        ["31/b/day", "01/c/day", "14/d/day"],
        "and nothing of October alone"
    );
    assert_eq!((open.from, open.open_months), (november, true));
    assert!(!is_untried(&bench, &with(counting, &[], open)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_plays_already_and_cannot_be_loaded_any_more_is_refused() {
    let bench = Bench::of(given(meterhub(Asked::default()))).await;
    let folder = tempfile::tempdir().unwrap();
    let process = || {
        let sandbox = Sandbox::new(purser_runtime::Limits::default(), None).unwrap();
        let plugins = Arc::new(Plugins::new(sandbox, Some(folder.path().to_path_buf())));
        Rollout { plugins, ..bench.host.rollout() }
    };
    let first = installed(&process(), &[]).await;
    process().activate(&all(first), WHO).await.unwrap();
    std::fs::write(folder.path().join(format!("{first}.wasm")), b"damaged").unwrap();
    let again = process().activate(&all(first), WHO).await;
    assert!(matches!(again, Err(RolloutError::Plugin(_))), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_yes_lets_pass_what_is_blocked() {
    let (bench, _, next) = at_work().await;
    let report = Report::clone(&*report(&bench, next, Vec::new()).await);
    let blocked = Report { verdict: Verdict::Blocked, ..report };
    let refused = bench.host.rollout().activate(&with(next, &[], blocked), WHO).await;
    assert!(matches!(refused, Err(RolloutError::Blocked(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barred_version_comes_back_by_no_way() {
    let (bench, first, next) = two_versions(meterhub(Asked::default())).await;
    let (rollout, connector) = (bench.host.rollout(), "meterhub".parse().unwrap());
    rollout.activate(&all(next), WHO).await.unwrap();
    let barred = |refused: Result<_, RolloutError>| match refused {
        Err(RolloutError::Barred { digest, .. }) => assert_eq!(digest, first),
        other => panic!("{other:?}"),
    };
    bench.store.bar_version(first, Some("it crashed")).await.unwrap();
    barred(rollout.activate(&all(first), WHO).await);
    barred(rollout.roll_back(&connector, None, WHO).await);
    let back = way_back(bench.store.as_ref(), &connector, None).await.unwrap();
    barred(rollout.fall_back(&connector, next, back, "it crashed too", WHO).await);
    assert!(rollout.version(next).await.unwrap().barred.is_none(), "and nothing is barred for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barred_version_that_comes_with_purser_gets_no_role_and_keeps_nothing_from_beginning() {
    let bench = Bench::of(given(meterhub(Asked::default()))).await;
    let rollout = bench.host.rollout();
    let first = installed(&rollout, &[]).await;
    rollout.store.bar_version(first, Some("it crashed")).await.unwrap();
    rollout.settle_bundled(&component_with("meterhub", &[])).await.unwrap();
    assert_eq!(rollout.store.pins().await.unwrap(), []);
}
