//! The example of a partner's own mapping, swapped alone: seen to move no money, at work from the next run on, and back.

use std::path::Path;

use purser_plugin_build::{Request, build_component};
use purser_simulator::Config;
use serde_json::Value;

use crate::file_server::later;
use crate::support::{stderr, stdout};
use crate::world::{Data, World};

/// The example's component.
fn component() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let folder = root.join("plugins/examples/partner-mapping");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
    let request = Request {
        world: Some("mapping-plugin".to_owned()),
        ..Request::connector(folder, "purser-partner-mapping", target)
    };
    build_component(&request).unwrap_or_else(|error| panic!("{error}"))
}

struct House {
    world: World,
    data: Data,
}

impl House {
    fn done(&self, minutes: u32, args: &[&str]) -> String {
        let mut command = self.world.purser(&self.data);
        let output = command.env("PURSER_CLOCK", later(minutes)).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}{}", stdout(&output), stderr(&output));
        stdout(&output)
    }

    /// Each Purchase without its metadata and revision, and whether it has an article of the partner's.
    fn purchases(&self) -> Vec<(String, bool)> {
        let text = self.world.export(&self.data);
        let rows: Vec<Value> = serde_json::from_str(&text)
            .unwrap_or_else(|_| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect());
        let told = |mut row: Value| {
            let metadata = row["metadata"].take();
            row["revision"].take();
            row["state"].take();
            (row.to_string(), metadata.get("article").is_some())
        };
        let mut told: Vec<_> = rows.into_iter().map(told).collect();
        told.sort();
        told
    }
}

#[test]
fn an_own_mapping_is_swapped_alone_and_keeps_references_and_money() {
    let world = World::new(Config { customers: 2, records: 40, rated_records: 20, ..Config::default() });
    let data = world.data();
    let house = House { world, data };
    house.done(0, &["run", "1"]);
    let before = house.purchases();
    assert!(!before.is_empty() && before.iter().all(|(_, has_article)| !has_article));

    let file = house.data.path().join("partner.wasm");
    std::fs::write(&file, component()).unwrap();
    let file = file.to_str().unwrap();
    let told = house.done(1, &["plugin", "install", file]);
    assert!(told.contains("partner-mapping 0.1.0 is installed"), "{told}");
    let tried = house.done(1, &["plugin", "try", file]);
    assert!(tried.starts_with("verdict: clean"), "{tried}");
    let told = house.done(1, &["plugin", "activate", "partner-mapping@0.1.0", "--role", "mapping"]);
    let swaps: Vec<_> = told.lines().filter(|line| line.contains(" -> ")).collect();
    assert!(
        matches!(swaps[..], [only] if only.starts_with("microsoft-csp mapping: ")),
        "one role alone: {told}"
    );

    house.done(2, &["run", "1"]);
    let own = house.purchases();
    let same = |all: &[(String, bool)]| all.iter().map(|(row, _)| row.clone()).collect::<Vec<_>>();
    assert_eq!(same(&own), same(&before), "no reference, no money and no evidence is another");
    assert!(own.iter().all(|(_, has_article)| *has_article));

    house.done(3, &["plugin", "rollback", "microsoft-csp", "--role", "mapping"]);
    house.done(4, &["run", "1"]);
    assert_eq!(house.purchases(), before);
}
