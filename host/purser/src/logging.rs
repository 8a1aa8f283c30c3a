//! Logs go to stderr, filtered by `RUST_LOG`; results go to stdout, so that both can be piped apart.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// At its loudest this tells the path of every request, and the path of a one-time link is its secret.
const QUIET: &str = "tower_http::csrf=info";

/// Starts logging. Without `RUST_LOG`: warnings of libraries, news of Purser.
pub fn start(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,purser=info"));
    let filter = match QUIET.parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        logs.json().init();
    } else {
        logs.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
