//! Two processes that begin on one new directory at the same time: both find the bundled plugins at work.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use purser_domain::{Digest, Role};
use purser_pipeline::Clock;
use purser_pipeline::plugins::Plugins;
use purser_pipeline::rollout::{Rollout, RolloutError};
use purser_runtime::Sandbox;
use purser_store::Plugins as _;
use purser_store_sqlite::SqliteStore;
use tokio::runtime::Runtime;

use crate::fixtures::component_with;
use crate::world::NOW;

/// One process begins on the directory.
fn begin(directory: &Path, component: &[u8], clock: Clock) -> Result<(), RolloutError> {
    Runtime::new().unwrap().block_on(async {
        let store = Arc::new(SqliteStore::open(directory.join("purser.db")).await.unwrap());
        let compiled = Some(directory.join("compiled"));
        let sandbox = Sandbox::new(purser_runtime::Limits::default(), compiled).unwrap();
        let plugins = Arc::new(Plugins::new(sandbox, Some(directory.join("plugins"))));
        let rollout = Rollout { store, plugins, clock };
        rollout.settle_bundled(component).await?;
        Ok(rollout.refresh().await?)
    })
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A clock that lets the other process begin, from start to end, when it is asked for the `nth` time; and how often it was
/// asked.
fn letting_another_begin(directory: &Path, component: &[u8], nth: usize) -> (Clock, Arc<AtomicUsize>) {
    let (directory, component) = (directory.to_owned(), component.to_owned());
    let asked = Arc::<AtomicUsize>::default();
    let count = asked.clone();
    let clock = move || {
        if count.fetch_add(1, Ordering::Relaxed) == nth {
            let (directory, component) = (directory.clone(), component.clone());
            let other = std::thread::spawn(move || begin(&directory, &component, Arc::new(now)).unwrap());
            other.join().unwrap();
        }
        now()
    };
    (Arc::new(clock), asked)
}

#[test]
fn another_process_may_begin_on_the_directory_between_any_two_steps() {
    let component = component_with("meterhub", &[]);
    let mut nth = 0;
    loop {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["plugins", "compiled"] {
            std::fs::create_dir(directory.path().join(folder)).unwrap();
        }
        let (clock, asked) = letting_another_begin(directory.path(), &component, nth);
        begin(directory.path(), &component, clock).unwrap_or_else(|error| panic!("{nth}: {error}"));
        if asked.load(Ordering::Relaxed) <= nth {
            break;
        }
        let played = Runtime::new().unwrap().block_on(async {
            let store = SqliteStore::open(directory.path().join("purser.db")).await.unwrap();
            store.pins().await.unwrap()
        });
        assert_eq!(played.len(), Role::ALL.len());
        assert!(played.iter().all(|pin| pin.digest == Digest::of(&component)));
        nth += 1;
    }
    assert!(nth > 2, "it was let in {nth} times");
}
