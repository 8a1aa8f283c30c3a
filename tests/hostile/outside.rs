//! WASI guests that look around: they see the same wherever and whenever they run. The controls are the same code, run
//! natively.

use std::collections::BTreeMap;

use crate::components::{Cell, tight, with_wasi};
use crate::house::{House, Plan};
use crate::{vendor, wait};

#[expect(clippy::disallowed_methods, reason = "what a guest would do, natively")]
#[path = "../fixtures/hostile/src/outside.rs"]
mod native;

type Seen = BTreeMap<String, String>;

/// What a guest sees, twice.
fn seen() -> [Seen; 2] {
    let component = with_wasi();
    [(), ()].map(|()| {
        let mapped = Cell::of(&component, tight()).map(&["look"]).unwrap();
        let text = |value: &str| serde_json::from_str::<String>(value).unwrap();
        mapped.facts.into_iter().map(|fact| (fact.key, text(&fact.value))).collect()
    })
}

/// What the same code sees outside.
fn natively() -> Seen {
    native::look().into_iter().map(|(what, found)| (what.to_owned(), found)).collect()
}

fn is(what: &str, expected: &str) {
    let [first, second] = seen();
    assert_eq!(first[what], expected);
    assert_eq!(first, second);
}

pub fn clock(_: &'static str) {
    is("clock", "1795456800000000000");
    is("sleep", "0");
    wait(async {
        let house = House::with(Plan { wasi: true, ..Plan::of("records") }).await;
        let look = r#"{"amount":"1","currency":"EUR","do":"look"}"#;
        let outcome = house.attack(&format!("{}\n{look}\n", vendor::GOOD)).await;
        assert_eq!(outcome.rows, ["2 2 EUR"], "it gains nothing, and loses nothing: {:?}", outcome.report);
    });
}

pub fn random(_: &'static str) {
    let [first, second] = seen();
    assert_eq!(first["random"], second["random"]);
}

pub fn environment(_: &'static str) {
    is("environment", "0");
}

pub fn files(_: &'static str) {
    is("files", "0");
}

pub fn network(_: &'static str) {
    is("network", "permission denied");
}

pub fn clock_is_seen() {
    let (first, second) = (natively(), natively());
    assert_ne!(first["clock"], second["clock"]);
    assert_ne!(first["sleep"], "0");
}

/// Twenty numbers in an order of chance: the same twice only once in 10^18.
pub fn random_is_seen() {
    assert_ne!(natively()["random"], natively()["random"]);
}

pub fn environment_is_seen() {
    assert_ne!(natively()["environment"], "0");
}

pub fn files_are_seen() {
    assert_ne!(natively()["files"], "0");
}

pub fn network_is_used() {
    assert_eq!(natively()["network"], "open");
}
