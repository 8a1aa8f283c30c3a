//! Recordings in files.

use std::path::Path;

use purser_pipeline::recording::Recording;

use crate::failure::Failure;

/// Reads a recording.
///
/// # Errors
/// Where the file cannot be read or holds none.
pub fn read(file: &Path) -> anyhow::Result<Recording> {
    let remedy = "give a file that `purser run --record FILE` has written, or one like a new plugin's recordings/answers.jsonl";
    let wrong = |why: String| {
        Failure::input("CLI-RECORDING", format!("{} is no recording: {why}", file.display()), remedy)
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    Ok(Recording::parse(&text).map_err(|error| wrong(error.to_string()))?)
}
