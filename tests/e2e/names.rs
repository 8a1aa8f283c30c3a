//! Names of what only charge lines bill: asked for by the records themselves, and by the host where they stay away.

use purser_domain::AccountId;
use purser_simulator::{Action, Config, Faults, Rule};
use purser_store::Texts as _;
use purser_store_sqlite::SqliteStore;

use crate::support::{stderr, stdout};
use crate::world::{Data, World};

/// A cloud that has billed a month, with an account that reads it in Dutch.
fn billed() -> (World, Data) {
    let world = World::new(Config { customers: 4, records: 0, rated_records: 6, ..Config::default() });
    let data = world.data();
    (world, data)
}

/// Products of new commerce (product and SKU) that Purchases name and that have no Dutch name after one more run.
fn unnamed(world: &World, data: &Data, clock: &str) -> Vec<String> {
    let output = world.purser(data).env("PURSER_CLOCK", clock).args(["run", "1"]).output().unwrap();
    let shown = format!("{}{}", stdout(&output), stderr(&output));
    assert!(!shown.contains("panicked"), "{shown}");
    let missing = world.runtime.block_on(async {
        let store = SqliteStore::open(&data.path().join("purser.db")).await.unwrap();
        store.missing_texts(AccountId(1), "nl-NL").await.unwrap()
    });
    missing.into_iter().map(|text| text.key).filter(|key| key.contains(':')).collect()
}

#[test]
fn what_only_a_charge_line_bills_is_named_by_the_run_that_brings_it() {
    let (world, data) = billed();
    assert_eq!(unnamed(&world, &data, "2026-11-16T18:00:05Z"), Vec::<String>::new());
    let export = world.export(&data);
    assert!(export.contains(":0003\""), "perpetual software is among the Purchases: {export}");
}

#[test]
fn a_name_that_did_not_come_is_asked_for_again_although_its_charge_lines_are_unchanged() {
    let (world, data) = billed();
    let refusal =
        Action::Error { shape: 1, status: 403, code: "2032".into(), message: "simulated trouble".into() };
    world.simulator.set_faults(Faults::default().with(Rule::new("/skus/", refusal)));
    let before = unnamed(&world, &data, "2026-11-16T18:00:05Z");
    assert!(before.iter().any(|key| key.ends_with(":0003")), "{before:?}");

    world.simulator.set_faults(Faults::default());
    assert_eq!(unnamed(&world, &data, "2026-11-17T18:00:05Z"), Vec::<String>::new());
}
