//! The file: what is wrong with it is told, and other processes may use it too.

use std::path::Path;

use jiff::Timestamp;
use purser_store::people::AuditEntry;
use purser_store::{Accounts as _, Error, People as _};
use purser_store_sqlite::SqliteStore;
use sqlx::{Connection as _, SqliteConnection};

async fn execute(file: &Path, sql: &'static str) -> sqlx::Result<()> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query(sql).execute(&mut connection).await?;
    connection.close().await
}

fn damage(opened: Result<SqliteStore, Error>) -> String {
    match opened {
        Err(Error::Damaged(what)) => what,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("purser.db");
    SqliteStore::open(&file).await.unwrap().close().await;
    let newer = "INSERT INTO host_migrations (version, description, success, checksum, execution_time)
                 VALUES (99990101, 'from the future', 1, x'00', 0)";
    execute(&file, newer).await.unwrap();
    assert!(damage(SqliteStore::open(&file).await).contains("newer Purser"));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("purser.db");
    std::fs::write(&file, "this is a letter, and long enough to be read as one ".repeat(50)).unwrap();
    assert!(damage(SqliteStore::open(&file).await).contains("backup"));
}

#[tokio::test]
async fn nobody_changes_or_removes_an_audit_entry() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("purser.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let detail = serde_json::json!({});
    let entry = AuditEntry { at: Timestamp::UNIX_EPOCH, who: "ann".into(), what: "test".into(), detail };
    store.audit(&entry).await.unwrap();
    assert!(execute(&file, "UPDATE audit SET who = 'eve'").await.is_err());
    assert!(execute(&file, "DELETE FROM audit").await.is_err());
    assert_eq!(store.audit_trail(9).await.unwrap(), [entry]);
}

#[tokio::test]
async fn two_processes_write_the_same_file_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("purser.db");
    let (server, command) =
        (SqliteStore::open(&file).await.unwrap(), SqliteStore::open(&file).await.unwrap());
    let connect = async |store: &SqliteStore, who: &str| {
        for number in 0..20 {
            let (connector, tenant) = ("sample".parse().unwrap(), format!("{who} {number}"));
            store
                .connect_account(&connector, "global", &tenant, &tenant, Timestamp::UNIX_EPOCH)
                .await
                .unwrap();
        }
    };
    tokio::join!(connect(&server, "server"), connect(&command, "command"));
    assert_eq!(server.accounts().await.unwrap().len(), 40);
    assert_eq!(command.integrity_check().await.unwrap(), Vec::<String>::new());
}
