//! `/plugins` and `/plugins/{id}`: which plugin versions there are, which of them work, and everything they may ever ask.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use purser_domain::{ConnectorId, Digest, Role};
use purser_pipeline::plugins::GivenUp;
use purser_pipeline::rollout::{self, Listed, way_back};
use purser_pipeline::trust::Standing;
use purser_store::plugins::{Cause, Changed};

use super::plugin_usage::{self, Section};
use crate::acts::ConnectorView;
use crate::format::{Pill, When};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

pub(crate) mod api;
mod delivery;
pub(crate) mod version;

/// Changes of roles that a plugin's page shows.
const SHOWN_CHANGES: u32 = 20;

#[derive(Template)]
#[template(path = "plugins.html")]
struct PluginsPage {
    shell: Shell,
    /// Installed versions that wait to be activated.
    waiting: Vec<VersionRow>,
    /// Connectors that nobody serves, and why.
    given_up: Vec<GivenUpRow>,
}

#[derive(Template)]
#[template(path = "plugin.html")]
struct PluginPage {
    shell: Shell,
    plugin: ConnectorView,
    schema: String,
    versions: Vec<VersionRow>,
    history: Vec<ChangeRow>,
    /// Changes with which it began.
    plugin_roles: usize,
    /// What going back would give roles to; empty where there is nothing before.
    way_back: Vec<String>,
    usage: Section,
}

/// A version in a list.
struct VersionRow {
    listed: Listed,
    pill: Pill,
    installed: When,
    standing: Standing,
}

impl VersionRow {
    fn new(listed: Listed, standings: &BTreeMap<Digest, Standing>) -> Self {
        let installed = When::new(listed.version.installed_at, &TimeZone::UTC);
        let standing = standings.get(&listed.version.digest).cloned();
        // Installed between the two looks at the store.
        let standing = standing.unwrap_or(Standing { may_load: true, told: Vec::new() });
        Self { pill: pill(listed.state), installed, standing, listed }
    }

    fn plays(&self) -> String {
        self.listed.plays.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A connector that nobody serves.
struct GivenUpRow {
    connector: ConnectorId,
    because: Vec<String>,
    /// What is installed for it: its own page is not there.
    versions: Vec<Listed>,
}

impl GivenUpRow {
    fn new(connector: ConnectorId, given_up: &GivenUp, listed: &[Listed]) -> Self {
        let own = listed.iter().filter(|listed| listed.version.connector == connector);
        Self {
            versions: own.cloned().collect(),
            because: given_up.because.lines().map(|line| line.trim().to_owned()).collect(),
            connector,
        }
    }
}

/// A role that changed hands.
struct ChangeRow {
    at: When,
    words: String,
    digest: String,
    who: String,
}

/// The list.
pub(crate) async fn list(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    let listed = rollout::list(state.store.as_ref(), None).await?;
    let given_up = state.acts.plugins_given_up().into_iter();
    let given_up = given_up.map(|(connector, why)| GivenUpRow::new(connector, &why, &listed)).collect();
    let standings = state.acts.plugin_standings().await?;
    let waiting = listed.into_iter().filter(|listed| listed.state == rollout::State::Staged);
    let waiting = waiting.map(|listed| VersionRow::new(listed, &standings)).collect();
    page(&PluginsPage { shell: Shell::load(&state, &visitor, Area::Plugins).await?, waiting, given_up })
}

/// One plugin.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(plugin): Path<String>,
) -> Result<Response, Problem> {
    let plugin = state.connector(&plugin).map_err(|_| Problem::not_found("plugin"))?;
    let versions = rollout::list(state.store.as_ref(), Some(&plugin.id)).await?;
    let name = |digest| {
        let known = versions.iter().find(|listed| listed.version.digest == digest);
        known.map_or_else(|| digest.to_string(), |known| known.version.named())
    };
    let backs = way_back(state.store.as_ref(), &plugin.id, None).await?;
    let way_back = backs.iter().map(|swap| format!("{} to {}", swap.role, name(swap.digest))).collect();
    let standings = state.acts.plugin_standings().await?;
    let changes = state.store.pin_changes(&plugin.id, SHOWN_CHANGES).await?;
    let history = changes.into_iter().map(|changed| change_row(changed, name)).collect();
    page(&PluginPage {
        shell: Shell::load(&state, &visitor, Area::Plugins).await?,
        schema: serde_json::to_string_pretty(&plugin.settings_schema).unwrap_or_default(),
        history,
        plugin_roles: Role::ALL.len(),
        way_back,
        usage: plugin_usage::section(&state, &visitor, &versions),
        versions: versions.into_iter().map(|listed| VersionRow::new(listed, &standings)).collect(),
        plugin,
    })
}

fn change_row(changed: Changed, name: impl Fn(Digest) -> String) -> ChangeRow {
    let did = match changed.cause {
        Cause::Bundled => "came with Purser, and plays",
        Cause::Activated => "was activated, and plays",
        Cause::RolledBack => "was gone back to, and plays",
        Cause::FellBack => "was fallen back to, and plays",
    };
    ChangeRow {
        at: When::new(changed.at, &TimeZone::UTC),
        words: format!("{} {did} {}", name(changed.swap.digest), changed.swap.role),
        digest: changed.swap.digest.to_string(),
        who: changed.who,
    }
}

/// Where a version stands, in a word.
fn pill(state: rollout::State) -> Pill {
    use rollout::State;
    match state {
        State::Staged => Pill::new("info", "Staged"),
        State::Active => Pill::new("ok", "Active"),
        State::Draining => Pill::new("warn", "Draining"),
        State::Retired => Pill::new("idle", "Retired"),
        State::Rejected => Pill::new("bad", "Rejected"),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Site, connector};

    #[tokio::test]
    async fn a_plugin_shows_its_digest_and_every_call_with_its_purpose() {
        let mut site = Site::empty().await;
        site.sign_in("vera").await;
        assert!(site.get("/plugins").await.text.contains("href=\"/plugins/test-cloud\""));
        let text = site.get("/plugins/test-cloud").await.text;
        for part in [
            connector().digest.to_string().as_str(),
            "/v1/customers",
            "to list the customers",
            "*.files.example",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(site.get("/plugins/none").await.status, 404);
    }

    #[tokio::test]
    async fn versions_show_where_they_stand_and_only_an_administrator_may_change_that() {
        let mut site = Site::empty().await;
        let next = site.with_next_version().await;
        site.sign_in("anna").await;
        let text = site.get("/plugins").await.text;
        assert!(text.contains("wait to be activated") && text.contains(&next.to_string()), "{text}");
        let text = site.get("/plugins/test-cloud").await.text;
        for part in ["Active", "Staged", "came with Purser", "Install a version"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("Roll back"), "there is nothing before");
        site.sign_in("olaf").await;
        let text = site.get("/plugins/test-cloud").await.text;
        assert!(text.contains("Staged") && !text.contains("Install a version"), "{text}");
    }

    #[tokio::test]
    async fn what_was_activated_can_be_rolled_back_from_the_page() {
        let mut site = Site::empty().await;
        let next = site.with_next_version().await;
        site.activate(next).await;
        site.sign_in("anna").await;
        let text = site.get("/plugins/test-cloud").await.text;
        assert!(text.contains("Roll back") && text.contains("mapping to test-cloud 1.2.3"), "{text}");
        assert_eq!(site.post("/plugins/test-cloud/rollback", "").await.location(), "/plugins/test-cloud");
        assert_eq!(site.post("/plugins/test-cloud/map-again", "").await.location(), "/activity");
        assert_eq!(site.acts.log(), ["roll-back test-cloud all anna", "map-again test-cloud anna"]);
    }
}
