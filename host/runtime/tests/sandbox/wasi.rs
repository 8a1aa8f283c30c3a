//! Components that import WASI: answered, the same every time, and told at admission.

use crate::support::{page, sandbox, wasi_guest};
use purser_runtime::{CallError, Limits, Plugin};

fn plugin() -> Plugin {
    sandbox(Limits { deadline_base_ms: 20_000, ..Limits::default() }).admit(&wasi_guest()).unwrap()
}

fn look(plugin: &Plugin) -> String {
    plugin.map(&page("outside"), b"1\n", 1).unwrap().ignored[0].0.clone()
}

#[test]
fn admission_names_the_wasi_imports() {
    let plugin = plugin();
    assert!(plugin.admission().wasi.iter().any(|import| import.starts_with("wasi:random/")));
    assert!(plugin.admission().wasi.iter().all(|import| import.starts_with("wasi:")));
}

#[test]
fn a_guest_cannot_tell_two_runs_apart_nor_see_outside() {
    let first = look(&plugin());
    assert_eq!(first, look(&plugin()));
    // As-of of the run; no sleep, variables, arguments or file; no network.
    assert!(first.ends_with(" 1795456800 0 0 0 false Err(PermissionDenied)"), "{first}");
}

#[test]
fn output_is_kept_to_a_bound_and_never_stops_a_guest() {
    let mapped = plugin().map(&page("chatter"), b"1\n", 1).unwrap();
    assert_eq!(mapped.ignored[0].0, "printed");
}

#[test]
fn a_crash_shows_what_the_guest_printed() {
    let error = plugin().map(&page("trap"), b"1\n", 1).unwrap_err();
    let CallError::Trap { log, .. } = &error else { panic!("{error}") };
    assert!(log.contains("this record is too much for me"), "{log}");
}

#[tokio::test]
async fn a_call_from_inside_an_asynchronous_runtime_works_too() {
    assert_eq!(look(&plugin()), look(&plugin()));
}
