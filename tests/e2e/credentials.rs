//! The app registration proves itself by secret or certificate, and both may be exchanged without a gap.

use std::path::{Path, PathBuf};

use purser_simulator::{Config, Registration};
use purser_store::runs::RunState;

use crate::support::stderr;
use crate::world::{Data, World};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/certificates").join(name)
}

fn register(world: &World, certificates: &[&str]) {
    let read = |name: &&str| std::fs::read_to_string(fixture(name)).unwrap();
    let certificates = certificates.iter().map(read).collect();
    world.simulator.register(Registration { secrets: Vec::new(), certificates });
}

/// The world's configuration, its secret exchanged for certificates.
fn with_certificates(world: &World, data: &Data, certificate: &str, key: &str) -> PathBuf {
    let line = |name: &str, file: &str| format!("{name} = \"{}\"\n", fixture(file).display());
    let own = std::fs::read_to_string(world.config()).unwrap();
    let own: String = own
        .lines()
        .map(|it| match it.starts_with("client-secret") {
            true => line("client-certificate-file", certificate) + &line("client-key-file", key),
            false => format!("{it}\n"),
        })
        .collect();
    let next = line("client-certificate-file", "next.pem") + &line("client-key-file", "next.key");
    let config = data.path().join("certificates.toml");
    std::fs::write(&config, format!("{own}[connectors.microsoft-csp.next]\n{next}")).unwrap();
    config
}

/// A run some minutes after [`NOW`](crate::world::NOW): one that begins at the same instant would be no later one.
fn run(world: &World, data: &Data, config: &Path, minutes: usize) -> RunState {
    let mut purser = world.purser(data);
    purser.env("PURSER_CONFIG", config).env("PURSER_CLOCK", format!("2026-11-16T18:0{minutes}:00Z"));
    let output = purser.args(["run", "1"]).output().unwrap();
    let run = world.newest_run(data).unwrap_or_else(|| panic!("{}", stderr(&output)));
    run.state
}

#[test]
fn certificates_are_exchanged_without_a_failed_run() {
    let world = World::new(Config { customers: 1, records: 4, rated_records: 4, ..Config::default() });
    let data = world.data();
    let config = with_certificates(&world, &data, "first.pem", "first.key");
    let rounds = [&["first.pem"][..], &["first.pem", "next.pem"], &["next.pem"]];
    for (registered, minutes) in rounds.into_iter().zip(1..) {
        register(&world, registered);
        let state = run(&world, &data, &config, minutes);
        assert!(matches!(state, RunState::Succeeded | RunState::Warnings), "{registered:?}: {state:?}");
    }
    register(&world, &[]);
    assert_eq!(run(&world, &data, &config, 4), RunState::Failed);
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused_at_start() {
    let world = World::new(Config { customers: 1, records: 4, rated_records: 4, ..Config::default() });
    let data = world.data();
    let config = with_certificates(&world, &data, "first.pem", "next.key");
    let output = world.purser(&data).env("PURSER_CONFIG", config).args(["run", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("CFG-005"), "{}", stderr(&output));
}
