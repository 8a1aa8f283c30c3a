//! The key-encryption keys at work: is each the right one, is anything still sealed by an old one, may one go.
//!
//! **Invariants:** nothing is written before every key has proved to be the right one; wrapping anew never undoes a
//! token exchange and is never undone by one; a key goes only when nothing is sealed by it, and nothing is after.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use purser_store::keys::{KnownKey, SealedGrant};
use purser_store::{Error, Store};
use purser_vendor::vault::{GrantIdentity, KeyFault, KeyRing, VaultError, key_version_of};
use purser_vendor::{KeySource, Vault};
use tokio_util::sync::CancellationToken;

use crate::work::Clock;

/// Rounds of wrapping anew, each over what exchanges have sealed by an older key meanwhile.
const ROUNDS: u32 = 10;

/// What is wrong with the keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// The source gives none.
    #[error(transparent)]
    Source(#[from] KeyFault),
    /// One that is needed is not there.
    #[error("the key of version {0} is missing")]
    Missing(u32),
    /// One is another than this database has been used with.
    #[error("the key of version {0} is not the one this database has been used with")]
    Wrong(u32),
    /// The newest one has been retired.
    #[error("the newest key, version {0}, has been retired")]
    Retired(u32),
    /// It still seals.
    #[error("version {0} is the key that seals")]
    Seals(u32),
    /// Something is still sealed by it.
    #[error("{grants} grants and {flows} consents under way are still sealed by version {version}")]
    Needed {
        /// The key.
        version: u32,
        /// Grants it seals.
        grants: usize,
        /// Consents under way that it seals.
        flows: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// One version, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub version: u32,
    /// The source has it.
    pub is_there: bool,
    /// It seals what is new.
    pub seals: bool,
    /// What the store knows of it.
    pub known: Option<KnownKey>,
    /// Grants it seals.
    pub grants: usize,
    /// Consents under way that it seals.
    pub flows: usize,
}

/// Keeps the keys of one store.
pub struct Keeper {
    /// What is sealed.
    pub store: Arc<dyn Store>,
    /// The keys in use.
    pub vault: Arc<Vault>,
    /// Where they come from.
    pub source: KeySource,
    /// The calendar.
    pub clock: Clock,
}

impl Keeper {
    /// Refuses keys that are not this database's; then remembers those that are new.
    ///
    /// # Errors
    /// Before anything is written.
    pub async fn admit(&self, ring: &KeyRing) -> Result<(), KeyTrouble> {
        let candidate = self.vault.with_keys(ring.clone());
        let known = self.store.known_keys().await?;
        check_known(&candidate, &known)?;
        check_grants(&candidate, &known, &self.store.sealed_grants().await?)?;
        for version in ring.versions() {
            if known.iter().all(|key| key.version != version) {
                let check = candidate.check_value(version).map_err(|_| KeyTrouble::Missing(version))?;
                self.store.know_key(version, &check, (self.clock)()).await?;
            }
        }
        Ok(())
    }

    /// Wraps every grant by the newest key; how many it was.
    ///
    /// # Errors
    /// Where one cannot be opened, or the store fails.
    pub async fn rewrap(&self) -> Result<usize, KeyTrouble> {
        let (mut rewrapped, mut left) = (0, None);
        for _ in 0..ROUNDS {
            let newest = self.vault.newest_key();
            let mut old = self.store.sealed_grants().await?;
            old.retain(|grant| grant.key_version < newest);
            if old.is_empty() {
                break;
            }
            let before = rewrapped;
            left = None;
            // One that stays closed must not keep the others on the old key.
            for grant in old {
                match self.rewrap_one(&grant).await {
                    Ok(done) => rewrapped += usize::from(done),
                    Err(error) => left = Some(error),
                }
            }
            if left.is_some() && rewrapped == before {
                break;
            }
        }
        left.map_or(Ok(rewrapped), Err)
    }

    async fn rewrap_one(&self, grant: &SealedGrant) -> Result<bool, KeyTrouble> {
        let wrapped = self.vault.rewrap_grant(identity(grant), &grant.sealed);
        let wrapped = wrapped.map_err(|error| trouble(grant.key_version, &error))?;
        let SealedGrant { account, sealed, .. } = grant;
        Ok(self.store.rewrap_grant(*account, sealed, &wrapped.bytes, wrapped.key_version).await?)
    }

    /// Lets an old key go: nothing may be sealed by it from now on.
    ///
    /// # Errors
    /// Where it is needed.
    pub async fn retire(&self, version: u32) -> Result<(), KeyTrouble> {
        if version == self.vault.newest_key() {
            return Err(KeyTrouble::Seals(version));
        }
        let standing = self.standing().await?.into_iter().find(|key| key.version == version);
        let Standing { grants, flows, .. } = standing.ok_or(KeyTrouble::Missing(version))?;
        if grants + flows > 0 {
            return Err(KeyTrouble::Needed { version, grants, flows });
        }
        Ok(self.store.retire_key(version, (self.clock)()).await?)
    }

    /// Every version there is or has been.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn standing(&self) -> Result<Vec<Standing>, KeyTrouble> {
        let ring = self.vault.keys();
        let known = self.store.known_keys().await?;
        let grants: Vec<u32> =
            self.store.sealed_grants().await?.iter().map(|grant| grant.key_version).collect();
        let flows = self.store.sealed_flows((self.clock)()).await?;
        let flows: Vec<u32> = flows.iter().filter_map(|flow| key_version_of(flow)).collect();
        let mut all: BTreeMap<u32, Option<KnownKey>> = BTreeMap::new();
        let versions = ring.versions().into_iter().chain(grants.iter().copied());
        all.extend(versions.map(|version| (version, None)));
        all.extend(known.into_iter().map(|key| (key.version, Some(key))));
        let count = |of: &[u32], version| of.iter().filter(|one| **one == version).count();
        let standing = all.into_iter().map(|(version, known)| Standing {
            version,
            is_there: ring.versions().contains(&version),
            seals: version == ring.newest_version(),
            known,
            grants: count(&grants, version),
            flows: count(&flows, version),
        });
        Ok(standing.collect())
    }

    /// Takes what is new in the source, and wraps what an older key seals.
    ///
    /// # Errors
    /// Where the source's keys are not this database's: those in use stay.
    pub async fn follow(&self) -> Result<(), KeyTrouble> {
        let ring = self.source.load().await?;
        let former = self.vault.keys();
        // Another key under a version in use is a mistake in the source: the one in use stays, and the error is told.
        former.joined(&ring)?;
        if ring.versions() != former.versions() {
            self.admit(&ring).await?;
            tracing::info!(key.newest = ring.newest_version(), "keys.taken");
            self.vault.replace_ring(ring);
        }
        match self.rewrap().await? {
            0 => {}
            rewrapped => tracing::info!(grants = rewrapped, "keys.rewrapped"),
        }
        Ok(())
    }

    /// Follows the source until `stop`. One error is told once, not at every look.
    pub async fn keep(self: Arc<Self>, every: Duration, stop: CancellationToken) {
        let mut told = String::new();
        while !stop.is_cancelled() {
            let now = self.follow().await.err().map(|error| error.to_string()).unwrap_or_default();
            if !now.is_empty() && now != told {
                tracing::error!(error = now, "keys.not_followed");
            }
            told = now;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}

fn check_known(candidate: &Vault, known: &[KnownKey]) -> Result<(), KeyTrouble> {
    for key in known {
        if key.retired_at.is_some() {
            if key.version == candidate.newest_key() {
                return Err(KeyTrouble::Retired(key.version));
            }
            continue;
        }
        candidate.verify_key(key.version, &key.check).map_err(|error| trouble(key.version, &error))?;
    }
    Ok(())
}

/// Every grant's key must be there. One that nothing else has proved is the right one if it opens a grant: that another
/// grant stays closed tells of that grant.
fn check_grants(candidate: &Vault, known: &[KnownKey], grants: &[SealedGrant]) -> Result<(), KeyTrouble> {
    let mut unproved = BTreeMap::new();
    for grant in grants {
        let version = grant.key_version;
        candidate.require_key(version).map_err(|error| trouble(version, &error))?;
        if known.iter().all(|key| key.version != version) {
            let opens = candidate.rewrap_grant(identity(grant), &grant.sealed).is_ok();
            *unproved.entry(version).or_insert(false) |= opens;
        }
    }
    let wrong = unproved.into_iter().find(|(_, opens)| !opens);
    wrong.map_or(Ok(()), |(version, _)| Err(KeyTrouble::Wrong(version)))
}

fn identity(grant: &SealedGrant) -> GrantIdentity<'_> {
    GrantIdentity { account: grant.account, connector: &grant.connector, tenant: &grant.tenant }
}

fn trouble(version: u32, error: &VaultError) -> KeyTrouble {
    match error {
        VaultError::MissingKey(missing) => KeyTrouble::Missing(*missing),
        VaultError::WontOpen => KeyTrouble::Wrong(version),
    }
}
