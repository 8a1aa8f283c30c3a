//! SIGKILL at any point of a run, then a restart: the ledger is as if nothing had happened.

use std::collections::BTreeMap;

use purser_pipeline::Limits;
use purser_simulator::Config;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use crate::world::{Data, World, copy_folder, wait_for};

const POINTS: usize = 50;
/// How often each page was fetched. Sign-ins, orders of exports, polling and answers that ask for patience are no pages.
fn pages(world: &World, since: usize) -> BTreeMap<String, usize> {
    let mut fetched = BTreeMap::new();
    for request in &world.simulator.requests()[since..] {
        let path = &request.path_and_query;
        let is_page = request.method == "GET" && request.status == 200 && !path.contains("/operations/");
        if is_page && !path.starts_with("/entra") {
            *fetched.entry(path.split("sig=").next().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    fetched
}

fn finish(world: &World, data: &Data) -> String {
    let server = world.serve(data);
    world.wait_for_run(data);
    server.kill();
    world.export(data)
}

#[test]
fn killed_at_any_point_and_restarted_the_export_is_the_same_and_no_page_is_fetched_in_vain() {
    let world = World::unbilled(Config { customers: 3, records: 12, rated_records: 12, ..Config::default() });
    let template = world.data();
    // A first run elsewhere leaves the plugin compiled, so that points fall into the run and not into compiling.
    world.order_run(&template);
    let undisturbed = template.copy();
    let before = world.simulator.requests().len();
    let expected = finish(&world, &undisturbed);
    let requests = world.simulator.requests().len() - before;
    assert!(expected.lines().count() > 100, "the run brought too little to prove anything");
    // Pages that follow one another share an address: what an undisturbed run needs is the measure.
    let needed = pages(&world, before);
    for file in ["compiled", "plugins"] {
        let compiled = undisturbed.path().join(file);
        let target = template.path().join(file);
        std::fs::remove_dir_all(&target).ok();
        copy_folder(&compiled, &target);
    }

    // What a kill may cost: the requests under way at once.
    let in_flight = Limits::default().requests_in_flight;
    let mut chance = ChaCha8Rng::seed_from_u64(7);
    for point in 0..POINTS {
        let after = 1 + (chance.next_u64() as usize) % requests;
        let data = template.copy();
        let begun = world.simulator.requests().len();
        let server = world.serve(&data);
        wait_for("requests", || {
            let made = world.simulator.requests().len() - begun;
            let over = world.newest_run(&data).is_some_and(|run| run.finished_at.is_some());
            (made >= after || over).then_some(())
        });
        server.kill();
        let export = finish(&world, &data);
        assert!(
            export == expected,
            "point {point}, killed after {after} of {requests} requests: the exports differ"
        );
        let fetched = pages(&world, begun).into_iter();
        let twice: usize =
            fetched.map(|(page, times)| times.saturating_sub(*needed.get(&page).unwrap_or(&1))).sum();
        assert!(twice <= in_flight, "point {point}: {twice} pages were fetched again");
    }
}
