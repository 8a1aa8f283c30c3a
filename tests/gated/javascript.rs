//! A plugin in JavaScript through the same sandbox: the contract's columns can be filled from there, exactly.
//!
//! The component is built from `tests/fixtures/javascript` with node and npm, once for each state of its sources.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use purser_domain::Digest;
use serde_json::{Value, json};

use crate::Gated;
use crate::support::{file, purser, stderr, stdout};

/// What a build starts from, in the fixture's folder.
const SOURCES: [&str; 6] =
    ["package.json", "package-lock.json", ".npmrc", "build.js", "src/exact.js", "src/plugin.js"];
/// Packs the columns: what every new JavaScript plugin is given.
const COLUMNS: (&str, &str) = ("plugins/templates/javascript/purser/columns.js", "src/columns.js");

/// The one test, where node and its package manager are there.
pub fn all() -> Vec<Gated> {
    let missing = ["node", "npm"].into_iter().find(|program| !crate::is_installed(program));
    vec![Gated {
        name: "conserv_a_mapping_in_javascript_keeps_every_record_and_every_digit".into(),
        unmet: missing.map(|program| format!("{program} is not installed")),
        run: Box::new(mapping),
    }]
}

/// Records 0 and 1 share a reference; 2 is broken off, 3 is meant to be left out, 5 lacks its quantity.
const PAGE: &str = r#"{"lamp":"l1","day":"2026-02-28","owner":"c-1","hours":1.50,"cost":0.100000000000000000000000000001,"currency":"EUR","kind":"sodium","name":"L\u0000mp 😀","street":"Süd"}

{"lamp":"l1","day":"2026-02-28","owner":"c-1","hours":"2e-1","cost":1e3,"currency":"EUR","kind":"sodium"}
{"broken
{"lamp":"l2","day":"2026-12-31","owner":"c-2","hours":7,"dark":true,"cost":5,"currency":"EUR"}
{"lamp":"l3","day":"2026-12-31","owner":"c-2","hours":7,"currency":"EUR","cost":-12345678901234567890123456789.10}
{"lamp":"l4","day":"2026-12-31","owner":"c-2","currency":"EUR","cost":0}
"#;

fn mapping() -> Result<(), Failed> {
    let component = component()?;
    let folder = tempfile::tempdir()?;
    let page = file(&folder, "page.jsonl", PAGE);
    let first = map(&component, &page)?;
    assert_eq!(first, map(&component, &page)?, "the same page twice is the same result");

    let outcome: Value = serde_json::from_str(&first)?;
    assert_eq!(outcome["records"], 6);
    assert_eq!(outcome["duplicates"], 1);
    assert_eq!(outcome["ignored"], json!([{ "rule": "dark", "count": 1 }]));
    assert_eq!(outcome["rejected"][0]["ordinal"], 2);
    assert_eq!(outcome["rejected"][1], json!({ "ordinal": 5, "reason": "hours is missing" }));
    assert_eq!(
        outcome["totals"],
        json!({ "EUR": "-12345678901234567890123455783.999999999999999999999999999999" })
    );
    let [minus, summed] = outcome["purchases"].as_array().unwrap().as_slice() else {
        return Err(format!("not two Purchases: {outcome}").into());
    };
    assert_eq!(minus["cost"], "-12345678901234567890123456789.1");
    assert_eq!(summed["cost"], "1000.100000000000000000000000000001");
    assert_eq!(summed["quantity"], "1.7");
    assert_eq!(summed["records"], json!([0, 1]));
    assert_eq!(summed["product_text"], "L\u{fffd}mp 😀");
    assert_eq!(summed["metadata"], json!({ "street": "Süd" }));
    assert_eq!(
        (&summed["start"], &summed["end"]),
        (&json!("2026-02-28T00:00:00Z"), &json!("2026-03-01T00:00:00Z"))
    );
    Ok(())
}

fn map(component: &Path, page: &Path) -> Result<String, Failed> {
    let output = purser()
        .args(["plugin", "map"])
        .arg(component)
        .args(["--feed", "usage", "--page"])
        .arg(page)
        .output()?;
    if output.status.success() { Ok(stdout(&output)) } else { Err(stderr(&output).into()) }
}

/// The component of the sources as they are, built where it is not there yet.
fn component() -> Result<PathBuf, Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let (fixture, wit) = (root.join("tests/fixtures/javascript"), root.join("wit/v0.1"));
    let mut state = String::new();
    let more = [&wit.join("connector.wit"), &root.join(COLUMNS.0)];
    for source in SOURCES.map(|source| fixture.join(source)).iter().chain(more) {
        writeln!(state, "{}", Digest::of(&std::fs::read(source)?))?;
    }
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("javascript");
    let component = work.join(format!("{}.wasm", Digest::of(state.as_bytes())));
    if !component.exists() {
        let own = SOURCES.map(|source| (fixture.join(source), source));
        for (source, name) in own.into_iter().chain([(root.join(COLUMNS.0), COLUMNS.1)]) {
            let copy = work.join(name);
            std::fs::create_dir_all(copy.parent().unwrap())?;
            std::fs::copy(source, copy)?;
        }
        done(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&work))?;
        let unfinished = work.join("unfinished.wasm");
        done(Command::new("node").arg("build.js").arg(wit).arg(&unfinished).current_dir(&work))?;
        std::fs::rename(unfinished, &component)?;
    }
    Ok(component)
}

fn done(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    let told = || Failed::from(format!("{command:?}: {}{}", stdout(&output), stderr(&output)));
    if output.status.success() { Ok(()) } else { Err(told()) }
}
