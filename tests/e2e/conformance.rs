//! The conformance suite against plugins that are wrong on purpose: each breaks one rule, and the suite names that rule.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use purser_pipeline::conformance::{Outcome, Report, check_component};
use purser_pipeline::recording::Recording;
use purser_runtime::{Limits, Sandbox};

use crate::fixtures::component_with;

/// Stands once in the component, and says which rule it breaks.
const MARK: &[u8; 16] = b"variant:right---";

/// The component that breaks no rule, built once.
static RIGHT: LazyLock<Vec<u8>> = LazyLock::new(|| component_with("wrong", &[]));

/// The same component, with another rule written into it.
fn breaking(rule: &str) -> Vec<u8> {
    let mut component = RIGHT.clone();
    let places: Vec<usize> = component
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| window == MARK)
        .map(|(at, _)| at)
        .collect();
    let [place] = places[..] else { panic!("the mark stands {} times in the component", places.len()) };
    let mark = format!("variant:{rule:-<8}");
    component[place..place + MARK.len()].copy_from_slice(mark.as_bytes());
    component
}

/// The answers every new plugin begins with.
fn check(component: &[u8]) -> Report {
    let answers = include_str!("../../plugins/templates/answers.jsonl").replace("{{name}}", "wrong");
    let sandbox = Sandbox::new(Limits::default(), None).unwrap();
    check_component(&sandbox, component, None, &[Recording::parse(&answers).unwrap()]).unwrap()
}

fn broken(report: &Report) -> BTreeSet<&'static str> {
    let failed = report.rules.iter().filter(|line| matches!(line.outcome, Outcome::Failed { .. }));
    failed.map(|line| line.rule.id).collect()
}

fn breaks_only(variant: &str, rule: &'static str) {
    let report = check(&breaking(variant));
    assert_eq!(broken(&report), BTreeSet::from([rule]), "{variant}: {:#?}", report.rules);
    let line = report.rules.iter().find(|line| line.rule.id == rule).unwrap();
    let Outcome::Failed { findings } = &line.outcome else { panic!("{line:?}") };
    for finding in findings {
        assert!(
            !finding.place.is_empty() && !finding.seen.is_empty() && !finding.change.is_empty(),
            "{finding:?}"
        );
    }
}

#[test]
fn a_plugin_that_breaks_no_rule_is_looked_at_in_every_one_and_passes() {
    let report = check(&RIGHT);
    for line in &report.rules {
        assert!(matches!(line.outcome, Outcome::Passed { checked: 1.. }), "{line:?}");
    }
    assert!(!report.fails());
}

macro_rules! wrong {
    ($($claim:ident: $variant:literal breaks $rule:literal,)+) => { $(
        #[test]
        fn $claim() {
            breaks_only($variant, $rule);
        }
    )+ };
}

wrong! {
    a_mapping_that_looks_at_the_run_s_clock_breaks_c1_alone: "C1" breaks "C1",
    a_record_that_gets_lost_breaks_c2_alone: "C2" breaks "C2",
    money_that_gets_lost_breaks_c2_alone: "C2m" breaks "C2",
    a_record_read_by_the_one_before_it_breaks_c3_alone: "C3" breaks "C3",
    a_member_nobody_knew_of_that_is_refused_breaks_c4_alone: "C4" breaks "C4",
    an_amount_through_a_float_breaks_c5_alone: "C5" breaks "C5",
    a_reference_with_an_amount_in_it_breaks_c6_alone: "C6" breaks "C6",
    a_call_that_is_not_listed_breaks_c7_alone: "C7" breaks "C7",
    a_descriptor_that_admission_refuses_breaks_c8_alone: "C8" breaks "C8",
    a_crawl_without_end_breaks_c9_alone: "C9" breaks "C9",
    a_page_refused_for_its_nul_breaks_c10_alone: "C10" breaks "C10",
    a_page_refused_for_being_empty_breaks_c11_alone: "C11" breaks "C11",
    a_fact_of_a_kind_that_is_not_listed_breaks_c12_alone: "C12" breaks "C12",
    a_page_refused_for_one_record_breaks_c13_alone: "C13" breaks "C13",
    a_text_in_a_language_nobody_asked_for_breaks_c14_alone: "C14" breaks "C14",
}

#[test]
fn every_rule_has_a_plugin_that_breaks_it() {
    let rules: BTreeSet<&str> = check(&RIGHT).rules.iter().map(|line| line.rule.id).collect();
    let source = include_str!("conformance.rs");
    for rule in rules {
        assert!(source.contains(&format!("breaks \"{rule}\"")), "nothing breaks {rule}");
    }
}

#[test]
fn a_should_that_is_broken_is_shown_and_does_not_fail_the_plugin() {
    assert!(!check(&breaking("C11")).fails());
    assert!(check(&breaking("C5")).fails());
}
