//! `purser plugin install · list · inspect · activate · rollback · remove`, beside a server that sees what they did.

use std::process::Output;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::fixtures::component_with;
use crate::support::{purser, stderr, stdout};

/// A data directory, and two versions of a connector as files.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        static BUILT: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
        let [first, wider] =
            BUILT.get_or_init(|| [component_with("meterhub", &[]), component_with("meterhub", &["wider"])]);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("first.wasm"), first).unwrap();
        std::fs::write(folder.path().join("wider.wasm"), wider).unwrap();
        std::fs::write(folder.path().join("broken.wasm"), b"\0asm\x01\0\0\0").unwrap();
        Self { folder }
    }

    fn plugin(&self, args: &[&str]) -> Output {
        let data = self.folder.path().join("data");
        purser()
            .current_dir(self.folder.path())
            .arg("plugin")
            .args(args)
            .arg("--data")
            .arg(data)
            .output()
            .unwrap()
    }

    fn done(&self, args: &[&str]) -> String {
        let output = self.plugin(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stdout(&output)
    }

    fn refused(&self, args: &[&str]) -> String {
        let output = self.plugin(args);
        assert!(!output.status.success(), "{args:?}: {}", stdout(&output));
        stderr(&output)
    }
}

#[test]
fn versions_go_from_a_file_to_work_and_back_by_the_command_line() {
    let place = Place::new();
    let told = place.done(&["install", "first.wasm"]);
    assert!(
        told.contains("meterhub 0.1.0 is installed") && told.contains("+ GET /v2/sites of hub"),
        "{told}"
    );
    let inspected = place.done(&["inspect", "first.wasm"]);
    for part in [
        "id       meterhub",
        "roles    crawl, mapping, localisation",
        "imports  none",
        "GET /v2/tariffs of hub",
    ] {
        assert!(inspected.contains(part), "{part}: {inspected}");
    }
    let unasked = place.refused(&["activate", "meterhub@0.1.0"]);
    assert!(
        unasked.contains("PLG-305") && unasked.contains("with the account's secret in the header"),
        "{unasked}"
    );
    let told = place.done(&["activate", "meterhub@0.1.0", "--accept-calls"]);
    assert!(told.contains("meterhub mapping: nobody -> "), "{told}");

    place.done(&["install", "wider.wasm"]);
    let wider = place.refused(&["activate", "meterhub@0.3.0"]);
    let beyond: Vec<&str> = wider.lines().filter(|line| line.starts_with("  + ")).collect();
    assert_eq!(beyond, ["  + GET /v2/owners of hub, choosing page"], "the difference alone");
    place.done(&["activate", "meterhub@0.3.0", "--accept-calls"]);
    let listed = place.done(&["list"]);
    assert!(listed.contains("0.3.0") && listed.contains("active: crawl, localisation, mapping"), "{listed}");
    assert!(listed.contains("retired") && listed.contains("microsoft-csp"), "{listed}");

    let back = place.done(&["rollback", "meterhub"]);
    assert_eq!(back.lines().count(), 3, "{back}");
    assert!(place.refused(&["remove", "meterhub@0.1.0"]).contains("PLG-307"));
    place.done(&["remove", "meterhub@0.3.0"]);
    assert!(place.refused(&["activate", "meterhub@0.3.0"]).contains("CLI-VERSION"));
    assert!(place.refused(&["rollback", "meterhub"]).contains("PLG-306"));
}

#[test]
fn a_command_tells_who_plays_what_only_where_it_changes_that() {
    let place = Place::new();
    let told = |args: &[&str]| stderr(&place.plugin(args)).matches("plugin.active").count();
    assert_eq!(told(&["install", "first.wasm"]), 2, "what is bundled begins to work");
    assert_eq!(told(&["activate", "meterhub@0.1.0", "--accept-calls"]), 1);
    assert_eq!(told(&["activate", "meterhub@0.1.0"]), 0, "it plays all of that already");
    assert_eq!(told(&["list"]), 0);
}

#[test]
fn what_is_no_component_is_refused_with_what_to_do() {
    let place = Place::new();
    let told = place.refused(&["install", "broken.wasm"]);
    assert!(told.contains("PLG-100") && told.contains("PLG-102"), "{told}");
    assert!(place.refused(&["install", "missing.wasm"]).contains("CLI-PLUGIN"));
    assert!(!place.done(&["list"]).contains("meterhub"));
}
