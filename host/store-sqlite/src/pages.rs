//! Raw pages: kept verbatim and once, with every reading of them; and what the readings said, staged for the commit.

use bytes::Bytes;
use purser_domain::{AccountId, Digest, RunId};
use purser_store::runs::{Fence, Page, PageRead, PageSource};
use purser_store::staging::{self, Chunk};
use purser_store::texts::ProductText;
use purser_store::{Error, Result};
use serde::Serialize;
use sqlx::{SqlitePool, query, query_scalar};

use crate::error::failed;
use crate::values::{cast, digest as to_digest, signed, to_json, unsigned};
use crate::{SqliteStore, Write, facts};

/// A page ready to be written: everything that costs time is done before the write lock is taken.
pub(crate) struct PackedPage {
    number: u32,
    digest: Digest,
    bytes: Bytes,
    /// None: the account has the page already.
    zstd: Option<Vec<u8>>,
    context: String,
    balance: String,
    rejections: String,
    chunks: Vec<Chunk>,
    lines: Option<String>,
    texts: Option<String>,
    facts: Option<String>,
}

/// A text as the commit's bulk insert reads it.
#[derive(Serialize)]
struct TextRow<'a> {
    key: String,
    locale: &'a str,
    requested: &'a str,
    name: &'a str,
    category: &'a str,
    subcategory: &'a str,
    unit: &'a str,
    region: &'a str,
    currency: &'a str,
    rates: String,
    included_quantity: Option<String>,
}

impl SqliteStore {
    /// Hashes, sorts and compresses outside of any transaction, on a thread that may be busy.
    pub(crate) async fn pack_pages(
        &self,
        fence: Fence,
        request: u64,
        pages: Vec<Page>,
    ) -> Result<Vec<PackedPage>> {
        if pages.is_empty() {
            return Ok(Vec::new());
        }
        let feed = self.partition_feed(fence.run, request).await?;
        let mut packed = Vec::with_capacity(pages.len());
        for page in pages {
            let is_new = !self.has_page(fence.account, page.digest).await?;
            let (account, feed) = (fence.account, feed.clone());
            let task = tokio::task::spawn_blocking(move || pack(account, feed.as_deref(), page, is_new));
            packed.push(task.await.map_err(|error| Error::Failed(Box::new(error)))??);
        }
        Ok(packed)
    }

    async fn has_page(&self, account: AccountId, digest: Digest) -> Result<bool> {
        let digest = digest.as_bytes().as_slice();
        let any = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM pages WHERE account = ? AND digest = ?) AS "any!: bool""#,
            account.0,
            digest
        );
        any.fetch_one(&self.readers).await.map_err(failed)
    }

    /// The feed of the partition a request works for; none where it works for none.
    async fn partition_feed(&self, run: RunId, request: u64) -> Result<Option<String>> {
        let request = signed(request);
        let feed = query_scalar!(
            "SELECT p.feed FROM requests AS q JOIN run_partitions AS p ON p.id = q.partition
             WHERE q.run = ? AND q.number = ?",
            run.0,
            request
        );
        feed.fetch_optional(&self.readers).await.map_err(failed)
    }
}

fn pack(account: AccountId, feed: Option<&str>, page: Page, is_new: bool) -> Result<PackedPage> {
    let chunks = match feed {
        Some(feed) => staging::pack(account, feed, &page.contributions)?,
        None if page.contributions.is_empty() && page.texts.is_empty() && page.lines.is_empty() => Vec::new(),
        // What belongs to no partition could never be committed, nor replaced.
        None => return Err(Error::NotFound("partition of this page")),
    };
    let texts = if page.texts.is_empty() { None } else { Some(texts_json(&page.texts)?) };
    Ok(PackedPage {
        number: page.number,
        digest: page.digest,
        zstd: if is_new { Some(staging::compress(&page.bytes)?) } else { None },
        bytes: page.bytes,
        context: page.context,
        balance: to_json(&page.balance)?,
        rejections: to_json(&page.rejections)?,
        chunks,
        lines: if page.lines.is_empty() { None } else { Some(to_json(&page.lines)?) },
        texts,
        facts: if page.facts.is_empty() { None } else { Some(to_json(&page.facts)?) },
    })
}

fn texts_json(texts: &[ProductText]) -> Result<String> {
    let row = |text: &ProductText| -> Result<serde_json::Value> {
        let row = TextRow {
            key: text.key.to_lowercase(),
            locale: &text.locale,
            requested: &text.requested,
            name: &text.name,
            category: &text.category,
            subcategory: &text.subcategory,
            unit: &text.unit,
            region: &text.region,
            currency: &text.currency,
            rates: to_json(&text.rates)?,
            included_quantity: text.included_quantity.as_ref().map(ToString::to_string),
        };
        serde_json::to_value(row).map_err(|error| Error::Failed(Box::new(error)))
    };
    to_json(&texts.iter().map(row).collect::<Result<Vec<_>>>()?)
}

/// Writes a page and what was read from it; the same page of the same request is replaced.
pub(crate) async fn insert(
    tx: &mut Write,
    fence: Fence,
    request: i64,
    partition: Option<i64>,
    page: PackedPage,
) -> Result<()> {
    keep_bytes(tx, fence.account, &page).await?;
    query!(
        "DELETE FROM page_reads WHERE run = ? AND request = ? AND number = ?",
        fence.run.0,
        request,
        page.number
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    let digest = page.digest.as_bytes().as_slice();
    let read = query!(
        "INSERT INTO page_reads (run, request, number, partition, account, digest, context, balance, rejections)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        fence.run.0, request, page.number, partition, fence.account.0, digest, page.context, page.balance,
        page.rejections
    );
    let read = read.execute(&mut **tx).await.map_err(failed)?.last_insert_rowid();
    if let Some(partition) = partition {
        stage(tx, read, partition, page.chunks).await?;
        stage_documents(tx, read, partition, page.lines, page.texts).await?;
    }
    match page.facts {
        Some(facts) => facts::put_json(tx, fence, &facts).await,
        None => Ok(()),
    }
}

async fn keep_bytes(tx: &mut Write, account: AccountId, page: &PackedPage) -> Result<()> {
    let digest = page.digest.as_bytes().as_slice();
    let packed;
    let zstd = match &page.zstd {
        Some(zstd) => zstd,
        None => {
            // It was there a moment ago; retention may have removed it since.
            let kept =
                query_scalar!("SELECT id FROM pages WHERE account = ? AND digest = ?", account.0, digest);
            if kept.fetch_optional(&mut **tx).await.map_err(failed)?.is_some() {
                return Ok(());
            }
            packed = staging::compress(&page.bytes)?;
            &packed
        }
    };
    let length = signed(page.bytes.len() as u64);
    query!(
        "INSERT INTO pages (account, digest, length, zstd) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        account.0,
        digest,
        length,
        zstd
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn stage(tx: &mut Write, read: i64, partition: i64, chunks: Vec<Chunk>) -> Result<()> {
    for chunk in chunks {
        let (first, last) = (chunk.first.as_bytes().as_slice(), chunk.last.as_bytes().as_slice());
        let length = signed(chunk.length);
        query!(
            "INSERT INTO staged (read, partition, first_key, last_key, length, data) VALUES (?, ?, ?, ?, ?, ?)",
            read, partition, first, last, length, chunk.data
        )
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    }
    Ok(())
}

async fn stage_documents(
    tx: &mut Write,
    read: i64,
    partition: i64,
    lines: Option<String>,
    texts: Option<String>,
) -> Result<()> {
    if let Some(lines) = lines {
        query!("INSERT INTO staged_lines (read, partition, lines) VALUES (?, ?, ?)", read, partition, lines)
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
    }
    if let Some(texts) = texts {
        query!("INSERT INTO staged_texts (read, partition, texts) VALUES (?, ?, ?)", read, partition, texts)
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// Drops everything a run has staged; the pages stay.
pub(crate) async fn drop_staged(tx: &mut Write, run: RunId) -> Result<()> {
    query!("DELETE FROM staged WHERE partition IN (SELECT id FROM run_partitions WHERE run = ?)", run.0)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    query!(
        "DELETE FROM staged_lines WHERE partition IN (SELECT id FROM run_partitions WHERE run = ?)",
        run.0
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    query!(
        "DELETE FROM staged_texts WHERE partition IN (SELECT id FROM run_partitions WHERE run = ?)",
        run.0
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Drops what is staged for one partition of a run; the pages stay.
pub(crate) async fn drop_partition(tx: &mut Write, partition: i64) -> Result<()> {
    query!("DELETE FROM staged WHERE partition = ?", partition).execute(&mut **tx).await.map_err(failed)?;
    query!("DELETE FROM staged_lines WHERE partition = ?", partition)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    query!("DELETE FROM staged_texts WHERE partition = ?", partition)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// See [`purser_store::Runs::page`].
pub(crate) async fn bytes(readers: &SqlitePool, account: AccountId, digest: Digest) -> Result<Option<Bytes>> {
    let digest = digest.as_bytes().as_slice();
    let row = query!("SELECT length, zstd FROM pages WHERE account = ? AND digest = ?", account.0, digest);
    let Some(row) = row.fetch_optional(readers).await.map_err(failed)? else { return Ok(None) };
    Ok(Some(staging::decompress(&row.zstd, unsigned(row.length)?)?.into()))
}

/// See [`purser_store::Runs::pages_of_run`].
pub(crate) async fn of_run(
    readers: &SqlitePool,
    run: RunId,
    after: u64,
    limit: u32,
) -> Result<Vec<PageRead>> {
    let after = signed(after);
    let rows = query!(
        "SELECT p.id, q.feed, q.body, p.context, p.digest FROM page_reads AS p
         JOIN requests AS q ON q.run = p.run AND q.number = p.request
         WHERE p.run = ? AND p.id > ? ORDER BY p.id LIMIT ?",
        run.0,
        after,
        limit
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let (place, digest) = (unsigned(row.id)?, to_digest(&row.digest)?);
            Ok(PageRead { place, feed: row.feed, request: row.body, context: row.context, digest })
        })
        .collect()
}

/// See [`purser_store::Runs::page_sources`].
pub(crate) async fn sources(
    readers: &SqlitePool,
    account: AccountId,
    digest: Digest,
) -> Result<Vec<PageSource>> {
    let digest = digest.as_bytes().as_slice();
    let rows = query!(
        r#"SELECT p.run, r.digest, r.mapping, r.localisation, q.body AS "request!", p.context
           FROM page_reads AS p JOIN runs AS r ON r.id = p.run
           JOIN requests AS q ON q.run = p.run AND q.number = p.request
           WHERE p.account = ? AND p.digest = ? ORDER BY p.id DESC"#,
        account.0,
        digest
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let (run, cast) = (RunId(row.run), cast(&row.digest, &row.mapping, &row.localisation)?);
            Ok(PageSource { run, cast, request: row.request, context: row.context })
        })
        .collect()
}
