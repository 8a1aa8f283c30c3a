//! Plugin versions at hand: who plays each connector's roles now, and those that runs are pinned to.
//!
//! Bytes are kept in a folder by digest, so that a run begun before an upgrade goes on with the versions it began with.
//! Who plays what is decided in [`crate::rollout`] and stands in the store; here is what of it is loaded.
//!
//! **Invariant:** whatever is at hand was trusted by this process's [`Trust`], before a byte of it ran.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::RwLock;

use jiff::Timestamp;
use purser_domain::{Cast, ConnectorId, Digest};
use purser_runtime::{AdmissionError, Plugin, Sandbox};
use purser_store::plugins::Vouchers;

use crate::rollout::Unbundled;
use crate::trust::{Standing, Trust, Untrusted};

/// Why a plugin is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// It was refused.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// It is not signed as the operator wants it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// It was brought in a bundle that gives none.
    #[error(transparent)]
    Unbundled(#[from] Unbundled),
    /// Its id is none.
    #[error("PLG-020 the plugin's id is not a connector id · use lower-case letters, digits and dashes")]
    Id,
    /// The folder of plugins cannot be written or read.
    #[error("PLG-021 the plugin folder cannot be used · check its permissions and free space")]
    Folder(#[source] std::io::Error),
    /// It was installed once, and its bytes are not there, or not the same.
    #[error("PLG-022 the plugin version's file is gone or damaged · install the same version again")]
    Missing,
}

/// The plugins of this process.
pub struct Plugins {
    sandbox: Sandbox,
    folder: Option<PathBuf>,
    trust: Trust,
    at_hand: RwLock<HashMap<Digest, Plugin>>,
    casts: RwLock<BTreeMap<ConnectorId, Cast<Plugin>>>,
    given_up: RwLock<BTreeMap<ConnectorId, GivenUp>>,
}

/// What could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Who should play the roles.
    pub cast: Cast<Digest>,
    /// Why they do not: code, sentence and remedy.
    pub because: String,
    /// Until when it is not tried again.
    pub until: Timestamp,
}

impl Plugins {
    /// Without a folder only what was admitted in this process is at hand.
    #[must_use]
    pub fn new(sandbox: Sandbox, folder: Option<PathBuf>) -> Self {
        Self {
            sandbox,
            folder,
            trust: Trust::default(),
            at_hand: RwLock::default(),
            casts: RwLock::default(),
            given_up: RwLock::default(),
        }
    }

    /// With the keys by which plugins must be signed; without, anything is trusted.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// Checks a component and keeps its bytes. Who plays what stays as it is.
    ///
    /// # Errors
    /// Where it is not trusted, is refused or cannot be kept.
    pub fn admit(&self, component: &[u8], vouchers: &Vouchers) -> Result<Plugin, PluginError> {
        self.trust.judge(component, vouchers)?;
        let plugin = self.sandbox.admit(component)?;
        if let Some(folder) = &self.folder {
            // A damaged file is written anew, too.
            if self.bytes(plugin.digest()).is_none() {
                let file = folder.join(file_name(plugin.digest()));
                write_whole(&file, component).map_err(PluginError::Folder)?;
            }
        }
        write(&self.at_hand).insert(plugin.digest(), plugin.clone());
        Ok(plugin)
    }

    /// Admits a component and lets it play all roles of its connector at once.
    ///
    /// # Errors
    /// Where it is refused or cannot be kept; who played them goes on.
    pub fn activate(&self, component: &[u8]) -> Result<Plugin, PluginError> {
        let plugin = self.admit(component, &Vouchers::default())?;
        let connector: ConnectorId = plugin.descriptor().id.parse().map_err(|_| PluginError::Id)?;
        self.play(connector, Cast::one(plugin.clone()));
        Ok(plugin)
    }

    /// Who plays a connector's roles from now on; runs go on with the versions they are pinned to.
    pub fn play(&self, connector: ConnectorId, cast: Cast<Plugin>) {
        write(&self.given_up).remove(&connector);
        write(&self.casts).insert(connector, cast);
    }

    /// Nobody plays a connector's roles: who should cannot be loaded.
    pub fn give_up(&self, connector: ConnectorId, given_up: GivenUp) {
        write(&self.casts).remove(&connector);
        write(&self.given_up).insert(connector, given_up);
    }

    /// Whether this cast could not be loaded and is not tried again yet.
    #[must_use]
    pub fn gave_up(&self, connector: &ConnectorId, cast: &Cast<Digest>, now: Timestamp) -> bool {
        read(&self.given_up).get(connector).is_some_and(|failed| failed.cast == *cast && now < failed.until)
    }

    /// The connectors whose roles nobody plays, since who should cannot be loaded.
    #[must_use]
    pub fn given_up(&self) -> BTreeMap<ConnectorId, GivenUp> {
        read(&self.given_up).clone()
    }

    /// Whether exactly these versions play a connector's roles.
    #[must_use]
    pub fn is_played(&self, connector: &ConnectorId, cast: &Cast<Digest>) -> bool {
        read(&self.casts).get(connector).is_some_and(|playing| digests(playing) == *cast)
    }

    /// Who plays a connector's roles.
    #[must_use]
    pub fn cast(&self, connector: &ConnectorId) -> Option<Cast<Plugin>> {
        read(&self.casts).get(connector).cloned()
    }

    /// The version that is the connector: it crawls, and its descriptor says what is asked and retrieved.
    #[must_use]
    pub fn active(&self, connector: &ConnectorId) -> Option<Plugin> {
        read(&self.casts).get(connector).map(|cast| cast.crawl.clone())
    }

    /// All connectors with the versions that are them.
    #[must_use]
    pub fn connectors(&self) -> Vec<(ConnectorId, Plugin)> {
        read(&self.casts).iter().map(|(id, cast)| (id.clone(), cast.crawl.clone())).collect()
    }

    /// A version that is at hand.
    #[must_use]
    pub fn at_hand(&self, digest: Digest) -> Option<Plugin> {
        read(&self.at_hand).get(&digest).cloned()
    }

    /// A version by digest, loaded from the folder where it is not at hand.
    ///
    /// # Errors
    /// Where its bytes are gone or not trusted any more, or this host does not admit it.
    pub fn load(&self, digest: Digest, vouchers: &Vouchers) -> Result<Plugin, PluginError> {
        if let Some(plugin) = self.at_hand(digest) {
            return Ok(plugin);
        }
        let bytes = self.bytes(digest).ok_or(PluginError::Missing)?;
        self.trust.judge(&bytes, vouchers)?;
        let plugin = self.sandbox.admit(&bytes)?;
        write(&self.at_hand).insert(digest, plugin.clone());
        Ok(plugin)
    }

    /// What is told of the signatures of an installed version.
    #[must_use]
    pub fn standing(&self, digest: Digest, vouchers: &Vouchers) -> Standing {
        match self.bytes(digest) {
            Some(bytes) => self.trust.judge(&bytes, vouchers).into(),
            None => Standing { may_load: false, told: vec![PluginError::Missing.to_string()] },
        }
    }

    /// The component itself, as it was installed; none where it is not there or was changed since.
    #[must_use]
    pub fn bytes(&self, digest: Digest) -> Option<Vec<u8>> {
        let bytes = std::fs::read(self.folder.as_ref()?.join(file_name(digest))).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    /// Forgets a version and its bytes; a run that is pinned to it cannot go on.
    ///
    /// # Errors
    /// Where the file cannot be removed.
    pub fn forget(&self, digest: Digest) -> Result<(), PluginError> {
        write(&self.at_hand).remove(&digest);
        let Some(folder) = &self.folder else { return Ok(()) };
        match std::fs::remove_file(folder.join(file_name(digest))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(PluginError::Folder(error)),
            _ => Ok(()),
        }
    }
}

/// The versions of a cast.
#[must_use]
pub fn digests(cast: &Cast<Plugin>) -> Cast<Digest> {
    Cast {
        crawl: cast.crawl.digest(),
        mapping: cast.mapping.digest(),
        localisation: cast.localisation.digest(),
    }
}

fn file_name(digest: Digest) -> String {
    format!("{digest}.wasm")
}

/// A kill in between leaves a file of another name, never half a component.
fn write_whole(file: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = file.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, bytes)?;
    std::fs::rename(part, file)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}
