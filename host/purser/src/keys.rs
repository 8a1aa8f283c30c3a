//! The keys of a data directory: where they come from, and what to do where they are not the right ones.

use std::sync::Arc;
use std::time::Duration;

use purser_pipeline::Clock;
use purser_pipeline::keys::{Keeper, KeyTrouble};
use purser_store::Keys as _;
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::KeyFault;
use purser_vendor::{Chance, KeyRing, KeySource, Vault};

use crate::config::KeysConfig;
use crate::data::DataDir;
use crate::failure::Failure;

/// The keys of a store, each proved to be the right one. An empty store gets a key where the source is a file.
///
/// # Errors
/// Where a key is missing or wrong; then nothing has been written.
pub async fn keeper(
    config: &KeysConfig,
    data: &DataDir,
    store: Arc<SqliteStore>,
    chance: Chance,
    clock: Clock,
) -> anyhow::Result<Keeper> {
    let source = config.source(data)?;
    let ring = match ring(&source, &store, &chance).await {
        Ok(ring) => ring,
        Err(error) => return Err(failure(error, &source)),
    };
    let vault = Arc::new(Vault::over(source.clone(), ring.clone(), chance));
    let keeper = Keeper { store, vault, source, clock };
    match keeper.admit(&ring).await {
        Ok(()) => Ok(keeper),
        Err(error) => Err(failure(error, &keeper.source)),
    }
}

/// A file that was there once and is gone is missed, not made anew.
async fn ring(source: &KeySource, store: &SqliteStore, chance: &Chance) -> Result<KeyRing, KeyTrouble> {
    match source {
        KeySource::File(path) if !path.exists() => {
            if let Some(known) = store.known_keys().await?.into_iter().rfind(|key| key.retired_at.is_none()) {
                return Err(KeyTrouble::Missing(known.version));
            }
            if let Some(grant) = store.sealed_grants().await?.into_iter().next() {
                return Err(KeyTrouble::Missing(grant.key_version));
            }
            let ring = KeyRing::generate(chance);
            ring.save_new(path)?;
            Ok(ring)
        }
        source => Ok(source.load().await?),
    }
}

/// How often a server looks at a source; a command is somebody else's to run, and costs more.
#[must_use]
pub fn pause_of(source: &KeySource) -> Duration {
    match source {
        KeySource::Command { .. } => Duration::from_secs(300),
        KeySource::File(_) | KeySource::Environment(_) => Duration::from_secs(10),
    }
}

/// What the person at the terminal is told.
pub fn failure(error: KeyTrouble, source: &KeySource) -> anyhow::Error {
    let kind = source.kind();
    let back = format!(
        "nothing was changed; put the key that belongs to this data directory back into the {kind}, from the copy you keep"
    );
    let error = match error {
        KeyTrouble::Store(error) => return Failure::from(error).into(),
        error => error,
    };
    let (code, remedy) = match &error {
        KeyTrouble::Missing(_) => ("KEY-MISSING", back),
        KeyTrouble::Wrong(_) => ("KEY-WRONG", back),
        KeyTrouble::Retired(_) => {
            ("KEY-RETIRED", format!("nothing was changed; put a newer key into the {kind}"))
        }
        KeyTrouble::Seals(_) => {
            ("KEY-SEALS", "rotate first, with `purser keys rotate`; then this one can go".to_owned())
        }
        KeyTrouble::Needed { .. } => (
            "KEY-NEEDED",
            "run `purser keys rotate` to its end, or wait some minutes for consents under way; then try again".to_owned(),
        ),
        KeyTrouble::Source(KeyFault::Changed(_)) => ("KEY-WRONG", back),
        KeyTrouble::Source(_) | KeyTrouble::Store(_) => {
            ("KEY-SOURCE", format!("nothing was changed; see that the {kind} gives lines of a version, a blank and a key"))
        }
    };
    Failure::new(code, error.to_string(), remedy).into()
}
