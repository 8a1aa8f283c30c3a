//! What SQLite says, in the store's words.

use purser_store::Error;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const NOT_A_DATABASE: u32 = 26;
/// Extended codes of a disk that takes no more: SQLite knows only the plainest case as [`FULL`]. A quota or a limit on the
/// size of a file, and a log's index that cannot grow, are errors of writing to it.
const NO_ROOM: [u32; 2] = [10 | (3 << 8), 10 | (19 << 8)];

/// The error of a query.
pub(crate) fn failed(error: sqlx::Error) -> Error {
    // The extended code keeps the primary one in its lowest byte.
    let code = error.as_database_error().and_then(extended_code);
    match code.map(|code| (code & 0xff, code)) {
        Some((FULL, _)) => Error::DiskFull,
        Some((_, code)) if NO_ROOM.contains(&code) => Error::DiskFull,
        Some((CORRUPT | NOT_A_DATABASE, _)) => {
            Error::Damaged("the database file is damaged; restore it from a backup".into())
        }
        _ => Error::Failed(Box::new(error)),
    }
}

/// The error of a write that may meet a unique constraint.
pub(crate) fn conflict(what: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match error.as_database_error() {
        Some(cause) if cause.is_unique_violation() => Error::Conflict(what),
        _ => failed(error),
    }
}

/// The error of bringing the schema up to date.
pub(crate) fn unreadable_schema(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            Error::Damaged("the database was written by a newer Purser; start that version, or restore a backup".into())
        }
        MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => Error::Damaged(
            "the database's schema is not the one this Purser wrote; start the version that wrote it, or restore a backup".into(),
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        other => Error::Failed(Box::new(other)),
    }
}

/// What is stored is not what this version writes.
pub(crate) fn damaged(what: &str) -> Error {
    Error::Damaged(format!(
        "a stored {what} has an unknown form; it was written by a newer Purser, or is damaged"
    ))
}

fn extended_code(error: &dyn DatabaseError) -> Option<u32> {
    error.code()?.parse().ok()
}
