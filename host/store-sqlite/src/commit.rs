//! A partition commit on SQLite: one `IMMEDIATE` transaction around [`purser_store::commit`].

mod held;
mod io;

use purser_domain::completeness::{Seniority, Stored, Weight, admit, raises_stage};
use purser_domain::{Balance, PartitionNo, RunId};
use purser_store::commit::{ChunkHead, Done, Task, commit, merge};
use purser_store::ledger::{CommitPolicy, CommitReport};
use purser_store::runs::{Fence, Partition};
use purser_store::{Error, Result};
use sqlx::{query, query_as, query_scalar};

pub(crate) use self::io::{Io, unpack_keys};
use crate::book::Book;
use crate::error::failed;
use crate::upsert::Stamp;
use crate::values::{from_json, instant, key, nanos, to_json, unsigned};
use crate::{SqliteStore, Write, lines, pages, partitions, pricing, rollups, runs, texts};

/// The partition as the run works on it.
struct Retrieved {
    id: i64,
    open_requests: i64,
    incomplete: Option<String>,
    report: Option<String>,
}

impl Retrieved {
    async fn load(tx: &mut Write, run: RunId, partition: &Partition) -> Result<Self> {
        let Partition { feed, key, month, currency, stage } = partition;
        let row = query_as!(
            Retrieved,
            "SELECT id, open_requests, incomplete, report FROM run_partitions
             WHERE run = ? AND feed = ? AND key = ? AND month = ? AND currency = ? AND stage = ?",
            run.0,
            feed,
            key,
            month,
            currency,
            *stage
        );
        row.fetch_optional(&mut **tx).await.map_err(failed)?.ok_or(Error::NotFound("partition"))
    }

    fn check_complete(&self) -> Result<()> {
        match &self.incomplete {
            Some(reason) => Err(Error::Incomplete(reason.clone())),
            None if self.open_requests > 0 => Err(Error::Incomplete(partitions::UNFINISHED.into())),
            None => Ok(()),
        }
    }
}

/// The partition as it stands in the ledger.
pub(crate) struct Standing {
    no: PartitionNo,
    last: Option<Seniority>,
    weight: Weight,
    keys_kept: i64,
}

impl SqliteStore {
    /// See [`purser_store::Ledger::commit_partition`].
    pub(crate) async fn commit(
        &self,
        fence: Fence,
        partition: &Partition,
        policy: &CommitPolicy,
    ) -> Result<CommitReport> {
        let mut tx = self.write().await?;
        runs::hold(&mut tx, fence).await?;
        let retrieved = Retrieved::load(&mut tx, fence.run, partition).await?;
        if let Some(report) = &retrieved.report {
            return from_json(report, "commit report");
        }
        retrieved.check_complete()?;
        let balance = balance(&mut tx, retrieved.id).await?;
        if let Err(imbalance) = balance.adds_up() {
            partitions::mark_incomplete(&mut tx, retrieved.id, &partitions::unbalanced(&imbalance)).await?;
            tx.commit().await.map_err(failed)?;
            return Err(Error::Incomplete(partitions::unbalanced(&imbalance)));
        }
        let book = Book::of_commit(&mut tx, fence.account, &policy.zone, &self.mappings).await?;
        let staged = Staged { id: retrieved.id, balance, book };
        let report = replace(&mut tx, fence, partition, staged, policy).await?;
        tx.commit().await.map_err(failed)?;
        Ok(report)
    }

    /// See [`purser_store::Ledger::abandon_partition`].
    pub(crate) async fn abandon(&self, fence: Fence, partition: &Partition, because: &str) -> Result<()> {
        let mut tx = self.write().await?;
        runs::hold(&mut tx, fence).await?;
        let retrieved = Retrieved::load(&mut tx, fence.run, partition).await?;
        if retrieved.report.is_some() {
            return Err(Error::Conflict("commit of this partition"));
        }
        partitions::mark_incomplete(&mut tx, retrieved.id, because).await?;
        pages::drop_partition(&mut tx, retrieved.id).await?;
        query!("UPDATE run_partitions SET state = 'abandoned' WHERE id = ?", retrieved.id)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// What a partition is replaced by, and what that is decided by.
struct Staged {
    id: i64,
    balance: Balance,
    book: Book,
}

async fn replace(
    tx: &mut Write,
    fence: Fence,
    partition: &Partition,
    staged: Staged,
    policy: &CommitPolicy,
) -> Result<CommitReport> {
    let Staged { id: staged, balance, book } = staged;
    let standing = standing(tx, fence, partition).await?;
    let seniority = Seniority { as_of: as_of(tx, fence.run).await?, run: fence.run };
    let stored = Stored { last: standing.last, stage: highest_stage(tx, fence, partition).await? };
    admit(seniority, partition.stage, stored).map_err(|_| Error::Stale)?;
    let chunks = chunk_heads(tx, staged).await?;
    let has_lines = lines::are_staged(tx, staged).await?;
    let has_records = has_lines || !chunks.is_empty();
    // Nothing at all withdraws nothing: an invoice that is not there yet must not shut out the daily figures.
    let lower = if has_records { lower_stages(tx, fence, partition).await? } else { Vec::new() };
    let mut former = standing.weight.clone();
    lower.iter().for_each(|lower| merge(&mut former, &lower.weight));
    let task = Task {
        account: fence.account,
        feed: &partition.feed,
        partition: standing.no,
        withdraws: lower.iter().map(|lower| lower.no).collect(),
        month: partition.month.parse().ok(),
        former,
        chunks,
        balance,
        closed: book.closed,
        customers: book.customers,
        zone: book.zone,
    };
    let ours: Vec<Standing> = std::iter::once(standing).chain(lower).collect();
    release_held(tx, &ours).await?;
    let stamp = Stamp { run: fence.run.0, at: nanos(policy.now) };
    let done = commit(&mut Io { tx, stamp, ours: &ours }, task, policy).await?;
    pricing::touch(tx, fence, &partition.feed, &done.touched).await?;
    if has_records {
        lines::withdraw(tx, &ours.iter().map(|standing| standing.no).collect::<Vec<_>>()).await?;
    }
    if let Some(standing) = ours.first().filter(|_| has_lines) {
        lines::put(tx, fence.account, standing.no, &partition.month, staged).await?;
    }
    finish(tx, fence, &ours, Ending { staged, has_lines, stamp, seniority }, done).await
}

/// With what a commit ends.
struct Ending {
    staged: i64,
    /// Lines that other feeds bill make a partition one of its stage, too.
    has_lines: bool,
    stamp: Stamp,
    seniority: Seniority,
}

/// Everything the commit leaves beside the rows.
async fn finish(
    tx: &mut Write,
    fence: Fence,
    ours: &[Standing],
    ending: Ending,
    done: Done,
) -> Result<CommitReport> {
    let Ending { staged, has_lines, stamp, seniority } = ending;
    let balance = to_json(&done.report.balance)?;
    for standing in ours {
        keep_weight(tx, standing, done.weights.get(&standing.no)).await?;
    }
    if let Some(standing) = ours.first() {
        let weight = done.weights.get(&standing.no);
        let raised = has_lines || weight.is_some_and(raises_stage);
        let as_of = nanos(seniority.as_of);
        query!(
            "UPDATE partitions SET run = ?, as_of = ?, raised = raised OR ?, balance = ?,
                    version = (SELECT NULLIF(version, '') FROM run_partitions WHERE id = ?) WHERE id = ?",
            stamp.run,
            as_of,
            raised,
            balance,
            staged,
            standing.no.0
        )
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
        texts::replace(tx, fence.account, standing.no.0, staged).await?;
    }
    rollups::apply(tx, done.rollups.into_deltas().collect()).await?;
    texts::name_products(tx, fence.account, &done.products).await?;
    pages::drop_partition(tx, staged).await?;
    let report = to_json(&done.report)?;
    query!("UPDATE run_partitions SET state = 'committed', report = ? WHERE id = ?", report, staged)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    query!("UPDATE runs SET visible_at = ? WHERE id = ?", stamp.at, stamp.run)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(done.report)
}

async fn balance(tx: &mut Write, staged: i64) -> Result<Balance> {
    let pages =
        query_scalar!("SELECT balance FROM page_reads WHERE partition = ? ORDER BY request, number", staged);
    let mut sum = Balance::default();
    for page in pages.fetch_all(&mut **tx).await.map_err(failed)? {
        sum.merge(&from_json(&page, "balance")?);
    }
    Ok(sum)
}

/// The partition's row, made where there is none.
async fn standing(tx: &mut Write, fence: Fence, partition: &Partition) -> Result<Standing> {
    let Partition { feed, key, month, currency, stage } = partition;
    let (weight, balance) = (to_json(&Weight::default())?, to_json(&Balance::default())?);
    let row = query!(
        r#"INSERT INTO partitions (account, feed, key, month, currency, stage, weight, balance)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (account, feed, key, month, currency, stage) DO UPDATE SET feed = feed
           RETURNING id AS "id!", run, as_of, weight AS "weight!", keys_kept AS "keys_kept!""#,
        fence.account.0,
        feed,
        key,
        month,
        currency,
        *stage,
        weight,
        balance
    );
    let row = row.fetch_one(&mut **tx).await.map_err(failed)?;
    let last = match (row.run, row.as_of) {
        (Some(run), Some(as_of)) => Some(Seniority { as_of: instant(as_of)?, run: RunId(run) }),
        _ => None,
    };
    let weight = from_json(&row.weight, "weight")?;
    Ok(Standing { no: PartitionNo(row.id), last, weight, keys_kept: row.keys_kept })
}

async fn as_of(tx: &mut Write, run: RunId) -> Result<jiff::Timestamp> {
    let as_of = query_scalar!("SELECT as_of FROM runs WHERE id = ?", run.0);
    instant(as_of.fetch_one(&mut **tx).await.map_err(failed)?)
}

async fn highest_stage(tx: &mut Write, fence: Fence, partition: &Partition) -> Result<Option<u32>> {
    if partition.month.is_empty() {
        return Ok(None);
    }
    let highest = query_scalar!(
        r#"SELECT MAX(stage) AS "stage: i64" FROM partitions
           WHERE account = ? AND feed = ? AND month = ? AND currency = ? AND raised AND month <> ''"#,
        fence.account.0,
        partition.feed,
        partition.month,
        partition.currency
    );
    highest.fetch_one(&mut **tx).await.map_err(failed)?.map(unsigned).transpose()
}

async fn lower_stages(tx: &mut Write, fence: Fence, partition: &Partition) -> Result<Vec<Standing>> {
    if partition.month.is_empty() || partition.stage == 0 {
        return Ok(Vec::new());
    }
    let rows = query!(
        "SELECT id, weight, keys_kept FROM partitions
         WHERE account = ? AND feed = ? AND month = ? AND currency = ? AND stage < ? AND month <> '' AND run IS NOT NULL
         ORDER BY id",
        fence.account.0, partition.feed, partition.month, partition.currency, partition.stage
    );
    let rows = rows.fetch_all(&mut **tx).await.map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let weight = from_json(&row.weight, "weight")?;
            Ok(Standing { no: PartitionNo(row.id), last: None, weight, keys_kept: row.keys_kept })
        })
        .collect()
}

async fn chunk_heads(tx: &mut Write, staged: i64) -> Result<Vec<ChunkHead>> {
    let rows = query!(
        r#"SELECT s.id AS "id!", s.first_key, s.last_key, s.length
           FROM staged AS s JOIN page_reads AS p ON p.id = s.read
           WHERE s.partition = ? ORDER BY p.request, p.number, s.id"#,
        staged
    );
    let rows = rows.fetch_all(&mut **tx).await.map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let (first, last) = (key(&row.first_key)?, key(&row.last_key)?);
            Ok(ChunkHead { id: row.id, first, last, length: unsigned(row.length)? })
        })
        .collect()
}

/// What waited for an operator is decided anew by this commit.
async fn release_held(tx: &mut Write, ours: &[Standing]) -> Result<()> {
    for standing in ours {
        query!("DELETE FROM held_voids WHERE partition = ?", standing.no.0)
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

async fn keep_weight(tx: &mut Write, standing: &Standing, weight: Option<&Weight>) -> Result<()> {
    let weight = to_json(weight.unwrap_or(&Weight::default()))?;
    // What is withdrawn no longer stands for any state of the vendor's data.
    query!(
        "UPDATE partitions SET weight = ?, keys_kept = keys_kept + 1, version = NULL WHERE id = ?",
        weight,
        standing.no.0
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    query!(
        "DELETE FROM partition_keys WHERE partition = ? AND generation <= ?",
        standing.no.0,
        standing.keys_kept
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}
