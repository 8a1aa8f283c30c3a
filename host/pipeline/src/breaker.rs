//! The breaker: a version that crashes repeatedly loses its roles to the version before it.
//!
//! Crashes are counted while a run goes on, by the role that crashed, and stand in its report. Many in one run, or some in
//! several runs one after the other, trip the breaker: the version is barred, its roles fall back, and a new run is
//! ordered with what plays then. **Invariants:** stops for time or memory are no crashes, since the host may have been
//! busy; a version with none before it keeps its roles, because the wrong plugin would be worse than none.

use std::collections::BTreeMap;
use std::sync::Mutex;

use purser_domain::{ConnectorId, Digest, Role};
use purser_runtime::contract::types::Problem;
use purser_runtime::{CallError, Counted};
use purser_store::Store;
use purser_store::plugins::Swap;
use purser_store::runs::{Page, Run, Trigger};
use serde::Deserialize as _;

use crate::Host;
use crate::mapping::TRAPPED;
use crate::report::Report;
use crate::rollout::{RolloutError, way_back};

/// Crashes of one role in one run that trip the breaker.
pub const MOST_CRASHES: u64 = 20;
/// Runs in a row with a crash that trip it.
pub const RUNS_IN_A_ROW: usize = 3;
/// Runs that are looked back on.
const FORMER: u32 = 50;
/// Who changes the roles.
const BREAKER: &str = "breaker";

/// Crashes of a run's plugins, by role.
#[derive(Debug, Default)]
pub struct Crashes(Mutex<BTreeMap<Role, u64>>);

impl Crashes {
    /// A call gave no answer.
    pub fn failed(&self, role: Role, error: &CallError) {
        if is_crash(error) {
            self.add(role, 1);
        }
    }

    /// A page was mapped; records on which the plugin crashed were set aside.
    pub fn mapped(&self, page: &Page) {
        let trapped = page.rejections.iter().filter(|rejection| rejection.reason.starts_with(TRAPPED));
        self.add(Role::Mapping, trapped.count() as u64);
    }

    fn add(&self, role: Role, count: u64) {
        if count > 0 {
            let mut crashes = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *crashes.entry(role).or_default() += count;
        }
    }

    /// How many there were.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<Role, u64> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Whether the plugin alone is to blame.
fn is_crash(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Trap { .. }
            | CallError::TooMany { what: Counted::Crashes, .. }
            | CallError::Contract(_)
            | CallError::Problem(Problem::Bug(_))
    )
}

/// Looks whether a run that has ended trips the breaker, and lets the roles fall back where it does.
///
/// # Errors
/// Where the store fails.
pub async fn look(host: &Host, run: &Run, report: &Report) -> Result<(), RolloutError> {
    for (role, crashes) in &report.crashes {
        let version = *run.order.cast.of(*role);
        if let Some(because) = tripped(host.store.as_ref(), run, *role, *crashes).await? {
            fall_back(host, run, version, &because).await?;
        }
    }
    Ok(())
}

/// Why the breaker trips; none: it does not.
async fn tripped(
    store: &dyn Store,
    run: &Run,
    role: Role,
    crashes: u64,
) -> purser_store::Result<Option<String>> {
    if crashes >= MOST_CRASHES {
        return Ok(Some(format!("it crashed {crashes} times as {role} in run {}", run.id)));
    }
    let former = store.runs(Some(run.order.account), FORMER).await?;
    let ended = former.iter().filter(|other| other.id < run.id && other.finished_at.is_some());
    let row = ended.take_while(|other| crashed(other, role, run.order.cast.of(role))).count() + 1;
    let what = || format!("it crashed as {role} in {row} runs in a row, the last of them run {}", run.id);
    Ok((row >= RUNS_IN_A_ROW).then(what))
}

/// Whether a version crashed in a run.
fn crashed(run: &Run, role: Role, version: &Digest) -> bool {
    let report = Report::deserialize(&run.report).unwrap_or_default();
    run.order.cast.of(role) == version && report.crashes.contains_key(&role)
}

/// Bars the version, gives its roles to who played them before, and orders a run with them.
async fn fall_back(host: &Host, run: &Run, version: Digest, because: &str) -> Result<(), RolloutError> {
    let (rollout, account) = (host.rollout(), host.store.account(run.order.account).await?);
    let swaps = ways_back(host.store.as_ref(), &account.connector, version).await?;
    if swaps.is_empty() {
        tracing::error!(connector = %account.connector, plugin.digest = %version, because, "plugin.crashes");
        return Ok(());
    }
    match rollout.fall_back(&account.connector, version, swaps, because, BREAKER).await {
        Ok(_) => {}
        // Somebody changed the roles meanwhile, and has seen why.
        Err(RolloutError::Raced) => return Ok(()),
        Err(error) => return Err(error),
    }
    tracing::error!(connector = %account.connector, plugin.digest = %version, because, "plugin.fell_back");
    // Where it crashed over kept pages, what they gave before stands.
    if run.order.trigger != Trigger::Remap
        && let Err(error) = host.order_now(account.id, None, None).await
    {
        tracing::warn!(account.id = account.id.0, error = %error, "plugin.fall_back_without_run");
    }
    Ok(())
}

/// All roles that a version plays, each to who played it before; empty where one has nobody.
async fn ways_back(
    store: &dyn Store,
    connector: &ConnectorId,
    version: Digest,
) -> purser_store::Result<Vec<Swap>> {
    let mut swaps = Vec::new();
    for pin in store.pins().await?.iter().filter(|pin| pin.connector == *connector && pin.digest == version) {
        match way_back(store, connector, Some(pin.role)).await?.pop() {
            Some(swap) => swaps.push(swap),
            None => return Ok(Vec::new()),
        }
    }
    Ok(swaps)
}

#[cfg(test)]
mod tests;
