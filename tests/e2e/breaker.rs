//! What the breaker does once it has tripped; when it does is in the pipeline's own tests.

use purser_domain::{Digest, Role};
use purser_pipeline::breaker::{self, MOST_CRASHES};
use purser_pipeline::report::Report;
use purser_pipeline::rollout::Activation;
use purser_store::runs::{Run, Trigger};
use purser_store::{Plugins as _, Runs as _};

use crate::rollout::{WHO, all, broken, given, installed};
use crate::second_connector::{Asked, Bench, meterhub};

/// A run that has ended, with as many crashes as trip the breaker at once.
async fn tripping(bench: &Bench, trigger: Trigger) -> (Run, Report) {
    let (_, mut report) = bench.run().await;
    report.crashes.insert(Role::Mapping, MOST_CRASHES);
    let mut run = bench.store.runs(None, 1).await.unwrap().remove(0);
    run.order.trigger = trigger;
    (run, report)
}

async fn played(bench: &Bench) -> Vec<Digest> {
    bench.store.pins().await.unwrap().iter().map(|pin| pin.digest).collect()
}

/// Two versions, of which the later one plays all roles; the first has played these.
async fn bench_with(former: &[Role]) -> (Bench, Digest, Digest) {
    let bench = Bench::of(given(meterhub(Asked::default()))).await;
    let rollout = bench.host.rollout();
    let (first, next) = (installed(&rollout, &[]).await, installed(&rollout, &["next"]).await);
    rollout.activate(&Activation { roles: former.to_vec(), ..all(first) }, WHO).await.unwrap();
    rollout.activate(&Activation { roles: Role::ALL.to_vec(), ..all(next) }, WHO).await.unwrap();
    (bench, first, next)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fall_back_begins_a_new_run_but_not_where_kept_pages_were_mapped_again() {
    for (trigger, orders) in [(Trigger::Manual, true), (Trigger::Schedule, true), (Trigger::Remap, false)] {
        let (bench, first, _) = bench_with(&Role::ALL).await;
        let (run, report) = tripping(&bench, trigger).await;
        breaker::look(&bench.host, &run, &report).await.unwrap();
        assert_eq!(played(&bench).await, [first; 3], "{trigger:?}");
        let newest = bench.store.runs(None, 1).await.unwrap().remove(0);
        assert_eq!(newest.id != run.id, orders, "{trigger:?}");
        if orders {
            assert_eq!((newest.order.cast.mapping, newest.finished_at), (first, None), "{trigger:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_which_one_role_had_nobody_before_keeps_them_all() {
    let (bench, _, next) = bench_with(&[Role::Mapping]).await;
    let (run, report) = tripping(&bench, Trigger::Manual).await;
    breaker::look(&bench.host, &run, &report).await.unwrap();
    assert_eq!(played(&bench).await, [next; 3]);
    assert_eq!(broken(&bench).await, [""; 0]);
}
