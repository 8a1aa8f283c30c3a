//! Operators: users, sessions, the one-time set-up link, the audit trail.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_store::people::{AuditEntry, People, User};
use purser_store::{Error, Result};
use sqlx::{query, query_scalar};

use crate::error::{conflict, failed};
use crate::values::{from_json, from_word, instant, nanos, to_json, word};
use crate::{SqliteStore, Write};

#[async_trait]
impl People for SqliteStore {
    async fn users(&self) -> Result<Vec<User>> {
        let rows = query!("SELECT name, password_hash, role FROM users ORDER BY folded_name");
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(|row| user(row.name, row.password_hash, row.role)).collect()
    }

    async fn user(&self, name: &str) -> Result<Option<User>> {
        let folded = name.to_lowercase();
        let row = query!("SELECT name, password_hash, role FROM users WHERE folded_name = ?", folded);
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.map(|row| user(row.name, row.password_hash, row.role)).transpose()
    }

    async fn add_user(&self, user: &User) -> Result<()> {
        let mut tx = self.write().await?;
        insert_user(&mut tx, user).await?;
        tx.commit().await.map_err(failed)
    }

    async fn put_setup_token(&self, token_hash: &[u8; 32], expires_at: Timestamp) -> Result<()> {
        let (token, expires_at) = (token_hash.as_slice(), nanos(expires_at));
        let mut tx = self.write().await?;
        query!(
            "INSERT OR REPLACE INTO setup_token (one, token_hash, expires_at) VALUES (1, ?, ?)",
            token,
            expires_at
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn redeem_setup_token(&self, token_hash: &[u8; 32], admin: &User, now: Timestamp) -> Result<()> {
        let (token, now) = (token_hash.as_slice(), nanos(now));
        let mut tx = self.write().await?;
        let users = query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM users) AS "any!: bool""#);
        if users.fetch_one(&mut *tx).await.map_err(failed)? {
            return Err(Error::Conflict("first administrator"));
        }
        let taken = query!("DELETE FROM setup_token WHERE token_hash = ? AND expires_at > ?", token, now);
        if taken.execute(&mut *tx).await.map_err(failed)?.rows_affected() == 0 {
            return Err(Error::NotFound("set-up link"));
        }
        insert_user(&mut tx, admin).await?;
        tx.commit().await.map_err(failed)
    }

    async fn save_session(&self, id_hash: &[u8; 32], data: &[u8], expires_at: Timestamp) -> Result<()> {
        let (session, expires_at) = (id_hash.as_slice(), nanos(expires_at));
        let mut tx = self.write().await?;
        query!(
            "INSERT OR REPLACE INTO sessions (id_hash, data, expires_at) VALUES (?, ?, ?)",
            session,
            data,
            expires_at
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn load_session(&self, id_hash: &[u8; 32], now: Timestamp) -> Result<Option<Vec<u8>>> {
        let (session, now) = (id_hash.as_slice(), nanos(now));
        let data =
            query_scalar!("SELECT data FROM sessions WHERE id_hash = ? AND expires_at > ?", session, now);
        data.fetch_optional(&self.readers).await.map_err(failed)
    }

    async fn delete_session(&self, id_hash: &[u8; 32]) -> Result<()> {
        let session = id_hash.as_slice();
        let mut tx = self.write().await?;
        query!("DELETE FROM sessions WHERE id_hash = ?", session).execute(&mut *tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn audit(&self, entry: &AuditEntry) -> Result<()> {
        let (at, detail) = (nanos(entry.at), to_json(&entry.detail)?);
        let mut tx = self.write().await?;
        query!(
            "INSERT INTO audit (at, who, what, detail) VALUES (?, ?, ?, ?)",
            at,
            entry.who,
            entry.what,
            detail
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn audit_trail(&self, limit: u32) -> Result<Vec<AuditEntry>> {
        let rows = query!("SELECT at, who, what, detail FROM audit ORDER BY id DESC LIMIT ?", limit);
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let (at, detail) = (instant(row.at)?, from_json(&row.detail, "audit entry")?);
                Ok(AuditEntry { at, who: row.who, what: row.what, detail })
            })
            .collect()
    }
}

fn user(name: String, password_hash: String, role: String) -> Result<User> {
    Ok(User { name, password_hash, role: from_word(role, "role")? })
}

async fn insert_user(tx: &mut Write, user: &User) -> Result<()> {
    let (folded, role) = (user.name.to_lowercase(), word(user.role)?);
    query!(
        "INSERT INTO users (folded_name, name, password_hash, role) VALUES (?, ?, ?, ?)",
        folded,
        user.name,
        user.password_hash,
        role
    )
    .execute(&mut **tx)
    .await
    .map_err(conflict("user"))?;
    Ok(())
}
