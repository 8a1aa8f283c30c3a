//! Installed plugin versions, who plays which role, and what a connector's plugins may ask.
//!
//! What speaks for a version's bytes stands beside it, and outlives it.
//!
//! **Invariants:** a role is played by an installed version that is not barred; who plays it changes in one step, only
//! from what the caller saw, together with the grant the change needs; every change stays in the history.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{ConnectorId, Digest, Role};
use serde::{Deserialize, Serialize};

use crate::Result;

/// A plugin version that was installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The sha256 of its bytes.
    pub digest: Digest,
    /// Whose roles it plays.
    pub connector: ConnectorId,
    /// Its own id: the connector's, or another where it extends one.
    pub plugin: String,
    /// Semantic version.
    pub version: String,
    /// What people call it.
    pub title: String,
    /// Who made it.
    pub publisher: String,
    /// What it can play.
    pub roles: Vec<Role>,
    /// All that it may ever ask, one sentence each.
    pub asks: Vec<String>,
    /// Where it came from: `bundled`, a file's name.
    pub source: String,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// By whom.
    pub installed_by: String,
    /// Why it must not be activated; none: it may.
    pub barred: Option<String>,
}

impl Version {
    /// Id and version: `microsoft-csp 1.4.0`.
    #[must_use]
    pub fn named(&self) -> String {
        format!("{} {}", self.plugin, self.version)
    }
}

/// What speaks for a component's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vouchers {
    /// They came with a Purser, and are trusted as a part of it.
    pub bundled: bool,
    /// Signatures by the id of the key that made them, each the whole text of a signature file.
    pub signatures: BTreeMap<String, String>,
}

/// Who plays a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Of which connector.
    pub connector: ConnectorId,
    /// Which role.
    pub role: Role,
    /// By which version.
    pub digest: Digest,
}

/// Why a role changed hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The version came with Purser, and nobody played the role.
    Bundled,
    /// Somebody activated it.
    Activated,
    /// Somebody went back to it.
    RolledBack,
    /// The one before failed too often.
    FellBack,
}

/// One role that changes hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// Which role.
    pub role: Role,
    /// Who plays it now, as far as the caller knows; none: nobody.
    pub former: Option<Digest>,
    /// Who plays it then.
    pub digest: Digest,
}

/// Roles of one connector that change hands together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of which connector.
    pub connector: ConnectorId,
    /// Which roles.
    pub swaps: Vec<Swap>,
    /// What the connector's plugins may ask from now on, beside what they may already.
    pub granted: Vec<String>,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
}

/// One role that has changed hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The role, and the versions before and after.
    #[serde(flatten)]
    pub swap: Swap,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub who: String,
}

/// How a version is still needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// It plays a role.
    pub is_active: bool,
    /// Runs that are pinned to it have not ended.
    pub open_runs: u64,
    /// Runs it has played in: revisions and pages cite it.
    pub runs: u64,
}

/// The installed versions and their roles.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// All that are installed, of one connector or of all; the newest first.
    async fn versions(&self, connector: Option<&ConnectorId>) -> Result<Vec<Version>>;
    /// Notes one; false where it is installed already.
    async fn add_version(&self, version: &Version) -> Result<bool>;
    /// Forgets one; [`crate::Error::Conflict`] where it plays a role, or a run that has not ended is pinned to it.
    async fn remove_version(&self, digest: Digest) -> Result<()>;
    /// Says that one must not be activated, and why; or that it may again.
    async fn bar_version(&self, digest: Digest, because: Option<&str>) -> Result<()>;
    /// How one is still needed.
    async fn needs_of_version(&self, digest: Digest) -> Result<Needs>;

    /// Notes what speaks for bytes, beside what does already; a signature takes the place of another by the same key.
    /// It stays where the version is removed: what runs have worked with is loaded again to explain them.
    async fn vouch_for_version(&self, digest: Digest, vouchers: &Vouchers) -> Result<()>;
    /// What speaks for bytes; nothing where nobody has said so.
    async fn vouchers_of_version(&self, digest: Digest) -> Result<Vouchers>;

    /// Who plays which role, of all connectors.
    async fn pins(&self) -> Result<Vec<Pin>>;
    /// Lets roles change hands, all or none. [`crate::Error::Conflict`] where one is played by another than the caller
    /// knew, [`crate::Error::NotFound`] where a version is not installed or is barred.
    async fn change_pins(&self, change: &Change) -> Result<()>;
    /// The changes of a connector's roles, the last one first.
    async fn pin_changes(&self, connector: &ConnectorId, limit: u32) -> Result<Vec<Changed>>;
    /// What a connector's plugins may ask.
    async fn plugin_grants(&self, connector: &ConnectorId) -> Result<Vec<String>>;
}
