//! API tokens: kept under their hash, never removed, so that what one did can be told after it has ended.

use jiff::Timestamp;
use purser_store::access::{ApiToken, NewToken};
use purser_store::{Error, Result};
use sqlx::{query, query_as, query_scalar};

use crate::error::{conflict, failed};
use crate::values::{from_json, from_word, instant, instant_if, nanos, to_json, word};
use crate::{SqliteStore, Write};

/// Use within this time is not written down again.
const TOUCH_NANOS: i64 = 60 * 1_000_000_000;

struct TokenRow {
    id: i64,
    name: String,
    owner: Option<String>,
    role: String,
    scopes: String,
    created_by: String,
    created_at: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TokenRow {
    fn token(self) -> Result<ApiToken> {
        let made = NewToken {
            name: self.name,
            owner: self.owner,
            role: from_word(self.role, "role")?,
            scopes: from_json(&self.scopes, "scope")?,
            created_by: self.created_by,
            created_at: instant(self.created_at)?,
            expires_at: instant(self.expires_at)?,
        };
        let (last_used_at, revoked_at) = (instant_if(self.last_used_at)?, instant_if(self.revoked_at)?);
        Ok(ApiToken { id: self.id, made, last_used_at, revoked_at })
    }
}

pub(crate) async fn add(store: &SqliteStore, hash: &[u8; 32], token: &NewToken) -> Result<i64> {
    let (hash, owner) = (hash.as_slice(), token.owner.as_ref().map(|owner| owner.to_lowercase()));
    let (role, scopes) = (word(token.role)?, to_json(&token.scopes)?);
    let (created_at, expires_at) = (nanos(token.created_at), nanos(token.expires_at));
    let mut tx = store.write().await?;
    let id = query_scalar!(
        r#"INSERT INTO api_tokens (token_hash, name, owner, role, scopes, created_by, created_at, expires_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS "id!""#,
        hash,
        token.name,
        owner,
        role,
        scopes,
        token.created_by,
        created_at,
        expires_at
    );
    let id = id.fetch_one(&mut *tx).await.map_err(conflict("token"))?;
    tx.commit().await.map_err(failed)?;
    Ok(id)
}

pub(crate) async fn all(store: &SqliteStore) -> Result<Vec<ApiToken>> {
    let rows = query_as!(
        TokenRow,
        r#"SELECT id AS "id!", name, owner, role, scopes, created_by, created_at, expires_at, last_used_at, revoked_at
           FROM api_tokens ORDER BY id DESC"#
    );
    let rows = rows.fetch_all(&store.readers).await.map_err(failed)?;
    rows.into_iter().map(TokenRow::token).collect()
}

pub(crate) async fn good(store: &SqliteStore, hash: &[u8; 32], now: Timestamp) -> Result<Option<ApiToken>> {
    let (hash, now) = (hash.as_slice(), nanos(now));
    let row = query_as!(
        TokenRow,
        r#"SELECT id AS "id!", name, owner, role, scopes, created_by, created_at, expires_at, last_used_at, revoked_at
           FROM api_tokens WHERE token_hash = ? AND expires_at > ? AND revoked_at IS NULL"#,
        hash,
        now
    );
    row.fetch_optional(&store.readers).await.map_err(failed)?.map(TokenRow::token).transpose()
}

pub(crate) async fn used(store: &SqliteStore, id: i64, now: Timestamp) -> Result<()> {
    let now = nanos(now);
    let earlier = now.saturating_sub(TOUCH_NANOS);
    let mut tx = store.write().await?;
    query!(
        "UPDATE api_tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)",
        now,
        id,
        earlier
    )
    .execute(&mut *tx)
    .await
    .map_err(failed)?;
    tx.commit().await.map_err(failed)
}

pub(crate) async fn revoke(store: &SqliteStore, id: i64, now: Timestamp) -> Result<ApiToken> {
    let now = nanos(now);
    let mut tx = store.write().await?;
    let row = query_as!(
        TokenRow,
        r#"UPDATE api_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL
           RETURNING id AS "id!", name, owner, role, scopes, created_by, created_at, expires_at, last_used_at,
                     revoked_at"#,
        now,
        id
    );
    let row = row.fetch_optional(&mut *tx).await.map_err(failed)?.ok_or(Error::NotFound("token"))?;
    tx.commit().await.map_err(failed)?;
    row.token()
}

/// Ends all tokens of a person; gives how many.
pub(crate) async fn end(tx: &mut Write, owner: &str, now: Timestamp) -> Result<u64> {
    let now = nanos(now);
    let ended =
        query!("UPDATE api_tokens SET revoked_at = ? WHERE owner = ? AND revoked_at IS NULL", now, owner);
    Ok(ended.execute(&mut **tx).await.map_err(failed)?.rows_affected())
}
