//! Looks after the accounts' consents between their runs.

use std::sync::Arc;
use std::time::Duration;

use purser_store::Result;
use purser_store::accounts::{Account, ConsentState};
use purser_store::hand_overs::Stage;
use purser_store::people::AuditEntry;
use purser_vendor::connector::ConsentRules;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::notices::{self, Facts};
use super::preflight::{is_due, test};
use crate::Host;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);

/// One look: what is wrong with a consent is told, links whose time is over end, and what was missing for an hour is asked
/// for again.
///
/// # Errors
/// Where the store fails; the accounts after it are looked at all the same.
pub async fn look(host: &Host) -> Result<()> {
    let accounts = host.store.accounts().await?;
    let mut looked = Ok(());
    // First what asks no vendor: an answer that takes long keeps nobody from being told.
    for account in &accounts {
        looked = tend(host, account).await.and(looked);
    }
    looked = end_hand_overs(host).await.and(looked);
    for account in &accounts {
        looked = ask_again(host, account).await.and(looked);
    }
    looked
}

/// Looks again and again until `stop`.
pub async fn keep(host: Arc<Host>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = look(&host).await {
            tracing::error!(error = &error as &dyn std::error::Error, "health.not_looked");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Tells what there is to tell of an account. What nobody knows, because its plugin or cloud is gone, mends nothing.
async fn tend(host: &Host, account: &Account) -> Result<()> {
    let is_over = account.state == ConsentState::Disconnected;
    let concerns = match host.connector_of(account).map(|connector| connector.consent) {
        _ if is_over => Vec::new(),
        None => return Ok(()),
        Some(None) => notices::without_consent(&account.state, (host.clock)()),
        Some(Some(rules)) => concerns(host, account, &rules).await?,
    };
    notices::tell(host.store.as_ref(), account.id, &concerns, (host.clock)()).await
}

async fn concerns(
    host: &Host,
    account: &Account,
    rules: &ConsentRules,
) -> Result<Vec<purser_store::notices::Concern>> {
    let grant = host.store.grant(account.id).await?;
    let settings = host.store.settings(account.id).await?;
    Ok(notices::concerns(&Facts {
        state: &account.state,
        used_at: grant.map(|grant| grant.refreshed_at.max(grant.consented_at)),
        idle_days: rules.idle_days,
        is_scheduled: crate::host::is_scheduled(&account.state, &settings),
        client_auth: &rules.client_auth,
        now: (host.clock)(),
    }))
}

async fn ask_again(host: &Host, account: &Account) -> Result<()> {
    let (store, now) = (host.store.as_ref(), (host.clock)());
    if !is_due(account, &store.probes(account.id).await?, now) {
        return Ok(());
    }
    // What is handed over has no grant yet: there is nothing to ask with.
    let (Some(connector), Some(_)) = (host.connector_of(account), store.grant(account.id).await?) else {
        return Ok(());
    };
    test(store, &host.client, &connector, account.id, now).await?;
    tend(host, &store.account(account.id).await?).await
}

async fn end_hand_overs(host: &Host) -> Result<()> {
    let now = (host.clock)();
    for ended in host.store.expire_hand_overs(now).await? {
        let before = if ended.answer.is_some() { Stage::Answered } else { Stage::Open };
        let account = ended.answer.map(|answer| answer.account).or(ended.made.account);
        let detail =
            json!({ "hand_over": ended.id, "account": account, "before": before, "after": ended.stage });
        let entry = AuditEntry { at: now, who: "schedule".into(), what: "hand-over.expired".into(), detail };
        host.store.audit(&entry).await?;
    }
    Ok(())
}
