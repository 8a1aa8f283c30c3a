//! Words an operator has given a product: rows are only added, the newest of a product and locale counts.

use jiff::Timestamp;
use purser_domain::AccountId;
use purser_store::texts::{MissingText, Outlook, OwnText, OwnTextChange, OwnWords};
use purser_store::{Error, Result};
use sqlx::{SqlitePool, query, query_as};

use crate::Write;
use crate::error::failed;
use crate::rows::keys_of;
use crate::values::{instant, nanos, unsigned};

struct Row {
    key: String,
    locale: String,
    name: Option<String>,
    category: String,
    unit: String,
    changed_by: String,
    changed_at: i64,
}

impl TryFrom<Row> for OwnText {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { key, locale, category, unit, .. } = row;
        let words = row.name.map(|name| OwnWords { name, category, unit });
        let change = OwnTextChange { key, locale, words };
        Ok(Self { change, by: row.changed_by, at: instant(row.changed_at)? })
    }
}

pub(super) async fn standing(readers: &SqlitePool, account: AccountId) -> Result<Vec<OwnText>> {
    let rows = query_as!(
        Row,
        "SELECT key, locale, name, category, unit, changed_by, changed_at FROM standing_own_texts WHERE account = ?
         ORDER BY key, locale",
        account.0
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter().map(OwnText::try_from).collect()
}

pub(super) async fn history(readers: &SqlitePool, account: AccountId, key: &str) -> Result<Vec<OwnText>> {
    let key = key.to_lowercase();
    let rows = query_as!(
        Row,
        "SELECT key, locale, name, category, unit, changed_by, changed_at FROM own_texts
         WHERE account = ? AND key = ? ORDER BY id DESC",
        account.0,
        key
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter().map(OwnText::try_from).collect()
}

pub(super) async fn put(
    tx: &mut Write,
    account: AccountId,
    change: &OwnTextChange,
    by: &str,
    now: Timestamp,
) -> Result<()> {
    let (key, now) = (change.key.to_lowercase(), nanos(now));
    let words = change.words.as_ref();
    let name = words.map(|words| words.name.as_str());
    let (category, unit) = words.map_or(("", ""), |words| (words.category.as_str(), words.unit.as_str()));
    query!(
        "INSERT INTO own_texts (account, key, locale, name, category, unit, changed_by, changed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        account.0,
        key,
        change.locale,
        name,
        category,
        unit,
        by,
        now
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Purchases are counted first, in one pass over them: joined row by row each product would read all of them.
pub(super) async fn missing(
    readers: &SqlitePool,
    account: AccountId,
    locale: &str,
) -> Result<Vec<MissingText>> {
    let (lower, upper) = keys_of(Some(account));
    let rows = query!(
        r#"WITH said AS MATERIALIZED (
               SELECT lower(product_key) AS key, MAX(product_text) AS product_text, COUNT(*) AS purchases
               FROM purchases WHERE key >= ?2 AND key < ?3 AND state <> 'void' GROUP BY lower(product_key))
           SELECT n.key AS "key!", said.product_text AS "product_text: String", said.purchases AS "purchases: i64"
           FROM named_products AS n LEFT JOIN said ON said.key = n.key
           WHERE n.account = ?1
             AND NOT EXISTS (SELECT 1 FROM texts AS t
                             WHERE t.account = n.account AND t.key = n.key AND t.locale = ?4 COLLATE NOCASE)
             AND NOT EXISTS (SELECT 1 FROM standing_own_texts AS o
                             WHERE o.account = n.account AND o.key = n.key AND o.locale = ?4 COLLATE NOCASE)
           ORDER BY n.key"#,
        account.0,
        lower,
        upper,
        locale
    );
    let rows = rows.fetch_all(readers).await.map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            let (key, product_text) = (row.key, row.product_text.unwrap_or_default());
            Ok(MissingText { key, product_text, purchases: unsigned(row.purchases.unwrap_or_default())? })
        })
        .collect()
}

/// The same, of all products that Purchases name, and without a look at the Purchases.
pub(super) async fn outlook(readers: &SqlitePool, account: AccountId, locale: &str) -> Result<Outlook> {
    let row = query!(
        r#"SELECT COUNT(*) AS "wanted!: i64",
                  COALESCE(SUM(NOT EXISTS (SELECT 1 FROM texts AS t
                                           WHERE t.account = n.account AND t.key = n.key AND t.locale = ?2 COLLATE NOCASE)
                           AND NOT EXISTS (SELECT 1 FROM standing_own_texts AS o
                                           WHERE o.account = n.account AND o.key = n.key
                                             AND o.locale = ?2 COLLATE NOCASE)), 0) AS "missing!: i64"
           FROM named_products AS n WHERE n.account = ?1"#,
        account.0,
        locale
    );
    let row = row.fetch_one(readers).await.map_err(failed)?;
    Ok(Outlook { wanted: unsigned(row.wanted)?, missing: unsigned(row.missing)? })
}
