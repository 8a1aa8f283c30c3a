//! `/plugins/{id}/try`: what another version would do to the Purchases there are, in money, before it does it.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use purser_domain::diff::verdict::{Terms, Verdict};
use purser_domain::{AccountId, Decimal, Digest};
use purser_pipeline::replay::{Report, Wanted, table};
use purser_pipeline::rollout;
use serde::Deserialize;

use self::shown::Shown;
use crate::acts::ConnectorView;
use crate::books::Books;
use crate::format::When;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;
use crate::{Try, TryState};

pub(crate) mod api;
mod shown;

#[derive(Template)]
#[template(path = "plugin_try.html")]
struct FormPage {
    shell: Shell,
    plugin: ConnectorView,
    versions: Vec<Choice>,
    accounts: Vec<(AccountId, String)>,
}

/// A version that can be tried.
struct Choice {
    digest: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "plugin_try_result.html")]
struct ResultPage {
    shell: Shell,
    plugin: ConnectorView,
    live: Live,
}

impl ResultPage {
    fn is_working(&self) -> bool {
        self.live.working.is_some()
    }
}

/// The part that is asked for again until the try has ended.
#[derive(Template)]
#[template(path = "plugin_try_live.html")]
struct Live {
    path: String,
    version: String,
    digest: Digest,
    began: When,
    who: String,
    may_stop: bool,
    /// Pages done, and pages there are.
    working: Option<(u64, u64)>,
    failed: Option<Problem>,
    shown: Option<Shown>,
    may_activate: bool,
    /// Where it is activated with what this try shows.
    activation: String,
}

/// Which version the form begins with.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    version: Option<String>,
}

/// The form.
pub(crate) async fn form(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(plugin): Path<String>,
    Query(chosen): Query<Chosen>,
) -> Result<Response, Problem> {
    let plugin = state.connector(&plugin).map_err(|_| Problem::not_found("plugin"))?;
    let listed = rollout::list(state.store.as_ref(), Some(&plugin.id)).await?;
    let choice = |it: rollout::Listed| {
        let digest = it.version.digest.to_string();
        let is_chosen = chosen.version.as_deref() == Some(digest.as_str());
        let plays = if it.plays.is_empty() { "" } else { ", at work" };
        Choice { name: format!("{}{plays} ({:.12}…)", it.version.named(), digest), digest, is_chosen }
    };
    let books = Books::load(&state).await?;
    let accounts = books.of_connector(&plugin.id).map(|book| (book.account.id, book.account.title.clone()));
    page(&FormPage {
        accounts: accounts.collect(),
        versions: listed.into_iter().map(choice).collect(),
        shell: Shell::load(&state, &visitor, Area::Plugins).await?,
        plugin,
    })
}

/// What the form sends.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Sent {
    version: String,
    account: String,
    from: String,
    to: String,
    threshold: String,
    #[serde(rename = "accept-references")]
    accept_references: String,
}

impl Sent {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let day = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| Problem::input(format!("{text:?} is no date such as 2026-11-23"))),
        };
        let account = match self.account.trim() {
            "" => Vec::new(),
            text => vec![text.parse::<AccountId>().map_err(|error| Problem::input(error.to_string()))?],
        };
        let threshold = match self.threshold.trim() {
            "" => Decimal::zero(),
            text => {
                text.parse().map_err(|_| Problem::input(format!("{text:?} is no amount such as 0.50")))?
            }
        };
        let terms = Terms { threshold, accept_references: self.accept_references == "yes" };
        let (from, to) = (day(&self.from)?, day(&self.to)?);
        Ok(Wanted { roles: Vec::new(), accounts: account, from, to, terms })
    }
}

/// Begins a try.
pub(crate) async fn begin(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(plugin): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let plugin = state.connector(&plugin).map_err(|_| Problem::not_found("plugin"))?;
    let digest: Digest = sent.version.parse().map_err(|_| Problem::input("no version was chosen"))?;
    let number = state.acts.begin_try(digest, sent.wanted()?, &visitor.person.name).await?;
    Ok(Redirect::to(&format!("/plugins/{}/try/{number}", plugin.id)).into_response())
}

/// A try of a plugin; what this process does not know any more must be begun anew.
fn found(state: &WebState, plugin: &ConnectorView, number: &str) -> Result<(u64, Try), Problem> {
    let number: u64 = number.parse().map_err(|_| Problem::not_found("try"))?;
    let known = state.acts.try_of(number).filter(|it| it.connector == plugin.id);
    known.map(|it| (number, it)).ok_or_else(|| {
        let what =
            "this try is not known any more: results are kept until the server restarts, and only the newest";
        Problem::new(404, "TRY-GONE", what, "begin it again")
    })
}

async fn live(
    state: &WebState,
    visitor: &Visitor,
    plugin: &ConnectorView,
    number: &str,
) -> Result<Live, Problem> {
    let (number, it) = found(state, plugin, number)?;
    let listed = rollout::list(state.store.as_ref(), Some(&plugin.id)).await?;
    let known = listed.iter().find(|listed| listed.version.digest == it.digest);
    let (mut working, mut failed, mut shown) = (None, None, None);
    let mut may_activate = visitor.person.may(purser_store::people::Role::Admin);
    match it.state {
        TryState::Working(done, all) => working = Some((done, all)),
        TryState::Failed(problem) => failed = Some(problem),
        TryState::Done(report) => {
            may_activate &= report.verdict != Verdict::Blocked;
            shown = Some(Shown::of(&report, visitor.numbers));
        }
    }
    Ok(Live {
        path: format!("/plugins/{}/try/{number}", plugin.id),
        version: known.map_or_else(|| it.digest.to_string(), |known| known.version.named()),
        digest: it.digest,
        began: When::new(it.began_at, &jiff::tz::TimeZone::UTC),
        who: it.who,
        may_activate,
        activation: format!("/plugins/{}/versions/{}?try={number}", plugin.id, it.digest),
        may_stop: visitor.person.may(purser_store::people::Role::Operator),
        working,
        failed,
        shown,
    })
}

/// How far a try is, and what came of it.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((plugin, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let plugin = state.connector(&plugin).map_err(|_| Problem::not_found("plugin"))?;
    let live = live(&state, &visitor, &plugin, &number).await?;
    page(&ResultPage { shell: Shell::load(&state, &visitor, Area::Plugins).await?, plugin, live })
}

/// The part that changes.
pub(crate) async fn show_live(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((plugin, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let plugin = state.connector(&plugin).map_err(|_| Problem::not_found("plugin"))?;
    page(&live(&state, &visitor, &plugin, &number).await?)
}

/// Stops it.
pub(crate) async fn stop(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((plugin, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let plugin = state.connector(&plugin).map_err(|_| Problem::not_found("plugin"))?;
    let (number, _) = found(&state, &plugin, &number)?;
    state.acts.stop_try(number, &visitor.person.name).await?;
    visitor.tell_at("The try was stopped.", &format!("/plugins/{}/try/{number}", plugin.id)).await
}

/// The whole report as JSON.
pub(crate) async fn json(
    State(state): State<WebState>,
    _: Visitor,
    Path((plugin, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let report = ended(&state, &plugin, &number)?;
    let text = serde_json::to_vec_pretty(&*report).map_err(|_| Problem::internal())?;
    Ok(download("application/json", "json", text))
}

/// Its differences as CSV.
pub(crate) async fn csv(
    State(state): State<WebState>,
    _: Visitor,
    Path((plugin, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let mut text = Vec::new();
    table::write(&*ended(&state, &plugin, &number)?, &mut text).map_err(|_| Problem::internal())?;
    Ok(download("text/csv; charset=utf-8", "csv", text))
}

fn ended(state: &WebState, plugin: &str, number: &str) -> Result<Arc<Report>, Problem> {
    let plugin = state.connector(plugin).map_err(|_| Problem::not_found("plugin"))?;
    match found(state, &plugin, number)?.1.state {
        TryState::Done(report) => Ok(report),
        TryState::Failed(problem) => Err(problem),
        TryState::Working(..) => {
            Err(Problem::new(409, "TRY-WORKING", "the try has not ended yet", "wait for its end"))
        }
    }
}

fn download(media_type: &'static str, ending: &str, text: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"purchase-diff.{ending}\"");
    let headers = [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests;
