//! Pricing on SQLite: what waits, the rates that are pinned, and one `IMMEDIATE` transaction a group around
//! [`purser_store::pricing`].

use async_trait::async_trait;
use purser_domain::purchase::Key;
use purser_domain::tiers::Rates;
use purser_domain::{AccountId, Currency, Decimal, Ledgered, RunId};
use purser_store::Result;
use purser_store::ledger::CommitPolicy;
use purser_store::pricing::{
    Done, PricingReport, Task, TierGroup, TierIo, TierKey, Touched, Unpriced, price,
};
use purser_store::runs::Fence;
use serde::Serialize;
use sqlx::{SqlitePool, query, query_as};

use crate::book::Book;
use crate::commit::Io;
use crate::error::failed;
use crate::rows::LedgeredRow;
use crate::upsert::Stamp;
use crate::values::{decimal, from_json, id, key as to_key, nanos, signed, to_json, unsigned};
use crate::{SqliteStore, Write, rollups, runs};

/// A touched product of a group, as the bulk statement reads it.
#[derive(Serialize)]
struct TouchedRow {
    group: String,
    key: String,
    first: String,
    last: String,
}

/// Notes what a commit leaves to be priced.
pub(crate) async fn touch(tx: &mut Write, fence: Fence, feed: &str, touched: &Touched) -> Result<()> {
    let row = |(group, key, first, last): (&str, &str, Key, Key)| TouchedRow {
        group: group.to_owned(),
        key: key.to_lowercase(),
        first: first.to_string(),
        last: last.to_string(),
    };
    let rows: Vec<_> = touched.iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let rows = to_json(&rows)?;
    query!(
        "INSERT INTO tier_keys (account, feed, tier_group, tier_key, first_key, last_key, stale, changed_by)
         SELECT ?1, ?2, value ->> 'group', value ->> 'key', unhex(value ->> 'first'), unhex(value ->> 'last'), 1, ?3
         FROM json_each(?4) WHERE true
         ON CONFLICT (account, feed, tier_group, tier_key) DO UPDATE SET
             first_key = MIN(first_key, excluded.first_key), last_key = MAX(last_key, excluded.last_key), stale = 1,
             changed_by = excluded.changed_by",
        fence.account.0,
        feed,
        fence.run.0,
        rows
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// See [`purser_store::Ledger::groups_to_price`].
pub(crate) async fn waiting(readers: &SqlitePool, account: AccountId) -> Result<Vec<TierGroup>> {
    let rows = query_as!(
        TierGroup,
        "SELECT DISTINCT feed, tier_group AS name FROM tier_keys AS t
         WHERE account = ? AND stale
           AND (rates IS NOT NULL OR EXISTS (SELECT 1 FROM texts AS x WHERE x.account = t.account
                AND x.key = t.tier_key AND x.currency <> '' AND x.rates <> '[]'))
         ORDER BY feed, tier_group",
        account.0
    );
    rows.fetch_all(readers).await.map_err(failed)
}

/// See [`purser_store::Ledger::unpriced`].
pub(crate) async fn unpriced(readers: &SqlitePool, account: AccountId) -> Result<Vec<Unpriced>> {
    let rows = query!(
        r#"SELECT tier_key AS "tier_key!", COUNT(*) AS "cycles!: i64", MAX(changed_by) AS "changed_by!: i64" FROM tier_keys
           WHERE account = ? AND stale AND rates IS NULL GROUP BY tier_key ORDER BY tier_key"#,
        account.0
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let cycles = unsigned(row.cycles)?;
            Ok(Unpriced { key: row.tier_key, cycles, changed_by: RunId(row.changed_by) })
        })
        .collect()
}

impl SqliteStore {
    /// See [`purser_store::Ledger::price_group`].
    pub(crate) async fn price(
        &self,
        fence: Fence,
        group: &TierGroup,
        policy: &CommitPolicy,
    ) -> Result<PricingReport> {
        let mut tx = self.write().await?;
        runs::hold(&mut tx, fence).await?;
        let keys = keys(&mut tx, fence.account, group).await?;
        if keys.is_empty() {
            return Ok(PricingReport::default());
        }
        let book = Book::of_commit(&mut tx, fence.account, &policy.zone, &self.mappings).await?;
        let rules = book.rules(policy);
        let stamp = Stamp { run: fence.run.0, at: nanos(policy.now) };
        let task = Task { group, keys: &keys, rules };
        let Done { report, rollups } = price(&mut Io { tx: &mut tx, stamp, ours: &[] }, &task).await?;
        rollups::apply(&mut tx, rollups.into_deltas().collect()).await?;
        settle(&mut tx, fence.account, group, &keys).await?;
        tx.commit().await.map_err(failed)?;
        Ok(report)
    }
}

/// The group's products that wait and have rates; rates that are not pinned yet are now.
async fn keys(tx: &mut Write, account: AccountId, group: &TierGroup) -> Result<Vec<TierKey>> {
    pin(tx, account, group).await?;
    let rows = query!(
        r#"SELECT tier_key, first_key, last_key, currency AS "currency!", rates AS "rates!", included_quantity
           FROM tier_keys WHERE account = ? AND feed = ? AND tier_group = ? AND stale AND rates IS NOT NULL
           ORDER BY tier_key"#,
        account.0,
        group.feed,
        group.name
    );
    let mut keys = Vec::new();
    for row in rows.fetch_all(&mut **tx).await.map_err(failed)? {
        let tiers: Vec<(Decimal, Decimal)> = from_json(&row.rates, "rate")?;
        let included = row.included_quantity.as_deref().map(decimal).transpose()?;
        let currency: Currency = id(&row.currency, "currency")?;
        // Rates that make no sense price nothing: what waits for them goes on waiting, and is told.
        match Rates::new(currency, &tiers, included.as_ref()) {
            Ok(rates) => keys.push(TierKey {
                key: row.tier_key,
                first: to_key(&row.first_key)?,
                last: to_key(&row.last_key)?,
                rates,
            }),
            Err(_) => unpin(tx, account, group, &row.tier_key).await?,
        }
    }
    Ok(keys)
}

/// Pins the rates of the newest rate card that names a product, in the currency of that card.
async fn pin(tx: &mut Write, account: AccountId, group: &TierGroup) -> Result<()> {
    query!(
        "UPDATE tier_keys AS t SET currency = x.currency, rates = x.rates, included_quantity = x.included_quantity,
                                   partition = x.partition, run = x.run
         FROM (SELECT k.tier_key, c.currency, c.rates, c.included_quantity, c.partition, p.run,
                      ROW_NUMBER() OVER (PARTITION BY k.tier_key ORDER BY p.as_of DESC, p.run DESC, c.id) AS place
               FROM tier_keys AS k
               JOIN texts AS c ON c.account = k.account AND c.key = k.tier_key
               JOIN partitions AS p ON p.id = c.partition
               WHERE k.account = ?1 AND k.feed = ?2 AND k.tier_group = ?3 AND k.stale AND k.rates IS NULL
                 AND c.currency <> '' AND c.rates <> '[]') AS x
         WHERE t.account = ?1 AND t.feed = ?2 AND t.tier_group = ?3 AND t.tier_key = x.tier_key AND x.place = 1",
        account.0,
        group.feed,
        group.name
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn unpin(tx: &mut Write, account: AccountId, group: &TierGroup, key: &str) -> Result<()> {
    query!(
        "UPDATE tier_keys SET currency = NULL, rates = NULL, included_quantity = NULL, partition = NULL, run = NULL
         WHERE account = ? AND feed = ? AND tier_group = ? AND tier_key = ?",
        account.0,
        group.feed,
        group.name,
        key
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Notes that these products have been priced.
async fn settle(tx: &mut Write, account: AccountId, group: &TierGroup, keys: &[TierKey]) -> Result<()> {
    let keys = to_json(&keys.iter().map(|key| &key.key).collect::<Vec<_>>())?;
    query!(
        "UPDATE tier_keys SET stale = 0
         WHERE account = ? AND feed = ? AND tier_group = ? AND tier_key IN (SELECT value FROM json_each(?))",
        account.0,
        group.feed,
        group.name,
        keys
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

#[async_trait]
impl TierIo for Io<'_> {
    async fn next_rows(&mut self, from: Key, after: bool, last: Key, limit: usize) -> Result<Vec<Ledgered>> {
        let (from, last) = (from.as_bytes().as_slice(), last.as_bytes().as_slice());
        let limit = signed(limit as u64);
        let rows = query_as!(
            LedgeredRow,
            "SELECT run, key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity,
                    unit, cost, currency, state, vendor_period, booked_period, revision, source_date, corrections, origin,
                    shares, rest
             FROM purchases WHERE key >= ?1 AND (NOT ?2 OR key <> ?1) AND key <= ?3 ORDER BY key LIMIT ?4",
            from,
            after,
            last,
            limit
        );
        let rows = rows.fetch_all(&mut **self.tx).await.map_err(failed)?;
        rows.into_iter().map(Ledgered::try_from).collect()
    }
}
