//! What the host prices, after a run's commits: every billing cycle that waits and has rates.
//!
//! **Invariant:** what waits is what the store says waits. So a run that was killed here is resumed here, and a rate
//! card that came after the usage prices it.

use purser_store::Result;
use purser_store::pricing::Unpriced;
use tokio_util::sync::CancellationToken;

use crate::commit::PolicyOfAccount;
use crate::progress::Progress;
use crate::report::Note;
use crate::work::Work;

/// Products that are named in a note; more are counted.
const NAMED: usize = 5;
const NO_RATE: &str = "LED-TIER-NO-RATE";

/// Prices what waits, group by group, until `stop`.
///
/// # Errors
/// Where the store fails or the run was taken over. What was priced stays priced.
pub async fn price(
    work: &Work,
    progress: &Progress,
    policy: &PolicyOfAccount,
    stop: &CancellationToken,
) -> Result<()> {
    for group in work.store.groups_to_price(work.account()).await? {
        if stop.is_cancelled() {
            return Ok(());
        }
        let report = work.store.price_group(work.fence, &group, &policy.at(work.now())).await?;
        progress.priced(&report);
    }
    let mut unpriced = work.store.unpriced(work.account()).await?;
    // Told by the run that brought the usage; a run that brought none has nothing to tell.
    unpriced.retain(|it| it.changed_by == work.run.id);
    if !unpriced.is_empty() {
        progress.note(no_rate(&unpriced));
    }
    Ok(())
}

fn no_rate(unpriced: &[Unpriced]) -> Note {
    let keys: Vec<&str> = unpriced.iter().take(NAMED).map(|it| it.key.as_str()).collect();
    let more = if unpriced.len() > NAMED { ", …" } else { "" };
    let cycles: u64 = unpriced.iter().map(|it| it.cycles).sum();
    Note {
        level: "warn".into(),
        code: NO_RATE.into(),
        subject: String::new(),
        what: format!(
            "usage of {} products has no rate in {cycles} billing cycles, so it has no cost yet: {}{more}",
            unpriced.len(),
            keys.join(", ")
        ),
        remedy: crate::remedies::of(NO_RATE).into(),
    }
}
