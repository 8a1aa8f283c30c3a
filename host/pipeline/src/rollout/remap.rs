//! Orders to map again what other versions made, after a change of roles.

use purser_domain::schedule::Daily;
use purser_domain::{AccountId, ConnectorId, RunId};
use purser_store::runs::{Order, Trigger};

use super::{Rollout, RolloutError};
use crate::plugins::digests;
use crate::remap::stale;

impl Rollout {
    /// Orders a run that maps again, for each account of a connector where the versions that play now did not make all of
    /// what is in open months.
    ///
    /// # Errors
    /// Where the store fails, or nobody plays the connector's roles.
    pub async fn map_again(&self, connector: &ConnectorId, who: &str) -> Result<Vec<RunId>, RolloutError> {
        let mut ordered = Vec::new();
        for (account, partitions) in self.to_map_again(connector).await? {
            let order = self.order(connector, account).await?;
            let Some(run) = self.store.order_run(&order, order.as_of).await? else { continue };
            let detail = serde_json::json!({
                "account": account, "before": null, "after": { "run": run, "partitions": partitions },
            });
            self.audit(who, "plugin.map_again", detail).await?;
            ordered.push(run);
        }
        Ok(ordered)
    }

    /// Accounts of which the versions that play now did not make all of what is in open months, with how many
    /// partitions that is.
    ///
    /// # Errors
    /// Where the store fails, or nobody plays the connector's roles.
    pub async fn to_map_again(
        &self,
        connector: &ConnectorId,
    ) -> Result<Vec<(AccountId, usize)>, RolloutError> {
        let cast =
            self.plugins.cast(connector).ok_or_else(|| RolloutError::NoConnector(connector.clone()))?;
        let feeds = &cast.crawl.descriptor().feeds;
        let mut found = Vec::new();
        for account in self.store.accounts().await?.iter().filter(|account| account.connector == *connector) {
            let partitions = stale(self.store.as_ref(), account.id, feeds, &digests(&cast)).await?.len();
            if partitions > 0 {
                found.push((account.id, partitions));
            }
        }
        Ok(found)
    }

    async fn order(&self, connector: &ConnectorId, account: AccountId) -> Result<Order, RolloutError> {
        let cast =
            self.plugins.cast(connector).ok_or_else(|| RolloutError::NoConnector(connector.clone()))?;
        let settings = self.store.settings(account).await?;
        let as_of = (self.clock)();
        let daily = Daily::new(&settings.host.zone, &settings.host.time)?;
        let today = daily.local_date(as_of);
        Ok(Order {
            account,
            trigger: Trigger::Remap,
            occurrence: None,
            as_of,
            local_date: today,
            window_from: today,
            window_to: today.tomorrow().unwrap_or(today),
            settings_revision: settings.revision,
            cast: digests(&cast),
        })
    }
}
