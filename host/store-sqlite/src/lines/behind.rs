//! What stands behind one row of a reconciliation: the lines of the invoice, and the Purchases.

use jiff::Timestamp;
use purser_domain::reconciliation::InvoiceLine;
use purser_domain::{AccountId, Currency, Month, Purchase};
use purser_store::Result;
use purser_store::reconciliation::Behind;
use sqlx::{SqlitePool, query, query_as};

use super::{first_second, hashed};
use crate::error::{damaged, failed};
use crate::rows::PurchaseRow;
use crate::values::{decimal, id};

/// Whose row, and how many of either side.
pub(super) struct Wanted<'a> {
    pub(super) account: AccountId,
    pub(super) month: &'a Month,
    pub(super) scope: &'a str,
    pub(super) currency: &'a Currency,
    pub(super) limit: u32,
}

pub(super) async fn read(readers: &SqlitePool, wanted: &Wanted<'_>) -> Result<Behind> {
    Ok(Behind { lines: lines(readers, wanted).await?, purchases: purchases(readers, wanted).await? })
}

async fn lines(readers: &SqlitePool, wanted: &Wanted<'_>) -> Result<Vec<InvoiceLine>> {
    let (month, currency) = (wanted.month.to_string(), wanted.currency.as_str());
    let rows = query!(
        "SELECT rule, billed_by, vendor_customer, vendor_subscription, product_key, product_text, quantity, unit, cost,
                currency, starts, ends
         FROM invoice_lines
         WHERE account = ?1 AND month = ?2 AND currency = ?3
           AND CASE vendor_subscription WHEN '' THEN vendor_customer ELSE vendor_subscription END = ?4
         ORDER BY starts, id LIMIT ?5",
        wanted.account.0,
        month,
        currency,
        wanted.scope,
        wanted.limit
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    let instant = |text: &str| text.parse::<Timestamp>().map_err(|_| damaged("instant"));
    rows.into_iter()
        .map(|row| {
            Ok(InvoiceLine {
                rule: row.rule,
                billed_by: row.billed_by,
                vendor_customer: row.vendor_customer,
                vendor_subscription: row.vendor_subscription,
                product_key: row.product_key,
                product_text: row.product_text,
                quantity: decimal(&row.quantity)?,
                unit: row.unit,
                cost: decimal(&row.cost)?,
                currency: id(&row.currency, "currency")?,
                start: instant(&row.starts)?,
                end: instant(&row.ends)?,
            })
        })
        .collect()
}

/// A scope's Purchases lie side by side in the order of keys. Those of a quantity without money count in any currency.
async fn purchases(readers: &SqlitePool, wanted: &Wanted<'_>) -> Result<Vec<Purchase>> {
    let lower = [wanted.account.0.to_be_bytes().as_slice(), &hashed(wanted.scope)].concat();
    // Longer than any key of the scope, and sorted behind them all.
    let upper = [lower.as_slice(), &[u8::MAX; 32]].concat();
    let (period, currency) = (wanted.month.to_string(), wanted.currency.as_str());
    let (first, next) = (first_second(wanted.month), first_second(&wanted.month.next()));
    let rows = query_as!(
        PurchaseRow,
        "SELECT key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity, unit, cost,
                currency, state, vendor_period, booked_period, revision, source_date, rest
         FROM purchases
         WHERE key >= ?1 AND key < ?2 AND (currency = ?3 OR currency IS NULL) AND state <> 'void'
           AND (vendor_period = ?4 OR (starts >= ?5 AND starts < ?6))
         ORDER BY key LIMIT ?7",
        lower,
        upper,
        currency,
        period,
        first,
        next,
        wanted.limit
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter().map(Purchase::try_from).collect()
}
