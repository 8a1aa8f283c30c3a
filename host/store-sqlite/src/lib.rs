//! The store on an embedded SQLite database.
//!
//! **Invariants:** there is one writing connection in a process, and each store call that writes is one `IMMEDIATE`
//! transaction on it, so another process on the same file waits and never interleaves; a commit has reached the disk
//! when the call returns (`synchronous = FULL`). Queries are checked against the migrations when this crate is
//! compiled; the one built text, the bulk upsert of Purchases, is prepared by a test.

mod access;
mod accounts;
mod backup;
mod book;
mod commit;
mod customers;
mod error;
mod facts;
mod frontier;
mod hand_overs;
mod keys;
mod ledger;
mod lines;
mod notices;
mod pages;
mod partitions;
mod people;
mod periods;
mod plugins;
mod pricing;
mod rejected;
mod rollups;
mod rows;
mod run_row;
mod runs;
mod sent;
mod standing;
mod texts;
mod tokens;
mod upkeep;
mod upsert;
mod values;

use std::path::Path;
use std::time::Duration;

use purser_store::Result;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::book::Mappings;
use crate::error::{failed, unreadable_schema};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How long a call waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers at the same time; each is a thread and an open file.
const READERS: u32 = 4;
/// Rows a query's thread may be ahead of its reader: with few, the two wake each other for every row.
const ROW_BUFFER: usize = 1024;
/// A writer's page cache in KiB, as SQLite wants it: negative. Keys are in order, so more of it makes no run faster: it
/// would only go on filling for some hundred thousand records.
const WRITER_CACHE: &str = "-16384";
/// A reader's.
const READER_CACHE: &str = "-1024";
/// Pages in the log before it is folded into the database: rewriting the same page often is saved for bulk commits.
const CHECKPOINT_PAGES: &str = "2000";
/// Bytes of a database page: a row is some 600 bytes, and twice the default size saves a fifth of the time to fill.
const PAGE_BYTES: u32 = 8192;

/// Waits for the write lock at once: a transaction that begins as a reader may find itself unable to write later.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A store in one SQLite file. Cheap to clone; the clones share their connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    mappings: Mappings,
}

/// A write under way: dropped without [`Transaction::commit`], it changes nothing.
type Write = Transaction<'static, Sqlite>;

impl SqliteStore {
    /// Opens the database, makes it where there is none, and brings its schema up to date.
    ///
    /// Errors: [`purser_store::Error::Damaged`] where the file is no database of ours, or a newer Purser's.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .page_size(PAGE_BYTES)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(ROW_BUFFER);
        let writing =
            options.clone().pragma("cache_size", WRITER_CACHE).pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        let writer = pool(1).connect_with(writing).await.map_err(failed)?;
        MIGRATIONS.run(&writer).await.map_err(unreadable_schema)?;
        let reading = options.pragma("cache_size", READER_CACHE).pragma("query_only", "ON");
        let readers = pool(READERS).connect_lazy_with(reading);
        Ok(Self { writer, readers, mappings: Mappings::default() })
    }

    /// Closes the connections; what was committed is in the one file then.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn write(&self) -> Result<Write> {
        let mut tx = self.begin().await?;
        // What is no secret is deleted without writing its pages once more.
        sqlx::query("PRAGMA secure_delete = FAST").execute(&mut *tx).await.map_err(failed)?;
        Ok(tx)
    }

    async fn begin(&self) -> Result<Write> {
        match self.writer.begin_with(BEGIN).await {
            // On some errors (a full disk) SQLite ends a transaction by itself, and sqlx goes on counting it: only a
            // new connection can write again.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await.map_err(failed)?.close().await.map_err(failed)?;
                self.writer.begin_with(BEGIN).await.map_err(failed)
            }
            begun => begun.map_err(failed),
        }
    }
}

/// Connections are never given back for age: each has its warm cache.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(60))
}
