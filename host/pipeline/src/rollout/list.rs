//! Installed versions with where each stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use purser_domain::{ConnectorId, Digest, Role};
use purser_store::plugins::{Cause, Changed, Pin, Swap, Version};
use purser_store::{Result, Store};
use serde::Serialize;

use crate::trust::Standing;

/// Changes of roles that are looked back on.
const HISTORY: u32 = 1000;

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

/// An installed version as programs are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The version, and where it stands.
    #[serde(flatten)]
    pub listed: Listed,
    /// What is told of its signatures; none where it was removed meanwhile.
    pub signatures: Option<Standing>,
}

impl Shown {
    /// Versions with what is told of their signatures.
    #[must_use]
    pub fn all(listed: Vec<Listed>, standings: &BTreeMap<Digest, Standing>) -> Vec<Self> {
        let shown = |listed: Listed| {
            let signatures = standings.get(&listed.version.digest).cloned();
            Self { listed, signatures }
        };
        listed.into_iter().map(shown).collect()
    }
}

/// Installed versions, of one connector or of all; the newest first.
///
/// # Errors
/// Where the store fails.
pub async fn list(store: &dyn Store, connector: Option<&ConnectorId>) -> Result<Vec<Listed>> {
    let pins = store.pins().await?;
    let mut listed = Vec::new();
    for version in store.versions(connector).await? {
        listed.push(stand(store, version, &pins).await?);
    }
    Ok(listed)
}

async fn stand(store: &dyn Store, version: Version, pins: &[Pin]) -> Result<Listed> {
    let plays: Vec<Role> =
        pins.iter().filter(|pin| pin.digest == version.digest).map(|pin| pin.role).collect();
    let needs = store.needs_of_version(version.digest).await?;
    let changes = store.pin_changes(&version.connector, HISTORY).await?;
    let has_played = changes.iter().any(|change| change.swap.digest == version.digest);
    let state = match () {
        () if !plays.is_empty() => State::Active,
        () if version.barred.is_some() => State::Rejected,
        () if needs.open_runs > 0 => State::Draining,
        () if has_played => State::Retired,
        () => State::Staged,
    };
    let asks_more = beyond_grant(store, &version).await?;
    Ok(Listed { version, state, plays, open_runs: needs.open_runs, asks_more })
}

/// What a version may ask beyond what its connector's plugins may already.
///
/// # Errors
/// Where the store fails.
pub async fn beyond_grant(store: &dyn Store, version: &Version) -> Result<Vec<String>> {
    let granted = store.plugin_grants(&version.connector).await?;
    Ok(version.asks.iter().filter(|ask| !granted.contains(ask)).cloned().collect())
}

/// What going back would change, of one role or of all that the last change gave away; empty where there is nothing
/// before.
///
/// # Errors
/// Where the store fails.
pub async fn way_back(store: &dyn Store, connector: &ConnectorId, role: Option<Role>) -> Result<Vec<Swap>> {
    let changes = store.pin_changes(connector, HISTORY).await?;
    let pins = store.pins().await?.into_iter().filter(|pin| pin.connector == *connector);
    let backs = pins.filter(|pin| role.is_none_or(|role| pin.role == role)).filter_map(|pin| {
        let (former, at) = before(&changes, &pin)?;
        Some((Swap { role: pin.role, former: Some(pin.digest), digest: former }, at))
    });
    let backs: Vec<(Swap, Timestamp)> = backs.collect();
    let last = backs.iter().map(|(_, at)| *at).max();
    Ok(backs.into_iter().filter(|(_, at)| Some(*at) == last).map(|(swap, _)| swap).collect())
}

/// Who played a role before its present version was activated, and when that was.
fn before(changes: &[Changed], pin: &Pin) -> Option<(Digest, Timestamp)> {
    let of_role =
        changes.iter().filter(|change| change.swap.role == pin.role && change.swap.digest == pin.digest);
    let mut forward = of_role.filter(|change| matches!(change.cause, Cause::Activated | Cause::Bundled));
    let activated = forward.next()?;
    Some((activated.swap.former?, activated.at))
}
