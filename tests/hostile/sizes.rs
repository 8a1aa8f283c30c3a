//! Too large and too many: numbers, strings, facts, texts, records.

use std::str::FromStr as _;

use bigdecimal::BigDecimal;
use purser_runtime::Limits;

use crate::components::{Cell, page, run, tight};
use crate::guests::{fails, sets_one_aside};
use crate::house::{House, Plan};
use crate::vendor::GOOD;
use crate::wait;

fn record(verb: &str) -> String {
    format!("{{\"amount\":\"1\",\"currency\":\"EUR\",\"do\":\"{verb}\"}}")
}

pub fn digits(code: &'static str) {
    sets_one_aside(Plan::of("records"), &record("million-digits"), code);
}

/// A decimal without the limit takes it, and every sum, row and export with it carries a megabyte.
pub fn digits_are_kept() {
    let number = BigDecimal::from_str(&"9".repeat(1_000_000)).unwrap();
    assert!(number.to_plain_string().len() >= 1_000_000);
}

pub fn exponent(code: &'static str) {
    sets_one_aside(Plan::of("records"), &record("exponent"), code);
}

pub fn exponent_unfolds() {
    let number = BigDecimal::from_str("1e1000000").unwrap();
    assert!(number.to_plain_string().len() > 1_000_000, "nine bytes have become a megabyte");
}

pub fn text(code: &'static str) {
    sets_one_aside(Plan::of("records"), &record("gigantic"), code);
}

fn long() -> Limits {
    Limits { string_bytes: 1 << 30, ..tight() }
}

pub fn text_is_kept() {
    let mapped = Cell::with(long()).map(&["gigantic"]).unwrap();
    assert_eq!(mapped.purchases[0].description.product_text.len(), 1 << 20);
}

pub fn rule(code: &'static str) {
    fails(Plan::of("records"), &record("long-rule"), code);
}

/// It would stand in every report of a run.
pub fn rule_is_kept() {
    assert_eq!(Cell::with(long()).map(&["long-rule"]).unwrap().ignored[0].0.len(), 1 << 20);
}

/// Room for a request of 8 MiB.
fn wide() -> Limits {
    Limits { output_bytes: 64 << 20, ..tight() }
}

pub fn state(code: &'static str) {
    wait(async {
        let house = House::with(Plan { limits: wide(), ..Plan::of("long-state") }).await;
        let outcome = house.attack("").await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
        assert_eq!(outcome.asked, Vec::<String>::new());
    });
}

pub fn state_is_kept() {
    let plugin = Cell::with(Limits { string_bytes: 1 << 30, ..wide() }).plugin;
    assert_eq!(plugin.start(&run(), "long-state", &[]).unwrap().requests[0].state.len(), 8 << 20);
}

/// A reason is only words: it is shortened, visibly, and the record is set aside as the plugin wants.
pub fn reason(_: &'static str) {
    let mapped = Cell::with(tight()).map(&["long-reason"]).unwrap();
    let (_, reason) = &mapped.rejected[0];
    assert!(reason.len() < 1_100 && reason.ends_with('…'), "{}", reason.len());
}

/// The guest does give so long a one: its answer is as large.
pub fn reason_is_long() {
    let mapped = Cell::with(tight()).map(&["long-reason"]).unwrap();
    assert!(mapped.usage.output_bytes > 1 << 20);
}

pub fn facts(code: &'static str) {
    fails(Plan::of("records"), &record("facts"), code);
}

pub fn facts_are_kept() {
    let cell = Cell::with(Limits { facts: u32::MAX, ..tight() });
    assert_eq!(cell.map(&["facts"]).unwrap().facts.len(), 110_000);
}

pub fn texts(code: &'static str) {
    wait(async {
        let house = House::with(Plan::of("texts")).await;
        let outcome = house.attack("many\n").await;
        assert!(outcome.codes().contains(&code.to_owned()), "{:?}", outcome.report);
    });
}

pub fn texts_are_kept() {
    let plugin = Cell::with(Limits { texts_per_record: u32::MAX, ..tight() }).plugin;
    assert_eq!(plugin.products(&page("texts"), b"many", 1).unwrap().texts.len(), 1_000);
}

pub fn records(code: &'static str) {
    let plan = Plan::of("records");
    let limits = Limits { records: 100, ..plan.limits };
    fails(Plan { limits, ..plan }, &[GOOD; 100].join("\n"), code);
}

pub fn records_are_mapped() {
    let cell = Cell::with(Limits { records: u32::MAX, ..tight() });
    assert_eq!(cell.map(&[GOOD; 102]).unwrap().purchases.len(), 102);
}
