//! `/api/v1/plugins/{digest}/try…`: tries, for programs.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bytes::Bytes;
use jiff::civil::Date;
use purser_domain::diff::verdict::Terms;
use purser_domain::{AccountId, Decimal, Digest, Role};
use purser_pipeline::replay::{Report, Wanted};
use serde::{Deserialize, Serialize};

use crate::TryState;
use crate::problem::Problem;
use crate::shell::Visitor;
use crate::state::WebState;

/// What is tried; without anything, what an activation would change.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    roles: Vec<Role>,
    accounts: Vec<AccountId>,
    from: Option<Date>,
    to: Option<Date>,
    threshold: Decimal,
    accept_references: bool,
}

/// A try that was begun.
#[derive(Serialize)]
pub(crate) struct Begun {
    #[serde(rename = "try")]
    number: u64,
}

/// How far a try is.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// Pages done, and pages there are as far as is known.
    Working {
        done: u64,
        all: u64,
    },
    Done {
        report: Box<Report>,
    },
    Failed {
        problem: Problem,
    },
}

/// Begins a try; what becomes of it is told under its number.
pub(crate) async fn begin(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(digest): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    let digest: Digest = digest.parse().map_err(|_| Problem::not_found("plugin version"))?;
    let asked = if body.is_empty() { Ok(Asked::default()) } else { serde_json::from_slice(&body) };
    let Asked { roles, accounts, from, to, threshold, accept_references } = asked.map_err(|_| {
        let remedy = "send nothing, or JSON such as {\"accounts\": [1], \"from\": \"2026-11-01\", \"threshold\": \"0\"}";
        Problem::new(400, "API-BODY", "the body cannot be read", remedy)
    })?;
    let wanted = Wanted { roles, accounts, from, to, terms: Terms { threshold, accept_references } };
    let number = state.acts.begin_try(digest, wanted, &visitor.person.name).await?;
    Ok((StatusCode::ACCEPTED, Json(Begun { number })))
}

/// What became of it.
pub(crate) async fn show(
    State(state): State<WebState>,
    _: Visitor,
    Path((digest, number)): Path<(String, String)>,
) -> Result<Json<Told>, Problem> {
    let number: u64 = number.parse().map_err(|_| Problem::not_found("try"))?;
    let known = state.acts.try_of(number).filter(|it| it.digest.to_string() == digest);
    Ok(Json(match known.ok_or_else(|| Problem::not_found("try"))?.state {
        TryState::Working(done, all) => Told::Working { done, all },
        TryState::Done(report) => Told::Done { report: Box::new(Report::clone(&report)) },
        TryState::Failed(problem) => Told::Failed { problem },
    }))
}
