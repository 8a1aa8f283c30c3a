//! Booked periods: the roll-ups' sums by month, and which months are closed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::{AccountId, Month};
use purser_store::Result;
use purser_store::periods::{Closing, Period, Periods};
use sqlx::query;

use crate::error::failed;
use crate::rows::keys_of;
use crate::values::{decimal, id, instant, nanos, unsigned};
use crate::{SqliteStore, book};

#[async_trait]
impl Periods for SqliteStore {
    async fn periods(&self, account: AccountId) -> Result<Vec<Period>> {
        let mut periods = self.sums(account).await?;
        self.mark_closed(account, &mut periods).await?;
        self.count_waiting(account, &mut periods).await?;
        Ok(periods.into_values().rev().collect())
    }

    async fn last_closed(&self, account: AccountId) -> Result<Option<Month>> {
        Ok(book::closed(&self.readers, account).await?.last().cloned())
    }

    async fn close_period(
        &self,
        account: AccountId,
        month: &Month,
        today: Date,
        by: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        book::closed(&mut *tx, account).await?.close(month, today)?;
        let (month, now) = (month.to_string(), nanos(now));
        query!(
            "INSERT INTO closed_periods (account, month, closed_by, closed_at) VALUES (?, ?, ?, ?)",
            account.0,
            month,
            by,
            now
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

type ByMonth = BTreeMap<Month, Period>;

impl SqliteStore {
    async fn sums(&self, account: AccountId) -> Result<ByMonth> {
        let rows = query!(
            "SELECT booked_period, currency, purchases, cost FROM rollups WHERE account = ?",
            account.0
        );
        let mut periods = ByMonth::new();
        for row in rows.fetch_all(&self.readers).await.map_err(failed)? {
            let period = of(&mut periods, &row.booked_period)?;
            period.purchases += unsigned::<u64>(row.purchases)?;
            if !row.currency.is_empty() {
                *period.sums.entry(id(&row.currency, "currency")?).or_default() += &decimal(&row.cost)?;
            }
        }
        Ok(periods)
    }

    async fn mark_closed(&self, account: AccountId, periods: &mut ByMonth) -> Result<()> {
        let rows = query!(
            "SELECT month, closed_by, closed_at FROM closed_periods WHERE account = ? ORDER BY month DESC",
            account.0
        );
        for row in rows.fetch_all(&self.readers).await.map_err(failed)? {
            let closing = Closing { at: instant(row.closed_at)?, by: row.closed_by };
            let month = of(periods, &row.month)?.month.clone();
            // From the last act back to the first: each closes what no earlier one had.
            periods.range_mut(..=month).for_each(|(_, period)| period.closed = Some(closing.clone()));
        }
        Ok(())
    }

    async fn count_waiting(&self, account: AccountId, periods: &mut ByMonth) -> Result<()> {
        let (lower, upper) = keys_of(Some(account));
        let unmapped = query!(
            r#"SELECT booked_period, COUNT(*) AS "count!: i64" FROM purchases INDEXED BY purchases_unmapped
               WHERE customer_code IS NULL AND key >= ? AND key < ? AND state <> 'void' GROUP BY booked_period"#,
            lower,
            upper
        );
        for row in unmapped.fetch_all(&self.readers).await.map_err(failed)? {
            of(periods, &row.booked_period)?.unmapped = unsigned(row.count)?;
        }
        let held = query!(
            r#"SELECT p.booked_period, COUNT(*) AS "count!: i64" FROM held_voids AS h JOIN purchases AS p ON p.key = h.key
               WHERE h.key >= ? AND h.key < ? GROUP BY p.booked_period"#,
            lower,
            upper
        );
        for row in held.fetch_all(&self.readers).await.map_err(failed)? {
            of(periods, &row.booked_period)?.held = unsigned(row.count)?;
        }
        Ok(())
    }
}

fn of<'a>(periods: &'a mut ByMonth, month: &str) -> Result<&'a mut Period> {
    let month: Month = id(month, "month")?;
    Ok(periods.entry(month.clone()).or_insert_with(|| Period {
        month,
        closed: None,
        purchases: 0,
        sums: BTreeMap::new(),
        unmapped: 0,
        held: 0,
    }))
}
