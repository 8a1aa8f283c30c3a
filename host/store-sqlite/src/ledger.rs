//! The ledger as it is read: lists, one Purchase, its revisions, what waits.

use async_trait::async_trait;
use jiff::civil::Date;
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Purchase, RunId};
use purser_store::Result;
use purser_store::ledger::{
    CommitPolicy, CommitReport, Filter, HeldVoid, Ledger, Rejected, Revision, Rollup, VoidDecision,
};
use purser_store::pricing::{PricingReport, TierGroup, Unpriced};
use purser_store::runs::{Fence, Partition};
use sqlx::{query, query_as};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::{PurchaseRow, keys_of};
use crate::values::{digest, instant, key as to_key, unsigned};
use crate::{pricing, rejected, rollups};

/// Seconds of a UTC day.
const DAY: i64 = 86_400;

#[async_trait]
impl Ledger for SqliteStore {
    async fn commit_partition(
        &self,
        fence: Fence,
        partition: &Partition,
        policy: &CommitPolicy,
    ) -> Result<CommitReport> {
        self.commit(fence, partition, policy).await
    }

    async fn abandon_partition(&self, fence: Fence, partition: &Partition, because: &str) -> Result<()> {
        self.abandon(fence, partition, because).await
    }

    async fn groups_to_price(&self, account: AccountId) -> Result<Vec<TierGroup>> {
        pricing::waiting(&self.readers, account).await
    }

    async fn price_group(
        &self,
        fence: Fence,
        group: &TierGroup,
        policy: &CommitPolicy,
    ) -> Result<PricingReport> {
        self.price(fence, group, policy).await
    }

    async fn unpriced(&self, account: AccountId) -> Result<Vec<Unpriced>> {
        pricing::unpriced(&self.readers, account).await
    }

    async fn purchases(&self, filter: &Filter, after: Option<Key>, limit: u32) -> Result<Vec<Purchase>> {
        let (lower, upper) = keys_of(filter.account);
        let after = after.map(|key| key.as_bytes().to_vec()).unwrap_or_default();
        let (from, to) = (filter.from.map(first_second), filter.to.map(first_second));
        // SQLite folds the case of ASCII letters only; the searched texts are keys and vendors' words.
        let search = filter.search.as_ref().map(|text| text.to_ascii_lowercase());
        let run = filter.run.map(|run| run.0);
        let rows = query_as!(
            PurchaseRow,
            "SELECT key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity, unit, cost,
                    currency, state, vendor_period, booked_period, revision, source_date, rest
             FROM purchases
             WHERE key > ?1 AND key >= ?2 AND key < ?3
               AND (?4 IS NULL OR starts >= ?4) AND (?5 IS NULL OR starts < ?5)
               AND (?6 IS NULL OR feed = ?6)
               AND (?7 IS NULL OR customer_code = ?7 OR vendor_customer = ?7)
               AND (?8 OR state <> 'void') AND (NOT ?9 OR customer_code IS NULL)
               AND (?10 IS NULL OR instr(lower(reference), ?10) OR instr(lower(product_key), ?10)
                                OR instr(lower(product_text), ?10))
               AND (?11 IS NULL OR run = ?11
                    OR EXISTS (SELECT 1 FROM revisions AS v WHERE v.key = purchases.key AND v.run = ?11))
             ORDER BY key LIMIT ?12",
            after, lower, upper, from, to, filter.feed, filter.customer, filter.voided, filter.unmapped, search, run, limit
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(Purchase::try_from).collect()
    }

    async fn purchase(&self, key: Key) -> Result<Option<Purchase>> {
        let key = key.as_bytes().as_slice();
        let row = query_as!(
            PurchaseRow,
            "SELECT key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity, unit, cost,
                    currency, state, vendor_period, booked_period, revision, source_date, rest
             FROM purchases WHERE key = ?",
            key
        );
        row.fetch_optional(&self.readers).await.map_err(failed)?.map(Purchase::try_from).transpose()
    }

    async fn revisions(&self, key: Key) -> Result<Vec<Revision>> {
        let key = key.as_bytes().as_slice();
        let rows = query_as!(
            RevisionRow,
            r#"SELECT v.key AS "key!", v.feed AS "feed!", v.reference AS "reference!",
                      v.vendor_customer AS "vendor_customer!", v.customer_code, v.product_key AS "product_key!",
                      v.product_text AS "product_text!", v.quantity AS "quantity!", v.unit AS "unit!", v.cost, v.currency,
                      v.state AS "state!", v.vendor_period AS "vendor_period!", v.booked_period AS "booked_period!",
                      v.revision AS "revision!", v.source_date AS "source_date!", v.rest AS "rest!", v.run AS "run!",
                      v.committed_at AS "committed_at!", r.mapping AS "digest!"
               FROM (SELECT key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity,
                            unit, cost, currency, state, vendor_period, booked_period, revision, source_date, rest, run,
                            committed_at FROM purchases WHERE key = ?1
                     UNION ALL
                     SELECT key, feed, reference, vendor_customer, customer_code, product_key, product_text, quantity,
                            unit, cost, currency, state, vendor_period, booked_period, revision, source_date, rest, run,
                            committed_at FROM revisions WHERE key = ?1) AS v
               JOIN runs AS r ON r.id = v.run ORDER BY v.revision DESC"#,
            key
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter().map(RevisionRow::read).collect()
    }

    async fn held_voids(&self, account: Option<AccountId>) -> Result<Vec<HeldVoid>> {
        let account = account.map(|account| account.0);
        let rows = query!(
            "SELECT h.key AS purchase, h.because, h.run, p.feed, p.key, p.month, p.currency, p.stage
             FROM held_voids AS h JOIN partitions AS p ON p.id = h.partition
             WHERE ?1 IS NULL OR p.account = ?1 ORDER BY h.key, p.id",
            account
        );
        let rows = rows.fetch_all(&self.readers).await.map_err(failed)?;
        rows.into_iter()
            .map(|row| {
                let stage = unsigned(row.stage)?;
                let partition = Partition {
                    feed: row.feed,
                    key: row.key,
                    month: row.month,
                    currency: row.currency,
                    stage,
                };
                let key = to_key(&row.purchase)?;
                Ok(HeldVoid { key, partition, because: row.because, run: RunId(row.run) })
            })
            .collect()
    }

    async fn decide_voids(
        &self,
        account: AccountId,
        voids: &[HeldVoid],
        decision: VoidDecision,
        policy: &CommitPolicy,
    ) -> Result<u64> {
        self.decide(account, voids, decision, policy).await
    }

    async fn rejected(&self, account: AccountId) -> Result<Vec<Rejected>> {
        rejected::read(&self.readers, account).await
    }

    async fn rollups(
        &self,
        account: Option<AccountId>,
        from: Option<Date>,
        to: Option<Date>,
    ) -> Result<Vec<Rollup>> {
        rollups::read(&self.readers, account, from, to).await
    }
}

struct RevisionRow {
    key: Vec<u8>,
    feed: String,
    reference: String,
    vendor_customer: String,
    customer_code: Option<String>,
    product_key: String,
    product_text: String,
    quantity: String,
    unit: String,
    cost: Option<String>,
    currency: Option<String>,
    state: String,
    vendor_period: String,
    booked_period: String,
    revision: i64,
    source_date: i64,
    rest: Vec<u8>,
    run: i64,
    committed_at: i64,
    digest: Vec<u8>,
}

impl RevisionRow {
    fn read(self) -> Result<Revision> {
        let (run, plugin, at) = (RunId(self.run), digest(&self.digest)?, instant(self.committed_at)?);
        let row = PurchaseRow {
            key: self.key,
            feed: self.feed,
            reference: self.reference,
            vendor_customer: self.vendor_customer,
            customer_code: self.customer_code,
            product_key: self.product_key,
            product_text: self.product_text,
            quantity: self.quantity,
            unit: self.unit,
            cost: self.cost,
            currency: self.currency,
            state: self.state,
            vendor_period: self.vendor_period,
            booked_period: self.booked_period,
            revision: self.revision,
            source_date: self.source_date,
            rest: self.rest,
        };
        Ok(Revision { purchase: row.try_into()?, run, plugin, at })
    }
}

/// The first second of a UTC day.
fn first_second(day: Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    i64::from(day.since(epoch).map_or(0, |span| span.get_days())).saturating_mul(DAY)
}
