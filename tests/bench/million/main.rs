//! Purser beside a plain native program that retrieves the same records: `cargo bench -p purser-bench`.
//!
//! Each case runs in a process of its own, one after the other, against a fresh simulated cloud in a third process; so
//! processor time and peak memory are each program's own. Both must have kept exactly the same rows, or there is no
//! result. Options stand after `--`; `-- --help` lists them.

#![expect(clippy::float_arithmetic, reason = "ratios of measured times; no money")]

#[path = "../../../host/purser/src/allocator.rs"]
mod allocator;
mod case;
mod cloud;
mod house;
mod kept;
mod meter;
mod native;
mod table;
mod world;

use std::path::Path;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use purser_plugin_build::{Request, build_component};
use tempfile::TempDir;

use crate::case::{Case, Program};
use crate::world::World;

/// The benchmark's options.
#[derive(Debug, Parser)]
struct Options {
    /// Utilization records of the large cases; the small ones have a tenth.
    #[arg(long, default_value_t = 1_000_000)]
    records: usize,
    /// About how many records a partition has: a reported day of one subscription.
    #[arg(long, default_value_t = 900)]
    partition: usize,
    /// How often all cases are run; the table shows the median of each.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Latency of the cloud in the case with latency, in milliseconds; 0 leaves it out.
    #[arg(long, default_value_t = 150)]
    latency: u64,
    /// Run only Purser with all records, once: for a profiler.
    #[arg(long)]
    profile: bool,
    /// Cargo says so; it changes nothing.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What a child process does; its task comes as JSON.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true)]
    Cloud { world: String },
    #[command(hide = true)]
    Native { world: String },
    #[command(hide = true)]
    Purser { world: String },
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // As the product's own main does.
    if let Some(Role::Purser { .. }) = &options.role {
        allocator::tell();
    }
    let runtime = tokio::runtime::Runtime::new()?;
    match &options.role {
        Some(Role::Cloud { world }) => runtime.block_on(cloud::serve(&serde_json::from_str(world)?)),
        Some(Role::Native { world }) => print(&runtime.block_on(native::run(&serde_json::from_str(world)?))?),
        Some(Role::Purser { world }) => print(&runtime.block_on(house::run(&serde_json::from_str(world)?))?),
        None => compare(&options),
    }
}

fn print(result: &case::Outcome) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(result)?);
    Ok(())
}

/// All cases in turn.
fn compare(options: &Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    build_plugin(folder.path())?;
    if options.profile {
        let case = Case::new(Program::Purser, options.records, 0);
        return run(&folder, case, options.partition).map(|outcome| println!("{outcome}"));
    }
    let small = options.records.div_ceil(10);
    let mut cases = vec![
        Case::new(Program::Native, small, 0),
        Case::new(Program::Purser, small, 0),
        Case::new(Program::Native, options.records, 0),
        Case::new(Program::Purser, options.records, 0),
    ];
    if options.latency > 0 {
        cases.push(Case::new(Program::Purser, options.records, options.latency));
    }
    let mut results = Vec::new();
    for round in 1..=options.rounds {
        for case in &cases {
            let outcome = run(&folder, *case, options.partition)?;
            eprintln!("round {round}: {case}: {outcome}");
            results.push((*case, outcome));
        }
    }
    kept::must_agree(&results)?;
    table::show(&cases, &results)
}

fn run(folder: &TempDir, case: Case, partition: usize) -> anyhow::Result<case::Outcome> {
    let world = World::for_case(folder.path(), case, partition);
    let cloud = cloud::Cloud::start(&world)?;
    case::run(case.program, &cloud.world)
}

/// The bundled plugin, and its machine code in the sandbox's cache: compiling is paid once a version, not once a run.
fn build_plugin(folder: &Path) -> anyhow::Result<()> {
    eprintln!("building the plugin");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/microsoft-csp");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin");
    let component = build_component(&Request::connector(root, "purser-microsoft-csp", target))?;
    std::fs::write(world::plugin_file(folder), component)?;
    house::plugin(folder).map(drop).context("the plugin cannot be compiled")
}
