//! Plugin versions and roles, changed from the pages and the API.

use std::collections::BTreeMap;

use async_trait::async_trait;
use purser_domain::{ConnectorId, Digest, Role, RunId};
use purser_pipeline::plugins::{GivenUp, PluginError};
use purser_pipeline::rollout::{Activated, Activation, Delivery, RolloutError};
use purser_pipeline::trust::{Standing, Untrusted};
use purser_store::plugins::Version;
use purser_web::{PluginActs, Problem};

use super::HostActs;
use super::problems::coded;

#[async_trait]
impl PluginActs for HostActs {
    async fn plugin_standings(&self) -> Result<BTreeMap<Digest, Standing>, Problem> {
        Ok(self.host.rollout().standings().await?)
    }

    fn plugins_given_up(&self) -> BTreeMap<ConnectorId, GivenUp> {
        self.host.plugins.given_up()
    }

    async fn install_plugin(&self, delivery: Delivery, who: &str) -> Result<Version, Problem> {
        let installed = self.host.rollout().install(delivery, who).await;
        installed.map(|(version, _)| version).map_err(rollout_problem)
    }

    async fn activate_plugin(&self, activation: &Activation, who: &str) -> Result<Activated, Problem> {
        self.host.rollout().activate(activation, who).await.map_err(rollout_problem)
    }

    async fn roll_back_plugin(
        &self,
        connector: &ConnectorId,
        role: Option<Role>,
        who: &str,
    ) -> Result<Activated, Problem> {
        self.host.rollout().roll_back(connector, role, who).await.map_err(rollout_problem)
    }

    async fn map_plugin_again(&self, connector: &ConnectorId, who: &str) -> Result<Vec<RunId>, Problem> {
        let ordered = self.host.rollout().map_again(connector, who).await.map_err(rollout_problem)?;
        self.host.wake.notify_one();
        Ok(ordered)
    }

    async fn remove_plugin(&self, digest: Digest, who: &str) -> Result<(), Problem> {
        self.host.rollout().remove(digest, who).await.map(|_| ()).map_err(rollout_problem)
    }
}

/// Why what mapped a page cannot map it again.
pub(super) fn not_loaded(error: RolloutError) -> Problem {
    match error {
        RolloutError::Plugin(PluginError::Missing) => {
            let what = "the plugin version that mapped the page is not installed any more";
            Problem::new(409, "RUN-PLUGIN", what, "install that version again to see it")
        }
        error => rollout_problem(error),
    }
}

fn rollout_problem(error: RolloutError) -> Problem {
    match error {
        RolloutError::Store(error) => error.into(),
        RolloutError::Plugin(PluginError::Admission(refused)) => {
            let findings = refused.findings.iter().map(ToString::to_string).collect();
            let remedy = "correct what is named below, build it again, and install that";
            Problem::new(422, refused.code(), "the plugin is not admitted", remedy).with_details(findings)
        }
        RolloutError::Plugin(PluginError::Untrusted(refused)) => {
            let findings = refused.findings.iter().map(ToString::to_string).collect();
            let remedy = "see what is named below; nothing of it has run";
            Problem::new(422, Untrusted::CODE, "the plugin is not trusted", remedy).with_details(findings)
        }
        RolloutError::AsksMore(beyond) => {
            let what = "the version may ask more than has been allowed";
            let remedy = "read what it asks beyond that, and accept it where that is right";
            Problem::new(409, "PLG-305", what, remedy).with_details(beyond)
        }
        RolloutError::Unconfirmed { report, reasons } => {
            let what = "it would change Purchases, and somebody has to say yes to that";
            let remedy = format!("look at what would change, and confirm the report {report}");
            Problem::new(409, "PLG-311", what, remedy).with_details(reasons)
        }
        RolloutError::Blocked(reasons) => {
            let remedy = "correct the plugin, or tell its author";
            Problem::new(409, "PLG-312", "it must not be activated", remedy).with_details(reasons)
        }
        RolloutError::Plugin(PluginError::Unbundled(_)) => coded(422, &error.to_string()),
        RolloutError::NotInstalled(_) => coded(404, &error.to_string()),
        error => coded(409, &error.to_string()),
    }
}
