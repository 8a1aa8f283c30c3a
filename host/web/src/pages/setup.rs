//! `/setup/{token}`: the first start's one-time link. Makes the first administrator and signs them in.
//!
//! The token's hash is `Digest::of(token)`; whoever prints the link stores that.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use purser_domain::Digest;
use purser_store::people::{Role, User};
use serde::Deserialize;
use tower_sessions::Session;

use super::people::shown;
use crate::password::{MIN_PASSWORD_LENGTH, PasswordError};
use crate::problem::Problem;
use crate::sessions;
use crate::shell::{Shell, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    shell: Shell,
    token: String,
    name: String,
    failure: String,
    min_length: usize,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct NewAdministrator {
    name: String,
    password: String,
    repeated: String,
}

/// The form.
pub(crate) async fn form(
    State(state): State<WebState>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if !state.store.users().await?.is_empty() {
        return Err(used_up());
    }
    show(token, "", String::new())
}

/// Makes the administrator.
pub(crate) async fn submit(
    State(state): State<WebState>,
    session: Session,
    Path(token): Path<String>,
    Form(sent): Form<NewAdministrator>,
) -> Result<Response, Problem> {
    let admin = match new_user(&state, &sent.name, sent.password, &sent.repeated, Role::Admin).await {
        Ok(admin) => admin,
        Err(failure) => {
            let form = show(token, &sent.name, failure)?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, form).into_response());
        }
    };
    let hash = Digest::of(token.as_bytes());
    let redeemed = state.store.redeem_setup_token(hash.as_bytes(), &admin, state.acts.now()).await;
    redeemed.map_err(|error| match error {
        purser_store::Error::NotFound(_) | purser_store::Error::Conflict(_) => used_up(),
        other => Problem::from(other),
    })?;
    let admin = state.store.user(&admin.name).await?.ok_or_else(Problem::internal)?;
    sessions::sign_in(&session, &admin, state.acts.now()).await?;
    let detail = serde_json::json!({ "user": admin.name, "before": null, "after": shown(&admin) });
    state.audit(&admin.name, "setup.administrator", detail).await?;
    Ok(Redirect::to("/").into_response())
}

/// Checks and hashes; the error is a sentence for the form.
pub(crate) async fn new_user(
    state: &WebState,
    name: &str,
    password: String,
    repeated: &str,
    role: Role,
) -> Result<User, String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err("Choose a name of 1 to 64 characters.".to_owned());
    }
    let password_hash = hash_new(state, password, repeated).await?;
    Ok(User::new(name, password_hash, role))
}

/// Checks and hashes a new password; the error is a sentence for the form.
pub(crate) async fn hash_new(state: &WebState, password: String, repeated: &str) -> Result<String, String> {
    if password != repeated {
        return Err("The two passwords are not the same.".to_owned());
    }
    state.passwords.hash(password).await.map_err(|error| match error {
        PasswordError::TooShort => format!("Choose a password of at least {MIN_PASSWORD_LENGTH} characters."),
        other => format!("The password cannot be used: {other}."),
    })
}

fn show(token: String, name: &str, failure: String) -> Result<Response, Problem> {
    let name = name.to_owned();
    page(&SetupPage { shell: Shell::bare(), token, name, failure, min_length: MIN_PASSWORD_LENGTH })
}

fn used_up() -> Problem {
    let remedy = "sign in, or start Purser on an empty data directory for a new link";
    Problem::new(410, "WEB-SETUP-USED", "this set-up link has been used, or is too old", remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    async fn fresh() -> Site {
        let site = Site::without_users().await;
        let expires = site.clock.now() + jiff::SignedDuration::from_hours(24);
        site.store.put_setup_token(Digest::of(b"once").as_bytes(), expires).await.unwrap();
        site
    }

    const FORM: &str = "name=boss&password=a+long+password&repeated=a+long+password";

    #[tokio::test]
    async fn the_link_makes_one_administrator_and_signs_them_in() {
        let mut site = fresh().await;
        assert_eq!(site.get("/setup/once").await.status, 200);
        let answer = site.post("/setup/once", FORM).await;
        assert_eq!((answer.status, answer.location()), (303, "/"));
        site.keep_cookie(&answer);
        assert_eq!(site.get("/").await.status, 200);
        let again = site.post("/setup/once", FORM).await;
        assert_eq!(again.status, 410);
        assert!(again.text.contains("WEB-SETUP-USED"));
        assert_eq!(site.store.users().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_wrong_token_or_a_weak_password_makes_nobody() {
        let site = fresh().await;
        assert_eq!(site.post("/setup/guess", FORM).await.status, 410);
        assert_eq!(site.post("/setup/once", "name=boss&password=short&repeated=short").await.status, 422);
        let differ = "name=boss&password=a+long+password&repeated=another+password";
        assert_eq!(site.post("/setup/once", differ).await.status, 422);
        assert!(site.store.users().await.unwrap().is_empty());
        assert_eq!(site.post("/setup/once", FORM).await.status, 303, "the token is still good");
    }
}
