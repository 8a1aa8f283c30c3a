//! Partitions a run works on: when they are ready, and why they are not.

use purser_domain::RunId;
use purser_domain::conservation::Imbalance;
use purser_store::Result;
use purser_store::runs::{Incomplete, Partition};
use sqlx::{SqlitePool, query, query_as, query_scalar};

use crate::error::failed;
use crate::values::unsigned;
use crate::{Write, pages};

/// The reason of a partition two of whose requests were answered with the same body.
pub(crate) const REPEATED_PAGE: &str = "RUN-REPEATED-PAGE the vendor answered two requests with the same page · run again; report it when it stays";
/// The reason of a partition that was asked for more after it was committed.
const ASKED_AGAIN: &str = "RUN-LATE-REQUEST the plugin asked for more of a partition that was complete · report it to the plugin's author";
/// The reason of a partition whose run ended before its requests.
pub(crate) const UNFINISHED: &str = "RUN-UNFINISHED the run ended before all of it was retrieved · run again";

/// The reason of a partition that does not add up.
pub(crate) fn unbalanced(imbalance: &Imbalance) -> String {
    let Imbalance { measure, received, accounted, difference } = imbalance;
    format!(
        "RUN-CONSERVATION {measure}: received {received}, accounted for {accounted}, difference {difference} · nothing \
         of this partition was committed; report the plugin version"
    )
}

struct Row {
    feed: String,
    key: String,
    month: String,
    currency: String,
    stage: i64,
}

impl Row {
    fn named(self) -> Result<Partition> {
        let Row { feed, key, month, currency, stage } = self;
        Ok(Partition { feed, key, month, currency, stage: unsigned(stage)? })
    }
}

/// Partitions with no request left, complete and not yet committed.
pub(crate) async fn ready(readers: &SqlitePool, run: RunId) -> Result<Vec<Partition>> {
    let rows = query_as!(
        Row,
        "SELECT feed, key, month, currency, stage FROM run_partitions
         WHERE run = ? AND state = 'open' AND open_requests = 0 AND incomplete IS NULL ORDER BY first_request, id",
        run.0
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter().map(Row::named).collect()
}

/// Partitions whose data the vendor says are those last committed.
pub(crate) async fn unchanged(readers: &SqlitePool, run: RunId) -> Result<Vec<Partition>> {
    let rows = query_as!(
        Row,
        "SELECT feed, key, month, currency, stage FROM run_partitions
         WHERE run = ? AND state = 'unchanged' AND incomplete IS NULL ORDER BY first_request, id",
        run.0
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter().map(Row::named).collect()
}

/// Whether this state of the partition is the one last committed: by an earlier run, with this run's plugin version and
/// settings.
pub(crate) async fn is_unchanged(
    tx: &mut Write,
    run: RunId,
    partition: &Partition,
    version: &str,
) -> Result<bool> {
    let Partition { feed, key, month, currency, stage } = partition;
    let same = query_scalar!(
        r#"SELECT EXISTS (
               SELECT 1 FROM runs AS now JOIN partitions AS p ON p.account = now.account JOIN runs AS last ON last.id = p.run
               WHERE now.id = ? AND p.feed = ? AND p.key = ? AND p.month = ? AND p.currency = ? AND p.stage = ?
                     AND last.id <> now.id AND p.version = ? AND last.digest = now.digest AND last.mapping = now.mapping
                     AND last.localisation = now.localisation AND last.settings_revision = now.settings_revision)
           AS "same!: bool""#,
        run.0,
        feed,
        key,
        month,
        currency,
        *stage,
        version
    );
    same.fetch_one(&mut **tx).await.map_err(failed)
}

/// Leaves the partition as it stands in the ledger: nothing more is asked for it, and nothing of it is committed.
pub(crate) async fn leave_unchanged(
    tx: &mut Write,
    run: RunId,
    partition: &Partition,
    first: i64,
) -> Result<()> {
    let Partition { feed, key, month, currency, stage } = partition;
    let id = query_scalar!(
        r#"INSERT INTO run_partitions (run, feed, key, month, currency, stage, first_request, state)
           VALUES (?, ?, ?, ?, ?, ?, ?, 'unchanged')
           ON CONFLICT (run, feed, key, month, currency, stage) DO UPDATE SET state = 'unchanged'
           RETURNING id AS "id!""#,
        run.0,
        feed,
        key,
        month,
        currency,
        *stage,
        first
    );
    let id = id.fetch_one(&mut **tx).await.map_err(failed)?;
    pages::drop_partition(tx, id).await
}

/// Partitions marked incomplete; once the run has ended, also those that were never finished.
pub(crate) async fn incomplete(readers: &SqlitePool, run: RunId) -> Result<Vec<Incomplete>> {
    let rows = query!(
        r#"SELECT p.feed, p.key, p.month, p.currency, p.stage, p.incomplete,
                  EXISTS (SELECT 1 FROM partitions AS s
                          WHERE s.account = r.account AND s.feed = p.feed AND s.key = p.key AND s.month = p.month
                            AND s.currency = p.currency AND s.stage = p.stage AND s.raised) AS "is_stored!: bool"
           FROM run_partitions AS p JOIN runs AS r ON r.id = p.run
           WHERE p.run = ? AND (p.incomplete IS NOT NULL OR (p.state = 'open' AND r.finished_at IS NOT NULL))
           ORDER BY p.first_request, p.id"#,
        run.0
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let (feed, key, month, currency) = (row.feed, row.key, row.month, row.currency);
            Ok(Incomplete {
                partition: Row { feed, key, month, currency, stage: row.stage }.named()?,
                reason: row.incomplete.unwrap_or_else(|| UNFINISHED.into()),
                is_stored: row.is_stored,
            })
        })
        .collect()
}

/// Requests for a partition, and the state of its data they name; empty: none.
pub(crate) struct Asked<'a> {
    pub(crate) partition: &'a Partition,
    pub(crate) version: &'a str,
    /// The number of the first.
    pub(crate) first: i64,
    pub(crate) count: i64,
}

/// Counts requests in; makes the partition where there is none.
pub(crate) async fn more_requests(tx: &mut Write, run: RunId, asked: &Asked<'_>) -> Result<i64> {
    let Asked { partition, version, first, count } = asked;
    let Partition { feed, key, month, currency, stage } = partition;
    let row = query_scalar!(
        r#"INSERT INTO run_partitions (run, feed, key, month, currency, stage, first_request, open_requests, version)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''))
           ON CONFLICT (run, feed, key, month, currency, stage) DO UPDATE SET
               open_requests = open_requests + excluded.open_requests,
               version = CASE WHEN excluded.version IS NULL OR excluded.version = version THEN version
                              WHEN version IS NULL THEN excluded.version ELSE '' END,
               incomplete = CASE WHEN state = 'open' THEN incomplete ELSE ? END
           RETURNING id AS "id!""#,
        run.0,
        feed,
        key,
        month,
        currency,
        *stage,
        *first,
        *count,
        *version,
        ASKED_AGAIN
    );
    row.fetch_one(&mut **tx).await.map_err(failed)
}

/// Counts a request out.
pub(crate) async fn one_request_less(tx: &mut Write, partition: i64) -> Result<()> {
    query!("UPDATE run_partitions SET open_requests = open_requests - 1 WHERE id = ?", partition)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Says why a partition must not replace what is stored; the first reason stays.
pub(crate) async fn mark_incomplete(tx: &mut Write, partition: i64, because: &str) -> Result<()> {
    query!("UPDATE run_partitions SET incomplete = COALESCE(incomplete, ?) WHERE id = ?", because, partition)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}
