//! How far back a run reads: each feed its own days, unless a person chose them.

use purser_domain::AccountId;
use purser_pipeline::report::Report;
use purser_simulator::Config;
use purser_store::Accounts as _;
use purser_store::accounts::HostSettings;
use purser_store::runs::{Run, Trigger};
use purser_store_sqlite::SqliteStore;

use crate::support::{stderr, stdout};
use crate::world::{Data, NOW, World};

const ACCOUNT: AccountId = AccountId(1);

/// Days of usage that a run retrieves of the only subscription that has some, when a feed looks back so far.
fn days(world: &World, data: &Data, look_back: u32, chosen: &[&str]) -> (u64, Run) {
    world.runtime.block_on(async {
        let store = SqliteStore::open(&data.path().join("purser.db")).await.unwrap();
        let settings = store.settings(ACCOUNT).await.unwrap();
        let host = HostSettings {
            feeds: ["customers", "licences", "utilization"].map(str::to_owned).into(),
            look_back: [("utilization".to_owned(), look_back)].into(),
            ..settings.host
        };
        let now = NOW.parse().unwrap();
        store.save_settings(ACCOUNT, settings.revision, &host, &settings.plugin, "test", now).await.unwrap();
        store.close().await;
    });
    let output = world.purser(data).args(["run", "1"]).args(chosen).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let run = world.newest_run(data).unwrap();
    let report: Report = serde_json::from_value(run.report.clone()).unwrap();
    let usage = report.feeds.into_iter().find(|feed| feed.name == "utilization").unwrap();
    (usage.partitions, run)
}

#[test]
fn a_feed_is_read_back_by_its_own_days_and_a_chosen_range_is_read_whole() {
    let config = Config { customers: 1, subscriptions: 1, records: 3, rated_records: 0, ..Config::default() };
    let world = World::unbilled(config);
    let data = world.data();
    let (one, run) = days(&world, &data.copy(), 1, &[]);
    assert_eq!(run.order.trigger, Trigger::Manual);
    let (five, _) = days(&world, &data.copy(), 5, &[]);
    assert_eq!((one, five), (1, 5), "days that are over");
    let (chosen, run) = days(&world, &data, 1, &["--from", "2026-11-10", "--to", "2026-11-16"]);
    assert_eq!((chosen, run.order.trigger), (6, Trigger::Backfill));
}
