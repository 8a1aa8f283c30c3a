//! `purser plugin test`: builds a plugin and looks whether it keeps the contract's rules.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use purser_pipeline::conformance::{Report, check_component};
use purser_pipeline::recording::Recording;
use purser_runtime::{Limits, Plugin, Sandbox};

use crate::failure::Failure;
use crate::kit::project::Project;
use crate::say::say;

mod show;
mod watch;

/// What to test, and over which recordings.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plugin's folder, a built `.wasm` file, or the id of a bundled plugin.
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// Recorded answers; those in the folder's `recordings`, unless given.
    #[arg(long = "recording", value_name = "FILE")]
    recordings: Vec<PathBuf>,
    /// For a plugin that plays some roles of another: that other one, a bundled id or a `.wasm` file.
    #[arg(long, value_name = "PLUGIN")]
    base: Option<String>,
    /// Build and test again whenever a source is saved.
    #[arg(long)]
    watch: bool,
    /// How the result is shown.
    #[arg(long, value_enum, default_value = "text")]
    format: show::Format,
}

/// Tests; the exit code says whether a rule that must be kept is broken.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let sandbox = Sandbox::new(Limits::default(), crate::data::component_cache())?;
    if args.watch {
        return watch::run(args, &sandbox);
    }
    let report = once(args, &sandbox)?;
    show::show(args.format, &report)?;
    Ok(if report.fails() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Builds and looks at every rule.
fn once(args: &Args, sandbox: &Sandbox) -> anyhow::Result<Report> {
    let component = component(&args.plugin, args.format)?;
    let recordings = recordings(args)?;
    let base = base(args, sandbox, &component)?;
    let report = check_component(sandbox, &component, base.as_ref(), &recordings);
    Ok(report.map_err(|error| {
        let remedy = "name one of the plugin's clouds as \"cloud\" in the recording's first object";
        Failure::input("CLI-RECORDING", format!("the recording cannot be used: {error}"), remedy)
    })?)
}

fn component(plugin: &Path, format: show::Format) -> anyhow::Result<Vec<u8>> {
    let bundled = crate::bundled::PLUGINS.iter().find(|(id, _)| plugin == Path::new(id) && !plugin.is_dir());
    if let Some((_, component)) = bundled {
        return Ok(component.to_vec());
    }
    if plugin.is_file() {
        return Ok(std::fs::read(plugin)?);
    }
    let project = Project::open(plugin)?;
    let (file, component) = project.build()?;
    if format == show::Format::Text {
        say!("built {}, {} bytes\n", file.display(), component.len());
    }
    Ok(component)
}

fn recordings(args: &Args) -> anyhow::Result<Vec<Recording>> {
    let mut files = args.recordings.clone();
    if files.is_empty() {
        let folder =
            if args.plugin.is_file() { PathBuf::from("recordings") } else { args.plugin.join("recordings") };
        let there = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        files = there.filter(|file| file.extension().is_some_and(|kind| kind == "jsonl")).collect();
        files.sort();
    }
    if files.is_empty() {
        let remedy = "write answers into recordings/….jsonl, record them with `purser run --record FILE`, or give --recording FILE";
        return Err(
            Failure::input("CLI-RECORDING", "there are no recorded answers to test with", remedy).into()
        );
    }
    files.iter().map(|file| crate::kit::answers::read(file)).collect()
}

/// Who plays the roles the component does not; none where it plays all, or is not admitted.
fn base(args: &Args, sandbox: &Sandbox, component: &[u8]) -> anyhow::Result<Option<Plugin>> {
    let Ok(plugin) = sandbox.admit(component) else { return Ok(None) };
    let Some(extended) = &plugin.descriptor().extends else { return Ok(None) };
    let named = args.base.as_ref().unwrap_or(extended);
    Ok(Some(sandbox.admit(&super::component(named)?)?))
}
