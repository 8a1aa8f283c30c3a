//! Which key-encryption keys the grants are sealed by, and leaving nothing behind of what was sealed.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::AccountId;
use purser_store::keys::{Keys, KnownKey, SealedGrant};
use purser_store::{Error, Result};
use sqlx::{query, query_scalar};

use crate::error::failed;
use crate::values::{account as account_id, id, instant, nanos, unsigned};
use crate::{SqliteStore, Write};

impl SqliteStore {
    /// A write that leaves nothing of what it replaces or deletes in the database: pages are overwritten with zeros.
    pub(crate) async fn shredding_write(&self) -> Result<Write> {
        let mut tx = self.begin().await?;
        sqlx::query("PRAGMA secure_delete = ON").execute(&mut *tx).await.map_err(failed)?;
        Ok(tx)
    }

    /// Folds the log into the database and cuts it off, so that no former state of a page stays behind in it.
    pub(crate) async fn empty_log(&self) -> Result<()> {
        let emptied = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.writer);
        let busy: i64 = emptied.await.map_err(failed)?;
        // Somebody reads an older state for long: the log loses what was erased when it is next written over.
        if busy != 0 {
            tracing::warn!("store.log_not_emptied");
        }
        Ok(())
    }
}

/// Refuses what is sealed by a retired key: its key may be gone already.
pub(crate) async fn refuse_retired(tx: &mut Write, key_version: u32) -> Result<()> {
    let retired = query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM keys WHERE version = ? AND retired_at IS NOT NULL) AS "is!: bool""#,
        key_version
    );
    match retired.fetch_one(&mut **tx).await.map_err(failed)? {
        true => Err(Error::RetiredKey(key_version)),
        false => Ok(()),
    }
}

#[async_trait]
impl Keys for SqliteStore {
    async fn known_keys(&self) -> Result<Vec<KnownKey>> {
        let rows =
            query!("SELECT version, check_value, first_used_at, retired_at FROM keys ORDER BY version");
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(KnownKey {
                    version: unsigned(row.version)?,
                    check: row.check_value,
                    first_used_at: instant(row.first_used_at)?,
                    retired_at: row.retired_at.map(instant).transpose()?,
                })
            })
            .collect()
    }

    async fn know_key(&self, version: u32, check: &[u8], now: Timestamp) -> Result<()> {
        let now = nanos(now);
        let mut tx = self.write().await?;
        query!(
            "INSERT INTO keys (version, check_value, first_used_at) VALUES (?, ?, ?)
             ON CONFLICT (version) DO NOTHING",
            version,
            check,
            now
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn sealed_grants(&self) -> Result<Vec<SealedGrant>> {
        let rows = query!(
            r#"SELECT all_grants.account AS "account!", connector, tenant, sealed AS "sealed!",
                      key_version AS "key_version!"
               FROM (SELECT account, sealed, key_version FROM grants
                     UNION ALL SELECT account, sealed, key_version FROM pending_grants) AS all_grants
               JOIN accounts ON accounts.id = all_grants.account ORDER BY all_grants.account"#
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                Ok(SealedGrant {
                    account: account_id(row.account)?,
                    connector: id(&row.connector, "connector")?,
                    tenant: row.tenant,
                    sealed: row.sealed,
                    key_version: unsigned(row.key_version)?,
                })
            })
            .collect()
    }

    async fn sealed_flows(&self, now: Timestamp) -> Result<Vec<Vec<u8>>> {
        let now = nanos(now);
        let flows = query_scalar!("SELECT sealed FROM flows WHERE expires_at > ?", now);
        flows.fetch_all(&self.readers).await.map_err(failed)
    }

    async fn rewrap_grant(
        &self,
        account: AccountId,
        former: &[u8],
        sealed: &[u8],
        key_version: u32,
    ) -> Result<bool> {
        let mut tx = self.shredding_write().await?;
        refuse_retired(&mut tx, key_version).await?;
        let done = query!(
            "UPDATE grants SET sealed = ?, key_version = ? WHERE account = ? AND sealed = ?",
            sealed,
            key_version,
            account.0,
            former
        );
        let done = done.execute(&mut *tx).await.map_err(failed)?.rows_affected();
        let aside = query!(
            "UPDATE pending_grants SET sealed = ?, key_version = ? WHERE account = ? AND sealed = ?",
            sealed,
            key_version,
            account.0,
            former
        );
        // A sealed text is like no other: it is in one of the two.
        let aside = aside.execute(&mut *tx).await.map_err(failed)?.rows_affected();
        tx.commit().await.map_err(failed)?;
        Ok(done + aside == 1)
    }

    async fn retire_key(&self, version: u32, now: Timestamp) -> Result<()> {
        let now = nanos(now);
        let mut tx = self.write().await?;
        let needed = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM grants WHERE key_version = ?1)
                   OR EXISTS (SELECT 1 FROM pending_grants WHERE key_version = ?1) AS "needed!: bool""#,
            version
        );
        if needed.fetch_one(&mut *tx).await.map_err(failed)? {
            return Err(Error::Conflict("grant sealed by this key"));
        }
        let done =
            query!("UPDATE keys SET retired_at = COALESCE(retired_at, ?) WHERE version = ?", now, version);
        if done.execute(&mut *tx).await.map_err(failed)?.rows_affected() == 0 {
            return Err(Error::NotFound("key"));
        }
        tx.commit().await.map_err(failed)?;
        // Grants as they were wrapped by it leave the log, too.
        self.empty_log().await
    }
}
