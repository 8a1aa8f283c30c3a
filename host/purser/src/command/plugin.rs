//! `purser plugin …`: try plugins without an account.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

mod map;

/// What to do with a plugin.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Map one raw body through the sandbox and print what the ledger would hold, as JSON.
    Map(map::Args),
}

/// Does it.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Map(args) => map::run(&args),
    }
}

/// A bundled plugin by id, or a component from a file.
fn component(plugin: &str) -> anyhow::Result<Vec<u8>> {
    if let Some((_, bytes)) = crate::bundled::PLUGINS.iter().find(|(id, _)| *id == plugin) {
        return Ok(bytes.to_vec());
    }
    let file = PathBuf::from(plugin);
    let bundled: Vec<&str> = crate::bundled::PLUGINS.iter().map(|(id, _)| *id).collect();
    let known = format!("give a bundled id ({}) or a readable .wasm file", bundled.join(", "));
    std::fs::read(&file).map_err(|_| {
        crate::failure::Failure::input("CLI-PLUGIN", format!("there is no plugin {plugin:?}"), known).into()
    })
}
