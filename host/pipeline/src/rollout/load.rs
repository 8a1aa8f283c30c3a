//! Versions by digest, with what speaks for them: how a run, a page and a command come by a plugin.

use std::collections::BTreeMap;

use purser_domain::{Cast, Digest};
use purser_runtime::Plugin;
use purser_store::plugins::Vouchers;
use purser_store::runs::Run;

use super::{Rollout, RolloutError, blocking};
use crate::plugins::PluginError;
use crate::trust::Standing;

impl Rollout {
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
