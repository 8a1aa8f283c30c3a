//! Looks after the accounts' consents between their runs.

use std::sync::Arc;
use std::time::Duration;

use purser_store::Result;
use purser_store::accounts::Account;
use tokio_util::sync::CancellationToken;

use super::preflight::{is_due, test};
use crate::Host;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);

/// One look: what was missing for an hour is asked for again.
///
/// # Errors
/// Where the store fails.
pub async fn look(host: &Host) -> Result<()> {
    for account in host.store.accounts().await? {
        ask_again(host, &account).await?;
    }
    Ok(())
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

async fn ask_again(host: &Host, account: &Account) -> Result<()> {
    let (store, now) = (host.store.as_ref(), (host.clock)());
    if !is_due(account, &store.probes(account.id).await?, now) {
        return Ok(());
    }
    // What is handed over has no grant yet: there is nothing to ask with.
    let (Some(connector), Some(_)) = (host.connector_of(account), store.grant(account.id).await?) else {
        return Ok(());
    };
    test(store, &host.client, &connector, account.id, now).await.map(|_| ())
}
