//! What runs sent: the first and the last of each run's requests.

use async_trait::async_trait;
use purser_domain::RunId;
use purser_store::Result;
use purser_store::runs::Fence;
use purser_store::sent::{KEPT_AT_EACH_END, Sent, SentLog, SentLogs};
use sqlx::{query, query_as, query_scalar};

use crate::error::failed;
use crate::runs::hold;
use crate::values::{instant, nanos, signed, unsigned};
use crate::{SqliteStore, Write};

struct SentRow {
    number: i64,
    at: i64,
    call: String,
    method: String,
    host: String,
    path: String,
    status: Option<i64>,
    code: String,
    bytes: i64,
    attempts: i64,
    millis: i64,
    request_id: String,
}

impl SentRow {
    fn line(self) -> Result<(u64, Sent)> {
        let sent = Sent {
            at: instant(self.at)?,
            call: self.call,
            method: self.method,
            host: self.host,
            path: self.path,
            status: self.status.map(unsigned).transpose()?,
            code: self.code,
            bytes: unsigned(self.bytes)?,
            attempts: unsigned(self.attempts)?,
            millis: unsigned(self.millis)?,
            request_id: self.request_id,
        };
        Ok((unsigned(self.number)?, sent))
    }
}

#[async_trait]
impl SentLogs for SqliteStore {
    async fn note_sent(&self, fence: Fence, lines: &[Sent]) -> Result<()> {
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        append(&mut tx, fence.run, lines).await?;
        tx.commit().await.map_err(failed)
    }

    async fn sent(&self, run: RunId) -> Result<SentLog> {
        let rows = query_as!(
            SentRow,
            "SELECT number, at, call, method, host, path, status, code, bytes, attempts, millis, request_id
             FROM sent WHERE run = ? ORDER BY number",
            run.0
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let lines = rows.into_iter().map(SentRow::line).collect::<Result<Vec<_>>>()?;
        let total = lines.last().map_or(0, |(number, _)| *number);
        Ok(SentLog { lines, total })
    }
}

/// Behind what is there; of a long run those in the middle are dropped.
pub(crate) async fn append(tx: &mut Write, run: RunId, lines: &[Sent]) -> Result<()> {
    let mut number = newest(tx, run).await?;
    for line in lines {
        number = number.saturating_add(1);
        insert(tx, run, number, line).await?;
    }
    let kept = signed(KEPT_AT_EACH_END);
    let dropped_to = number.saturating_sub(kept);
    query!("DELETE FROM sent WHERE run = ? AND number > ? AND number <= ?", run.0, kept, dropped_to)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// The newest number, which is never dropped: so it counts all there were.
async fn newest(tx: &mut Write, run: RunId) -> Result<i64> {
    let newest = query_scalar!(r#"SELECT MAX(number) AS "newest: i64" FROM sent WHERE run = ?"#, run.0);
    Ok(newest.fetch_one(&mut **tx).await.map_err(failed)?.unwrap_or(0))
}

async fn insert(tx: &mut Write, run: RunId, number: i64, line: &Sent) -> Result<()> {
    let (at, status) = (nanos(line.at), line.status.map(i64::from));
    let (bytes, attempts, millis) = (signed(line.bytes), i64::from(line.attempts), signed(line.millis));
    query!(
        "INSERT INTO sent (run, number, at, call, method, host, path, status, code, bytes, attempts, millis, request_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        run.0,
        number,
        at,
        line.call,
        line.method,
        line.host,
        line.path,
        status,
        line.code,
        bytes,
        attempts,
        millis,
        line.request_id
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}
