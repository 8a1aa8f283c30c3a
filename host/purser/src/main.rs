//! Purser on the command line. Each command is one file under `command/`; this one only chooses and reports.

#![deny(clippy::print_stdout)] // `say!` in its place

use std::process::ExitCode;

use clap::Parser as _;

mod acts;
mod allocator;
mod backup;
mod bundled;
mod command;
mod config;
mod crash;
mod data;
mod demo;
mod failure;
mod keys;
mod kit;
mod logging;
mod progress;
mod recording;
mod say;
mod whole_file;
mod wiring;

use command::Cli;

fn main() -> ExitCode {
    crash::leave_nothing();
    allocator::tell();
    let cli = Cli::parse();
    logging::start(cli.logs_json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(command::execute(cli)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", failure::told(&error));
            tracing::debug!(error = format!("{error:#}"), "command failed");
            failure::exit_code(&error)
        }
    }
}
