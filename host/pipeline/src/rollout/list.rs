//! Installed versions with where each stands.

use purser_domain::{ConnectorId, Role};
use purser_store::plugins::{Pin, Version};
use serde::Serialize;

use super::{HISTORY, Rollout, RolloutError};

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Installed; it has never played a role.
    Staged,
    /// It plays a role.
    Active,
    /// It plays no role any more; runs that began with it go on.
    Draining,
    /// It has played a role, and nothing needs it now.
    Retired,
    /// It must not be activated.
    Rejected,
}

/// An installed version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The version.
    #[serde(flatten)]
    pub version: Version,
    /// Where it stands.
    pub state: State,
    /// The roles it plays now.
    pub plays: Vec<Role>,
    /// Runs that began with it and have not ended.
    pub open_runs: u64,
    /// What it may ask beyond what has been allowed.
    pub asks_more: Vec<String>,
}

impl Rollout {
    /// Installed versions, of one connector or of all; the newest first.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn list(&self, connector: Option<&ConnectorId>) -> Result<Vec<Listed>, RolloutError> {
        let pins = self.store.pins().await?;
        let mut listed = Vec::new();
        for version in self.store.versions(connector).await? {
            listed.push(self.listed(version, &pins).await?);
        }
        Ok(listed)
    }

    async fn listed(&self, version: Version, pins: &[Pin]) -> Result<Listed, RolloutError> {
        let plays: Vec<Role> =
            pins.iter().filter(|pin| pin.digest == version.digest).map(|pin| pin.role).collect();
        let needs = self.store.needs_of_version(version.digest).await?;
        let changes = self.store.pin_changes(&version.connector, HISTORY).await?;
        let has_played = changes.iter().any(|change| change.swap.digest == version.digest);
        let state = match () {
            () if !plays.is_empty() => State::Active,
            () if version.barred.is_some() => State::Rejected,
            () if needs.open_runs > 0 => State::Draining,
            () if has_played => State::Retired,
            () => State::Staged,
        };
        let asks_more = self.beyond_grant(&version).await?;
        Ok(Listed { version, state, plays, open_runs: needs.open_runs, asks_more })
    }
}
