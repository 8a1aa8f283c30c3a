//! Lines of the vendor's invoices that another feed bills: replaced with their partition, and read as one side of the
//! reconciliation; the other side is summed from the Purchases, row by row, so that memory does not grow with them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use jiff::tz::TimeZone;
use purser_domain::customer::{Customers as Mapped, Target};
use purser_domain::purchase::Key;
use purser_domain::reconciliation::{Billed, Charged};
use purser_domain::{AccountId, Balance, Currency, Decimal, Digest, Month, PartitionNo};
use purser_store::Result;
use purser_store::codec::unpack_rest;
use purser_store::customers::Customers as _;
use purser_store::reconciliation::{Behind, Reconciliation, Side, Sides};
use sqlx::query;

use crate::error::{damaged, failed};
use crate::rows::keys_of;
use crate::values::{decimal, from_json, id, key as to_key, to_json, unsigned};
use crate::{SqliteStore, Write};

mod behind;

/// Whether a run has staged any line for a partition.
pub(crate) async fn are_staged(tx: &mut Write, staged: i64) -> Result<bool> {
    let any = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM staged_lines WHERE partition = ?) AS "any!: bool""#,
        staged
    );
    any.fetch_one(&mut **tx).await.map_err(failed)
}

/// Drops the lines of these partitions.
pub(crate) async fn withdraw(tx: &mut Write, partitions: &[PartitionNo]) -> Result<()> {
    let partitions = to_json(partitions)?;
    query!("DELETE FROM invoice_lines WHERE partition IN (SELECT value FROM json_each(?))", partitions)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Puts the lines that a run staged for a partition into it.
pub(crate) async fn put(
    tx: &mut Write,
    account: AccountId,
    partition: PartitionNo,
    month: &str,
    staged: i64,
) -> Result<()> {
    query!(
        "INSERT INTO invoice_lines (account, partition, month, billed_by, rule, vendor_customer, vendor_subscription,
                                    product_key, product_text, quantity, unit, cost, currency, starts, ends)
         SELECT ?1, ?2, CASE ?3 WHEN '' THEN substr(l.value ->> 'start', 1, 7) ELSE ?3 END, l.value ->> 'billed_by',
                l.value ->> 'rule', l.value ->> 'vendor_customer', l.value ->> 'vendor_subscription',
                l.value ->> 'product_key', l.value ->> 'product_text', l.value ->> 'quantity', l.value ->> 'unit',
                l.value ->> 'cost', l.value ->> 'currency', l.value ->> 'start', l.value ->> 'end'
         FROM staged_lines AS s JOIN page_reads AS p ON p.id = s.read, json_each(s.lines) AS l
         WHERE s.partition = ?4 ORDER BY p.request, p.number, l.key",
        account.0,
        partition.0,
        month,
        staged
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Scope (the first bytes of its hash, as in keys), currency and feed.
type Place = ([u8; 8], Currency, String);
type Parts = BTreeMap<Place, Side>;

#[async_trait]
impl Reconciliation for SqliteStore {
    async fn sides(&self, account: AccountId, month: &Month, invoice_feeds: &[String]) -> Result<Sides> {
        let mut parts = Parts::new();
        self.charged(account, month, &mut parts).await?;
        self.billed(account, month, &mut parts).await?;
        let mut sides = Sides { parts: parts.into_values().collect(), ..Sides::default() };
        self.invoices(account, month, invoice_feeds, &mut sides).await?;
        Ok(sides)
    }

    async fn behind(
        &self,
        account: AccountId,
        month: &Month,
        scope: &str,
        currency: &Currency,
        limit: u32,
    ) -> Result<Behind> {
        behind::read(&self.readers, &behind::Wanted { account, month, scope, currency, limit }).await
    }
}

impl SqliteStore {
    async fn charged(&self, account: AccountId, month: &Month, parts: &mut Parts) -> Result<()> {
        let month = month.to_string();
        let mut rows = query!(
            "SELECT billed_by, vendor_customer, vendor_subscription, quantity, unit, cost, currency FROM invoice_lines
             WHERE account = ? AND month = ?",
            account.0,
            month
        )
        .fetch(&self.readers);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let named = if row.vendor_subscription.is_empty() {
                &row.vendor_customer
            } else {
                &row.vendor_subscription
            };
            let place = (hashed(named), id(&row.currency, "currency")?, row.billed_by);
            let Charged { lines, amount, quantities } =
                &mut part(parts, place, || Ok((named.clone(), row.vendor_customer.clone())))?.charged;
            *lines += 1;
            *amount += &decimal(&row.cost)?;
            *quantities.entry(row.unit).or_default() += &decimal(&row.quantity)?;
        }
        Ok(())
    }

    async fn billed(&self, account: AccountId, month: &Month, parts: &mut Parts) -> Result<()> {
        let mapping: Mapped =
            self.mapping(account).await?.iter().filter_map(|row| row.change.mapping()).collect();
        let (lower, upper) = keys_of(Some(account));
        let (period, first, next) = (month.to_string(), first_second(month), first_second(&month.next()));
        let mut rows = query!(
            r#"SELECT key, feed, vendor_customer, customer_code, quantity, unit, cost AS "cost!", currency AS "currency!",
                      starts, vendor_period = ?3 AS "counts!: bool", rest
               FROM purchases
               WHERE key >= ?1 AND key < ?2 AND cost IS NOT NULL AND currency IS NOT NULL AND state <> 'void'
                 AND (vendor_period = ?3 OR (starts >= ?4 AND starts < ?5))"#,
            lower,
            upper,
            period,
            first,
            next
        )
        .fetch(&self.readers);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let place = (scope_of(to_key(&row.key)?), id(&row.currency, "currency")?, row.feed);
            let name = || Ok((scope_name(&row.rest, &row.vendor_customer)?, row.vendor_customer.clone()));
            let billed = &mut part(parts, place, name)?.billed;
            let cost = decimal(&row.cost)?;
            if !row.counts {
                billed.shifted_out += &cost;
                continue;
            }
            if !(first..next).contains(&row.starts) {
                billed.shifted_in += &cost;
            }
            billed.lines += 1;
            *billed.quantities.entry(row.unit).or_default() += &decimal(&row.quantity)?;
            let start = jiff::Timestamp::from_second(row.starts).map_err(|_| damaged("instant"))?;
            let is_ignored = || matches!(mapping.target(&row.vendor_customer, start), Target::Ignored(_));
            let sum = match row.customer_code {
                Some(_) => &mut billed.billed,
                None if is_ignored() => &mut billed.ignored,
                None => &mut billed.unmapped,
            };
            *sum += &cost;
        }
        Ok(())
    }

    /// What came in by the host's own count, in the stage that stands.
    async fn invoices(
        &self,
        account: AccountId,
        month: &Month,
        invoice_feeds: &[String],
        sides: &mut Sides,
    ) -> Result<()> {
        let month = month.to_string();
        let rows = query!(
            r#"SELECT feed, currency, stage, raised AS "raised!: bool", balance FROM partitions
               WHERE account = ? AND month = ? AND run IS NOT NULL ORDER BY id"#,
            account.0,
            month
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        for row in rows.iter().filter(|row| row.raised) {
            let highest = sides.stages.entry((row.feed.clone(), row.currency.clone())).or_default();
            *highest = (*highest).max(unsigned(row.stage)?);
        }
        for row in rows.into_iter().filter(|row| invoice_feeds.contains(&row.feed)) {
            let stage: u32 = unsigned(row.stage)?;
            if sides.stages.get(&(row.feed, row.currency.clone())) != Some(&stage) {
                continue;
            }
            let balance: Balance = from_json(&row.balance, "balance")?;
            for (currency, amount) in money(&balance.received.sums)? {
                let invoiced = sides.invoices.entry(currency).or_default();
                invoiced.is_billed |= stage > 0 && !row.currency.is_empty();
                invoiced.received += &amount;
            }
            for tally in balance.rejected.values() {
                for (currency, amount) in money(&tally.sums)? {
                    sides.invoices.entry(currency).or_default().rejected += &amount;
                }
            }
        }
        Ok(())
    }
}

/// The sums of a tally that are money.
fn money(sums: &BTreeMap<String, Decimal>) -> Result<Vec<(Currency, Decimal)>> {
    let of_money = sums.iter().filter(|(measure, _)| !measure.starts_with("quantity:"));
    of_money.map(|(currency, amount)| Ok((id(currency, "currency")?, amount.clone()))).collect()
}

fn part(
    parts: &mut Parts,
    place: Place,
    name: impl FnOnce() -> Result<(String, String)>,
) -> Result<&mut Side> {
    use std::collections::btree_map::Entry;
    match parts.entry(place) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(new) => {
            let (scope, vendor_customer) = name()?;
            let (_, currency, feed) = new.key().clone();
            let (charged, billed) = (Charged::default(), Billed::default());
            Ok(new.insert(Side { scope, vendor_customer, currency, feed, charged, billed }))
        }
    }
}

/// The part of a ledger key that stands for its scope.
fn scope_of(key: Key) -> [u8; 8] {
    let mut scope = [0; 8];
    scope.iter_mut().zip(key.as_bytes().iter().skip(4)).for_each(|(to, from)| *to = *from);
    scope
}

/// The same, of a scope's name.
fn hashed(scope: &str) -> [u8; 8] {
    let mut hashed = [0; 8];
    hashed.iter_mut().zip(Digest::of(scope.as_bytes()).as_bytes()).for_each(|(to, from)| *to = *from);
    hashed
}

fn scope_name(rest: &[u8], vendor_customer: &str) -> Result<String> {
    let subscription = unpack_rest(rest)?.vendor_subscription;
    Ok(if subscription.is_empty() { vendor_customer.to_owned() } else { subscription })
}

/// The first second of a month in UTC: vendors count months so.
fn first_second(month: &Month) -> i64 {
    month.first_day().to_zoned(TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second())
}
