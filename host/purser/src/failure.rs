//! How a command fails: a code, what happened, what to do. The chain behind it is for the log.

use std::borrow::Cow;
use std::process::ExitCode;

use purser_web::Problem;

/// A failure with everything the person at the terminal needs.
#[derive(Debug, thiserror::Error)]
#[error("{code} {what} · {remedy}")]
pub struct Failure {
    code: Cow<'static, str>,
    what: String,
    remedy: String,
    exit: u8,
}

impl Failure {
    /// A failure that ends the command with exit code 1.
    pub fn new(code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.into(), what: what.into(), remedy: remedy.into(), exit: 1 }
    }

    /// The input is not what the command takes: exit code 2.
    pub fn input(code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::new(code, what, remedy) }
    }
}

/// What a page would say, at a terminal.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let exit = if problem.status < 500 { 2 } else { 1 };
        Self { code: problem.code.into(), what: problem.what, remedy: problem.remedy, exit }
    }
}

impl From<purser_store::Error> for Failure {
    fn from(error: purser_store::Error) -> Self {
        use purser_store::Error;
        tracing::debug!(error = &error as &dyn std::error::Error, "store failed");
        match error {
            Error::DiskFull => Self::new(
                "STO-DISK-FULL",
                "the disk is full; nothing that was committed is lost",
                "free some space and start again: a run under way goes on where it was",
            ),
            Error::Damaged(what) => {
                Self::new("STO-DAMAGED", what, "restore the data directory from a backup")
            }
            error => Self::new(
                "STO-FAILED",
                format!("the database could not answer: {error}"),
                "start again; if it stays, look at the log with RUST_LOG=debug",
            ),
        }
    }
}

/// What the terminal shows.
pub fn told(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Failure>() {
        Some(failure) => format!("purser: {failure}"),
        None => format!("purser: {error:#}"),
    }
}

/// The exit code of an error.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(error.downcast_ref::<Failure>().map_or(1, |failure| failure.exit))
}
