//! `purser plugin …`: write and try plugins, install versions, and decide who plays what.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use purser_pipeline::rollout::Rollout;
use purser_store::plugins::Version;

use crate::failure::Failure;

mod bundle;
mod map;
mod new;
mod roles;
mod source;
mod test;
mod try_out;
mod versions;

/// What to do with a plugin.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a project of a plugin that builds and passes its tests at once.
    New(new::Args),
    /// Build a plugin, and look whether it keeps the contract's rules over recorded answers.
    Test(test::Args),
    /// Map one raw body through the sandbox and print what the ledger would hold, as JSON.
    Map(map::Args),
    /// Show what a component is and everything it may ask.
    Inspect(versions::Inspect),
    /// Check a component and keep it; it does nothing yet.
    Install(versions::Install),
    /// Installed versions, and which of them work.
    List(versions::List),
    /// What another version would do to the Purchases there are, in money.
    Try(try_out::Args),
    /// Let an installed version work, from the next run on.
    Activate(roles::Activate),
    /// Go back to the version before.
    Rollback(roles::Rollback),
    /// Write an installed version and its signatures into one file, for a machine without a network.
    Bundle(bundle::Args),
    /// Forget an installed version that does not work any more.
    Remove(versions::Remove),
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::New(args) => new::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Map(args) => map::run(&args),
        Command::Inspect(args) => versions::inspect(&args).await,
        Command::Install(args) => versions::install(&args).await,
        Command::List(args) => versions::list(&args).await,
        Command::Try(args) => try_out::run(&args).await,
        Command::Activate(args) => roles::activate(&args).await,
        Command::Rollback(args) => roles::rollback(&args).await,
        Command::Bundle(args) => bundle::run(&args).await,
        Command::Remove(args) => versions::remove(&args).await,
    }
}

/// Whether this is the id of a plugin that the binary carries.
fn is_bundled(plugin: &str) -> bool {
    crate::bundled::PLUGINS.iter().any(|(id, _)| *id == plugin)
}

/// A bundled plugin by id, or a component from a file.
fn component(plugin: &str) -> anyhow::Result<Vec<u8>> {
    if let Some((_, bytes)) = crate::bundled::PLUGINS.iter().find(|(id, _)| *id == plugin) {
        return Ok(bytes.to_vec());
    }
    let file = PathBuf::from(plugin);
    let bundled: Vec<&str> = crate::bundled::PLUGINS.iter().map(|(id, _)| *id).collect();
    let known = format!("give a bundled id ({}) or a readable .wasm file", bundled.join(", "));
    std::fs::read(&file)
        .map_err(|_| Failure::input("CLI-PLUGIN", format!("there is no plugin {plugin:?}"), known).into())
}

/// An installed version by its digest, the beginning of one, or `id@version`.
async fn version_of(rollout: &Rollout, name: &str) -> anyhow::Result<Version> {
    const SHORTEST: usize = 6;
    let is_meant = |version: &Version| match name.split_once('@') {
        Some((plugin, number)) => version.plugin == plugin && version.version == number,
        None => name.len() >= SHORTEST && version.digest.to_string().starts_with(&name.to_lowercase()),
    };
    let mut meant = rollout.store.versions(None).await.map_err(Failure::from)?;
    meant.retain(is_meant);
    let remedy = "see which there are with: purser plugin list";
    match (meant.pop(), meant.is_empty()) {
        (Some(version), true) => Ok(version),
        (Some(_), false) => {
            let what = format!("{name:?} is the name of more than one installed version");
            Err(Failure::input("CLI-VERSION", what, "give more of its digest").into())
        }
        (None, _) => {
            let what = format!("no installed version goes by {name:?}");
            Err(Failure::input("CLI-VERSION", what, remedy).into())
        }
    }
}
