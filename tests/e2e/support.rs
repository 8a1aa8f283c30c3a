//! The real binary, and what tests read of it.

use std::path::Path;
use std::process::{Command, Output};

/// The binary under test.
pub fn purser() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purser"));
    command.env_remove("PURSER_CONFIG").env_remove("RUST_LOG").current_dir(std::env::temp_dir());
    command
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Writes a file into a fresh folder.
pub fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> std::path::PathBuf {
    let path = Path::join(folder.path(), name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A port nobody listens on at this moment.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
