//! Tests that need something that may not be there. Where it is not, they are reported as ignored with the reason;
//! with `CI` set an unmet need is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use libtest_mimic::{Arguments, Failed, Trial};

mod answers;
mod authors;
mod browser;
mod javascript;
mod samples;
mod sign_in_servers;
#[path = "../e2e/support.rs"]
mod support;
#[expect(dead_code, reason = "shared with the demo, which uses all of it")]
#[path = "../../host/purser/src/demo/visitor.rs"]
mod visitor;
#[expect(dead_code, reason = "shared with the end-to-end tests, which use all of it")]
#[path = "../e2e/world.rs"]
mod world;

/// A test and what it needs.
pub struct Gated {
    /// A claim.
    pub name: String,
    /// Why it cannot run here; none: it can.
    pub unmet: Option<String>,
    /// The test.
    pub run: Box<dyn FnOnce() -> Result<(), Failed> + Send>,
}

fn main() {
    let arguments = Arguments::from_args();
    let gated = [
        samples::all(),
        answers::all(),
        authors::all(),
        browser::all(),
        javascript::all(),
        sign_in_servers::all(),
    ];
    let trials = gated.into_iter().flatten().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// Whether a program can be started.
fn is_installed(program: &str) -> bool {
    let mut version = std::process::Command::new(program);
    version.arg("--version").output().is_ok_and(|output| output.status.success())
}

fn trial(gated: Gated) -> Trial {
    match gated.unmet {
        None => Trial::test(gated.name, gated.run),
        Some(reason) if std::env::var_os("CI").is_some() => {
            Trial::test(gated.name, move || Err(Failed::from(format!("unmet in CI: {reason}"))))
        }
        Some(reason) => {
            Trial::test(format!("{} [skipped: {reason}]", gated.name), || Ok(())).with_ignored_flag(true)
        }
    }
}
