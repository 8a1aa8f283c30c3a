//! Facts: what later feeds need from earlier ones, per run, and the newest an account has ever had.

use purser_domain::{AccountId, RunId};
use purser_store::Result;
use purser_store::runs::{Fact, Fence};
use sqlx::{SqlitePool, query, query_as};

use crate::Write;
use crate::error::failed;
use crate::values::to_json;

/// Keeps facts a run has brought; a later one of the same kind and key replaces it.
pub(crate) async fn put(tx: &mut Write, fence: Fence, facts: &[Fact]) -> Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    put_json(tx, fence, &to_json(facts)?).await
}

/// The same, of facts already written as JSON.
pub(crate) async fn put_json(tx: &mut Write, fence: Fence, facts: &str) -> Result<()> {
    query!(
        "INSERT INTO facts (account, kind, key, run, value)
         SELECT ?, value ->> 'kind', value ->> 'key', ?, value ->> 'value' FROM json_each(?) WHERE true
         ON CONFLICT (account, kind, key, run) DO UPDATE SET value = excluded.value",
        fence.account.0,
        fence.run.0,
        facts
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Drops what older runs brought and this one brought anew.
pub(crate) async fn forget_older(tx: &mut Write, fence: Fence) -> Result<()> {
    query!(
        "DELETE FROM facts AS old WHERE old.account = ?1 AND old.run < ?2 AND EXISTS
         (SELECT 1 FROM facts AS new
          WHERE new.account = old.account AND new.kind = old.kind AND new.key = old.key AND new.run = ?2)",
        fence.account.0,
        fence.run.0
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// See [`purser_store::Runs::facts`].
pub(crate) async fn of_run(
    readers: &SqlitePool,
    run: RunId,
    kinds: &[String],
    after: Option<(String, String)>,
    limit: u32,
) -> Result<Vec<Fact>> {
    let kinds = to_json(kinds)?;
    let (kind, key) = after.unwrap_or_default();
    let facts = query_as!(
        Fact,
        "SELECT kind, key, value FROM facts
         WHERE run = ? AND kind IN (SELECT value FROM json_each(?)) AND (kind, key) > (?, ?)
         ORDER BY kind, key LIMIT ?",
        run.0,
        kinds,
        kind,
        key,
        limit
    );
    facts.fetch_all(readers).await.map_err(failed)
}

/// See [`purser_store::Runs::fact`].
pub(crate) async fn newest(
    readers: &SqlitePool,
    account: AccountId,
    kind: &str,
    key: &str,
) -> Result<Option<Fact>> {
    let fact = query_as!(
        Fact,
        "SELECT kind, key, value FROM facts WHERE account = ? AND kind = ? AND key = ? ORDER BY run DESC LIMIT 1",
        account.0,
        kind,
        key
    );
    fact.fetch_optional(readers).await.map_err(failed)
}

/// See [`purser_store::Runs::facts_of_kind`].
pub(crate) async fn of_kind(readers: &SqlitePool, account: AccountId, kind: &str) -> Result<Vec<Fact>> {
    let facts = query_as!(
        Fact,
        "SELECT kind, key, value FROM facts AS fact WHERE account = ? AND kind = ? AND NOT EXISTS
         (SELECT 1 FROM facts AS newer
          WHERE newer.account = fact.account AND newer.kind = fact.kind AND newer.key = fact.key AND newer.run > fact.run)
         ORDER BY key",
        account.0, kind
    );
    facts.fetch_all(readers).await.map_err(failed)
}
