//! The frontier: requests that wait, and the end of each, with all it brought, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use purser_domain::RunId;
use purser_store::runs::{Completion, Fence, NewRequest, Partition, Request};
use purser_store::{Error, Result};
use serde::Serialize;
use sqlx::{query, query_as, query_scalar};

use crate::error::failed;
use crate::pages::{self, PackedPage};
use crate::partitions::{self, Asked, REPEATED_PAGE};
use crate::runs::hold;
use crate::values::{instant_if, nanos, signed, to_json, unsigned};
use crate::{SqliteStore, Write, facts, sent};

/// A request as the bulk insert reads it.
#[derive(Serialize)]
struct RequestRow<'a> {
    number: i64,
    feed: &'a str,
    partition: Option<i64>,
    body: &'a str,
    not_before: Option<i64>,
}

struct WaitingRow {
    number: i64,
    feed: String,
    body: String,
    not_before: Option<i64>,
    retries: i64,
    in_feed: Option<String>,
    key: Option<String>,
    month: Option<String>,
    currency: Option<String>,
    stage: Option<i64>,
}

impl SqliteStore {
    /// See [`purser_store::Runs::start_feed`].
    pub(crate) async fn begin_feed(
        &self,
        fence: Fence,
        feed: &str,
        batch: u32,
        step: &Completion,
    ) -> Result<bool> {
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        let noted = query!(
            "INSERT INTO feed_batches (run, feed, batch) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            fence.run.0,
            feed,
            batch
        );
        if noted.execute(&mut *tx).await.map_err(failed)?.rows_affected() == 0 {
            return Ok(false);
        }
        add_requests(&mut tx, fence.run, &step.requests).await?;
        facts::put(&mut tx, fence, &step.facts).await?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    /// See [`purser_store::Runs::complete_requests`].
    pub(crate) async fn end_requests(&self, fence: Fence, completions: Vec<Completion>) -> Result<()> {
        let mut packed = Vec::with_capacity(completions.len());
        let mut lines = Vec::with_capacity(completions.len());
        for mut completion in completions {
            lines.extend(completion.sent.take());
            let pages = std::mem::take(&mut completion.pages);
            let pages = self.pack_pages(fence, completion.request, pages).await?;
            packed.push((completion, pages));
        }
        let mut tx = self.write().await?;
        hold(&mut tx, fence).await?;
        sent::append(&mut tx, fence.run, &lines).await?;
        for (completion, pages) in packed {
            match completion.retry_at {
                Some(at) => put_back(&mut tx, fence.run, completion.request, at).await?,
                None => end(&mut tx, fence, completion, pages).await?,
            }
        }
        tx.commit().await.map_err(failed)
    }

    /// See [`purser_store::Runs::frontier`].
    pub(crate) async fn waiting_requests(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Request>> {
        let after = signed(after);
        let rows = query_as!(
            WaitingRow,
            r#"SELECT q.number, q.feed, q.body, q.not_before, q.retries, p.feed AS "in_feed?", p.key AS "key?",
                      p.month AS "month?", p.currency AS "currency?", p.stage AS "stage?"
               FROM requests AS q LEFT JOIN run_partitions AS p ON p.id = q.partition
               WHERE q.run = ? AND q.done = 0 AND q.number > ? ORDER BY q.number LIMIT ?"#,
            run.0,
            after,
            limit
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let request = |row: WaitingRow| {
            let partition = match (row.in_feed, row.key, row.month, row.currency, row.stage) {
                (Some(feed), Some(key), Some(month), Some(currency), Some(stage)) => {
                    Some(Partition { feed, key, month, currency, stage: unsigned(stage)? })
                }
                _ => None,
            };
            let (number, retries) = (unsigned(row.number)?, unsigned(row.retries)?);
            let not_before = instant_if(row.not_before)?;
            Ok(Request { number, feed: row.feed, partition, body: row.body, not_before, retries })
        };
        rows.into_iter().map(request).collect()
    }
}

/// Writes pages of a request that has not ended.
pub(crate) async fn stage(tx: &mut Write, fence: Fence, request: u64, pages: Vec<PackedPage>) -> Result<()> {
    let under_way = under_way(tx, fence.run, request).await?;
    for page in pages {
        pages::insert(tx, fence, under_way.number, under_way.partition, page).await?;
    }
    Ok(())
}

/// A request that has not ended.
struct UnderWay {
    number: i64,
    partition: Option<i64>,
}

async fn under_way(tx: &mut Write, run: RunId, request: u64) -> Result<UnderWay> {
    let number = signed(request);
    let row = query!("SELECT partition, done FROM requests WHERE run = ? AND number = ?", run.0, number);
    let row = row.fetch_optional(&mut **tx).await.map_err(failed)?.ok_or(Error::NotFound("request"))?;
    match row.done {
        0 => Ok(UnderWay { number, partition: row.partition }),
        _ => Err(Error::Conflict("answer of this request")),
    }
}

/// The vendor asked for patience: whatever was staged of the answer is dropped, it comes again.
async fn put_back(tx: &mut Write, run: RunId, request: u64, at: Timestamp) -> Result<()> {
    let (request, at) = (under_way(tx, run, request).await?.number, nanos(at));
    query!("DELETE FROM page_reads WHERE run = ? AND request = ?", run.0, request)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    query!(
        "UPDATE requests SET not_before = ?, retries = retries + 1 WHERE run = ? AND number = ?",
        at,
        run.0,
        request
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn end(tx: &mut Write, fence: Fence, completion: Completion, pages: Vec<PackedPage>) -> Result<()> {
    let UnderWay { number, partition } = under_way(tx, fence.run, completion.request).await?;
    for page in pages {
        pages::insert(tx, fence, number, partition, page).await?;
    }
    // New requests first: the partition they continue must not look ready in between.
    add_requests(tx, fence.run, &completion.requests).await?;
    facts::put(tx, fence, &completion.facts).await?;
    let body = completion.body_digest.as_ref().map(|digest| digest.as_bytes().as_slice());
    if let Some(partition) = partition {
        if let Some(reason) = &completion.incomplete {
            partitions::mark_incomplete(tx, partition, reason).await?;
        }
        if is_repeated(tx, partition, number, body).await? {
            partitions::mark_incomplete(tx, partition, REPEATED_PAGE).await?;
        }
        partitions::one_request_less(tx, partition).await?;
    }
    query!(
        "UPDATE requests SET done = 1, body_digest = ?, body = COALESCE(?, body) WHERE run = ? AND number = ?",
        body,
        completion.asked,
        fence.run.0,
        number
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Whether another request of the partition was answered with the same body.
async fn is_repeated(tx: &mut Write, partition: i64, number: i64, body: Option<&[u8]>) -> Result<bool> {
    let Some(body) = body else { return Ok(false) };
    let same = query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM requests
           WHERE partition = ? AND body_digest = ? AND number <> ?) AS "same!: bool""#,
        partition,
        body,
        number
    );
    same.fetch_one(&mut **tx).await.map_err(failed)
}

/// Numbers new requests in their order, and counts them in their partitions. Those whose data are stored already are not
/// asked for.
async fn add_requests(tx: &mut Write, run: RunId, requests: &[NewRequest]) -> Result<()> {
    let requests = wanted(tx, run, requests).await?;
    if requests.is_empty() {
        return Ok(());
    }
    let count = signed(requests.len() as u64);
    let first = query_scalar!(
        r#"UPDATE runs SET next_request = next_request + ?1 WHERE id = ?2 RETURNING next_request - ?1 AS "first!: i64""#,
        count,
        run.0
    );
    let first = first.fetch_one(&mut **tx).await.map_err(failed)?;
    let partitions = count_in_partitions(tx, run, first, &requests).await?;
    let row = |(number, request): (i64, &&NewRequest)| {
        let partition = request.partition.as_ref().and_then(|name| partitions.get(name)).copied();
        let not_before = request.not_before.map(nanos);
        to_json(&RequestRow { number, feed: &request.feed, partition, body: &request.body, not_before })
    };
    let rows: Vec<String> = (first..).zip(&requests).map(row).collect::<Result<_>>()?;
    let rows = format!("[{}]", rows.join(","));
    query!(
        "INSERT INTO requests (run, number, feed, partition, body, not_before)
         SELECT ?, value ->> 'number', value ->> 'feed', value ->> 'partition', value ->> 'body', value ->> 'not_before'
         FROM json_each(?)",
        run.0, rows
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Without the requests whose partition is, by the vendor's word, as it was last committed.
async fn wanted<'a>(tx: &mut Write, run: RunId, requests: &'a [NewRequest]) -> Result<Vec<&'a NewRequest>> {
    let versioned = requests.iter().filter(|request| !request.version.is_empty());
    let states: BTreeSet<(&Partition, &str)> = versioned
        .filter_map(|request| Some((request.partition.as_ref()?, request.version.as_str())))
        .collect();
    let mut unchanged = BTreeSet::new();
    for (partition, version) in states {
        if partitions::is_unchanged(tx, run, partition, version).await? {
            let next = query_scalar!("SELECT next_request FROM runs WHERE id = ?", run.0);
            let next = next.fetch_one(&mut **tx).await.map_err(failed)?;
            partitions::leave_unchanged(tx, run, partition, next).await?;
            unchanged.insert((partition, version));
        }
    }
    let is_wanted = |request: &&NewRequest| match &request.partition {
        Some(partition) => !unchanged.contains(&(partition, request.version.as_str())),
        None => true,
    };
    Ok(requests.iter().filter(is_wanted).collect())
}

async fn count_in_partitions<'a>(
    tx: &mut Write,
    run: RunId,
    first: i64,
    requests: &[&'a NewRequest],
) -> Result<BTreeMap<&'a Partition, i64>> {
    let mut counted: BTreeMap<(&Partition, &str), (i64, i64)> = BTreeMap::new();
    for (number, request) in (first..).zip(requests) {
        if let Some(partition) = &request.partition {
            counted.entry((partition, &request.version)).or_insert((number, 0)).1 += 1;
        }
    }
    let mut rows = BTreeMap::new();
    for ((partition, version), (first, count)) in counted {
        let asked = Asked { partition, version, first, count };
        rows.insert(partition, partitions::more_requests(tx, run, &asked).await?);
    }
    Ok(rows)
}
