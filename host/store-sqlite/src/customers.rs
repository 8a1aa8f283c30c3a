//! The customer mapping: rows are only added, the newest of a customer and day counts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use purser_domain::customer::{Customers as Mapped, Target};
use purser_domain::purchase::Key;
use purser_domain::suggestion::KnownCustomer;
use purser_domain::{AccountId, Ledgered};
use purser_store::customers::{Customers, MappingChange, MappingRow, Restamped, Stamping, Unmapped, restamp};
use purser_store::ledger::CommitPolicy;
use purser_store::{Error, Result};
use sqlx::sqlite::SqliteExecutor;
use sqlx::{query, query_as};

use crate::book::Book;
use crate::commit::Io;
use crate::error::{damaged, failed};
use crate::rows::{LedgeredRow, keys_of};
use crate::upsert::Stamp;
use crate::values::{date, decimal, from_json, id, instant, key as to_key, nanos, to_json};
use crate::{SqliteStore, Write, rollups};

/// Rows stamped at once.
const BATCH: i64 = 512;

struct Row {
    vendor_customer: String,
    from_day: String,
    target: Option<String>,
    changed_by: String,
    changed_at: i64,
}

impl TryFrom<Row> for MappingRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let target = row.target.as_deref().map(|target| from_json(target, "customer")).transpose()?;
        let change =
            MappingChange { vendor_customer: row.vendor_customer, from: date(&row.from_day)?, target };
        Ok(Self { change, by: row.changed_by, at: instant(row.changed_at)? })
    }
}

#[async_trait]
impl Customers for SqliteStore {
    async fn mapping(&self, account: AccountId) -> Result<Vec<MappingRow>> {
        rows(&self.readers, account).await
    }

    async fn mapping_history(&self, account: AccountId) -> Result<Vec<MappingRow>> {
        let rows = query_as!(
            Row,
            "SELECT vendor_customer, from_day, target, changed_by, changed_at FROM customer_mappings
             WHERE account = ? ORDER BY id DESC",
            account.0
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(MappingRow::try_from).collect()
    }

    async fn change_mapping(
        &self,
        account: AccountId,
        changes: &[MappingChange],
        by: &str,
        policy: &CommitPolicy,
    ) -> Result<Restamped> {
        let mut tx = self.write().await?;
        for change in changes {
            insert(&mut tx, account, change, by, policy).await?;
        }
        let touched: Vec<_> = changes.iter().map(|it| it.vendor_customer.to_ascii_lowercase()).collect();
        let report = stamp_anew(&mut tx, account, Some(&touched), policy).await?;
        tx.commit().await.map_err(failed)?;
        Ok(report)
    }

    async fn unmapped(&self, account: AccountId) -> Result<Vec<Unmapped>> {
        let mapped: Mapped =
            self.mapping(account).await?.iter().filter_map(|row| row.change.mapping()).collect();
        let (lower, upper) = keys_of(Some(account));
        let mut rows = query!(
            "SELECT key, vendor_customer, starts, cost, currency, committed_at
             FROM purchases INDEXED BY purchases_unmapped
             WHERE customer_code IS NULL AND key >= ?1 AND key < ?2 AND state <> 'void' ORDER BY key",
            lower,
            upper
        )
        .fetch(&self.readers);
        let mut groups = BTreeMap::<(String, Option<String>), Unmapped>::new();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let start = Timestamp::from_second(row.starts).map_err(|_| damaged("instant"))?;
            let ignored = match mapped.target(&row.vendor_customer, start) {
                Target::Ignored(reason) => Some(reason.clone()),
                Target::Code(_) | Target::Unmapped => None,
            };
            let (seen, example) = (instant(row.committed_at)?, to_key(&row.key)?);
            let group = (row.vendor_customer.to_ascii_lowercase(), ignored.clone());
            let group = groups.entry(group).or_insert_with(|| Unmapped {
                vendor_customer: row.vendor_customer,
                ignored,
                purchases: 0,
                sums: BTreeMap::new(),
                first_seen: seen,
                example,
            });
            group.purchases += 1;
            group.first_seen = group.first_seen.min(seen);
            if let (Some(currency), Some(cost)) = (row.currency, row.cost) {
                *group.sums.entry(id(&currency, "currency")?).or_default() += &decimal(&cost)?;
            }
        }
        Ok(groups.into_values().collect())
    }

    async fn known_customers(&self) -> Result<Vec<KnownCustomer>> {
        let rows = query_as!(
            KnownCustomer,
            "SELECT code, name, domain, vendor_customer FROM known_customers ORDER BY code"
        );
        rows.fetch_all(&self.readers).await.map_err(failed)
    }

    async fn put_known_customers(&self, customers: &[KnownCustomer]) -> Result<()> {
        let mut tx = self.write().await?;
        replace_known(&mut tx, customers).await?;
        tx.commit().await.map_err(failed)
    }
}

/// Replaces our own customers.
async fn replace_known(tx: &mut Write, customers: &[KnownCustomer]) -> Result<()> {
    query!("DELETE FROM known_customers").execute(&mut **tx).await.map_err(failed)?;
    let customers = to_json(customers)?;
    query!(
        "INSERT OR REPLACE INTO known_customers (code, name, domain, vendor_customer)
         SELECT value ->> 'code', value ->> 'name', value ->> 'domain', value ->> 'vendor_customer' FROM json_each(?)",
        customers
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// The rows that count, by customer and day.
pub(crate) async fn rows(from: impl SqliteExecutor<'_>, account: AccountId) -> Result<Vec<MappingRow>> {
    let rows = query_as!(
        Row,
        "SELECT vendor_customer, from_day, target, changed_by, changed_at FROM customer_mappings AS m
         WHERE account = ? AND target IS NOT NULL
           AND id = (SELECT MAX(id) FROM customer_mappings AS n WHERE n.account = m.account
                     AND n.vendor_customer = m.vendor_customer AND n.from_day = m.from_day)
         ORDER BY vendor_customer, from_day",
        account.0
    );
    let rows = rows.fetch_all(from).await.map_err(failed)?;
    rows.into_iter().map(MappingRow::try_from).collect()
}

async fn insert(
    tx: &mut Write,
    account: AccountId,
    change: &MappingChange,
    by: &str,
    policy: &CommitPolicy,
) -> Result<()> {
    let (customer, from) = (change.vendor_customer.to_ascii_lowercase(), change.from.to_string());
    let target = change.target.as_ref().map(to_json).transpose()?;
    let at = nanos(policy.now);
    query!(
        "INSERT INTO customer_mappings (account, vendor_customer, from_day, target, changed_by, changed_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        account.0,
        customer,
        from,
        target,
        by,
        at
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Stamps the Purchases of these customers (in lower case; none: of all) anew, in key order, in the transaction that
/// changed what they go by.
pub(crate) async fn stamp_anew(
    tx: &mut Write,
    account: AccountId,
    customers: Option<&[String]>,
    policy: &CommitPolicy,
) -> Result<Restamped> {
    let book = Book::load(tx, account, &policy.zone).await?;
    let (rules, customers) = (book.rules(policy), customers.map(to_json).transpose()?);
    let (mut after, mut stamping) = (None, Stamping::default());
    loop {
        let batch = batch(tx, account, customers.as_deref(), after).await?;
        let Some((_, last)) = batch.last() else { break };
        after = Some(last.purchase.key);
        // What stands is still what its run brought: each row keeps its own.
        for same in batch.chunk_by(|(one, _), (other, _)| one == other) {
            let stamp = Stamp { run: same.first().map_or(0, |(run, _)| *run), at: nanos(policy.now) };
            let rows: Vec<Ledgered> = same.iter().map(|(_, row)| row.clone()).collect();
            restamp(&mut Io { tx, stamp, ours: &[] }, &rows, &rules, &mut stamping).await?;
        }
    }
    let report = stamping.report;
    rollups::apply(tx, stamping.into_rollups().into_deltas().collect()).await?;
    Ok(report)
}

/// The next rows with the run that made each.
async fn batch(
    tx: &mut Write,
    account: AccountId,
    customers: Option<&str>,
    after: Option<Key>,
) -> Result<Vec<(i64, Ledgered)>> {
    let (lower, upper) = keys_of(Some(account));
    let after = after.map_or_else(Vec::new, |key| key.as_bytes().to_vec());
    let rows = query_as!(
        LedgeredRow,
        "SELECT run, key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity, unit,
                cost, currency, state, vendor_period, booked_period, revision, source_date, corrections, origin, shares,
                rest
         FROM purchases
         WHERE key > ?1 AND key >= ?2 AND key < ?3
           AND (?4 IS NULL OR lower(vendor_customer) IN (SELECT value FROM json_each(?4)))
         ORDER BY key LIMIT ?5",
        after,
        lower,
        upper,
        customers,
        BATCH
    );
    let rows = rows.fetch_all(&mut **tx).await.map_err(failed)?;
    rows.into_iter().map(|row| Ok((row.run, row.try_into()?))).collect()
}
