//! The hostile component, built for the sandbox with and without WASI, and calls of it without a run around them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use purser_pipeline::Clock;
use purser_pipeline::usage::{Board, Peaks};
use purser_runtime::contract::types::{Framing, PageContext, RunContext};
use purser_runtime::{CallError, Limits, Mapped, Plugin, Sandbox};

use crate::fixtures::{component_with, wasi_component};

/// Little of everything, so that attacks end soon. A small page has half of memory and output.
pub fn tight() -> Limits {
    Limits { memory_bytes: 64 << 20, output_bytes: 8 << 20, deadline_base_ms: 1_000, ..Limits::default() }
}

/// A fixture plugin that links nothing.
pub fn plain(package: &str) -> Vec<u8> {
    component_with(package, &[])
}

/// The hostile plugin as its toolchain's WASI component.
pub fn with_wasi() -> Vec<u8> {
    wasi_component("hostile")
}

/// Where compiled components are kept over tests.
pub fn compiled() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile/compiled")
}

/// The hostile plugin alone in a sandbox, and what it used.
pub struct Cell {
    pub plugin: Plugin,
    board: Arc<Board>,
}

impl Cell {
    pub fn with(limits: Limits) -> Self {
        Self::of(&plain("hostile"), limits)
    }

    pub fn of(component: &[u8], limits: Limits) -> Self {
        let clock: Clock = Arc::new(|| "2026-11-23T18:00:00Z".parse().unwrap());
        let board = Arc::new(Board::new(clock));
        let sandbox = Sandbox::recorded(limits, Some(compiled()), board.clone()).unwrap();
        Self { plugin: sandbox.admit(component).unwrap(), board }
    }

    /// Maps a page of these records.
    pub fn map(&self, records: &[&str]) -> Result<Mapped, CallError> {
        let count = u32::try_from(records.len()).unwrap();
        self.plugin.map(&page("records"), records.join("\n").as_bytes(), count)
    }

    /// The code that mapping these records ends with; `ok` where it does not fail.
    pub fn code(&self, records: &[&str]) -> &'static str {
        self.map(records).map_or_else(|error| error.code(), |_| "ok")
    }

    /// How close all calls came to their limits.
    pub fn peaks(&self) -> Peaks {
        self.board.of_plugin("hostile").remove(0).functions.remove(0).peaks
    }

    /// What the last call printed.
    pub fn printed(&self) -> String {
        let mut versions = self.board.of_plugin("hostile");
        versions.remove(0).printed.pop().map(|print| print.text).unwrap_or_default()
    }
}

pub fn run() -> RunContext {
    RunContext {
        settings: "{}".into(),
        as_of: "2026-11-23T18:00:00Z".into(),
        local_date: "2026-11-23".into(),
        window_from: "2026-11-20".into(),
        window_to: "2026-11-23".into(),
        cloud: "main".into(),
        locale: "en-US".into(),
    }
}

pub fn page(feed: &str) -> PageContext {
    PageContext {
        run: run(),
        feed: feed.into(),
        partition_key: feed.into(),
        month: String::new(),
        currency: String::new(),
        stage: 0,
        parameters: Vec::new(),
        framing: Framing::Lines,
        envelope: String::new(),
        page: 0,
    }
}
