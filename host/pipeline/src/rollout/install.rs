//! Installing: a component is judged by its signatures and admitted, and kept with what speaks for it.

use purser_domain::{Digest, Role};
use purser_runtime::Plugin;
use purser_store::plugins::{Cause, Swap, Version, Vouchers};
use serde_json::json;

use super::{Delivery, Rollout, RolloutError, asks, blocking};
use crate::plugins::PluginError;
use crate::trust;

/// Who installed what came with the binary.
const PURSER: &str = "Purser";

impl Rollout {
    /// Checks a component (or the one in a bundle) and its signatures, keeps both, and notes it as installed; it plays no
    /// role yet. Installing it again is no error, and adds signatures.
    ///
    /// # Errors
    /// With everything that its signatures lack, or else that admission has against it; or where it cannot be kept.
    pub async fn install(&self, delivery: Delivery, who: &str) -> Result<(Version, Plugin), RolloutError> {
        let delivery = delivery.opened().map_err(PluginError::from)?;
        let signatures = trust::signatures(&delivery.signatures).map_err(PluginError::from)?;
        self.admit(delivery, Vouchers { bundled: false, signatures }, who).await
    }

    async fn admit(
        &self,
        delivery: Delivery,
        given: Vouchers,
        who: &str,
    ) -> Result<(Version, Plugin), RolloutError> {
        let Delivery { component, source, .. } = delivery;
        let former = self.store.vouchers_of_version(Digest::of(&component)).await?;
        let mut vouchers = former.clone();
        vouchers.bundled |= given.bundled;
        vouchers.signatures.extend(given.signatures);
        let (plugins, judged) = (self.plugins.clone(), vouchers.clone());
        let plugin = blocking(move || plugins.admit(&component, &judged)).await??;
        let version = self.described(&plugin, &source, who)?;
        // First what speaks for it: a kill in between must not leave a version that is not loaded any more.
        self.store.vouch_for_version(version.digest, &vouchers).await?;
        if self.store.add_version(&version).await? || vouchers != former {
            let signers: Vec<&String> = vouchers.signatures.keys().collect();
            let after = json!({
                "plugin": version.plugin, "version": version.version, "source": source, "signed_by": signers,
            });
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
        let delivery =
            Delivery { component: component.to_vec(), signatures: Vec::new(), source: "bundled".to_owned() };
        let vouchers = Vouchers { bundled: true, ..Vouchers::default() };
        let (version, _) = self.admit(delivery, vouchers, PURSER).await?;
        let played: Vec<Role> = self.played(&version.connector).await?.into_keys().collect();
        let vacant = version.roles.iter().filter(|role| !played.contains(role));
        let swaps: Vec<Swap> =
            vacant.map(|role| Swap { role: *role, former: None, digest: version.digest }).collect();
        if swaps.is_empty() || version.barred.is_some() {
            return Ok(());
        }
        let granted = version.asks.clone();
        match self.change(&version.connector, swaps, granted, Cause::Bundled, PURSER).await {
            // Another process of the same directory began at the same time, and has done it.
            Ok(_) | Err(RolloutError::Raced) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
