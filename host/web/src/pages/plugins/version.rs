//! `/plugins/{id}/versions/{digest}`: one installed version — what it may ask, and the form that lets it work. Also what
//! installs, rolls back and removes.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use purser_domain::diff::verdict::Verdict;
use purser_domain::{ConnectorId, Digest, Role};
use purser_pipeline::replay::Report;
use purser_pipeline::rollout::{self, Activation, Listed, Seen};
use purser_store::plugins::Version;
use serde::Deserialize;

use super::{VersionRow, delivery};
use crate::TryState;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "plugin_version.html")]
struct VersionPage {
    shell: Shell,
    row: VersionRow,
    /// Whether its connector has pages of its own: what is not served has none.
    is_served: bool,
    /// What it may ask that has been allowed already.
    allowed: Vec<String>,
    /// The try whose report is looked at; none: it has not been tried.
    tried: Option<(u64, Arc<Report>)>,
}

impl VersionPage {
    fn version(&self) -> &Version {
        &self.row.listed.version
    }

    /// Whether there is a role left to give it.
    fn may_play_more(&self) -> bool {
        let listed = &self.row.listed;
        listed.version.barred.is_none() && listed.plays.len() < listed.version.roles.len()
    }

    /// Whether what it would change may be activated.
    fn may_activate(&self) -> bool {
        self.tried.as_ref().is_none_or(|(_, report)| report.verdict != Verdict::Blocked)
    }

    fn needs_confirmation(&self) -> bool {
        self.tried.as_ref().is_some_and(|(_, report)| report.verdict == Verdict::NeedsConfirmation)
    }

    fn plays(&self, role: &Role) -> bool {
        self.row.listed.plays.contains(role)
    }
}

/// Which try was looked at before.
#[derive(Deserialize)]
pub(crate) struct Looked {
    #[serde(rename = "try")]
    number: Option<u64>,
}

/// The report of a try of a version, where it has ended and is still known.
pub(super) fn report(state: &WebState, number: u64, version: &Version) -> Option<Arc<Report>> {
    match state.acts.try_of(number).filter(|it| it.digest == version.digest)?.state {
        TryState::Done(report) => Some(report),
        TryState::Working(..) | TryState::Failed(_) => None,
    }
}

/// One version.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, digest)): Path<(String, String)>,
    Query(looked): Query<Looked>,
) -> Result<Response, Problem> {
    let listed = find(&state, &connector, &digest).await?;
    let tried = looked.number.and_then(|number| Some((number, report(&state, number, &listed.version)?)));
    let asks = listed.version.asks.iter().filter(|ask| !listed.asks_more.contains(ask));
    page(&VersionPage {
        shell: Shell::load(&state, &visitor, Area::Plugins).await?,
        is_served: state.connector(&connector).is_ok(),
        allowed: asks.cloned().collect(),
        tried,
        row: VersionRow::new(listed, &state.acts.plugin_standings().await?),
    })
}

async fn find(state: &WebState, connector: &str, digest: &str) -> Result<Listed, Problem> {
    let missing = || Problem::not_found("plugin version");
    let connector: ConnectorId = connector.parse().map_err(|_| missing())?;
    let digest: Digest = digest.parse().map_err(|_| missing())?;
    let listed = rollout::list(state.store.as_ref(), Some(&connector)).await?;
    listed.into_iter().find(|listed| listed.version.digest == digest).ok_or_else(missing)
}

/// Takes a component from a form.
pub(crate) async fn install(
    State(state): State<WebState>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let delivery = delivery::of_form(request).await?;
    let version = state.acts.install_plugin(delivery, &visitor.person.name).await?;
    let text = format!("{} is installed. It does nothing before it is activated.", version.named());
    visitor.tell_at(&text, &format!("/plugins/{}/versions/{}", version.connector, version.digest)).await
}

/// Lets it play the chosen roles.
pub(crate) async fn activate(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, digest)): Path<(String, String)>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let version = find(&state, &connector, &digest).await?.version;
    let chosen = sent.iter().filter(|(name, _)| name == "role").map(|(_, role)| role.parse());
    let roles: Vec<Role> =
        chosen.collect::<Result<_, _>>().map_err(|_| Problem::input("there is no such role"))?;
    if roles.is_empty() {
        return Err(Problem::input("no role was chosen"));
    }
    let said = |name: &str| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let looked = said("try").and_then(|number| report(&state, number.parse().ok()?, &version));
    let seen = looked.map(|report| {
        let confirmed = (said("confirm") == Some("yes")).then_some(report.digest);
        Seen { report, confirmed }
    });
    let accepts_asks = said("accept-calls") == Some("yes");
    let activation = Activation { digest: version.digest, roles, accepts_asks, seen };
    state.acts.activate_plugin(&activation, &visitor.person.name).await?;
    let text = format!(
        "{} works from the next run on. Runs under way go on with what they began with.",
        version.named()
    );
    visitor.tell_at(&text, &format!("/plugins/{connector}")).await
}

/// Goes back to who played the roles before.
pub(crate) async fn roll_back(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let id: ConnectorId = connector.parse().map_err(|_| Problem::not_found("plugin"))?;
    state.acts.roll_back_plugin(&id, None, &visitor.person.name).await?;
    visitor.tell_at("The version before works again, from the next run on.", &format!("/plugins/{id}")).await
}

/// Maps again what other versions made.
pub(crate) async fn map_again(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let id: ConnectorId = connector.parse().map_err(|_| Problem::not_found("plugin"))?;
    let ordered = state.acts.map_plugin_again(&id, &visitor.person.name).await?;
    match ordered.as_slice() {
        [] => {
            visitor.tell_at("All in open months was made by what works now.", &format!("/plugins/{id}")).await
        }
        runs => visitor.tell_at(&format!("{} runs map it again.", runs.len()), "/activity").await,
    }
}

/// Forgets it.
pub(crate) async fn remove(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, digest)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let version = find(&state, &connector, &digest).await?.version;
    state.acts.remove_plugin(version.digest, &visitor.person.name).await?;
    let text = format!("{} is no longer installed.", version.named());
    let is_served = state.connector(&connector).is_ok();
    let path = if is_served { format!("/plugins/{connector}") } else { "/plugins".to_owned() };
    visitor.tell_at(&text, &path).await
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn a_component_is_sent_by_an_administrator_and_its_findings_are_told_one_by_one() {
        let mut site = Site::empty().await;
        site.sign_in("anna").await;
        let sent = site.send_component("component").await;
        assert!(
            sent.location().starts_with("/plugins/test-cloud/versions/"),
            "{} {}",
            sent.status,
            sent.text
        );
        assert_eq!(site.acts.log(), ["install own.wasm 9 anna"]);
        let refused = site.send_component("broken").await;
        assert_eq!(refused.status, 422);
        for part in ["PLG-100", "PLG-101 first · mend it", "PLG-107 second · mend it too"] {
            assert!(refused.text.contains(part), "{part}: {}", refused.text);
        }
        assert_eq!(site.send_component("").await.status, 400);
        site.send_signed("/plugins", "component", &["one", "", "two"]).await;
        assert_eq!(site.acts.log().pop().unwrap(), "install own.wasm 9 one two anna", "with its signatures");
        site.sign_in("olaf").await;
        assert_eq!(site.send_component("component").await.status, 403);
    }

    #[tokio::test]
    async fn a_version_shows_whose_word_it_may_load_on_or_why_it_is_not() {
        let mut site = Site::empty().await;
        let next = site.with_next_version().await;
        site.sign_in("vera").await;
        let versions = site.get("/plugins/test-cloud").await.text;
        assert!(versions.contains("came with Purser") && versions.contains("Cannot be loaded"), "{versions}");
        let text = site.get(&format!("/plugins/test-cloud/versions/{next}")).await.text;
        assert!(text.contains("PLG-401 unsigned · sign it"), "{text}");
        let text = site.get("/plugins").await.text;
        let installed = format!("/plugins/test-cloud/versions/{}", crate::testing::connector().digest);
        for part in ["Nobody serves it", "PLG-400", "PLG-401 unsigned", &installed] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[tokio::test]
    async fn a_version_of_what_nobody_serves_leads_only_to_pages_there_are() {
        let mut site = Site::empty().await;
        let page = site.with_unserved_version().await;
        site.sign_in("anna").await;
        let text = site.get(&page).await.text;
        assert!(text.contains("</a> › lost-cloud</nav>"), "{text}");
        for link in text.split("href=\"/").skip(1).filter_map(|rest| rest.split('"').next()) {
            let status = site.get(&format!("/{link}")).await.status;
            assert!(status == 200 || status == 303, "{link}: {status}");
        }
        let removed = site.post(&format!("{page}/remove"), "").await;
        assert_eq!(removed.location(), "/plugins");
    }

    #[tokio::test]
    async fn what_it_asks_beyond_the_grant_is_shown_and_activated_by_role() {
        let mut site = Site::empty().await;
        let next = site.with_next_version().await;
        site.sign_in("anna").await;
        let page = format!("/plugins/test-cloud/versions/{next}");
        let text = site.get(&page).await.text;
        assert!(text.contains("Asks for more") && text.contains("GET /v2/more of api"), "{text}");
        assert!(text.contains("GET /v1/usage of api") && text.contains("accept-calls"), "{text}");
        let nothing = site.post(&format!("{page}/activate"), "").await;
        assert_eq!(nothing.status, 400, "no role");
        let done = site.post(&format!("{page}/activate"), "role=mapping&accept-calls=yes").await;
        assert_eq!(done.location(), "/plugins/test-cloud");
        assert_eq!(site.acts.log(), [format!("activate {next} mapping accepted anna")]);
        assert_eq!(site.get("/plugins/test-cloud/versions/none").await.status, 404);
        assert_eq!(site.get(&format!("/plugins/other/versions/{next}")).await.status, 404);
    }

    #[tokio::test]
    async fn a_version_that_plays_nothing_is_removed_from_its_page() {
        let mut site = Site::empty().await;
        let next = site.with_next_version().await;
        site.sign_in("anna").await;
        let page = format!("/plugins/test-cloud/versions/{next}");
        assert!(site.get(&page).await.text.contains("/remove\""));
        assert_eq!(site.post(&format!("{page}/remove"), "").await.location(), "/plugins/test-cloud");
        assert_eq!(site.acts.log(), [format!("remove {next} anna")]);
    }

    #[tokio::test]
    async fn what_it_would_change_is_confirmed_where_it_is_activated() {
        let mut site = Site::empty().await;
        let next = site.with_next_version().await;
        site.sign_in("anna").await;
        let page = format!("/plugins/test-cloud/versions/{next}");
        let untried = site.get(&page).await.text;
        assert!(untried.contains("try it first") && !untried.contains("name=\"confirm\""), "{untried}");
        let tried = site.get(&format!("{page}?try=2")).await.text;
        for part in ["needs confirmation", "TRY-REFERENCE", "name=\"try\" value=\"2\"", "name=\"confirm\""] {
            assert!(tried.contains(part), "{part}: {tried}");
        }
        let other = site.get(&format!("{page}?try=1")).await.text;
        assert!(other.contains("try it first"), "a try of another version says nothing of this one");
        for (sent, seen) in [
            ("role=mapping&try=2", " seen"),
            ("role=mapping&try=2&confirm=yes", " seen confirmed"),
            ("role=mapping&try=1&confirm=yes", ""),
            ("role=mapping&try=none&confirm=yes", ""),
        ] {
            site.post(&format!("{page}/activate"), sent).await;
            assert_eq!(
                site.acts.log().pop().unwrap(),
                format!("activate {next} mapping{seen} anna"),
                "{sent}"
            );
        }
    }
}
