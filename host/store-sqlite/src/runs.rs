//! Runs: ordered once, claimed by one worker at a time, fenced.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::{AccountId, Cast, Digest, RunId};
use purser_store::runs::{
    Completion, Fact, Fence, Incomplete, LogLine, Order, Page, PageRead, PageSource, Partition, Request, Run,
    RunState, Runs,
};
use purser_store::{Error, Result};
use sqlx::{query, query_as, query_scalar};

use crate::error::failed;
use crate::run_row::RunRow;
use crate::values::{instant, nanos, to_json, unsigned, word};
use crate::{SqliteStore, Write, pages, partitions};

/// Whether this worker still holds the run; nothing may be written for it otherwise.
pub(crate) async fn hold(tx: &mut Write, fence: Fence) -> Result<()> {
    let held = query_scalar!(
        "SELECT attempt FROM runs WHERE id = ? AND account = ? AND attempt = ? AND state = 'running'",
        fence.run.0,
        fence.account.0,
        fence.attempt
    );
    held.fetch_optional(&mut **tx).await.map_err(failed)?.map(|_| ()).ok_or(Error::Fenced)
}

#[async_trait]
impl Runs for SqliteStore {
    async fn order_run(&self, order: &Order, now: Timestamp) -> Result<Option<RunId>> {
        let (cause, as_of, now) = (word(order.trigger)?, nanos(order.as_of), nanos(now));
        let (local_date, from, to) =
            (order.local_date.to_string(), order.window_from.to_string(), order.window_to.to_string());
        let Cast { crawl, mapping, localisation } = &order.cast;
        let (crawl, mapping, localisation) =
            (crawl.as_bytes().as_slice(), mapping.as_bytes().as_slice(), localisation.as_bytes().as_slice());
        let mut tx = self.write().await?;
        let known = query_scalar!("SELECT id FROM accounts WHERE id = ?", order.account.0);
        known.fetch_optional(&mut *tx).await.map_err(failed)?.ok_or(Error::NotFound("account"))?;
        let made = query!(
            "INSERT INTO runs (account, cause, occurrence, as_of, local_date, window_from, window_to,
                               settings_revision, digest, mapping, localisation, state, requested_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?)
             ON CONFLICT DO NOTHING",
            order.account.0,
            cause,
            order.occurrence,
            as_of,
            local_date,
            from,
            to,
            order.settings_revision,
            crawl,
            mapping,
            localisation,
            now
        );
        let made = made.execute(&mut *tx).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok((made.rows_affected() > 0).then(|| RunId(made.last_insert_rowid())))
    }

    async fn claim_run(&self, now: Timestamp, lease_until: Timestamp) -> Result<Option<(Run, Fence)>> {
        let (now, lease_until) = (nanos(now), nanos(lease_until));
        // A worker asks often, and mostly there is nothing: that must not take the write lock.
        let any = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM runs
               WHERE state = 'queued' OR (state = 'running' AND lease_until <= ?)) AS "any!: bool""#,
            now
        );
        if !any.fetch_one(&self.readers).await.map_err(failed)? {
            return Ok(None);
        }
        let mut tx = self.write().await?;
        let Some(run) = next_claimable(&mut tx, now).await? else { return Ok(None) };
        take(&mut tx, run, now, lease_until).await?;
        let run = Run::try_from(run_row(&mut tx, run).await?)?;
        tx.commit().await.map_err(failed)?;
        let fence = Fence { run: run.id, account: run.order.account, attempt: run.attempt };
        Ok(Some((run, fence)))
    }

    async fn end_leases(&self) -> Result<()> {
        let mut tx = self.write().await?;
        query!("UPDATE runs SET lease_until = 0 WHERE state = 'running'")
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn renew_lease(&self, fence: Fence, until: Timestamp) -> Result<()> {
        let until = nanos(until);
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        query!("UPDATE runs SET lease_until = ? WHERE id = ?", until, fence.run.0)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn report_progress(&self, fence: Fence, report: &serde_json::Value) -> Result<()> {
        let report = to_json(report)?;
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        query!("UPDATE runs SET report = ? WHERE id = ?", report, fence.run.0)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn finish_run(
        &self,
        fence: Fence,
        state: RunState,
        report: &serde_json::Value,
        now: Timestamp,
    ) -> Result<()> {
        let (state, report, now) = (word(state)?, to_json(report)?, nanos(now));
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        query!(
            "UPDATE runs SET state = ?, report = ?, finished_at = ?, lease_until = NULL WHERE id = ?",
            state,
            report,
            now,
            fence.run.0
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        pages::drop_staged(&mut tx, fence.run).await?;
        crate::facts::forget_older(&mut tx, fence).await?;
        tx.commit().await.map_err(failed)
    }

    async fn cancel_run(&self, run: RunId) -> Result<()> {
        let mut tx = self.write().await?;
        let asked = query!("UPDATE runs SET cancel_asked = 1 WHERE id = ?", run.0).execute(&mut *tx).await;
        if asked.map_err(failed)?.rows_affected() == 0 {
            return Err(Error::NotFound("run"));
        }
        tx.commit().await.map_err(failed)
    }

    async fn is_cancelled(&self, run: RunId) -> Result<bool> {
        let asked = query_scalar!("SELECT cancel_asked FROM runs WHERE id = ?", run.0);
        let asked = asked.fetch_optional(&self.readers).await.map_err(failed)?;
        asked.map(|asked| asked != 0).ok_or(Error::NotFound("run"))
    }

    async fn run(&self, run: RunId) -> Result<Run> {
        let row = query_as!(
            RunRow,
            "SELECT id, account, cause, occurrence, as_of, local_date, window_from, window_to, settings_revision,
                    digest, mapping, localisation, state, attempt, requested_at, started_at, visible_at, finished_at, report
             FROM runs WHERE id = ?",
            run.0
        );
        let row = row.fetch_optional(&self.readers).await.map_err(failed)?;
        row.ok_or(Error::NotFound("run"))?.try_into()
    }

    async fn runs(&self, account: Option<AccountId>, limit: u32) -> Result<Vec<Run>> {
        let account = account.map(|account| account.0);
        let rows = query_as!(
            RunRow,
            "SELECT id, account, cause, occurrence, as_of, local_date, window_from, window_to, settings_revision,
                    digest, mapping, localisation, state, attempt, requested_at, started_at, visible_at, finished_at, report
             FROM runs WHERE ?1 IS NULL OR account = ?1 ORDER BY id DESC LIMIT ?2",
            account, limit
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Run::try_from).collect()
    }

    async fn runs_of_days(&self, account: AccountId, from: Date, to: Date) -> Result<Vec<Run>> {
        let (from, to) = (from.to_string(), to.to_string());
        let rows = query_as!(
            RunRow,
            "SELECT id, account, cause, occurrence, as_of, local_date, window_from, window_to, settings_revision,
                    digest, mapping, localisation, state, attempt, requested_at, started_at, visible_at, finished_at, report
             FROM runs WHERE account = ? AND local_date >= ? AND local_date < ? ORDER BY id",
            account.0,
            from,
            to
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Run::try_from).collect()
    }

    async fn last_occurrence(&self, account: AccountId) -> Result<Option<String>> {
        let newest = query_scalar!(
            r#"SELECT occurrence AS "occurrence!" FROM runs
               WHERE account = ? AND occurrence IS NOT NULL ORDER BY id DESC LIMIT 1"#,
            account.0
        );
        newest.fetch_optional(&self.readers).await.map_err(failed)
    }

    async fn log(&self, fence: Fence, line: &LogLine) -> Result<()> {
        let at = nanos(line.at);
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        query!(
            "INSERT INTO run_log (run, at, level, code, text) VALUES (?, ?, ?, ?, ?)",
            fence.run.0,
            at,
            line.level,
            line.code,
            line.text
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn run_log(&self, run: RunId) -> Result<Vec<LogLine>> {
        let rows = query!("SELECT at, level, code, text FROM run_log WHERE run = ? ORDER BY id", run.0);
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| Ok(LogLine { at: instant(row.at)?, level: row.level, code: row.code, text: row.text }))
            .collect()
    }

    async fn start_feed(&self, fence: Fence, feed: &str, batch: u32, step: &Completion) -> Result<bool> {
        self.begin_feed(fence, feed, batch, step).await
    }

    async fn started_feeds(&self, run: RunId) -> Result<Vec<(String, u32)>> {
        let rows = query!("SELECT feed, batch FROM feed_batches WHERE run = ? ORDER BY feed, batch", run.0);
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(|row| Ok((row.feed, unsigned(row.batch)?))).collect()
    }

    async fn frontier(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Request>> {
        self.waiting_requests(run, after, limit).await
    }

    async fn frontier_size(&self, run: RunId) -> Result<Vec<(String, u64, u64)>> {
        let rows = query!(
            r#"SELECT feed AS "feed!", SUM(done = 0) AS "waiting!: i64", SUM(done) AS "done!: i64" FROM requests
               WHERE run = ? GROUP BY feed ORDER BY MIN(number)"#,
            run.0
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(|row| Ok((row.feed, unsigned(row.waiting)?, unsigned(row.done)?))).collect()
    }

    async fn stage_pages(&self, fence: Fence, request: u64, pages: Vec<Page>) -> Result<()> {
        let pages = self.pack_pages(fence, request, pages).await?;
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        crate::frontier::stage(&mut tx, fence, request, pages).await?;
        tx.commit().await.map_err(failed)
    }

    async fn complete_requests(&self, fence: Fence, completions: Vec<Completion>) -> Result<()> {
        self.end_requests(fence, completions).await
    }

    async fn ready_partitions(&self, run: RunId) -> Result<Vec<Partition>> {
        crate::partitions::ready(&self.readers, run).await
    }

    async fn unchanged_partitions(&self, run: RunId) -> Result<Vec<Partition>> {
        partitions::unchanged(&self.readers, run).await
    }

    async fn incomplete_partitions(&self, run: RunId) -> Result<Vec<Incomplete>> {
        crate::partitions::incomplete(&self.readers, run).await
    }

    async fn facts(
        &self,
        run: RunId,
        kinds: &[String],
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<Fact>> {
        crate::facts::of_run(&self.readers, run, kinds, after, limit).await
    }

    async fn fact(&self, account: AccountId, kind: &str, key: &str) -> Result<Option<Fact>> {
        crate::facts::newest(&self.readers, account, kind, key).await
    }

    async fn facts_of_kind(&self, account: AccountId, kind: &str) -> Result<Vec<Fact>> {
        crate::facts::of_kind(&self.readers, account, kind).await
    }

    async fn page(&self, account: AccountId, digest: Digest) -> Result<Option<Bytes>> {
        pages::bytes(&self.readers, account, digest).await
    }

    async fn pages_of_run(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<PageRead>> {
        pages::of_run(&self.readers, run, after, limit).await
    }

    async fn page_sources(&self, account: AccountId, digest: Digest) -> Result<Vec<PageSource>> {
        pages::sources(&self.readers, account, digest).await
    }
}

async fn next_claimable(tx: &mut Write, now: i64) -> Result<Option<i64>> {
    let next = query_scalar!(
        r#"SELECT id FROM runs AS run
           WHERE (state = 'running' AND lease_until <= ?)
              OR (state = 'queued' AND NOT EXISTS
                  (SELECT 1 FROM runs AS other WHERE other.account = run.account AND other.state = 'running'))
           ORDER BY id LIMIT 1"#,
        now
    );
    next.fetch_optional(&mut **tx).await.map_err(failed)
}

/// Moves the run's fence on, and forgets what the former worker had staged of answers it did not end.
async fn take(tx: &mut Write, run: i64, now: i64, lease_until: i64) -> Result<()> {
    query!(
        "UPDATE runs SET state = 'running', attempt = attempt + 1, lease_until = ?,
                         started_at = COALESCE(started_at, ?)
         WHERE id = ?",
        lease_until,
        now,
        run
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    query!(
        "DELETE FROM page_reads WHERE run = ?1
         AND request IN (SELECT number FROM requests WHERE run = ?1 AND done = 0)",
        run
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn run_row(tx: &mut Write, run: i64) -> Result<RunRow> {
    let row = query_as!(
        RunRow,
        "SELECT id, account, cause, occurrence, as_of, local_date, window_from, window_to, settings_revision,
                digest, mapping, localisation, state, attempt, requested_at, started_at, visible_at, finished_at, report
         FROM runs WHERE id = ?",
        run
    );
    row.fetch_one(&mut **tx).await.map_err(failed)
}
