//! Operators: users, sessions, the one-time set-up link, the audit trail.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_store::access::Identity;
use purser_store::people::{AuditEntry, People, User};
use purser_store::trail::{self, Line, Wanted};
use purser_store::{Error, Result};
use sqlx::{query, query_as, query_scalar};

use crate::error::{conflict, failed};
use crate::values::{from_json, from_word, instant, nanos, to_json, word};
use crate::{SqliteStore, Write};

#[async_trait]
impl People for SqliteStore {
    async fn users(&self) -> Result<Vec<User>> {
        let rows = query_as!(
            UserRow,
            "SELECT name, password_hash, role, issuer, subject, disabled, generation FROM users ORDER BY folded_name"
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(UserRow::user).collect()
    }

    async fn user(&self, name: &str) -> Result<Option<User>> {
        let folded = name.to_lowercase();
        let row = query_as!(
            UserRow,
            "SELECT name, password_hash, role, issuer, subject, disabled, generation
             FROM users WHERE folded_name = ?",
            folded
        );
        row.fetch_optional(&self.readers).await.map_err(failed)?.map(UserRow::user).transpose()
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
        let (at, detail, origin) = (nanos(entry.at), to_json(&entry.detail)?, trail::origin());
        let address = origin.address.map(|address| address.to_string()).unwrap_or_default();
        let mut tx = self.write().await?;
        query!(
            "INSERT INTO audit (at, who, what, detail, means, address) VALUES (?, ?, ?, ?, ?, ?)",
            at,
            entry.who,
            entry.what,
            detail,
            origin.means,
            address
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

    async fn audit_lines(&self, wanted: &Wanted) -> Result<Vec<Line>> {
        let account = wanted.account.map(|account| i64::from(account.0));
        let (from, until) = (wanted.from.map_or(i64::MIN, nanos), wanted.until.map_or(i64::MAX, nanos));
        let before = wanted.before.unwrap_or(i64::MAX);
        let rows = query!(
            "SELECT id, at, who, what, detail, means, address FROM audit
             WHERE (?1 = '' OR instr(lower(who), lower(?1)) > 0) AND (?2 = '' OR instr(lower(what), lower(?2)) > 0)
               AND (?3 IS NULL OR account = ?3) AND at >= ?4 AND at < ?5 AND id < ?6
             ORDER BY id DESC LIMIT ?7",
            wanted.who,
            wanted.what,
            account,
            from,
            until,
            before,
            wanted.limit
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let (at, detail) = (instant(row.at)?, from_json(&row.detail, "audit entry")?);
                let entry = AuditEntry { at, who: row.who, what: row.what, detail };
                Ok(Line { id: row.id, entry, means: row.means, address: row.address })
            })
            .collect()
    }
}

/// A user as it stands in the table.
pub(crate) struct UserRow {
    pub(crate) name: String,
    pub(crate) password_hash: String,
    pub(crate) role: String,
    pub(crate) issuer: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) disabled: i64,
    pub(crate) generation: i64,
}

impl UserRow {
    pub(crate) fn user(self) -> Result<User> {
        let identity = self.issuer.zip(self.subject).map(|(issuer, subject)| Identity { issuer, subject });
        Ok(User {
            name: self.name,
            password_hash: self.password_hash,
            role: from_word(self.role, "role")?,
            identity,
            is_disabled: self.disabled != 0,
            generation: self.generation,
        })
    }
}

/// The next generation: nobody else's, ever.
pub(crate) async fn next_generation(tx: &mut Write) -> Result<i64> {
    let next = query_scalar!("UPDATE generations SET newest = newest + 1 WHERE one = 1 RETURNING newest");
    next.fetch_one(&mut **tx).await.map_err(failed)
}

/// Adds a user of a generation of their own.
pub(crate) async fn insert_user(tx: &mut Write, user: &User) -> Result<i64> {
    let (folded, role) = (user.name.to_lowercase(), word(user.role)?);
    let identity = user.identity.as_ref();
    let (issuer, subject) = (identity.map(|it| &it.issuer), identity.map(|it| &it.subject));
    let generation = next_generation(tx).await?;
    query!(
        "INSERT INTO users (folded_name, name, password_hash, role, issuer, subject, generation)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        folded,
        user.name,
        user.password_hash,
        role,
        issuer,
        subject,
        generation
    )
    .execute(&mut **tx)
    .await
    .map_err(conflict("user"))?;
    Ok(generation)
}
