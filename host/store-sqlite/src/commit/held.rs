//! What an operator decided about held voids, carried out.

use std::collections::BTreeMap;

use purser_domain::completeness::Voids;
use purser_domain::purchase::Key;
use purser_domain::replace::Commit;
use purser_domain::{AccountId, PartitionNo, RunId};
use purser_store::Result;
use purser_store::commit::{lighten, take_voids};
use purser_store::ledger::{CommitPolicy, HeldVoid, VoidDecision};
use purser_store::runs::{Fence, Partition};
use sqlx::{query, query_scalar};

use super::Io;
use crate::book::Book;
use crate::error::failed;
use crate::upsert::Stamp;
use crate::values::{from_json, nanos, to_json};
use crate::{SqliteStore, Write, pricing, rollups};

impl SqliteStore {
    /// See [`purser_store::Ledger::decide_voids`].
    pub(crate) async fn decide(
        &self,
        account: AccountId,
        voids: &[HeldVoid],
        decision: VoidDecision,
        policy: &CommitPolicy,
    ) -> Result<u64> {
        let mut tx = self.write().await?;
        let mut decided = 0;
        for ((partition, run), mut keys) in by_partition_and_run(voids) {
            let Some(number) = number(&mut tx, account, partition).await? else { continue };
            keys = release(&mut tx, number, run, keys).await?;
            decided += keys.len() as u64;
            if decision == VoidDecision::Take {
                let fence = Fence { run, account, attempt: 0 };
                take(&mut tx, fence, (number, partition), &keys, policy).await?;
            }
        }
        tx.commit().await.map_err(failed)?;
        Ok(decided)
    }
}

fn by_partition_and_run(voids: &[HeldVoid]) -> BTreeMap<(&Partition, RunId), Vec<Key>> {
    let mut groups = BTreeMap::<_, Vec<Key>>::new();
    for void in voids {
        groups.entry((&void.partition, void.run)).or_default().push(void.key);
    }
    groups
}

async fn number(tx: &mut Write, account: AccountId, partition: &Partition) -> Result<Option<PartitionNo>> {
    let Partition { feed, key, month, currency, stage } = partition;
    let number = query_scalar!(
        "SELECT id FROM partitions
         WHERE account = ? AND feed = ? AND key = ? AND month = ? AND currency = ? AND stage = ?",
        account.0,
        feed,
        key,
        month,
        currency,
        *stage
    );
    Ok(number.fetch_optional(&mut **tx).await.map_err(failed)?.map(PartitionNo))
}

/// Takes the questions back; gives those that were still open, in key order.
async fn release(tx: &mut Write, partition: PartitionNo, run: RunId, keys: Vec<Key>) -> Result<Vec<Key>> {
    let mut open = Vec::new();
    for key in keys {
        let bytes = key.as_bytes().as_slice();
        let done = query!(
            "DELETE FROM held_voids WHERE partition = ? AND key = ? AND run = ?",
            partition.0,
            bytes,
            run.0
        );
        if done.execute(&mut **tx).await.map_err(failed)?.rows_affected() > 0 {
            open.push(key);
        }
    }
    open.sort_unstable();
    open.dedup();
    Ok(open)
}

/// Takes the partition's contributions out of these Purchases: revisions of the run that did not see them.
async fn take(
    tx: &mut Write,
    fence: Fence,
    (number, partition): (PartitionNo, &Partition),
    keys: &[Key],
    policy: &CommitPolicy,
) -> Result<()> {
    let book = Book::load(tx, fence.account, &policy.zone).await?;
    let commit = Commit {
        account: fence.account,
        feed: &partition.feed,
        partition: number,
        withdraws: &[],
        month: None,
        voids: &Voids::Take,
        rules: book.rules(policy),
    };
    let stamp = Stamp { run: fence.run.0, at: nanos(policy.now) };
    let taken = take_voids(&mut Io { tx, stamp, ours: &[] }, keys, &commit).await?;
    let weight = query_scalar!("SELECT weight FROM partitions WHERE id = ?", number.0);
    let mut weight = from_json(&weight.fetch_one(&mut **tx).await.map_err(failed)?, "weight")?;
    lighten(&mut weight, &taken.vanished);
    let weight = to_json(&weight)?;
    query!("UPDATE partitions SET weight = ? WHERE id = ?", weight, number.0)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    pricing::touch(tx, fence, &partition.feed, &taken.touched).await?;
    rollups::apply(tx, taken.rollups.into_deltas().collect()).await
}
