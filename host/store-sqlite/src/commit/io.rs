//! The rows a commit reads and writes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use purser_domain::purchase::Key;
use purser_domain::{Ledgered, PartitionNo};
use purser_store::commit::{ChunkHead, KeyRange, LedgerIo, Writes};
use purser_store::{Result, staging};
use sqlx::{query, query_as, query_scalar};

use super::Standing;
use crate::Write;
use crate::error::failed;
use crate::rows::LedgeredRow;
use crate::upsert::{Stamp, upsert};
use crate::values::{key, signed, unsigned};

/// The rows of a commit.
pub(crate) struct Io<'a> {
    pub(crate) tx: &'a mut Write,
    pub(crate) stamp: Stamp,
    pub(crate) ours: &'a [Standing],
}

#[async_trait]
impl LedgerIo for Io<'_> {
    async fn chunk(&mut self, head: &ChunkHead) -> Result<Vec<u8>> {
        let data = query_scalar!("SELECT data FROM staged WHERE id = ?", head.id);
        let data = data.fetch_one(&mut **self.tx).await.map_err(failed)?;
        staging::decompress(&data, head.length)
    }

    async fn former_keys(&mut self, partitions: &[PartitionNo], range: &KeyRange) -> Result<Vec<Key>> {
        let (from, to) =
            (range.from.map(|key| key.as_bytes().to_vec()), range.to.map(|key| key.as_bytes().to_vec()));
        let mut all = BTreeSet::new();
        for standing in self.ours.iter().filter(|standing| partitions.contains(&standing.no)) {
            let rows = query!(
                "SELECT count, keys FROM partition_keys
                 WHERE partition = ?1 AND generation = ?2
                   AND (?3 IS NULL OR last_key >= ?3) AND (?4 IS NULL OR first_key < ?4)
                 ORDER BY first_key",
                standing.no.0,
                standing.keys_kept,
                from,
                to
            );
            for row in rows.fetch_all(&mut **self.tx).await.map_err(failed)? {
                all.extend(unpack_keys(&row.keys, row.count)?.into_iter().filter(|key| range.holds(key)));
            }
        }
        Ok(all.into_iter().collect())
    }

    async fn rows(&mut self, keys: &[Key]) -> Result<Vec<Ledgered>> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
        let (first, last) = (first.as_bytes().as_slice(), last.as_bytes().as_slice());
        // Most batches of a first fill have no neighbour yet: one probe instead of one a key.
        let any = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM purchases WHERE key BETWEEN ? AND ?) AS "any!: bool""#,
            first,
            last
        );
        if !any.fetch_one(&mut **self.tx).await.map_err(failed)? {
            return Ok(Vec::new());
        }
        let (wanted, count) = (joined(keys), signed(keys.len() as u64));
        let rows = query_as!(
            LedgeredRow,
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
             SELECT p.run, p.key, p.feed, p.reference, p.vendor_customer, p.customer_code, p.product_key,
                    p.product_text, p.quantity, p.unit, p.cost, p.currency, p.state, p.vendor_period, p.booked_period,
                    p.revision, p.source_date, p.corrections, p.origin, p.shares, p.rest
             FROM n CROSS JOIN purchases AS p ON p.key = substr(?1, i * 32 + 1, 32)",
            wanted, count
        );
        let rows = rows.fetch_all(&mut **self.tx).await.map_err(failed)?;
        rows.into_iter().map(Ledgered::try_from).collect()
    }

    async fn write(&mut self, writes: Writes) -> Result<()> {
        self.revise(&writes.revise).await?;
        upsert(self.tx, self.stamp, writes.rows).await?;
        for (partition, key, because) in writes.held {
            let key = key.as_bytes().as_slice();
            query!(
                "INSERT INTO held_voids (key, partition, because, run) VALUES (?, ?, ?, ?)
                 ON CONFLICT (key, partition) DO UPDATE SET because = excluded.because, run = excluded.run",
                key,
                partition.0,
                because,
                self.stamp.run
            )
            .execute(&mut **self.tx)
            .await
            .map_err(failed)?;
        }
        Ok(())
    }

    async fn keep_keys(&mut self, partition: PartitionNo, keys: &[Key]) -> Result<()> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(()) };
        let (first, last) = (first.as_bytes().as_slice(), last.as_bytes().as_slice());
        let kept = self.ours.iter().find(|standing| standing.no == partition).map_or(0, |it| it.keys_kept);
        let (generation, count) = (kept.saturating_add(1), signed(keys.len() as u64));
        let packed = staging::compress(&joined(keys))?;
        query!(
            "INSERT INTO partition_keys (partition, generation, first_key, last_key, count, keys)
             VALUES (?, ?, ?, ?, ?, ?)",
            partition.0,
            generation,
            first,
            last,
            count,
            packed
        )
        .execute(&mut **self.tx)
        .await
        .map_err(failed)?;
        Ok(())
    }
}

impl Io<'_> {
    /// Copies rows as they are into the revisions.
    async fn revise(&mut self, keys: &[Key]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (wanted, count) = (joined(keys), signed(keys.len() as u64));
        query!(
            "INSERT INTO revisions (key, revision, feed, reference, vendor_customer, customer_code, product_key,
                                    product_text, quantity, unit, cost, currency, starts, state, vendor_period,
                                    booked_period, source_date, run, committed_at, rest)
             WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
             SELECT p.key, p.revision, p.feed, p.reference, p.vendor_customer, p.customer_code, p.product_key,
                    p.product_text, p.quantity, p.unit, p.cost, p.currency, p.starts, p.state, p.vendor_period,
                    p.booked_period, p.source_date, p.run, p.committed_at, p.rest
             FROM n CROSS JOIN purchases AS p ON p.key = substr(?1, i * 32 + 1, 32)",
            wanted, count
        )
        .execute(&mut **self.tx)
        .await
        .map_err(failed)?;
        Ok(())
    }
}

fn joined(keys: &[Key]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.as_bytes()).copied().collect()
}

pub(crate) fn unpack_keys(packed: &[u8], count: i64) -> Result<Vec<Key>> {
    let length = unsigned::<u64>(count)?.saturating_mul(Key::LENGTH as u64);
    let bytes = staging::decompress(packed, length)?;
    bytes.chunks_exact(Key::LENGTH).map(key).collect()
}
