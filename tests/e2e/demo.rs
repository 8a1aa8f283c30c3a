//! `purser demo --check`: the proof agrees, and it can disagree.

use std::process::Output;

use serde_json::Value;

use crate::support::{purser, stderr, stdout};

fn check(more: &[&str]) -> (Output, Value) {
    let output = purser().args(["demo", "--check"]).args(more).output().unwrap();
    let last = stdout(&output).lines().last().map(str::to_owned).unwrap_or_default();
    let summary =
        serde_json::from_str(&last).unwrap_or_else(|_| panic!("no summary: {last}\n{}", stderr(&output)));
    (output, summary)
}

#[test]
fn reconciliation_of_the_demo_agrees_to_the_last_digit_in_dutch() {
    let (output, summary) = check(&[]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(summary["locale"], "nl-NL");
    assert_eq!(summary["rejected"], 0);
    assert_eq!(summary["unmapped"], 0);
    assert_eq!(summary["voids_held"], 0);
    assert!(summary["purchases"].as_u64().unwrap() > 500);
    let currencies = summary["currencies"].as_object().unwrap();
    let differences = summary["ledger_difference"].as_object().unwrap();
    assert!(currencies.len() >= 2, "EUR and USD");
    assert_eq!(currencies.keys().collect::<Vec<_>>(), differences.keys().collect::<Vec<_>>());
    assert!(differences.values().all(|difference| difference == "0"), "{differences:?}");
}

#[test]
fn reconciliation_fails_and_names_the_place_where_one_line_is_one_off_in_its_last_digit() {
    let (output, _) = check(&["--change-line", "7"]);
    assert_eq!(output.status.code(), Some(1));
    let told = stdout(&output);
    let line = told.lines().find(|line| line.starts_with("differs: ")).expect("a difference is named");
    assert!(line.contains("customer ") && line.contains("product ") && line.contains("day 2026-1"), "{line}");
}

#[test]
fn reconciliation_fails_and_names_the_place_where_one_line_is_missing() {
    let (output, _) = check(&["--drop-line", "11"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).lines().any(|line| line.starts_with("differs: customer ")));
}
