//! `purser keys abandon`: the way on when keys are lost for good. Consents are erased, since nobody can open them any more,
//! and their accounts wait for new ones; what was retrieved stays.

use std::path::Path;

use purser_store::accounts::{ConsentState, Reason};
use purser_store::hand_overs::Ending;
use purser_store::people::AuditEntry;
use purser_store::{Accounts as _, HandOvers as _, Keys as _, People as _};
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::KeyFault;
use purser_vendor::{Chance, KeyRing, KeySource};
use serde_json::json;

use crate::command::{COMMAND_LINE, DataArgs};
use crate::data::DataDir;
use crate::failure::Failure;
use crate::say::say;
use crate::wiring;

/// Erases every consent and lets every key go.
pub async fn abandon(args: &DataArgs) -> anyhow::Result<()> {
    let store = wiring::open_store(args).await?;
    let config = wiring::config(args)?;
    let mut data = DataDir::open(&config.data)?;
    let _lock = data.lock_keys()?;
    if !data.take()? {
        return Err(Failure::new("CLI-HELD", "a server works on this data directory", "stop it first").into());
    }
    let source = config.keys.source(&data)?;
    let (erased, newest) = let_go(&store).await.map_err(Failure::from)?;
    let next = newest.saturating_add(1);
    match &source {
        KeySource::File(path) => new_file(path, next)?,
        source => say!("give keys of version {next} or higher by the {}", source.kind()),
    }
    say!("{erased} consents were erased: sign in and consent again for each account");
    Ok(())
}

/// How many consents were erased, and the highest version that was known.
async fn let_go(store: &SqliteStore) -> purser_store::Result<(usize, u32)> {
    let sealed = store.sealed_grants().await?;
    for handed in store.waiting_hand_overs().await? {
        store.end_hand_over(handed.id, Ending::Withdrawn, COMMAND_LINE, wiring::now()).await?;
    }
    let grants = store.sealed_grants().await?;
    for grant in &grants {
        store.erase_grant(grant.account).await?;
        let reason = Reason {
            code: "KEY-ABANDONED".into(),
            what: "the key that the stored consent was sealed by was given up".into(),
            remedy: "sign in and consent again".into(),
            since: wiring::now(),
        };
        store.set_consent_state(grant.account, &ConsentState::NeedsConsent(reason)).await?;
    }
    let known = store.known_keys().await?;
    for key in &known {
        store.retire_key(key.version, wiring::now()).await?;
    }
    let versions = known.iter().map(|key| key.version).chain(sealed.iter().map(|grant| grant.key_version));
    let newest = versions.max().unwrap_or(0);
    let detail = json!({ "consents": sealed.len(), "newest": newest });
    let who = COMMAND_LINE.to_owned();
    store.audit(&AuditEntry { at: wiring::now(), who, what: "keys.abandoned".into(), detail }).await?;
    Ok((sealed.len(), newest))
}

/// The former file is kept under another name: somebody may yet find out what it belongs to.
fn new_file(path: &Path, version: u32) -> Result<(), Failure> {
    let failed = |error: KeyFault| {
        Failure::new("KEY-SOURCE", error.to_string(), "see that the key file may be written, and try again")
    };
    if path.exists() {
        std::fs::rename(path, path.with_extension("abandoned")).map_err(|error| failed(error.into()))?;
    }
    KeyRing::numbered(version, &Chance::from_os()).save_new(path).map_err(failed)
}
