//! The part of the acts' port that changes plugin versions and who plays which role.

use async_trait::async_trait;
use purser_domain::{ConnectorId, Digest, Role, RunId};
use purser_pipeline::rollout::{Activated, Activation};
use purser_store::plugins::Version;

use crate::Problem;

/// What pages may change about plugins; each is written to the audit trail under `who`.
#[async_trait]
pub trait PluginActs: Send + Sync {
    /// Checks a component and keeps it; it plays no role yet. `source` says where it came from.
    async fn install_plugin(&self, component: Vec<u8>, source: &str, who: &str) -> Result<Version, Problem>;
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
