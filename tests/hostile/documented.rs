//! The page of errors against the sources: every code has its heading, every heading its code, every knob its row, and
//! what a remedy names is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use purser_runtime::{KNOBS, Limits};

use crate::trial;

pub fn trials() -> impl Iterator<Item = Trial> {
    [
        trial("documented::every_code_has_its_heading_and_every_heading_its_code", codes),
        trial("documented::every_knob_has_its_row_as_it_is", rows),
        trial("documented::what_is_to_be_raised_or_lowered_is_a_knob", remedies),
    ]
    .into_iter()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    std::fs::read_to_string(root().join("host/purser/docs/plugin-errors.md")).unwrap()
}

/// Sources under these folders, but for tests.
fn sources(folders: &[&str]) -> String {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut text = String::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" && name != "target" {
                open.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    text
}

/// Every `PLG-…` in a text.
fn codes_in(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    let code = |(at, _)| {
        let rest = &text[at..];
        rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].trim_end_matches('-')
    };
    text.match_indices("PLG-").map(code).filter(|code| code.len() >= "PLG-000".len()).collect()
}

fn codes() {
    let (text, page) = (sources(&["host", "plugins"]), page());
    let told = codes_in(&text);
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let headed: BTreeSet<&str> = headings.iter().map(|heading| heading.split(' ').next().unwrap()).collect();
    assert_eq!(headings.len(), headed.len(), "one heading a code");
    let missing: Vec<_> = told.difference(&headed).collect();
    assert!(missing.is_empty(), "without a heading in plugin-errors.md: {missing:?}");
    let stale: Vec<_> = headed.difference(&told).collect();
    assert!(stale.is_empty(), "headings of codes that are none: {stale:?}");
    for section in page.split("\n### ").skip(1) {
        let is_whole = ["\n- Author: ", "\n- Operator: "].iter().all(|part| section.contains(part));
        assert!(is_whole, "what is to be done by whom: {section}");
    }
}

fn rows() {
    let page = page();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let usual = Limits::default();
    let expected: Vec<String> = KNOBS
        .iter()
        .map(|knob| {
            let (name, about, least, ceiling) = (knob.name, knob.about, knob.least, knob.ceiling);
            format!("| `{name}` | {about} | {} | {least} | {ceiling} |", knob.get(&usual))
        })
        .collect();
    assert_eq!(rows, expected);
}

/// Names in backticks that end like a knob.
fn named(text: &str) -> BTreeSet<&str> {
    let ends =
        ["-mib", "-kib", "-ms", "-bytes", "-instances", "-page", "-step", "-answer", "-record", "-digits"];
    let words = text.split('`').skip(1).step_by(2);
    words.filter(|word| !word.contains(' ') && ends.iter().any(|end| word.ends_with(end))).collect()
}

fn remedies() {
    let (page, knobs) = (page(), KNOBS.iter().map(|knob| knob.name).collect::<BTreeSet<_>>());
    let text =
        ["host/runtime/src/error.rs", "host/runtime/src/admission.rs", "host/pipeline/src/remedies.rs"]
            .map(|file| std::fs::read_to_string(root().join(file)).unwrap())
            .concat();
    for line in text.lines().chain(page.lines()) {
        let unknown: Vec<_> = named(line).difference(&knobs).copied().collect();
        assert!(unknown.is_empty(), "{unknown:?}: {line}");
    }
    let told: BTreeSet<_> = text.lines().flat_map(named).collect();
    let untold: Vec<_> = knobs.difference(&told).filter(|knob| **knob != "number-digits").collect();
    assert!(untold.is_empty(), "no message names {untold:?}");
}
