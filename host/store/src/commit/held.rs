//! Held voids that an operator lets go: the same decision a commit makes, with [`Voids::Take`].

use purser_domain::Ledgered;
use purser_domain::completeness::{Voids, Weight};
use purser_domain::purchase::Key;
use purser_domain::replace::{Commit, Outcome, settle};
use purser_domain::rollup::Rollups;

use super::{BATCH, LedgerIo, Writes, Written, corrections};
use crate::Result;
use crate::pricing::Touched;

/// What taking held voids did, and what the store still has to keep of it.
#[derive(Debug, Default)]
pub struct Taken {
    /// What the partition no longer contributes.
    pub vanished: Weight,
    /// Changes of the roll-ups.
    pub rollups: Rollups,
    /// What the host has to price anew.
    pub touched: Touched,
}

/// Takes a partition's contributions out of these rows.
///
/// # Errors
/// Where the store fails.
pub async fn take_voids(io: &mut dyn LedgerIo, keys: &[Key], commit: &Commit<'_>) -> Result<Taken> {
    let commit = Commit { voids: &Voids::Take, ..*commit };
    let (mut taken, mut written) = (Taken::default(), Written::default());
    for keys in keys.chunks(BATCH) {
        let mut writes = Writes::default();
        for row in io.rows(keys).await? {
            taken.vanished_from(&row, &commit);
            let corrections = match row.corrections {
                0 => Vec::new(),
                _ => corrections(io, &row).await?,
            };
            match settle(Some(&row), &corrections, None, &commit) {
                Outcome::Update(next) | Outcome::Void(next) => {
                    written.put(Some(&row.purchase), next, &mut writes);
                }
                Outcome::Correct(corrected) => written.correct(corrected, &corrections, &mut writes),
                Outcome::Reattribute(next) => writes.rows.push(next),
                Outcome::Unchanged | Outcome::Insert(_) | Outcome::Held | Outcome::Refused(_) => {}
            }
        }
        io.write(writes).await?;
    }
    taken.rollups = written.rollups;
    Ok(taken)
}

impl Taken {
    fn vanished_from(&mut self, row: &Ledgered, commit: &Commit<'_>) {
        if let Some(contribution) = row.contribution_of(commit.partition) {
            self.vanished.add(&contribution);
            self.touched.touch(row);
        }
    }
}
