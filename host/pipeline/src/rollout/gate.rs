//! What must have been seen before a version plays a role that makes Purchases: what it would change in those there are.
//!
//! **Invariant:** the report is of exactly this version in these roles against who plays them now, over all accounts and
//! all partitions with something booked in an open month; a confirmation names that report and no other. Going back is
//! not held up: what would come back has been at work before.

use std::sync::Arc;

use purser_domain::diff::verdict::Verdict;
use purser_domain::{AccountId, ConnectorId, Digest, Role};
use purser_store::plugins::{Swap, Version};

use super::{Rollout, RolloutError};
use crate::replay::Report;

/// A report that somebody has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The report.
    pub report: Arc<Report>,
    /// The digest of the report that was said yes to; none: nobody had to, or did.
    pub confirmed: Option<Digest>,
}

impl Rollout {
    /// Lets pass what changes no Purchases, or nothing but what has been seen and, where it has to be, confirmed.
    pub(super) async fn refuse_unseen(
        &self,
        version: &Version,
        swaps: &[Swap],
        seen: Option<&Seen>,
    ) -> Result<(), RolloutError> {
        let swaps: Vec<&Swap> = swaps.iter().filter(|swap| changes_purchases(swap)).collect();
        let accounts = self.with_purchases(&version.connector).await?;
        if swaps.is_empty() || accounts.is_empty() {
            return Ok(());
        }
        let Some(seen) = seen else { return Err(RolloutError::NotTried) };
        if !covers(&seen.report, &swaps, &accounts) {
            return Err(RolloutError::NotTried);
        }
        let report = &seen.report;
        let reasons = || report.reasons.iter().map(|it| format!("{} {} · {}", it.code, it.what, it.remedy));
        match report.verdict {
            Verdict::Blocked => Err(RolloutError::Blocked(reasons().collect())),
            _ if report.admits(seen.confirmed) => Ok(()),
            _ => Err(RolloutError::Unconfirmed { report: report.digest, reasons: reasons().collect() }),
        }
    }

    /// Accounts of which something stands in the ledger.
    async fn with_purchases(&self, connector: &ConnectorId) -> Result<Vec<AccountId>, RolloutError> {
        let mut accounts = Vec::new();
        for account in self.store.accounts().await?.iter().filter(|account| account.connector == *connector) {
            if !self.store.standings(account.id).await?.is_empty() {
                accounts.push(account.id);
            }
        }
        Ok(accounts)
    }
}

/// Whether a report tells all that the swaps would change. Days do not: what began before the first open month may be
/// booked in it.
fn covers(report: &Report, swaps: &[&Swap], accounts: &[AccountId]) -> bool {
    let is_compared = |swap: &&Swap| {
        let of_role = match swap.role {
            Role::Mapping => (report.before.mapping, report.after.mapping),
            _ => (report.before.localisation, report.after.localisation),
        };
        of_role == (swap.former, Some(swap.digest))
    };
    (report.open_months || report.from.is_none())
        && report.to.is_none()
        && swaps.iter().all(is_compared)
        && accounts.iter().all(|account| report.accounts.contains(account))
}

/// Whether somebody else made Purchases or texts in this role until now.
fn changes_purchases(swap: &Swap) -> bool {
    swap.role != Role::Crawl && swap.former.is_some()
}
