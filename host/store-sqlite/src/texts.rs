//! Product texts: replaced with their partition, looked up by key without case.

mod own;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{AccountId, Decimal};
use purser_store::texts::{Coverage, MissingText, Outlook, OwnText, OwnTextChange, ProductText, Texts};
use purser_store::{Error, Result};
use sqlx::{query, query_as};

use crate::error::failed;
use crate::values::{decimal, from_json, to_json, unsigned};
use crate::{SqliteStore, Write};

struct Row {
    key: String,
    locale: String,
    requested: String,
    name: String,
    category: String,
    subcategory: String,
    unit: String,
    region: String,
    currency: String,
    rates: String,
    included_quantity: Option<String>,
}

impl TryFrom<Row> for ProductText {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let rates: Vec<(Decimal, Decimal)> = from_json(&row.rates, "rate")?;
        let included_quantity = row.included_quantity.as_deref().map(decimal).transpose()?;
        let Row { key, locale, requested, name, category, subcategory, unit, region, currency, .. } = row;
        Ok(Self {
            key,
            locale,
            requested,
            name,
            category,
            subcategory,
            unit,
            region,
            currency,
            rates,
            included_quantity,
        })
    }
}

#[async_trait]
impl Texts for SqliteStore {
    async fn texts(
        &self,
        account: AccountId,
        keys: &[String],
        locales: &[String],
    ) -> Result<Vec<ProductText>> {
        let keys = to_json(&keys.iter().map(|key| key.to_lowercase()).collect::<Vec<_>>())?;
        let locales = to_json(locales)?;
        let rows = query_as!(
            Row,
            "SELECT key, locale, requested, name, category, subcategory, unit, region, currency, rates,
                    included_quantity
             FROM texts WHERE account = ? AND key IN (SELECT value FROM json_each(?))
                          AND locale IN (SELECT value FROM json_each(?))
             ORDER BY key, locale, id",
            account.0,
            keys,
            locales
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(ProductText::try_from).collect()
    }

    async fn own_texts(&self, account: AccountId) -> Result<Vec<OwnText>> {
        own::standing(&self.readers, account).await
    }

    async fn own_text_history(&self, account: AccountId, key: &str) -> Result<Vec<OwnText>> {
        own::history(&self.readers, account, key).await
    }

    async fn change_own_text(
        &self,
        account: AccountId,
        change: &OwnTextChange,
        by: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        own::put(&mut tx, account, change, by, now).await?;
        tx.commit().await.map_err(failed)
    }

    async fn missing_texts(&self, account: AccountId, locale: &str) -> Result<Vec<MissingText>> {
        own::missing(&self.readers, account, locale).await
    }

    async fn outlook(&self, account: AccountId, locale: &str) -> Result<Outlook> {
        own::outlook(&self.readers, account, locale).await
    }

    async fn coverage(&self, account: AccountId) -> Result<Vec<Coverage>> {
        let rows = query!(
            r#"SELECT t.requested, t.locale,
                      (SELECT COUNT(*) FROM named_products WHERE account = ?1) AS "wanted!: i64",
                      COUNT(DISTINCT n.key) AS "known!: i64"
               FROM texts AS t LEFT JOIN named_products AS n ON n.account = t.account AND n.key = t.key
               WHERE t.account = ?1 GROUP BY t.requested, t.locale ORDER BY t.requested, t.locale"#,
            account.0
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let (wanted, known) = (unsigned(row.wanted)?, unsigned(row.known)?);
                Ok(Coverage { requested: row.requested, answered: row.locale, wanted, known })
            })
            .collect()
    }
}

/// Replaces a partition's texts by those a run staged for it. No text at all replaces nothing: a vendor's empty answer
/// must not take the names away.
pub(crate) async fn replace(tx: &mut Write, account: AccountId, partition: i64, staged: i64) -> Result<()> {
    query!(
        "DELETE FROM texts WHERE partition = ? AND EXISTS (SELECT 1 FROM staged_texts WHERE partition = ?)",
        partition,
        staged
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    query!(
        "INSERT INTO texts (account, partition, key, locale, requested, name, category, subcategory, unit, region,
                            currency, rates, included_quantity)
         SELECT ?, ?, t.value ->> 'key', t.value ->> 'locale', t.value ->> 'requested', t.value ->> 'name',
                t.value ->> 'category', t.value ->> 'subcategory', t.value ->> 'unit', t.value ->> 'region',
                t.value ->> 'currency', t.value ->> 'rates', t.value ->> 'included_quantity'
         FROM staged_texts AS s JOIN page_reads AS p ON p.id = s.read, json_each(s.texts) AS t
         WHERE s.partition = ? ORDER BY p.request, p.number, t.key",
        account.0, partition, staged
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Notes which products Purchases name: what [`Coverage`] counts.
pub(crate) async fn name_products(
    tx: &mut Write,
    account: AccountId,
    products: &std::collections::BTreeSet<String>,
) -> Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    let products = to_json(products)?;
    query!(
        "INSERT INTO named_products (account, key) SELECT ?, value FROM json_each(?) WHERE true
         ON CONFLICT DO NOTHING",
        account.0,
        products
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}
