//! Plugin versions at hand: one active a connector, and those that runs are pinned to.
//!
//! Bytes are kept in a folder by digest, so that a run begun before an upgrade goes on with the version it began with.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::RwLock;

use purser_domain::{ConnectorId, Digest};
use purser_runtime::{AdmissionError, Plugin, Sandbox};

/// Why a plugin is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// It was refused.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// Its id is none.
    #[error("PLG-020 the plugin's id is not a connector id · use lower-case letters, digits and dashes")]
    Id,
    /// The folder of plugins cannot be written or read.
    #[error("PLG-021 the plugin folder cannot be used · check its permissions and free space")]
    Folder(#[source] std::io::Error),
}

/// The plugins of this process.
pub struct Plugins {
    sandbox: Sandbox,
    folder: Option<PathBuf>,
    at_hand: RwLock<HashMap<Digest, Plugin>>,
    active: RwLock<BTreeMap<ConnectorId, Plugin>>,
}

impl Plugins {
    /// Without a folder only what was activated is at hand.
    #[must_use]
    pub fn new(sandbox: Sandbox, folder: Option<PathBuf>) -> Self {
        Self { sandbox, folder, at_hand: RwLock::default(), active: RwLock::default() }
    }

    /// Admits a component and makes it the active version of its connector.
    ///
    /// # Errors
    /// Where it is refused or cannot be kept; the version that was active stays so.
    pub fn activate(&self, component: &[u8]) -> Result<Plugin, PluginError> {
        let plugin = self.sandbox.admit(component)?;
        let connector: ConnectorId = plugin.descriptor().id.parse().map_err(|_| PluginError::Id)?;
        if let Some(folder) = &self.folder {
            let file = folder.join(format!("{}.wasm", plugin.digest()));
            if !file.exists() {
                write_whole(&file, component).map_err(PluginError::Folder)?;
            }
        }
        write(&self.at_hand).insert(plugin.digest(), plugin.clone());
        write(&self.active).insert(connector, plugin.clone());
        Ok(plugin)
    }

    /// The active version of a connector.
    #[must_use]
    pub fn active(&self, connector: &ConnectorId) -> Option<Plugin> {
        read(&self.active).get(connector).cloned()
    }

    /// All connectors with their active versions.
    #[must_use]
    pub fn connectors(&self) -> Vec<(ConnectorId, Plugin)> {
        read(&self.active).iter().map(|(id, plugin)| (id.clone(), plugin.clone())).collect()
    }

    /// A version by digest, loaded from the folder where it is not at hand.
    #[must_use]
    pub fn by_digest(&self, digest: Digest) -> Option<Plugin> {
        if let Some(plugin) = read(&self.at_hand).get(&digest) {
            return Some(plugin.clone());
        }
        let bytes = std::fs::read(self.folder.as_ref()?.join(format!("{digest}.wasm"))).ok()?;
        let plugin = self.sandbox.admit(&bytes).ok().filter(|plugin| plugin.digest() == digest)?;
        write(&self.at_hand).insert(digest, plugin.clone());
        Some(plugin)
    }
}

/// A kill in between leaves a file of another name, never half a component.
fn write_whole(file: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = file.with_extension("part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(part, file)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}
