//! `purser run --record`: what the vendor sent, readable, whole, and the same for ever.

use purser_domain::Digest;
use purser_simulator::Config;
use serde_json::Value;

use crate::support::{stderr, stdout};
use crate::world::World;

#[test]
fn a_recording_holds_each_page_with_its_request_and_context_under_its_hash() {
    let world = World::new(Config { customers: 2, records: 4, rated_records: 4, ..Config::default() });
    let (data, folder) = (world.data(), tempfile::tempdir().unwrap());
    let out = folder.path().join("run.jsonl");
    let output = world.purser(&data).args(["run", "1", "--record", out.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let text = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (head, pages) = lines.split_first().unwrap();
    assert_eq!((&head["purser-recording"], &head["connector"]), (&1.into(), &"microsoft-csp".into()));
    assert_eq!(head["run"]["state"], "succeeded");
    assert!(stdout(&output).contains(&format!("{} pages were recorded", pages.len())), "{}", stdout(&output));
    for page in pages {
        let bytes = page["page"].as_str().unwrap().as_bytes();
        assert_eq!(page["sha256"], Digest::of(bytes).to_string());
        assert_eq!(page["context"]["feed"], page["feed"], "{page}");
        assert!(page["request"]["target"].is_object(), "{page}");
    }
    for feed in ["customers", "licences", "rated-usage"] {
        assert!(pages.iter().any(|page| page["feed"] == feed), "nothing of {feed}");
    }
    let downloaded = pages.iter().filter_map(|page| page["request"]["target"]["Absolute"].as_str());
    let addresses: Vec<&str> = downloaded.collect();
    assert!(
        !addresses.is_empty() && addresses.iter().all(|address| address.ends_with("/…")),
        "{addresses:?}"
    );
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["run.jsonl"], "nothing else is left behind");
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
