//! Versions by digest, with what speaks for them: how a run, a page and a command come by a plugin.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use purser_domain::{Cast, ConnectorId, Digest, Role};
use purser_runtime::Plugin;
use purser_store::plugins::{Pin, Vouchers};
use purser_store::runs::Run;

use super::{Rollout, RolloutError, blocking};
use crate::plugins::{GivenUp, PluginError};
use crate::trust::Standing;

/// How long a version that cannot be loaded is not tried again.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

impl Rollout {
    /// Loads who plays what of one connector or of all, where it differs from what is loaded.
    pub(super) async fn load_played(
        &self,
        only: Option<&ConnectorId>,
        is_news: bool,
    ) -> purser_store::Result<()> {
        let casts = casts(self.store.pins().await?).into_iter();
        for (connector, cast) in casts.filter(|(id, _)| only.is_none_or(|only| id == only)) {
            if self.plugins.is_played(&connector, &cast)
                || self.plugins.gave_up(&connector, &cast, (self.clock)())
            {
                continue;
            }
            match self.load(&cast).await {
                Ok(loaded) => {
                    tell_active(&connector, cast.crawl, is_news);
                    self.plugins.play(connector, loaded);
                }
                Err(RolloutError::Store(error)) => return Err(error),
                Err(error) => {
                    tracing::error!(connector = %connector, error = %error, "plugin.not_loaded");
                    let until = (self.clock)().saturating_add(PATIENCE).unwrap_or_default();
                    self.plugins.give_up(connector, GivenUp { cast, because: error.to_string(), until });
                }
            }
        }
        Ok(())
    }

    /// A version by digest.
    ///
    /// # Errors
    /// Where its bytes are gone or not trusted any more, this host does not admit it, or the store fails.
    pub async fn load_one(&self, digest: Digest) -> Result<Plugin, RolloutError> {
        if let Some(plugin) = self.plugins.at_hand(digest) {
            return Ok(plugin);
        }
        let vouchers = self.store.vouchers_of_version(digest).await?;
        let plugins = self.plugins.clone();
        Ok(blocking(move || plugins.load(digest, &vouchers)).await??)
    }

    /// A whole cast by digests.
    ///
    /// # Errors
    /// See [`Rollout::load_one`]: where one of them is not loaded, none is.
    pub async fn load(&self, cast: &Cast<Digest>) -> Result<Cast<Plugin>, RolloutError> {
        Ok(Cast {
            crawl: self.load_one(cast.crawl).await?,
            mapping: self.load_one(cast.mapping).await?,
            localisation: self.load_one(cast.localisation).await?,
        })
    }

    /// Who a run is pinned to; none, and said so in the log, where one of them is not loaded.
    ///
    /// # Errors
    /// Where the store fails.
    pub(crate) async fn cast_of(&self, run: &Run) -> purser_store::Result<Option<Cast<Plugin>>> {
        match self.load(&run.order.cast).await {
            Ok(cast) => Ok(Some(cast)),
            Err(RolloutError::Store(error)) => Err(error),
            Err(error) => {
                tracing::error!(run.id = run.id.0, error = %error, "plugin.not_loaded");
                Ok(None)
            }
        }
    }

    /// The bytes of a version as they were installed, and what speaks for them. They need not be trusted.
    ///
    /// # Errors
    /// Where the bytes are gone or were changed, or the store fails.
    pub async fn kept(&self, digest: Digest) -> Result<(Vec<u8>, Vouchers), RolloutError> {
        let vouchers = self.store.vouchers_of_version(digest).await?;
        let plugins = self.plugins.clone();
        let bytes = blocking(move || plugins.bytes(digest)).await?;
        Ok((bytes.ok_or(PluginError::Missing)?, vouchers))
    }

    /// What is told of the signatures of each installed version.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn standings(&self) -> purser_store::Result<BTreeMap<Digest, Standing>> {
        let mut standings = BTreeMap::new();
        for version in self.store.versions(None).await? {
            let (plugins, digest) = (self.plugins.clone(), version.digest);
            let vouchers = self.store.vouchers_of_version(digest).await?;
            if let Ok(standing) = blocking(move || plugins.standing(digest, &vouchers)).await {
                standings.insert(digest, standing);
            }
        }
        Ok(standings)
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

/// A command loads what stood before it, as every command does: that is for developers.
fn tell_active(connector: &ConnectorId, digest: Digest, is_news: bool) {
    if is_news {
        tracing::info!(connector = %connector, plugin.digest = %digest, "plugin.active");
    } else {
        tracing::debug!(connector = %connector, plugin.digest = %digest, "plugin.active");
    }
}
