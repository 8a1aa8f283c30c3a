//! One's own access: another password, and the end of all sessions. `/settings` has the forms.

use axum::Form;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Redirect, Response};
use purser_store::access::UserChange;
use serde::Deserialize;
use serde_json::json;

use super::people::detail;
use super::setup::hash_new;
use super::site_settings::{self, Failure};
use crate::guard::Client;
use crate::problem::Problem;
use crate::sessions;
use crate::shell::Visitor;
use crate::state::WebState;

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Passwords {
    current: String,
    password: String,
    repeated: String,
}

/// Gives oneself another password: whoever only found an open browser does not know the old one.
pub(crate) async fn change_password(
    State(state): State<WebState>,
    visitor: Visitor,
    Extension(Client(address)): Extension<Client>,
    Form(sent): Form<Passwords>,
) -> Result<Response, Problem> {
    let (name, now) = (&visitor.person.name, state.acts.now());
    let failed = |what: &str| Failure { form: "password", what: what.to_owned(), name: String::new() };
    if !state.throttle.allows(name, address, now) {
        let failure = failed("Too many failed tries. Wait a quarter of an hour and try again.");
        return site_settings::refused(&state, &visitor, failure).await;
    }
    let user = state.store.user(name).await?.ok_or_else(|| Problem::not_found("person"))?;
    if !state.passwords.is_right(sent.current, user.usable_hash()).await {
        state.throttle.failed(name, address, now);
        state.audit(name, "password.refused", json!({ "user": name })).await?;
        return site_settings::refused(&state, &visitor, failed("The present password is not right.")).await;
    }
    let hash = match hash_new(&state, sent.password, &sent.repeated).await {
        Ok(hash) => hash,
        Err(what) => return site_settings::refused(&state, &visitor, failed(&what)).await,
    };
    let changed = state.store.change_user(name, UserChange::Password(&hash), now).await?;
    state.throttle.succeeded(name, address);
    state.audit(name, "password.changed", detail(&changed)).await?;
    if let Some(user) = &changed.after {
        sessions::sign_in(&visitor.session, user, now).await?;
    }
    visitor.tell_at("The new password counts. Your other sessions have ended.", "/settings").await
}

/// Ends all one's sessions, this one too.
pub(crate) async fn sign_out_everywhere(
    State(state): State<WebState>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let name = &visitor.person.name;
    let changed = state.store.change_user(name, UserChange::SignedOut, state.acts.now()).await?;
    visitor.session.flush().await?;
    state.audit(name, "sign-out.everywhere", detail(&changed)).await?;
    Ok(Redirect::to("/sign-in").into_response())
}

#[cfg(test)]
mod tests {
    use crate::testing::{PASSWORD, Site};

    #[tokio::test]
    async fn a_new_password_takes_the_old_one_and_ends_the_other_sessions() {
        let mut site = Site::new().await;
        site.sign_in("vera").await;
        let other = site.clone();
        let mut site = site.with_cookie("");
        site.sign_in("vera").await;
        assert_eq!(other.get("/").await.status, 200);
        let form = |current: &str| {
            format!("current={current}&password=brand+new+password&repeated=brand+new+password")
        };
        let refused = site.post("/settings/password", &form("a-wrong-guess")).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains("The present password is not right."));
        let done = site.post("/settings/password", &form(PASSWORD)).await;
        assert_eq!(done.location(), "/settings", "{}", done.text);
        let before = site.cookie();
        site.keep_cookie(&done);
        assert_ne!(site.cookie(), before, "under a new id");
        assert_eq!(site.get("/").await.status, 200);
        assert_eq!(other.get("/").await.location(), "/sign-in");
        assert_eq!(site.post("/sign-in", &format!("name=vera&password={PASSWORD}")).await.status, 401);
        assert_eq!(site.post("/sign-in", "name=vera&password=brand+new+password").await.status, 303);
    }

    #[tokio::test]
    async fn guessing_the_present_password_is_slowed_down() {
        let mut site = Site::new().await;
        site.sign_in("vera").await;
        let form = |current: &str| {
            format!("current={current}&password=brand+new+password&repeated=brand+new+password")
        };
        for _ in 0..crate::throttle::MAX_PER_USER {
            site.post("/settings/password", &form("a-wrong-guess")).await;
        }
        let refused = site.post("/settings/password", &form(PASSWORD)).await;
        assert!(refused.text.contains("Too many failed tries"));
    }

    #[tokio::test]
    async fn signing_out_everywhere_ends_every_session_of_the_person_and_of_nobody_else() {
        let mut site = Site::new().await;
        site.sign_in("olaf").await;
        let olaf = site.clone();
        let mut site = site.with_cookie("");
        site.sign_in("vera").await;
        let other = site.clone();
        let mut site = site.with_cookie("");
        site.sign_in("vera").await;
        assert_eq!(other.get("/").await.status, 200);
        assert_eq!(site.post("/settings/sign-out-everywhere", "").await.location(), "/sign-in");
        assert_eq!(site.get("/").await.location(), "/sign-in");
        assert_eq!(other.get("/").await.location(), "/sign-in");
        assert_eq!(olaf.get("/").await.status, 200);
    }
}
