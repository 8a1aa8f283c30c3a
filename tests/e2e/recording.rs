//! `purser run --record`: what the vendor answered, without secrets and names, and good for running it again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use purser_simulator::Config;
use serde_json::Value;

use crate::support::{free_port, purser, stderr, stdout};
use crate::world::{Data, World, wait_for};

fn record(world: &World, data: &Data, out: &Path, more: &[&str]) -> String {
    let output = world.purser(data).args(["run", "1", "--record"]).arg(out).args(more).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

fn small() -> World {
    World::new(Config { customers: 2, records: 4, rated_records: 4, ..Config::default() })
}

fn lines(recording: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(recording).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Names, domains and ids of customers, as the vendor says them.
fn told_of_customers(exchanges: &[Value]) -> BTreeSet<String> {
    let customers = exchanges.iter().filter(|exchange| exchange["feed"] == "customers");
    let items =
        customers.flat_map(|exchange| exchange["json"]["items"].as_array().cloned().unwrap_or_default());
    let texts = items.flat_map(|item| {
        let profile = &item["companyProfile"];
        [&item["id"], &profile["companyName"], &profile["domain"]]
            .map(|value| value.as_str().unwrap().to_owned())
    });
    texts.collect()
}

#[test]
fn a_recording_has_every_answer_and_no_name_and_without_names_it_gives_the_same_purchases() {
    let world = small();
    let (data, folder) = (world.data(), tempfile::tempdir().unwrap());
    let (named, given_away) = (folder.path().join("named.jsonl"), folder.path().join("run.jsonl"));
    let told = record(&world, &data, &named, &["--record-names"]);
    // Another Purser: this one would not download again what has not changed.
    let told_again = record(&world, &world.data(), &given_away, &[]);
    let (named, redacted) = (lines(&named), lines(&given_away));
    assert!(told.contains(&format!("{} answers were recorded", named.len() - 1)), "{told}");
    assert_eq!(
        (&redacted[0]["purser-recording"], &redacted[0]["connector"]),
        (&2.into(), &"microsoft-csp".into())
    );

    let names = told_of_customers(&named);
    assert!(names.len() >= 6, "{names:?}");
    let text = std::fs::read_to_string(&given_away).unwrap();
    for name in &names {
        assert!(!text.contains(name.as_str()), "{name} is in the recording that is given away");
    }
    let left: BTreeSet<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(
        left,
        BTreeSet::from(["named.jsonl".into(), "run.jsonl".into()]),
        "nothing else is left behind"
    );

    for feed in ["customers", "licences", "rated-usage"] {
        assert!(redacted.iter().any(|exchange| exchange["feed"] == feed), "nothing of {feed}");
    }
    assert!(redacted.iter().any(|exchange| exchange["download"].is_string()), "no download");
    let again = replayed(&given_away);
    let (received, purchased) = (&again["balance"]["received"], &again["balance"]["purchased"]);
    let records = format!("{} records = {} purchased + ", received["records"], purchased["records"]);
    let cost = format!("cost: {} EUR", purchased["sums"]["EUR"].as_str().unwrap());
    for said in [&records, &cost] {
        assert!(
            told_again.contains(said.as_str()),
            "the recording gives {said}, and the run said {told_again}"
        );
    }
    for rule in again["rules"].as_array().unwrap() {
        assert_eq!(rule["outcome"], "passed", "{rule:#}");
    }
}

/// The conformance suite's report on the bundled plugin over a recording.
fn replayed(recording: &Path) -> Value {
    let mut suite = purser();
    suite.args(["plugin", "test", "microsoft-csp", "--format", "json", "--recording"]).arg(recording);
    let output = suite.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
}

#[test]
fn no_secret_of_the_run_is_in_a_recording_even_with_names() {
    let world = small();
    let (data, folder) = (world.data(), tempfile::tempdir().unwrap());
    let out: PathBuf = folder.path().join("run.jsonl");
    record(&world, &data, &out, &["--record-names"]);
    let text = std::fs::read_to_string(&out).unwrap();
    for secret in ["sig=", "Bearer ", "eyJ", "refresh_token", "set-cookie", "authorization"] {
        assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret} is in the recording");
    }
}

#[test]
fn what_a_server_works_on_is_not_recorded_beside_it_and_no_run_is_ordered() {
    let world = small();
    let (data, folder) = (world.data(), tempfile::tempdir().unwrap());
    let base: url::Url = format!("http://127.0.0.1:{}", free_port()).parse().unwrap();
    let _server = world.serve_at(&data, &base, |_| {});
    let address = format!("127.0.0.1:{}", base.port().unwrap());
    wait_for("the server", || std::net::TcpStream::connect(&address).ok());
    let out = folder.path().join("run.jsonl");
    let output = world.purser(&data).args(["run", "1", "--record"]).arg(&out).output().unwrap();
    assert!(stderr(&output).contains("CLI-RECORD-HELD"), "{}{}", stdout(&output), stderr(&output));
    assert!(world.newest_run(&data).is_none() && !out.exists());
}

#[test]
fn a_recording_that_cannot_be_written_is_told_and_the_run_stands() {
    let world = World::new(Config { customers: 1, records: 2, rated_records: 2, ..Config::default() });
    let (data, folder) = (world.data(), tempfile::tempdir().unwrap());
    let out = folder.path().join("no/such/folder/run.jsonl");
    let output = world.purser(&data).args(["run", "1", "--record", out.to_str().unwrap()]).output().unwrap();
    assert!(!output.status.success() && stderr(&output).contains("CLI-RECORD"), "{}", stderr(&output));
    assert!(world.newest_run(&data).unwrap().finished_at.is_some());
}
