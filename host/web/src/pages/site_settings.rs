//! `/settings`: people who may sign in, and how this Purser is reached.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use purser_store::people::{AuditEntry, Role};
use serde::Deserialize;

use super::setup::new_user;
use crate::password::MIN_PASSWORD_LENGTH;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page, role_title};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "site_settings.html")]
struct SettingsPage {
    shell: Shell,
    /// Name and role; only for administrators.
    users: Vec<(String, &'static str)>,
    public_url: String,
    is_secure: bool,
    zones: usize,
    name: String,
    failure: String,
    min_length: usize,
}

/// A person to add.
#[derive(Deserialize)]
pub(crate) struct NewUser {
    name: String,
    role: Role,
    password: String,
    repeated: String,
}

/// The page.
pub(crate) async fn show(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    draw(&state, &visitor, "", String::new()).await
}

/// Adds a person.
pub(crate) async fn add_user(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(sent): Form<NewUser>,
) -> Result<Response, Problem> {
    let user = match new_user(&state, &sent.name, sent.password, &sent.repeated, sent.role).await {
        Ok(user) => user,
        Err(failure) => return refused(&state, &visitor, &sent.name, failure).await,
    };
    match state.store.add_user(&user).await {
        Err(purser_store::Error::Conflict(_)) => {
            return refused(&state, &visitor, &sent.name, "Somebody has this name already.".to_owned()).await;
        }
        added => added?,
    }
    let detail = serde_json::json!({ "user": user.name, "role": user.role });
    let (at, who) = (state.acts.now(), visitor.person.name.clone());
    state.store.audit(&AuditEntry { at, who, what: "user.added".to_owned(), detail }).await?;
    visitor.tell_at("The person can sign in now.", "/settings").await
}

async fn refused(
    state: &WebState,
    visitor: &Visitor,
    name: &str,
    failure: String,
) -> Result<Response, Problem> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(state, visitor, name, failure).await?).into_response())
}

async fn draw(state: &WebState, visitor: &Visitor, name: &str, failure: String) -> Result<Response, Problem> {
    let users = if visitor.person.may(Role::Admin) { state.store.users().await? } else { Vec::new() };
    page(&SettingsPage {
        shell: Shell::load(state, visitor, Area::Settings).await?,
        users: users.into_iter().map(|user| (user.name, role_title(user.role))).collect(),
        public_url: state.public_url.to_string(),
        is_secure: state.cookies_secure,
        zones: jiff::tz::db().available().count(),
        name: name.to_owned(),
        failure,
        min_length: MIN_PASSWORD_LENGTH,
    })
}

#[cfg(test)]
mod tests {
    use purser_store::people::Role;

    use crate::testing::Site;

    const FORM: &str = "name=new&role=operator&password=a+long+password&repeated=a+long+password";

    #[tokio::test]
    async fn an_administrator_adds_people_and_nobody_else_sees_them() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        assert_eq!(site.post("/settings/users", FORM).await.status, 303);
        assert_eq!(site.store.user("NEW").await.unwrap().unwrap().role, Role::Operator);
        let again = site.post("/settings/users", FORM).await;
        assert_eq!(again.status, 422);
        assert!(again.text.contains("Somebody has this name already."));
        assert!(site.get("/settings").await.text.contains("olaf"));
        site.sign_in("vera").await;
        assert!(!site.get("/settings").await.text.contains("olaf"));
    }

    #[tokio::test]
    async fn a_role_taken_away_counts_at_once() {
        let mut site = Site::new().await;
        site.sign_in("vera").await;
        assert_eq!(site.get("/audit").await.status, 403, "the role is looked up at each request");
    }
}
