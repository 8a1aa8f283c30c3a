//! Roll-ups: sums that lists and charts read, changed in the commit that changes the Purchases.

use jiff::civil::Date;
use purser_domain::rollup::{Cell, Delta};
use purser_domain::{AccountId, Decimal};
use purser_store::Result;
use purser_store::ledger::Rollup;
use serde::Serialize;
use sqlx::{SqlitePool, query, query_as};

use crate::Write;
use crate::error::failed;
use crate::values::{account, date, decimal, id, to_json, unsigned};

/// A cell as the bulk statements read it; `cost` is the new sum.
#[derive(Serialize)]
struct CellRow {
    account: u32,
    feed: String,
    vendor_customer: String,
    day: String,
    booked_period: String,
    currency: String,
    purchases: i64,
    cost: Decimal,
}

impl CellRow {
    fn new(cell: Cell, delta: Delta) -> Self {
        Self {
            account: cell.account.0,
            feed: cell.feed,
            vendor_customer: cell.vendor_customer,
            day: cell.day.to_string(),
            booked_period: cell.booked_period.into(),
            currency: cell.currency.map(String::from).unwrap_or_default(),
            purchases: delta.purchases,
            cost: delta.cost,
        }
    }
}

/// Adds the changes of a commit.
pub(crate) async fn apply(tx: &mut Write, deltas: Vec<(Cell, Delta)>) -> Result<()> {
    if deltas.is_empty() {
        return Ok(());
    }
    let mut cells: Vec<_> = deltas.into_iter().map(|(cell, delta)| CellRow::new(cell, delta)).collect();
    add_stored(tx, &mut cells).await?;
    let cells = to_json(&cells)?;
    query!(
        "INSERT INTO rollups (account, feed, vendor_customer, day, booked_period, currency, purchases, cost)
         SELECT value ->> 'account', value ->> 'feed', value ->> 'vendor_customer', value ->> 'day',
                value ->> 'booked_period', value ->> 'currency', value ->> 'purchases', value ->> 'cost'
         FROM json_each(?) WHERE true
         ON CONFLICT DO UPDATE SET purchases = excluded.purchases, cost = excluded.cost",
        cells
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    query!(
        "DELETE FROM rollups WHERE purchases = 0
         AND (account, feed, vendor_customer, day, booked_period, currency) IN
             (SELECT value ->> 'account', value ->> 'feed', value ->> 'vendor_customer', value ->> 'day',
                     value ->> 'booked_period', value ->> 'currency' FROM json_each(?))",
        cells
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Turns changes into sums. Decimals are added here: SQLite's numbers would round them.
async fn add_stored(tx: &mut Write, cells: &mut [CellRow]) -> Result<()> {
    let changed = to_json(&*cells)?;
    let stored = query!(
        r#"SELECT c.key + 0 AS "position!: i64", r.purchases, r.cost
           FROM json_each(?) AS c CROSS JOIN rollups AS r
             ON r.account = c.value ->> 'account' AND r.feed = c.value ->> 'feed'
            AND r.vendor_customer = c.value ->> 'vendor_customer' AND r.day = c.value ->> 'day'
            AND r.booked_period = c.value ->> 'booked_period' AND r.currency = c.value ->> 'currency'"#,
        changed
    );
    for row in stored.fetch_all(&mut **tx).await.map_err(failed)? {
        if let Some(cell) = cells.get_mut(unsigned::<usize>(row.position)?) {
            cell.purchases = cell.purchases.saturating_add(row.purchases);
            cell.cost = &cell.cost + &decimal(&row.cost)?;
        }
    }
    Ok(())
}

struct Row {
    account: i64,
    feed: String,
    vendor_customer: String,
    day: String,
    booked_period: String,
    currency: String,
    purchases: i64,
    cost: String,
}

/// See [`purser_store::Ledger::rollups`].
pub(crate) async fn read(
    readers: &SqlitePool,
    of: Option<AccountId>,
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Vec<Rollup>> {
    let of = of.map(|account| account.0);
    let (from, to) = (from.map(|day| day.to_string()), to.map(|day| day.to_string()));
    let rows =
        query_as!(
        Row,
        "SELECT account, feed, vendor_customer, day, booked_period, currency, purchases, cost FROM rollups
         WHERE (?1 IS NULL OR account = ?1) AND (?2 IS NULL OR day >= ?2) AND (?3 IS NULL OR day < ?3)
         ORDER BY account, feed, vendor_customer, day, booked_period, currency",
        of, from, to
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    let rollup = |row: Row| {
        Ok(Rollup {
            account: account(row.account)?,
            feed: row.feed,
            vendor_customer: row.vendor_customer,
            day: date(&row.day)?,
            booked_period: id(&row.booked_period, "month")?,
            currency: row.currency,
            purchases: unsigned(row.purchases)?,
            cost: decimal(&row.cost)?,
        })
    };
    rows.into_iter().map(rollup).collect()
}
