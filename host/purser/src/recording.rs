//! `purser run --record`: the recording of one run, to read, to give away, and to try plugins with.
//!
//! What it holds and leaves out is in [`purser_pipeline::recording`].

use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use purser_domain::RunId;
use purser_pipeline::recording::redact::Names;
use purser_pipeline::recording::{Source, Spool};

use crate::failure::Failure;
use crate::whole_file::WholeFile;
use crate::wiring::Purser;

/// Records a run of this process from now on. What is recorded waits in a file without a name.
///
/// # Errors
/// Where no temporary file can be made.
pub fn begin(purser: &Purser, run: RunId) -> anyhow::Result<Arc<Spool>> {
    let file = tempfile::tempfile().map_err(|error| unwritable(&error))?;
    let spool = Arc::new(Spool::new(run, purser.random_key(), file));
    // Set once: a command records one run.
    let _ = purser.host.recorder.set(spool.clone());
    Ok(spool)
}

/// Writes the recording of a run that has ended; gives how many answers are in it.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(out: &Path, spool: &Spool, source: Source<'_>, names: Names) -> anyhow::Result<u64> {
    let write = || {
        let part = WholeFile::begin(out)?;
        let count = spool.finish(source, names, &mut BufWriter::new(part.file()))?;
        part.end()?;
        Ok(count)
    };
    write().map_err(|error: std::io::Error| unwritable(&error).into())
}

fn unwritable(error: &std::io::Error) -> Failure {
    let what = format!("the recording cannot be written: {error}");
    Failure::new("CLI-RECORD", what, "name a file that may be written with --record")
}
