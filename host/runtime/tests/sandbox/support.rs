//! Guests built on demand, one sandbox a test, contexts to call with.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use purser_plugin_build::{Request, build_component};
use purser_runtime::contract::types::{Framing, PageContext, RunContext};
use purser_runtime::{Limits, Plugin, Sandbox};

/// A guest of `tests/guests`, as a component that links nothing.
pub fn guest(package: &str, feature: Option<&str>) -> Vec<u8> {
    let _lock = build_lock();
    let request = Request {
        manifest_dir: guests(),
        package: package.to_owned(),
        world: None,
        target_dir: target(),
        features: feature.map(str::to_owned).into_iter().collect(),
        profile: "release".to_owned(),
        locked: true,
    };
    build_component(&request).unwrap()
}

/// The hostile guest as its toolchain's WASI component.
pub fn wasi_guest() -> Vec<u8> {
    let _lock = build_lock();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for leaked in
        ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET"]
    {
        cargo.env_remove(leaked);
    }
    cargo.current_dir(guests()).args(["build", "--locked", "--release", "--package", "hostile"]);
    cargo.args(["--target", "wasm32-wasip2", "--target-dir"]).arg(target());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(target().join("wasm32-wasip2/release/hostile.wasm")).unwrap()
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

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests")
}

fn target() -> PathBuf {
    scratch("guests")
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Tests are processes of their own, and variants of a guest share one file name.
fn build_lock() -> File {
    std::fs::create_dir_all(target()).unwrap();
    let file = File::create(target().join("tests.lock")).unwrap();
    file.lock().unwrap();
    file
}
