//! The part of the acts' port that changes plugin versions and who plays which role.

use std::collections::BTreeMap;

use async_trait::async_trait;
use purser_domain::{ConnectorId, Digest, Role, RunId};
use purser_pipeline::plugins::GivenUp;
use purser_pipeline::rollout::{Activated, Activation, Delivery};
use purser_pipeline::trust::Standing;
use purser_store::plugins::Version;

use crate::Problem;

/// What pages may change about plugins; each is written to the audit trail under `who`.
#[async_trait]
pub trait PluginActs: Send + Sync {
    /// What is told of the signatures of each installed version.
    async fn plugin_standings(&self) -> Result<BTreeMap<Digest, Standing>, Problem>;
    /// The connectors that nobody serves, since who should cannot be loaded.
    fn plugins_given_up(&self) -> BTreeMap<ConnectorId, GivenUp>;
    /// Checks a component and its signatures and keeps both; it plays no role yet.
    async fn install_plugin(&self, delivery: Delivery, who: &str) -> Result<Version, Problem>;
    /// Lets an installed version play roles from the next run on.
    async fn activate_plugin(&self, activation: &Activation, who: &str) -> Result<Activated, Problem>;
    /// Gives roles back to who played them before.
    async fn roll_back_plugin(
        &self,
        connector: &ConnectorId,
        role: Option<Role>,
        who: &str,
    ) -> Result<Activated, Problem>;
    /// Orders runs that map again, from the kept pages, what other versions made and what is in open months.
    async fn map_plugin_again(&self, connector: &ConnectorId, who: &str) -> Result<Vec<RunId>, Problem>;
    /// Forgets an installed version that plays no role.
    async fn remove_plugin(&self, digest: Digest, who: &str) -> Result<(), Problem>;
}
