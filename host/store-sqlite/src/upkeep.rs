//! Upkeep: what has expired goes, and whether the file is sound.

use jiff::Timestamp;
use purser_store::Result;
use sqlx::{query, query_as, query_scalar};

use crate::SqliteStore;
use crate::error::failed;
use crate::values::nanos;

impl SqliteStore {
    /// Removes sessions, consent flows and set-up links that have expired, and pages that no answer cites (those of
    /// answers that broke off). Called now and then by the server.
    pub async fn vacuum_expired(&self, now: Timestamp) -> Result<()> {
        let now = nanos(now);
        let mut tx = self.write().await?;
        query!("DELETE FROM sessions WHERE expires_at <= ?", now).execute(&mut *tx).await.map_err(failed)?;
        query!("DELETE FROM flows WHERE expires_at <= ?", now).execute(&mut *tx).await.map_err(failed)?;
        query!("DELETE FROM setup_token WHERE expires_at <= ?", now)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        query!("DELETE FROM password_links WHERE expires_at <= ?", now)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        query!(
            "DELETE FROM pages WHERE NOT EXISTS
             (SELECT 1 FROM page_reads AS r WHERE r.account = pages.account AND r.digest = pages.digest)"
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// What SQLite finds wrong with the file; empty when it is sound. Reads all of it.
    pub async fn integrity_check(&self) -> Result<Vec<String>> {
        // Pragmas have no columns known beforehand, so the macros cannot check them.
        let lines: Vec<String> =
            query_scalar("PRAGMA integrity_check").fetch_all(&self.readers).await.map_err(failed)?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Every value of every table as bytes, with the names of its table and column: for whoever looks for what must not
    /// be there. Reads all of it.
    pub async fn every_value(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let columns: Vec<(String, String)> = query_as(
            "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let mut found = Vec::new();
        for (table, column) in columns {
            // The names come from the schema itself, and a name can not be bound.
            let values = sqlx::AssertSqlSafe(format!(
                "SELECT CAST(\"{column}\" AS BLOB) FROM \"{table}\" WHERE \"{column}\" IS NOT NULL"
            ));
            let values: Vec<Vec<u8>> = query_scalar(values).fetch_all(&self.readers).await.map_err(failed)?;
            found.extend(values.into_iter().map(|value| (format!("{table}.{column}"), value)));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use purser_store::people::AuditEntry;
    use purser_store::{Error, People as _};

    use super::*;

    async fn open() -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path().join("purser.db")).await.unwrap(), folder)
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_changes_nothing() {
        let (store, _folder) = open().await;
        let pages: i64 = query_scalar("PRAGMA page_count").fetch_one(&store.writer).await.unwrap();
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 2));
        sqlx::query(limit).execute(&store.writer).await.unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let detail = serde_json::Value::String("x".repeat(100_000));
        let entry = AuditEntry { at, who: "ann".into(), what: "test".into(), detail };
        assert!(matches!(store.audit(&entry).await, Err(Error::DiskFull)));
        assert_eq!(store.audit_trail(9).await.unwrap(), []);
        let small = AuditEntry { detail: serde_json::Value::Null, ..entry };
        store.audit(&small).await.unwrap();
    }

    #[tokio::test]
    async fn expired_sessions_go_and_others_stay() {
        let (store, _folder) = open().await;
        let second = |second| Timestamp::from_second(second).unwrap();
        store.save_session(&[1; 32], b"old", second(10)).await.unwrap();
        store.save_session(&[2; 32], b"new", second(30)).await.unwrap();
        store.vacuum_expired(second(20)).await.unwrap();
        assert_eq!(store.load_session(&[1; 32], second(0)).await.unwrap(), None);
        assert!(store.load_session(&[2; 32], second(0)).await.unwrap().is_some());
    }
}
