//! Versions and roles: which plugin versions are installed, and who plays each role of a connector.
//!
//! A version is *staged* when it is installed, *active* while it plays a role, *draining* while only runs that began with
//! it need it, then *retired*. Who plays a role is one row in the store: runs ordered before a change go on with what they
//! are pinned to, later ones take the new version. Going back is the same row again, without compiling or fetching
//! anything, because versions stay installed.
//!
//! **Invariants:** no version plays a role before somebody has allowed everything it may ask; what another process
//! changes is seen before the next run is ordered; bytes that a run has worked with are never deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use purser_domain::{ConnectorId, Digest, Role};
use purser_store::plugins::{Cause, Change, Needs, Swap, Version};
use purser_store::{Store, people::AuditEntry};
use serde_json::json;

use crate::plugins::{PluginError, Plugins};
use crate::work::Clock;

pub mod asks;
mod delivery;
mod error;
mod gate;
mod install;
mod list;
mod load;
mod remap;

pub use delivery::{Delivery, Unbundled, bundle};
pub use error::RolloutError;
pub use gate::Seen;
pub use list::{Listed, Shown, State, beyond_grant, list, way_back};

/// Installs versions and changes who plays what.
#[derive(Clone)]
pub struct Rollout {
    /// Where versions, roles and grants stand.
    pub store: Arc<dyn Store>,
    /// Where they are loaded.
    pub plugins: Arc<Plugins>,
    /// The present instant.
    pub clock: Clock,
}

/// A version that shall play roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    /// Which version.
    pub digest: Digest,
    /// Which roles; none: all it can play, but those that a plugin of another id plays.
    pub roles: Vec<Role>,
    /// Whether what it may ask beyond the present grant is accepted.
    pub accepts_asks: bool,
    /// What has been seen of what it would change; none: nothing.
    pub seen: Option<Seen>,
}

/// What a change of roles did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// Of which connector.
    pub connector: ConnectorId,
    /// The roles that changed hands; empty where the version played them already.
    pub swaps: Vec<Swap>,
    /// What the connector's plugins may ask now and might not before.
    pub granted: Vec<String>,
}

impl Rollout {
    /// Lets a version play roles from the next run on.
    ///
    /// # Errors
    /// Where it may not, with what to do; nothing is changed then.
    pub async fn activate(&self, activation: &Activation, who: &str) -> Result<Activated, RolloutError> {
        let version = refuse_barred(self.version(activation.digest).await?)?;
        // Also where it plays all of that already: it may not be trusted any more.
        self.load_one(version.digest).await?;
        let swaps = self.swaps(&version, &activation.roles).await?;
        let beyond = beyond_grant(self.store.as_ref(), &version).await?;
        if !beyond.is_empty() && !activation.accepts_asks && !swaps.is_empty() {
            return Err(RolloutError::AsksMore(beyond));
        }
        self.refuse_unseen(&version, &swaps, activation.seen.as_ref()).await?;
        self.change(&version.connector, swaps, beyond, Cause::Activated, who).await
    }

    /// The roles that would change hands.
    async fn swaps(&self, version: &Version, roles: &[Role]) -> Result<Vec<Swap>, RolloutError> {
        if let Some(role) = roles.iter().find(|role| !version.roles.contains(role)) {
            return Err(RolloutError::NotPlayed { role: *role, plugin: version.plugin.clone() });
        }
        let played = self.played(&version.connector).await?;
        if !played.contains_key(&Role::Crawl) && !version.roles.contains(&Role::Crawl) {
            return Err(RolloutError::NoConnector(version.connector.clone()));
        }
        let known = self.store.versions(Some(&version.connector)).await?;
        let is_own = |digest: &Digest| {
            known.iter().any(|other| other.digest == *digest && other.plugin == version.plugin)
        };
        let wanted = |role: &&Role| match played.get(role) {
            _ if roles.contains(role) => true,
            Some(player) => {
                roles.is_empty() && (is_own(player) || version.plugin != version.connector.as_str())
            }
            None => roles.is_empty(),
        };
        let swap = |role: &Role| {
            let former = played.get(role).copied();
            Swap { role: *role, former, digest: version.digest }
        };
        let swaps = version.roles.iter().filter(wanted).map(swap);
        Ok(swaps.filter(|swap| swap.former != Some(swap.digest)).collect())
    }

    /// Gives roles back to who played them before the present version was activated; without a role, all that the last
    /// change gave away.
    ///
    /// # Errors
    /// Where nobody played it before, or who did is not installed any more.
    pub async fn roll_back(
        &self,
        connector: &ConnectorId,
        role: Option<Role>,
        who: &str,
    ) -> Result<Activated, RolloutError> {
        let swaps = way_back(self.store.as_ref(), connector, role).await?;
        if swaps.is_empty() {
            return Err(RolloutError::NothingBefore(connector.clone()));
        }
        for swap in &swaps {
            refuse_barred(self.version(swap.digest).await?)?;
        }
        self.change(connector, swaps, Vec::new(), Cause::RolledBack, who).await
    }

    /// Bars a version that failed too often, and gives its roles to who played them before.
    ///
    /// # Errors
    /// Where who played them is not installed any more, or somebody changed the roles meanwhile.
    pub async fn fall_back(
        &self,
        connector: &ConnectorId,
        version: Digest,
        swaps: Vec<Swap>,
        because: &str,
        who: &str,
    ) -> Result<Activated, RolloutError> {
        for swap in &swaps {
            refuse_barred(self.version(swap.digest).await?)?;
        }
        let changed = self.change(connector, swaps, Vec::new(), Cause::FellBack, who).await?;
        self.store.bar_version(version, Some(because)).await?;
        let detail = json!({
            "connector": connector, "digest": version, "before": { "barred": null }, "after": { "barred": because },
        });
        self.audit(who, "plugin.barred", detail).await?;
        Ok(changed)
    }

    /// Forgets a version. Its bytes stay as long as a run has worked with them.
    ///
    /// # Errors
    /// Where it is in use.
    pub async fn remove(&self, digest: Digest, who: &str) -> Result<Needs, RolloutError> {
        let version = self.version(digest).await?;
        let needs = self.store.needs_of_version(digest).await?;
        self.store.remove_version(digest).await.map_err(|error| match error {
            purser_store::Error::Conflict(_) => RolloutError::InUse { digest, needs },
            error => error.into(),
        })?;
        if needs.runs == 0 {
            self.plugins.forget(digest)?;
        }
        let before = json!({ "plugin": version.plugin, "version": version.version });
        let detail =
            json!({ "connector": version.connector, "digest": digest, "before": before, "after": null });
        self.audit(who, "plugin.removed", detail).await?;
        Ok(needs)
    }

    /// Takes the bar away from a version.
    ///
    /// # Errors
    /// Where it is not installed.
    pub async fn allow(&self, digest: Digest, who: &str) -> Result<(), RolloutError> {
        let version = self.version(digest).await?;
        self.store.bar_version(digest, None).await?;
        let detail = json!({
            "connector": version.connector, "digest": digest, "before": { "barred": version.barred },
            "after": { "barred": null },
        });
        self.audit(who, "plugin.allowed", detail).await
    }

    /// Follows what another process changed: loads who plays what now, where it differs from what is loaded, and tells it
    /// as news. What cannot be loaded is played by nobody: never by another version than the one that was activated.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn refresh(&self) -> purser_store::Result<()> {
        self.load_played(None, true).await
    }

    /// The same as a process begins: who plays what is loaded, and is no news.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn begin(&self) -> purser_store::Result<()> {
        self.load_played(None, false).await
    }

    /// A version by digest.
    ///
    /// # Errors
    /// Where it is not installed.
    pub async fn version(&self, digest: Digest) -> Result<Version, RolloutError> {
        let versions = self.store.versions(None).await?;
        let found = versions.into_iter().find(|version| version.digest == digest);
        found.ok_or_else(|| RolloutError::NotInstalled(digest.to_string()))
    }

    async fn played(&self, connector: &ConnectorId) -> Result<BTreeMap<Role, Digest>, RolloutError> {
        let pins = self.store.pins().await?.into_iter().filter(|pin| pin.connector == *connector);
        Ok(pins.map(|pin| (pin.role, pin.digest)).collect())
    }

    async fn change(
        &self,
        connector: &ConnectorId,
        swaps: Vec<Swap>,
        granted: Vec<String>,
        cause: Cause,
        who: &str,
    ) -> Result<Activated, RolloutError> {
        let changed = Activated { connector: connector.clone(), swaps, granted };
        if changed.swaps.is_empty() {
            return Ok(Activated { granted: Vec::new(), ..changed });
        }
        self.ready(&changed.swaps).await?;
        let change = Change {
            connector: connector.clone(),
            swaps: changed.swaps.clone(),
            granted: changed.granted.clone(),
            cause,
            at: (self.clock)(),
            who: who.to_owned(),
        };
        self.store.change_pins(&change).await?;
        let before: Vec<_> = change.swaps.iter().map(|swap| json!([swap.role, swap.former])).collect();
        let after: Vec<_> = change.swaps.iter().map(|swap| json!([swap.role, swap.digest])).collect();
        let detail = json!({
            "connector": connector, "cause": cause, "before": before, "after": after, "granted": change.granted,
        });
        self.audit(who, "plugin.roles_changed", detail).await?;
        self.load_played(Some(connector), true).await?;
        Ok(changed)
    }

    /// Nothing is given a role that this machine cannot load.
    async fn ready(&self, swaps: &[Swap]) -> Result<(), RolloutError> {
        for swap in swaps {
            self.load_one(swap.digest).await?;
        }
        Ok(())
    }

    async fn audit(&self, who: &str, what: &str, detail: serde_json::Value) -> Result<(), RolloutError> {
        let entry = AuditEntry { at: (self.clock)(), who: who.to_owned(), what: what.to_owned(), detail };
        Ok(self.store.audit(&entry).await?)
    }
}

fn refuse_barred(version: Version) -> Result<Version, RolloutError> {
    match version.barred {
        Some(because) => Err(RolloutError::Barred { digest: version.digest, because }),
        None => Ok(version),
    }
}

/// Compiling takes seconds: not on a thread that others wait for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RolloutError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| RolloutError::Plugin(PluginError::Missing))
}
