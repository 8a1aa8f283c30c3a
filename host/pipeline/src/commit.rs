//! Partitions into the ledger, as they become ready, while the crawl goes on.

use std::sync::Arc;

use jiff::Timestamp;
use purser_store::Error;
use purser_store::ledger::CommitPolicy;
use purser_store::runs::Partition;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::fetch::Trouble;
use crate::progress::Progress;
use crate::work::Work;

/// Commits ready partitions whenever it is woken; ends, after a last look, when `crawled` is cancelled.
///
/// # Errors
/// Where the store fails or the run was taken over.
pub async fn commit_ready(
    work: Arc<Work>,
    progress: Arc<Progress>,
    policy: PolicyOfAccount,
    ready: Arc<Notify>,
    crawled: CancellationToken,
) -> purser_store::Result<()> {
    loop {
        let last_look = crawled.is_cancelled();
        for partition in work.store.ready_partitions(work.run.id).await? {
            commit(&work, &progress, &policy, &partition).await?;
        }
        if last_look {
            return Ok(());
        }
        tokio::select! {
            () = ready.notified() => {}
            () = crawled.cancelled() => {}
        }
    }
}

/// What the account's settings say about commits.
#[derive(Debug, Clone)]
pub struct PolicyOfAccount {
    /// Percent.
    pub void_threshold_percent: u32,
    /// The schedule zone.
    pub zone: String,
}

impl PolicyOfAccount {
    /// What a commit at this instant is measured by.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> CommitPolicy {
        CommitPolicy { now, void_threshold_percent: self.void_threshold_percent, zone: self.zone.clone() }
    }
}

async fn commit(
    work: &Work,
    progress: &Progress,
    policy: &PolicyOfAccount,
    partition: &Partition,
) -> purser_store::Result<()> {
    match work.store.commit_partition(work.fence, partition, &policy.at(work.now())).await {
        Ok(report) => progress.committed(partition, &report),
        Err(Error::Stale) => {
            let what = "newer data is stored already";
            work.store.abandon_partition(work.fence, partition, "RUN-STALE").await?;
            note(progress, partition, "RUN-STALE", what);
        }
        // The store has marked it: a repeated page, a sum that does not add up.
        Err(Error::Incomplete(told)) => {
            let (code, what) = told.split_once(' ').unwrap_or(("RUN-INCOMPLETE", told.as_str()));
            note(progress, partition, code, what.split(" · ").next().unwrap_or(what));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn note(progress: &Progress, partition: &Partition, code: &str, what: &str) {
    progress.trouble(&format!("{} {}", partition.feed, partition.key), &Trouble::new(code, what));
}
