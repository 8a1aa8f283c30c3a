//! The SQLite store keeps the store's contract.

#![expect(clippy::unwrap_used, reason = "tests")]

use purser_store_sqlite::SqliteStore;
use tempfile::TempDir;

async fn open() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("purser.db")).await.unwrap();
    (store, folder)
}

purser_store::contract_tests!(open);
