//! What a command tells people on standard output.
//!
//! **Invariant:** a command ends for its own reasons, never because nobody reads on (`purser plugin list | head -1`); what
//! could not be written for any other reason is told once more where errors go.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

/// As `println!`, for people who may stop reading.
macro_rules! say {
    ($($words:tt)*) => { $crate::say::line(format_args!($($words)*)) };
}
pub(crate) use say;

/// Writes a line.
pub(crate) fn line(words: Arguments<'_>) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{words}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Where this cannot be written either, nobody can be told.
        let _ = writeln!(std::io::stderr().lock(), "{words}\n(standard output: {error})");
    }
}
