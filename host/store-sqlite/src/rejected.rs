//! Records that were set aside: how many stand in each partition's last commit, and where one of them is.

use std::collections::BTreeMap;

use purser_domain::purchase::Evidence;
use purser_domain::{AccountId, Balance};
use purser_store::Result;
use purser_store::ledger::Rejected;
use purser_store::runs::Rejection;
use sqlx::{SqlitePool, query};

use crate::error::failed;
use crate::values::{digest, from_json, instant};

type ByReason = BTreeMap<(String, String), Rejected>;

/// See [`purser_store::Ledger::rejected`].
pub(crate) async fn read(readers: &SqlitePool, account: AccountId) -> Result<Vec<Rejected>> {
    let mut groups = standing(readers, account).await?;
    locate(readers, account, &mut groups).await?;
    Ok(groups.into_values().collect())
}

async fn standing(readers: &SqlitePool, account: AccountId) -> Result<ByReason> {
    let rows = query!(
        "SELECT feed, balance FROM partitions
         WHERE account = ? AND run IS NOT NULL AND balance ->> '$.rejected' <> '{}' ORDER BY id",
        account.0
    );
    let mut groups = ByReason::new();
    for row in rows.fetch_all(readers).await.map_err(failed)? {
        let balance: Balance = from_json(&row.balance, "balance")?;
        for (reason, tally) in balance.rejected {
            let group = groups.entry((row.feed.clone(), reason.clone())).or_insert_with(|| Rejected {
                feed: row.feed.clone(),
                reason,
                tally: Default::default(),
                first_seen: None,
                example: None,
            });
            group.tally.merge(&tally);
        }
    }
    Ok(groups)
}

/// Finds when each reason was first met, and the newest record it was met in.
async fn locate(readers: &SqlitePool, account: AccountId, groups: &mut ByReason) -> Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let rows = query!(
        "SELECT p.digest, p.rejections, q.feed, r.as_of
         FROM page_reads AS p INDEXED BY page_reads_rejected
         JOIN requests AS q ON q.run = p.run AND q.number = p.request JOIN runs AS r ON r.id = p.run
         WHERE p.account = ? AND p.rejections <> '[]' ORDER BY p.id",
        account.0
    );
    for row in rows.fetch_all(readers).await.map_err(failed)? {
        let (page, at) = (digest(&row.digest)?, instant(row.as_of)?);
        for rejection in from_json::<Vec<Rejection>>(&row.rejections, "rejection")? {
            if let Some(group) = groups.get_mut(&(row.feed.clone(), rejection.reason)) {
                group.first_seen.get_or_insert(at);
                group.example = Some(Evidence { page, ordinal: rejection.ordinal });
            }
        }
    }
    Ok(())
}
