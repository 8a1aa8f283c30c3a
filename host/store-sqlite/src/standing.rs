//! What the ledger stands on now: read for a replay, never written.

use async_trait::async_trait;
use purser_domain::purchase::Key;
use purser_domain::tiers::Rates;
use purser_domain::{AccountId, Currency, Decimal, Ledgered, Month, PartitionNo, RunId};
use purser_store::Result;
use purser_store::runs::Partition;
use purser_store::standing::{Standing, StandingPage, Standings, TierUse, counts_for};
use sqlx::{query, query_as};

use crate::SqliteStore;
use crate::commit::unpack_keys;
use crate::error::failed;
use crate::rows::LedgeredRow;
use crate::values::{cast, date, decimal, digest, from_json, id, signed, to_json, unsigned};

/// Rows of a billing cycle that are read at once.
const BATCH: i64 = 512;

#[async_trait]
impl Standings for SqliteStore {
    async fn standings(&self, account: AccountId) -> Result<Vec<Standing>> {
        let rows = query!(
            r#"SELECT p.id, p.feed, p.key, p.month, p.currency, p.stage, p.run AS "run!", r.digest, r.mapping,
                      r.localisation, r.window_from, r.window_to, r.local_date, p.balance,
                      (SELECT COUNT(*) FROM page_reads AS o JOIN run_partitions AS w ON w.id = o.partition
                       WHERE w.run = p.run AND w.feed = p.feed AND w.key = p.key AND w.month = p.month
                         AND w.currency = p.currency AND w.stage = p.stage) AS "pages!: i64"
               FROM partitions AS p JOIN runs AS r ON r.id = p.run
               WHERE p.account = ?1
                 AND NOT EXISTS (SELECT 1 FROM partitions AS h
                                 WHERE h.account = p.account AND h.feed = p.feed AND h.month = p.month
                                   AND h.currency = p.currency AND h.month <> '' AND h.stage > p.stage AND h.raised)
               ORDER BY p.id"#,
            account.0
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let (stage, month, currency) = (unsigned(row.stage)?, row.month, row.currency);
                let local = date(&row.local_date)?;
                let (from, to) = (date(&row.window_from)?, date(&row.window_to)?);
                Ok(Standing {
                    no: PartitionNo(row.id),
                    partition: Partition { feed: row.feed, key: row.key, month, currency, stage },
                    run: RunId(row.run),
                    cast: cast(&row.digest, &row.mapping, &row.localisation)?,
                    days: (from.min(local), to.max(local.tomorrow().unwrap_or(local))),
                    balance: from_json(&row.balance, "balance")?,
                    pages: unsigned(row.pages)?,
                })
            })
            .collect()
    }

    async fn standing_pages(
        &self,
        account: AccountId,
        partition: PartitionNo,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StandingPage>> {
        let after = signed(after);
        let rows = query!(
            r#"SELECT o.id AS "id!", o.digest AS "digest!", o.context AS "context!"
               FROM partitions AS p
               JOIN run_partitions AS w ON w.run = p.run AND w.feed = p.feed AND w.key = p.key AND w.month = p.month
                                       AND w.currency = p.currency AND w.stage = p.stage
               JOIN page_reads AS o ON o.partition = w.id
               WHERE p.id = ?1 AND p.account = ?2 AND o.id > ?3 ORDER BY o.id LIMIT ?4"#,
            partition.0,
            account.0,
            after,
            limit
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let (place, digest) = (unsigned(row.id)?, digest(&row.digest)?);
                Ok(StandingPage { place, digest, context: row.context })
            })
            .collect()
    }

    async fn standing_keys(
        &self,
        account: AccountId,
        partition: PartitionNo,
        after: Option<Key>,
        limit: u32,
    ) -> Result<Vec<Key>> {
        let from = after.map(|key| key.as_bytes().to_vec());
        // A chunk holds thousands of keys: few chunks give enough.
        let chunks = i64::from(limit / 1024 + 1);
        let rows = query!(
            "SELECT k.count, k.keys FROM partition_keys AS k
             JOIN partitions AS p ON p.id = k.partition AND p.keys_kept = k.generation
             WHERE p.id = ?1 AND p.account = ?2 AND (?3 IS NULL OR k.last_key > ?3) ORDER BY k.first_key LIMIT ?4",
            partition.0,
            account.0,
            from,
            chunks
        );
        let mut keys = Vec::new();
        for row in rows.fetch_all(&self.readers).await.map_err(failed)? {
            let chunk = unpack_keys(&row.keys, row.count)?;
            keys.extend(chunk.into_iter().filter(|key| after.is_none_or(|after| *key > after)));
        }
        Ok(keys)
    }

    async fn booked_after(
        &self,
        account: AccountId,
        partition: PartitionNo,
        month: &Month,
    ) -> Result<Option<bool>> {
        let (mut after, mut found) = (None, None);
        loop {
            let keys = self.standing_keys(account, partition, after, 0).await?;
            let Some(last) = keys.last() else { return Ok(found) };
            if self.any_booked_after(&keys, month).await?
                || self.any_booked_after(&self.newest_corrections(&keys).await?, month).await?
            {
                return Ok(Some(true));
            }
            (after, found) = (Some(*last), Some(false));
        }
    }

    async fn tier_use(&self, account: AccountId, feed: &str, group: &str, product: &str) -> Result<TierUse> {
        let product = product.to_lowercase();
        let row = query!(
            "SELECT first_key, last_key, currency, rates, included_quantity FROM tier_keys
             WHERE account = ? AND feed = ? AND tier_group = ? AND tier_key = ?",
            account.0,
            feed,
            group,
            product
        );
        let Some(row) = row.fetch_optional(&self.readers).await.map_err(failed)? else {
            return Ok(TierUse { used: Decimal::zero(), rates: self.newest_rates(account, &product).await? });
        };
        let pinned = match (&row.currency, &row.rates) {
            (Some(currency), Some(tiers)) => rates(currency, tiers, row.included_quantity.as_deref())?,
            _ => self.newest_rates(account, &product).await?,
        };
        let (mut used, mut from, last) = (Decimal::zero(), row.first_key.to_vec(), row.last_key);
        let mut is_first = true;
        loop {
            let rows = self.rows_between(&from, is_first, &last).await?;
            let ours = rows.iter().filter(|row| row.purchase.feed == feed && row.purchase.account == account);
            ours.for_each(|row| used += &counts_for(row, group, &product));
            match rows.last() {
                Some(row) if i64::try_from(rows.len()) == Ok(BATCH) => {
                    from = row.purchase.key.as_bytes().to_vec()
                }
                _ => return Ok(TierUse { used, rates: pinned }),
            }
            is_first = false;
        }
    }
}

impl SqliteStore {
    /// A question for thousands of keys: one for each would take as long as reading the ledger.
    async fn any_booked_after(&self, keys: &[Key], month: &Month) -> Result<bool> {
        let keys = to_json(&keys.iter().map(Key::to_string).collect::<Vec<_>>())?;
        let month = month.to_string();
        let row = query!(
            r#"SELECT EXISTS (SELECT 1 FROM json_each(?) AS k CROSS JOIN purchases AS p ON p.key = unhex(k.value)
                              WHERE p.booked_period > ?) AS "found!: bool""#,
            keys,
            month
        );
        Ok(row.fetch_one(&self.readers).await.map_err(failed)?.found)
    }

    async fn newest_corrections(&self, keys: &[Key]) -> Result<Vec<Key>> {
        let keys = to_json(&keys.iter().map(Key::to_string).collect::<Vec<_>>())?;
        let rows = query_as!(
            LedgeredRow,
            "SELECT p.run, p.key, p.feed, p.reference, p.vendor_customer, p.customer_code, p.product_key, p.product_text,
                    p.quantity, p.unit, p.cost, p.currency, p.state, p.vendor_period, p.booked_period, p.revision,
                    p.source_date, p.corrections, p.origin, p.shares, p.rest
             FROM json_each(?) AS k CROSS JOIN purchases AS p ON p.key = unhex(k.value) WHERE p.corrections > 0",
            keys
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        let rows: Vec<Ledgered> = rows.into_iter().map(Ledgered::try_from).collect::<Result<_>>()?;
        Ok(rows.iter().filter_map(|row| row.correction_keys().last()).collect())
    }

    async fn rows_between(&self, from: &[u8], is_first: bool, last: &[u8]) -> Result<Vec<Ledgered>> {
        let rows = query_as!(
            LedgeredRow,
            "SELECT run, key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity,
                    unit, cost, currency, state, vendor_period, booked_period, revision, source_date, corrections, origin,
                    shares, rest
             FROM purchases WHERE key >= ?1 AND (?2 OR key <> ?1) AND key <= ?3 ORDER BY key LIMIT ?4",
            from,
            is_first,
            last,
            BATCH
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Ledgered::try_from).collect()
    }

    /// Those of the newest rate card that names a product, as a first pricing would pin them.
    async fn newest_rates(&self, account: AccountId, product: &str) -> Result<Option<Rates>> {
        let row = query!(
            "SELECT c.currency, c.rates, c.included_quantity FROM texts AS c JOIN partitions AS p ON p.id = c.partition
             WHERE c.account = ? AND c.key = ? AND c.currency <> '' AND c.rates <> '[]'
             ORDER BY p.as_of DESC, p.run DESC, c.id LIMIT 1",
            account.0,
            product
        );
        match row.fetch_optional(&self.readers).await.map_err(failed)? {
            Some(row) => rates(&row.currency, &row.rates, row.included_quantity.as_deref()),
            None => Ok(None),
        }
    }
}

/// None: they make no sense, and price nothing.
fn rates(currency: &str, tiers: &str, included: Option<&str>) -> Result<Option<Rates>> {
    let currency: Currency = id(currency, "currency")?;
    let tiers: Vec<(Decimal, Decimal)> = from_json(tiers, "rate")?;
    let included = included.map(decimal).transpose()?;
    Ok(Rates::new(currency, &tiers, included.as_ref()).ok())
}
