//! The preflight table of an account: asked live right after consent, before every run, and every hour while something
//! is missing; stored, and explained in the words of whoever must act.

use jiff::{SignedDuration, Timestamp};
use purser_domain::AccountId;
use purser_store::accounts::{Account, ConsentState, Probe};
use purser_store::{Result, Store};
use purser_vendor::client::Client;
use purser_vendor::connector::{Connector, ConsentRules};
use purser_vendor::preflight::{self, Lack, Row, Verdict};
use purser_vendor::roles::Roles;
use tokio_util::sync::CancellationToken;

use super::state::{Finding, after_table};
use crate::alarms;
use crate::progress::Progress;
use crate::work::Work;

/// A table this young is not asked again before a run: after consent, or after a restart in the middle of one.
const FRESH: SignedDuration = SignedDuration::from_mins(15);
/// How long something is missing before it is asked again: a vendor needs up to an hour until it knows a new role.
const RETRY: SignedDuration = SignedDuration::from_hours(1);
const LAPSED: &str = "Typical of roles that are only eligible and switched on for a time (PIM): assign them permanently to \
                      the service account. It then works again by itself; no new consent is needed.";

/// Asks the table live, stores it, and lets it decide the account's state.
///
/// # Errors
/// Where the store fails.
pub async fn test(
    store: &dyn Store,
    client: &Client,
    connector: &Connector,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<Probe>> {
    let rows = preflight::preflight(client, account, connector).await;
    settle(store, connector, account, rows, now).await
}

/// Stores a table that was asked, and lets it decide the account's state.
///
/// # Errors
/// Where the store fails.
pub async fn settle(
    store: &dyn Store,
    connector: &Connector,
    account: AccountId,
    rows: Vec<Row>,
    now: Timestamp,
) -> Result<Vec<Probe>> {
    let before = store.probes(account).await?;
    let told = store.grant(account).await?.and_then(|grant| grant.roles);
    let finding = finding(connector.consent.as_ref(), &rows, &before, told.as_deref());
    let probes = as_probes(rows, &before, now);
    store.put_probes(account, &probes).await?;
    let former = store.account(account).await?.state;
    if let Some(next) = after_table(&former, finding, now) {
        store.set_consent_state(account, &next).await?;
    }
    Ok(probes)
}

/// The preflight of a run. It decides the account's state, never the run: what a run can bring is tried all the same.
pub(crate) async fn before_run(work: &Work, progress: &Progress, stop: &CancellationToken) -> Result<()> {
    let account = work.store.account(work.account()).await?;
    let (known, now) = (work.store.probes(account.id).await?, work.now());
    let has_rows = work.connector.consent.as_ref().is_some_and(|rules| !rules.probes.is_empty());
    if !has_rows || !is_probed(&account) || age(&known, now).is_some_and(|age| age < FRESH) {
        return Ok(());
    }
    let asked = preflight::preflight(&work.client, account.id, &work.connector);
    let rows = tokio::select! {
        rows = tokio::time::timeout(work.limits.preflight, asked) => rows,
        () = stop.cancelled() => return Ok(()),
    };
    let Ok(rows) = rows else {
        progress.note(alarms::note("info", "RUN-PREFLIGHT", "", "the preflight did not end in time"));
        return Ok(());
    };
    settle(work.store.as_ref(), &work.connector, account.id, rows, work.now()).await?;
    tell(work, progress).await
}

/// What is missing stands in the run as well: it explains what the run does not bring.
async fn tell(work: &Work, progress: &Progress) -> Result<()> {
    if let ConsentState::Degraded(reason) = work.store.account(work.account()).await?.state {
        let note = alarms::note("info", &reason.code, "preflight", &reason.what);
        progress.note(crate::report::Note { remedy: reason.remedy, ..note });
    }
    Ok(())
}

/// Whether something has been missing for so long that it is asked again: a role may be back, the operator may have given
/// a new secret, or a process may have ended before its answer came. What needs a person's consent is not asked for: the
/// vendor would only see a loop.
pub(crate) fn is_due(account: &Account, known: &[Probe], now: Timestamp) -> bool {
    use ConsentState::{Degraded, OperatorFault, Verifying};
    let may_mend = matches!(account.state, Degraded(_) | OperatorFault(_) | Verifying);
    may_mend && age(known, now).is_none_or(|age| age >= RETRY)
}

/// Without a person's consent there is nothing to ask; what a person has stopped is not asked for.
fn is_probed(account: &Account) -> bool {
    matches!(account.state, ConsentState::Verifying | ConsentState::Active | ConsentState::Degraded(_))
}

fn age(known: &[Probe], now: Timestamp) -> Option<SignedDuration> {
    known.iter().map(|probe| now.duration_since(probe.probed_at)).min()
}

/// What an account lacks by a table, with what explains it; none: nothing needed is known to be missing.
#[must_use]
pub fn explained(roles: &Roles, rows: &[Row], before: &[Probe], told: Option<&[String]>) -> Option<Lack> {
    let lack = preflight::lack(rows)?;
    if let Some(day) = lapsed_since(rows, before) {
        let what = format!("{}, though it could on {day}: a role was there and is not now", lack.what);
        return Some(Lack { what, remedy: format!("{LAPSED} {}", lack.remedy), ..lack });
    }
    let Some(set) = roles.typical_of(rows, told) else { return Some(lack) };
    let what = format!("{}; typical of {}", lack.what, set.roles.join(" + "));
    Some(Lack { what, remedy: format!("{} {}", set.note, lack.remedy), ..lack })
}

fn finding(rules: Option<&ConsentRules>, rows: &[Row], before: &[Probe], told: Option<&[String]>) -> Finding {
    let (none, no_probes) = (Roles::default(), Vec::new());
    let (roles, probes) = rules.map_or((&none, &no_probes), |rules| (&rules.roles, &rules.probes));
    if let Some(lack) = explained(roles, rows, before, told) {
        return Finding::Missing(lack);
    }
    let is_ok = |name: &str| rows.iter().any(|row| row.name == name && row.verdict == Verdict::Ok);
    let codes = probes.iter().filter(|probe| is_ok(&probe.name)).flat_map(|probe| &probe.answers);
    let mut needed = rows.iter().filter(|row| row.needed).peekable();
    Finding::Nothing {
        is_proven: needed.peek().is_some() && needed.all(|row| row.verdict == Verdict::Ok),
        mended: codes.map(|answer| answer.code.clone()).collect(),
    }
}

/// The day on which what a role is lacking for now was last seen to work: the role has lapsed since, not the consent.
fn lapsed_since(rows: &[Row], before: &[Probe]) -> Option<String> {
    let row = preflight::worst(rows)?;
    let former = before.iter().find(|former| former.name == row.name && row.about_role)?;
    former.ok_at.map(|at| at.strftime("%Y-%m-%d").to_string())
}

/// A table as it is stored, after the one `before`.
#[must_use]
pub fn as_probes(rows: Vec<Row>, before: &[Probe], now: Timestamp) -> Vec<Probe> {
    rows.into_iter().map(|row| stored(row, before, now)).collect()
}

fn stored(row: Row, before: &[Probe], now: Timestamp) -> Probe {
    let former = before.iter().find(|former| former.name == row.name);
    let ok_at = if row.verdict == Verdict::Ok { Some(now) } else { former.and_then(|former| former.ok_at) };
    Probe {
        name: row.name,
        capability: row.capability,
        verdict: row.verdict.as_str().to_owned(),
        code: row.code,
        remedy: row.remedy,
        evidence: row.evidence,
        needed: row.needed,
        probed_at: now,
        ok_at,
    }
}
