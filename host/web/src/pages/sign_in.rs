//! `/sign-in` and `/sign-out`.
//!
//! **Invariant:** a failed sign-in never says whether the name, the password or both were wrong.

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;
use url::form_urlencoded;

use super::outside;
use crate::guard::Client;
use crate::problem::Problem;
use crate::shell::{Shell, Visitor, page};
use crate::state::WebState;
use crate::{guard, sessions};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    next: String,
    name: String,
    failure: &'static str,
    has_users: bool,
    takes_passwords: bool,
    /// The button of a sign-in elsewhere, and its address.
    elsewhere: Option<(String, String)>,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// The address of the form, with where to go afterwards.
pub(crate) fn address(next: &str) -> String {
    match local(next) {
        "/" => "/sign-in".to_owned(),
        next => format!(
            "/sign-in?{}",
            form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish()
        ),
    }
}

/// The form.
pub(crate) async fn form(
    State(state): State<WebState>,
    session: Session,
    Query(query): Query<Next>,
) -> Result<Response, Problem> {
    if guard::person_of(&state, &session).await?.is_some() {
        return Ok(Redirect::to(local(&query.next)).into_response());
    }
    show(&state, &query.next, "", "").await
}

/// Checks name and password.
pub(crate) async fn submit(
    State(state): State<WebState>,
    session: Session,
    Extension(Client(address)): Extension<Client>,
    Form(sent): Form<Credentials>,
) -> Result<Response, Problem> {
    if !state.rules.takes_passwords {
        return Err(outside::passwords_off());
    }
    let now = state.acts.now();
    if !state.throttle.allows(&sent.name, address, now) {
        return too_many(&state, &sent.next, &sent.name).await;
    }
    let user = state.store.user(&sent.name).await?;
    let hash = user.as_ref().and_then(|user| user.usable_hash());
    let right = state.passwords.is_right(sent.password, hash).await;
    let Some(user) = user.filter(|_| right) else {
        state.throttle.failed(&sent.name, address, now);
        audit(&state, &sent.name, "sign-in.failed").await?;
        let form = show(&state, &sent.next, &sent.name, "Name or password is not right.").await?;
        return Ok((StatusCode::UNAUTHORIZED, form).into_response());
    };
    state.throttle.succeeded(&user.name, address);
    sessions::sign_in(&session, &user, now).await?;
    audit(&state, &user.name, "sign-in").await?;
    Ok(Redirect::to(local(&sent.next)).into_response())
}

/// Ends the session.
pub(crate) async fn sign_out(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    visitor.session.flush().await?;
    audit(&state, &visitor.person.name, "sign-out").await?;
    Ok(Redirect::to("/sign-in").into_response())
}

async fn show(state: &WebState, next: &str, name: &str, failure: &'static str) -> Result<Response, Problem> {
    let has_users = !state.store.users().await?.is_empty();
    let (next, name) = (local(next).to_owned(), name.to_owned());
    let elsewhere = state.outside.as_ref().map(|outside| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &next).finish();
        (outside.title().to_owned(), format!("/sign-in/elsewhere?{query}"))
    });
    let takes_passwords = state.rules.takes_passwords;
    page(&SignInPage { shell: Shell::bare(), next, name, failure, has_users, takes_passwords, elsewhere })
}

/// Not in the trail: whoever guesses on must not be able to fill the disk.
pub(crate) async fn too_many(state: &WebState, next: &str, name: &str) -> Result<Response, Problem> {
    tracing::warn!("sign-in refused: too many failures");
    let text = "Too many failed sign-ins. Wait a quarter of an hour and try again.";
    let form = show(state, next, name, text).await?;
    Ok((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "900")], form).into_response())
}

async fn audit(state: &WebState, who: &str, what: &str) -> Result<(), Problem> {
    let who: String = who.chars().take(120).collect();
    state.audit(&who, what, serde_json::json!({})).await
}

/// Only our own pages: `//host` and `/\host` would lead away.
pub(crate) fn local(path: &str) -> &str {
    let is_local =
        path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n', '\t']);
    if is_local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        for bad in
            ["//evil.example", "/\\evil.example", "https://evil.example", "", "evil", "/\t/evil.example"]
        {
            assert_eq!(local(bad), "/", "{bad:?}");
        }
        assert_eq!(address("/purchases?feed=a&to=b"), "/sign-in?next=%2Fpurchases%3Ffeed%3Da%26to%3Db");
    }

    #[tokio::test]
    async fn a_failed_sign_in_says_the_same_for_a_wrong_name_and_a_wrong_password() {
        let site = Site::new().await;
        let wrong_name = site.post("/sign-in", "name=nobody&password=whatever-it-is").await;
        let wrong_password = site.post("/sign-in", "name=anna&password=whatever-it-is").await;
        assert_eq!((wrong_name.status, wrong_password.status), (401, 401));
        assert_eq!(wrong_name.text.replace("nobody", "anna"), wrong_password.text);
        assert!(wrong_name.text.contains("Name or password is not right."));
    }

    #[tokio::test]
    async fn the_right_password_is_refused_after_too_many_wrong_ones_until_time_passes() {
        let site = Site::new().await;
        for _ in 0..crate::throttle::MAX_PER_USER {
            site.post("/sign-in", "name=anna&password=whatever-it-is").await;
        }
        let right = format!("name=anna&password={}", crate::testing::PASSWORD);
        assert_eq!(site.post("/sign-in", &right).await.status, 429);
        site.clock.advance_minutes(15);
        assert_eq!(site.post("/sign-in", &right).await.status, 303);
    }

    #[tokio::test]
    async fn signing_in_changes_the_session_id_and_signing_out_ends_it() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        let first = site.cookie();
        assert_eq!(site.get("/").await.status, 200);
        site.sign_in("anna").await;
        assert_ne!(site.cookie(), first);
        assert_eq!(
            site.with_cookie(&first).get("/").await.location(),
            "/sign-in",
            "the old id opens nothing"
        );
        site.post("/sign-out", "").await;
        assert_eq!(site.get("/").await.location(), "/sign-in");
    }

    #[tokio::test]
    async fn a_session_ends_after_eight_idle_hours_and_after_a_day_in_any_case() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        for _ in 0..3 {
            site.clock.advance_minutes(7 * 60);
            assert_eq!(site.get("/").await.status, 200, "in use every seven hours");
        }
        site.clock.advance_minutes(4 * 60);
        assert_eq!(site.get("/").await.location(), "/sign-in", "25 hours after sign-in");
        site.sign_in("anna").await;
        site.clock.advance_minutes(8 * 60 + 1);
        assert_eq!(site.get("/").await.location(), "/sign-in", "idle");
    }

    #[tokio::test]
    async fn a_session_ends_as_the_configuration_says_and_use_keeps_it_alive() {
        let minutes = jiff::SignedDuration::from_mins;
        let rules = crate::AccessRules { idle: minutes(10), absolute: minutes(60), ..Default::default() };
        let mut site = Site::with_outside(rules).await;
        site.sign_in("anna").await;
        assert!(
            site.get("/settings").await.text.contains("end after 10 minutes without use, and after 1 hour")
        );
        for _ in 0..6 {
            site.clock.advance_minutes(9);
            assert_eq!(site.get("/").await.status, 200, "in use every nine minutes");
        }
        site.clock.advance_minutes(6);
        assert_eq!(site.get("/").await.location(), "/sign-in", "an hour after sign-in");
        site.sign_in("anna").await;
        site.clock.advance_minutes(10);
        assert_eq!(site.get("/").await.location(), "/sign-in", "idle");
    }

    #[tokio::test]
    async fn the_cookie_is_bound_to_host_and_tls_where_the_site_is() {
        let site = Site::secure().await;
        let answer = site.post("/sign-in", &format!("name=anna&password={}", crate::testing::PASSWORD)).await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with("__Host-session="), "{cookie}");
        for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        assert!(!cookie.contains("Domain"));
        assert!(answer.has_header("strict-transport-security"));
    }
}
