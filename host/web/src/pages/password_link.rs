//! `/password/{token}`: the one-time link by which somebody sets their password anew.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use purser_domain::Digest;
use serde::Deserialize;
use serde_json::json;

use super::people::shown;
use super::setup::hash_new;
use crate::password::MIN_PASSWORD_LENGTH;
use crate::problem::Problem;
use crate::shell::{Shell, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "password_link.html")]
struct LinkPage {
    shell: Shell,
    token: String,
    name: String,
    failure: String,
    min_length: usize,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Passwords {
    password: String,
    repeated: String,
}

/// The form.
pub(crate) async fn form(
    State(state): State<WebState>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    show(&state, token, String::new()).await
}

/// Sets the password.
pub(crate) async fn submit(
    State(state): State<WebState>,
    Path(token): Path<String>,
    Form(sent): Form<Passwords>,
) -> Result<Response, Problem> {
    let (hash, now) = (Digest::of(token.as_bytes()), state.acts.now());
    // Asked first, so that strangers cannot make the server hash passwords.
    state.store.password_link(hash.as_bytes(), now).await?.ok_or_else(used_up)?;
    let password = match hash_new(&state, sent.password, &sent.repeated).await {
        Ok(password) => password,
        Err(failure) => {
            let form = show(&state, token, failure).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response());
        }
    };
    let redeemed = state.store.redeem_password_link(hash.as_bytes(), &password, now).await;
    let user = redeemed.map_err(|error| match error {
        purser_store::Error::NotFound(_) => used_up(),
        other => Problem::from(other),
    })?;
    let before = shown(&purser_store::people::User { password_hash: String::new(), ..user.clone() });
    let detail = json!({ "user": user.name, "before": before, "after": shown(&user) });
    state.audit(&user.name, "password.set-by-link", detail).await?;
    Ok(Redirect::to("/sign-in").into_response())
}

async fn show(state: &WebState, token: String, failure: String) -> Result<Response, Problem> {
    let hash = Digest::of(token.as_bytes());
    let name = state.store.password_link(hash.as_bytes(), state.acts.now()).await?.ok_or_else(used_up)?;
    page(&LinkPage { shell: Shell::bare(), token, name, failure, min_length: MIN_PASSWORD_LENGTH })
}

fn used_up() -> Problem {
    let what = "this password link has been used, was replaced, or is too old";
    Problem::new(410, "WEB-LINK-USED", what, "ask an administrator for a new one")
}
