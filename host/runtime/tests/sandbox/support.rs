//! Guests built on demand, one sandbox a test, contexts to call with.

use std::path::{Path, PathBuf};

use purser_plugin_build::{Request, build_component, build_wasi_component};
use purser_runtime::contract::types::{Framing, PageContext, RunContext};
use purser_runtime::{Limits, Plugin, Sandbox};

/// A guest of `tests/guests`, as a component that links nothing.
pub fn guest(package: &str, feature: Option<&str>) -> Vec<u8> {
    let request = request(package).with_features(feature.as_slice());
    build_component(&request).unwrap()
}

/// The hostile guest as its toolchain's WASI component.
pub fn wasi_guest() -> Vec<u8> {
    build_wasi_component(&request("hostile")).unwrap()
}

pub fn sandbox(limits: Limits) -> Sandbox {
    Sandbox::new(limits, Some(scratch("compiled-guests"))).unwrap()
}

pub fn hostile(limits: Limits) -> Plugin {
    sandbox(limits).admit(&guest("hostile", None)).unwrap()
}

pub fn run() -> RunContext {
    RunContext {
        settings: "{}".into(),
        as_of: "2026-11-23T18:00:00Z".into(),
        local_date: "2026-11-23".into(),
        window_from: "2026-11-20".into(),
        window_to: "2026-11-23".into(),
        cloud: "global".into(),
        locale: "nl-NL".into(),
    }
}

pub fn page(feed: &str) -> PageContext {
    PageContext {
        run: run(),
        feed: feed.into(),
        partition_key: String::new(),
        month: String::new(),
        currency: String::new(),
        stage: 0,
        parameters: Vec::new(),
        framing: Framing::Lines,
        envelope: String::new(),
        page: 0,
    }
}

fn request(package: &str) -> Request {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests");
    let connector = Request::connector(guests, package, scratch("guests"));
    Request { world: None, profile: "release".to_owned(), ..connector }
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
