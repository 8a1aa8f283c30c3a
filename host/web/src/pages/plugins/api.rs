//! `/api/v1/plugins…`: versions and roles, for programs.

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use purser_domain::{ConnectorId, Digest, Role, RunId};
use purser_pipeline::rollout::{self, Activation, Seen, Shown};
use purser_store::plugins::{Swap, Version};
use serde::{Deserialize, Serialize};

use super::delivery;
use crate::problem::Problem;
use crate::shell::Visitor;
use crate::state::WebState;

/// Installed versions, the newest first.
pub(crate) async fn list(State(state): State<WebState>, _: Visitor) -> Result<Json<Vec<Shown>>, Problem> {
    let listed = rollout::list(state.store.as_ref(), None).await?;
    Ok(Json(Shown::all(listed, &state.acts.plugin_standings().await?)))
}

/// Where an installed component came from.
#[derive(Deserialize)]
pub(crate) struct Source {
    source: Option<String>,
}

/// Installs the component that is the body, or that is sent in a form with its signatures.
pub(crate) async fn install(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(sent): Query<Source>,
    request: Request,
) -> Result<(StatusCode, Json<Version>), Problem> {
    let delivery = delivery::of_program(request, sent.source).await?;
    let version = state.acts.install_plugin(delivery, &visitor.person.name).await?;
    Ok((StatusCode::CREATED, Json(version)))
}

/// Which roles, and whether more calls are accepted.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// Comma-separated; none: all it can play but those that a plugin of another id plays.
    roles: Option<String>,
    #[serde(default)]
    accept_calls: bool,
    /// The try that tells what it would change.
    #[serde(rename = "try")]
    number: Option<u64>,
    /// The digest of its report, where somebody has to say yes to it.
    confirm: Option<Digest>,
}

/// What changed hands.
#[derive(Serialize)]
pub(crate) struct Done {
    swaps: Vec<Swap>,
    granted: Vec<String>,
}

/// Lets a version play roles.
pub(crate) async fn activate(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(digest): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Done>, Problem> {
    let digest: Digest = digest.parse().map_err(|_| Problem::not_found("plugin version"))?;
    let names = wanted.roles.as_deref().unwrap_or_default();
    let roles = names.split(',').filter(|name| !name.is_empty()).map(str::parse::<Role>);
    let roles = roles.collect::<Result<_, _>>().map_err(|error| Problem::input(error.to_string()))?;
    let known = state.store.versions(None).await?.into_iter().find(|version| version.digest == digest);
    let version = known.ok_or_else(|| Problem::not_found("plugin version"))?;
    let report = wanted.number.and_then(|number| super::version::report(&state, number, &version));
    let seen = report.map(|report| Seen { report, confirmed: wanted.confirm });
    let activation = Activation { digest, roles, accepts_asks: wanted.accept_calls, seen };
    let done = state.acts.activate_plugin(&activation, &visitor.person.name).await?;
    Ok(Json(Done { swaps: done.swaps, granted: done.granted }))
}

/// Which role to go back on.
#[derive(Deserialize)]
pub(crate) struct Back {
    role: Option<Role>,
}

/// Gives roles back to who played them before.
pub(crate) async fn roll_back(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Query(back): Query<Back>,
) -> Result<Json<Done>, Problem> {
    let connector: ConnectorId = connector.parse().map_err(|_| Problem::not_found("connector"))?;
    let done = state.acts.roll_back_plugin(&connector, back.role, &visitor.person.name).await?;
    Ok(Json(Done { swaps: done.swaps, granted: done.granted }))
}

/// Maps again what other versions made and what is in open months; gives the runs that do it.
pub(crate) async fn map_again(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Json<Vec<RunId>>, Problem> {
    let connector: ConnectorId = connector.parse().map_err(|_| Problem::not_found("connector"))?;
    Ok(Json(state.acts.map_plugin_again(&connector, &visitor.person.name).await?))
}

/// Forgets a version that plays no role.
pub(crate) async fn remove(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(digest): Path<String>,
) -> Result<StatusCode, Problem> {
    let digest: Digest = digest.parse().map_err(|_| Problem::not_found("plugin version"))?;
    state.acts.remove_plugin(digest, &visitor.person.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
