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

use jiff::SignedDuration;
use purser_domain::{Cast, ConnectorId, Digest, Role};
use purser_runtime::Plugin;
use purser_store::plugins::{Cause, Change, Needs, Pin, Swap, Version};
use purser_store::{Store, people::AuditEntry};
use serde_json::json;

use crate::plugins::{PluginError, Plugins};
use crate::work::Clock;

pub mod asks;
mod error;
mod gate;
mod list;
mod remap;

pub use error::RolloutError;
pub use gate::Seen;
pub use list::{Listed, State, beyond_grant, list, way_back};

/// Who installed what came with the binary.
const PURSER: &str = "Purser";
/// How long a version that cannot be loaded is not tried again.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

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
    /// Checks a component, keeps it, and notes it as installed; it plays no role yet. Installing it again is no error.
    ///
    /// # Errors
    /// With everything admission has against it, or where it cannot be kept.
    pub async fn install(
        &self,
        component: Vec<u8>,
        source: &str,
        who: &str,
    ) -> Result<(Version, Plugin), RolloutError> {
        let plugins = self.plugins.clone();
        let plugin = blocking(move || plugins.admit(&component)).await??;
        let version = self.described(&plugin, source, who)?;
        if self.store.add_version(&version).await? {
            let after = json!({ "plugin": version.plugin, "version": version.version, "source": source });
            let detail = json!({
                "connector": version.connector, "digest": version.digest, "before": null, "after": after,
            });
            self.audit(who, "plugin.installed", detail).await?;
        }
        Ok((self.version(version.digest).await?, plugin))
    }

    fn described(&self, plugin: &Plugin, source: &str, who: &str) -> Result<Version, RolloutError> {
        let descriptor = plugin.descriptor();
        let connector = descriptor.extends.as_ref().unwrap_or(&descriptor.id);
        Ok(Version {
            digest: plugin.digest(),
            connector: connector.parse().map_err(|_| PluginError::Id)?,
            plugin: descriptor.id.clone(),
            version: descriptor.version.clone(),
            title: descriptor.title.clone(),
            publisher: descriptor.publisher.clone(),
            roles: plugin.admission().roles.clone(),
            asks: asks::of(descriptor),
            source: source.to_owned(),
            installed_at: (self.clock)(),
            installed_by: who.to_owned(),
            barred: None,
        })
    }

    /// Installs what came with the binary. It plays the roles that nobody plays; a role that somebody plays stays with
    /// them, so that another Purser never changes what is billed by.
    ///
    /// # Errors
    /// Where one is refused or cannot be kept.
    pub async fn settle_bundled(&self, component: &[u8]) -> Result<(), RolloutError> {
        let (version, _) = self.install(component.to_vec(), "bundled", PURSER).await?;
        let played: Vec<Role> = self.played(&version.connector).await?.into_keys().collect();
        let vacant = version.roles.iter().filter(|role| !played.contains(role));
        let swaps: Vec<Swap> =
            vacant.map(|role| Swap { role: *role, former: None, digest: version.digest }).collect();
        if swaps.is_empty() || version.barred.is_some() {
            return Ok(());
        }
        let granted = version.asks.clone();
        self.change(&version.connector, swaps, granted, Cause::Bundled, PURSER).await.map(|_| ())
    }

    /// Lets a version play roles from the next run on.
    ///
    /// # Errors
    /// Where it may not, with what to do; nothing is changed then.
    pub async fn activate(&self, activation: &Activation, who: &str) -> Result<Activated, RolloutError> {
        let version = refuse_barred(self.version(activation.digest).await?)?;
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

    /// Loads who plays what now, where it differs from what is loaded. What cannot be loaded is played by nobody: never
    /// by another version than the one that was activated.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn refresh(&self) -> purser_store::Result<()> {
        for (connector, cast) in casts(self.store.pins().await?) {
            if self.plugins.is_played(&connector, &cast)
                || self.plugins.gave_up(&connector, &cast, (self.clock)())
            {
                continue;
            }
            let plugins = self.plugins.clone();
            match blocking(move || plugins.load(&cast)).await.unwrap_or_else(|_| Err(PluginError::Missing)) {
                Ok(loaded) => {
                    tracing::info!(connector = %connector, plugin.digest = %cast.crawl, "plugin.active");
                    self.plugins.play(connector, loaded);
                }
                Err(error) => {
                    tracing::error!(connector = %connector, error = %error, "plugin.not_loaded");
                    self.plugins.give_up(
                        connector,
                        cast,
                        (self.clock)().saturating_add(PATIENCE).unwrap_or_default(),
                    );
                }
            }
        }
        Ok(())
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
        self.refresh().await?;
        Ok(changed)
    }

    /// Nothing is given a role that this machine cannot load.
    async fn ready(&self, swaps: &[Swap]) -> Result<(), RolloutError> {
        for swap in swaps {
            let (plugins, digest) = (self.plugins.clone(), swap.digest);
            blocking(move || plugins.load_one(digest)).await??;
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

/// Connectors all of whose roles somebody plays.
fn casts(pins: Vec<Pin>) -> BTreeMap<ConnectorId, Cast<Digest>> {
    let mut played: BTreeMap<ConnectorId, BTreeMap<Role, Digest>> = BTreeMap::new();
    for pin in pins {
        played.entry(pin.connector).or_default().insert(pin.role, pin.digest);
    }
    let cast = |roles: BTreeMap<Role, Digest>| {
        Some(Cast {
            crawl: *roles.get(&Role::Crawl)?,
            mapping: *roles.get(&Role::Mapping)?,
            localisation: *roles.get(&Role::Localisation)?,
        })
    };
    played.into_iter().filter_map(|(connector, roles)| Some((connector, cast(roles)?))).collect()
}

/// Compiling takes seconds: not on a thread that others wait for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RolloutError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| RolloutError::Plugin(PluginError::Missing))
}
