//! The commands. Each opens what it needs, does one thing, and says what came of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use purser_store::trail::{self, Origin};

mod account;
mod backup;
mod demo;
mod export;
mod keys;
mod plugin;
pub mod run;
pub mod serve;
mod simulator;
mod token;
mod user;

/// Purser retrieves what cloud vendors meter and turns it into Purchases a billing system can invoice from.
#[derive(Debug, Parser)]
#[command(name = "purser", version, about, max_term_width = 100)]
pub struct Cli {
    /// Write logs as JSON, one object a line.
    #[arg(long, global = true, env = "PURSER_LOGS_JSON")]
    pub logs_json: bool,
    /// For tests: the instant the clock shows when the process starts.
    #[arg(long, global = true, hide = true, env = "PURSER_CLOCK")]
    clock: Option<jiff::Timestamp>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything: a simulated Microsoft cloud, Purser, and a sign-in, on this machine only.
    Demo(demo::Args),
    /// Serve the web UI, the API and the daily schedule.
    Serve(serve::Args),
    /// Serve a simulated Microsoft cloud alone.
    Simulator(simulator::Args),
    /// Retrieve now for one account, and show what came of it.
    Run(run::Args),
    /// Write Purchases to a file or to standard output.
    Export(export::Args),
    /// Write everything but the keys into one file, while a server serves.
    Backup(backup::BackupArgs),
    /// Put a backup back into an empty data directory.
    Restore(backup::RestoreArgs),
    /// Look after the keys that seal what is secret.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Try plugins, install versions of them, and decide which work.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Accounts of connectors: those that ask for no consent are added here.
    #[command(subcommand)]
    Account(account::Command),
    /// People who may sign in.
    #[command(subcommand)]
    User(user::Command),
    /// API tokens for programs.
    #[command(subcommand)]
    Token(token::Command),
}

/// Who did what was done from here, and by which means.
pub const COMMAND_LINE: &str = "command line";

/// Where Purser keeps everything, for the commands that need it.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// Configuration file; without it `purser.toml` here, if there is one.
    #[arg(long, env = "PURSER_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data directory, over the configuration's.
    #[arg(long)]
    pub data: Option<PathBuf>,
}

/// Does what was asked.
pub async fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(instant) = cli.clock {
        crate::wiring::begin_clock_at(instant);
    }
    let origin = Origin { means: COMMAND_LINE.to_owned(), address: None };
    match cli.command {
        Command::Account(command) => trail::arising(origin, account::run(command)).await,
        Command::User(command) => trail::arising(origin, user::run(command)).await,
        Command::Token(command) => trail::arising(origin, token::run(command)).await,
        Command::Demo(args) => trail::arising(origin, demo::run(args)).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Simulator(args) => simulator::run(args).await,
        Command::Run(args) => trail::arising(origin, run::run(args)).await,
        Command::Export(args) => export::run(args).await,
        Command::Backup(args) => trail::arising(origin, backup::backup(args)).await,
        Command::Restore(args) => trail::arising(origin, backup::restore(args)).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Plugin(command) => trail::arising(origin, plugin::run(command)).await,
    }
}
