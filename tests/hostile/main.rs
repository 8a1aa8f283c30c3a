//! Hostile plugins: each attack of the table is contained with its code while everybody else goes on, and does harm once
//! its limit is lifted or its guard gone round, so that a test that fails would be seen to fail.
//!
//! `table.rs` lists the attacks. `house.rs` is a whole host around the hostile plugin, for what only a run can show;
//! `components.rs` has the sandbox alone.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::future::Future;

use libtest_mimic::{Arguments, Trial};

mod calls;
mod columns;
mod components;
mod documented;
#[path = "../e2e/fixtures.rs"]
mod fixtures;
#[path = "../e2e/ground.rs"]
mod ground;
mod guests;
mod house;
mod knobs;
mod lies;
mod outside;
mod serving;
mod sizes;
mod table;
mod vendor;

fn main() {
    guests::die_if_asked();
    let arguments = Arguments::from_args();
    let trials = table::trials().chain(knobs::trials()).chain(documented::trials()).chain(serving::trials());
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// A claim and its test.
fn trial(claim: impl Into<String>, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(claim, move || {
        test();
        Ok(())
    })
}

/// Runs to the end.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(future)
}
