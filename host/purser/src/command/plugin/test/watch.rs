//! `purser plugin test --watch`: again whenever something is saved.

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use notify_debouncer_mini::notify::RecursiveMode;
use notify_debouncer_mini::{DebouncedEvent, new_debouncer};
use purser_runtime::Sandbox;

use super::{Args, once, show};
use crate::failure::Failure;
use crate::kit::project::BUILT;

/// An editor writes a file in several steps: wait until it is through.
const QUIET: Duration = Duration::from_millis(300);

/// Tests now and after each change, until the process is stopped.
pub fn run(args: &Args, sandbox: &Sandbox) -> anyhow::Result<ExitCode> {
    let unwatchable = |error: notify_debouncer_mini::notify::Error| {
        let remedy = "give a plugin's folder, on a file system that tells of changes";
        Failure::new("CLI-WATCH", format!("changes cannot be watched: {error}"), remedy)
    };
    let folder = std::path::absolute(&args.plugin)?;
    let (sender, changes) = mpsc::channel();
    let mut debouncer = new_debouncer(QUIET, sender).map_err(unwatchable)?;
    debouncer.watcher().watch(&folder, RecursiveMode::Recursive).map_err(unwatchable)?;
    loop {
        match once(args, sandbox) {
            Ok(report) => show::show(args.format, &report)?,
            Err(error) => eprintln!("{}", crate::failure::told(&error)),
        }
        eprintln!("waiting for a change; Ctrl-C ends");
        while !changes.recv()?.map_err(unwatchable)?.iter().any(|event| is_source(&folder, event)) {}
    }
}

/// What a build itself writes must not start another.
fn is_source(folder: &Path, event: &DebouncedEvent) -> bool {
    let inside = event.path.strip_prefix(folder).unwrap_or(&event.path);
    let is_built = |part: std::path::Component<'_>| BUILT.iter().any(|built| part.as_os_str() == *built);
    !inside.components().any(is_built) && inside.file_name().is_some_and(|name| name != "Cargo.lock")
}
