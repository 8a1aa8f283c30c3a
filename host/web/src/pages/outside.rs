//! `/sign-in/elsewhere`: signing in at somebody who vouches for people.
//!
//! **Invariants:** whoever comes back is the browser that left, by a secret in a cookie of its own; nothing of the answer
//! is shown or passed on in an address; what was refused signs nobody in and changes nobody.

use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use purser_domain::Digest;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tower_sessions::Session;
use tower_sessions::cookie::time::Duration;
use tower_sessions::cookie::{Cookie, SameSite};
use url::form_urlencoded;

use super::people::shown;
use super::sign_in::{local, too_many};
use crate::access::{OutsideSignIn, Outsider};
use crate::guard::Client;
use crate::problem::Problem;
use crate::sessions;
use crate::state::WebState;

/// Where a provider sends people back to, under the public URL: what is registered there.
pub const OUTSIDE_CALLBACK: &str = "/sign-in/elsewhere/callback";
/// How long somebody may take elsewhere.
const PATIENCE: Duration = Duration::minutes(10);

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// Sends the browser there.
pub(crate) async fn begin(
    State(state): State<WebState>,
    Extension(Client(address)): Extension<Client>,
    Query(query): Query<Next>,
) -> Result<Response, Problem> {
    let outside = outside(&state)?;
    if !state.throttle.allows_address(address, state.acts.now()) {
        return too_many(&state, "/", "").await;
    }
    let secret = hex::encode(state.acts.random());
    let there = outside.begin(Digest::of(secret.as_bytes()).as_bytes()).await?;
    let next: String = form_urlencoded::byte_serialize(local(&query.next).as_bytes()).collect();
    let mut response = Redirect::to(there.as_str()).into_response();
    set_cookie(&state, &mut response, format!("{secret}.{next}"), PATIENCE)?;
    Ok(response)
}

/// Takes who comes back.
pub(crate) async fn callback(
    State(state): State<WebState>,
    session: Session,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let answer = answered(&state, session, client, &headers, query).await;
    let mut response = answer.into_response();
    if set_cookie(&state, &mut response, String::new(), Duration::ZERO).is_err() {
        return Problem::internal().into_response();
    }
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn answered(
    state: &WebState,
    session: Session,
    Client(address): Client,
    headers: &HeaderMap,
    query: Vec<(String, String)>,
) -> Result<Response, Problem> {
    let (outside, now) = (outside(state)?, state.acts.now());
    if !state.throttle.allows_address(address, now) {
        return too_many(state, "/", "").await;
    }
    let came = match kept(state, headers) {
        Some((secret, next)) => {
            let browser = Digest::of(secret.as_bytes());
            outside.finish(browser.as_bytes(), &query).await.map(|outsider| (outsider, next))
        }
        None => Err(another_browser()),
    };
    match came {
        Ok((outsider, next)) => admit(state, &session, outsider, &next).await,
        Err(problem) => {
            state.throttle.failed_from(address, now);
            let detail = json!({ "code": problem.code });
            state.audit("nobody", "sign-in.refused", detail).await?;
            Err(problem)
        }
    }
}

async fn admit(
    state: &WebState,
    session: &Session,
    outsider: Outsider,
    next: &str,
) -> Result<Response, Problem> {
    let now = state.acts.now();
    let name = name_of(&outsider.name);
    let (before, user) = state.store.admit_outsider(&outsider.identity, &name, outsider.role, now).await?;
    let detail = json!({
        "user": user.name, "issuer": outsider.identity.issuer,
        "before": before.as_ref().map(shown), "after": shown(&user),
    });
    if user.is_disabled {
        state.audit(&user.name, "sign-in.refused", detail).await?;
        let what = "you signed in, but an administrator here has disabled you";
        return Err(Problem::new(403, "WEB-DISABLED", what, "ask an administrator of this Purser"));
    }
    sessions::sign_in(session, &user, now).await?;
    state.audit(&user.name, "sign-in", detail).await?;
    Ok(Redirect::to(local(next)).into_response())
}

fn outside(state: &WebState) -> Result<Arc<dyn OutsideSignIn>, Problem> {
    state.outside.clone().ok_or_else(|| Problem::not_found("page"))
}

/// As a name here may be.
fn name_of(given: &str) -> String {
    let name: String = given.trim().chars().filter(|c| !c.is_control()).take(56).collect();
    if name.is_empty() { "somebody".to_owned() } else { name }
}

fn another_browser() -> Problem {
    let what = "this sign-in was begun in another browser, or too long ago";
    Problem::new(400, "WEB-ELSEWHERE-BROWSER", what, "begin again at the sign-in page")
}

fn cookie_name(state: &WebState) -> &'static str {
    if state.cookies_secure { "__Host-elsewhere" } else { "elsewhere" }
}

fn set_cookie(
    state: &WebState,
    response: &mut Response,
    value: String,
    life: Duration,
) -> Result<(), Problem> {
    // Lax: the browser comes back from another site.
    let cookie = Cookie::build((cookie_name(state), value))
        .path("/")
        .http_only(true)
        .secure(state.cookies_secure)
        .same_site(SameSite::Lax)
        .max_age(life);
    let value = HeaderValue::from_str(&cookie.to_string()).map_err(|_| Problem::internal())?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

/// The secret of this browser, and where it goes afterwards.
fn kept(state: &WebState, headers: &HeaderMap) -> Option<(String, String)> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|value| value.split(';')).filter_map(|it| Cookie::parse(it.trim()).ok());
    let cookie = cookies.into_iter().find(|cookie| cookie.name() == cookie_name(state))?;
    let (secret, next) = cookie.value().split_once('.')?;
    // As the only name of a form: whatever stands in it stays in it.
    let (next, _) = form_urlencoded::parse(next.as_bytes()).next().unwrap_or_default();
    Some((secret.to_owned(), next.into_owned()))
}

/// What the sign-in page says where passwords are not taken.
pub(crate) fn passwords_off() -> Problem {
    let what = "this Purser takes no passwords";
    let status = StatusCode::FORBIDDEN.as_u16();
    Problem::new(status, "WEB-PASSWORDS-OFF", what, "sign in by the button on the sign-in page")
}

#[cfg(test)]
mod tests {
    use purser_store::people::Role;

    use crate::access::AccessRules;
    use crate::testing::{PASSWORD, Site};

    const BACK: &str = "/sign-in/elsewhere/callback?code=one-time-code&state=good";

    #[tokio::test]
    async fn whoever_a_provider_vouches_for_is_signed_in_with_the_role_it_gives() {
        let mut site = Site::with_outside(AccessRules::default()).await;
        assert!(site.get("/sign-in?next=%2Faudit").await.text.contains("Sign in with Example"));
        let there = site.get("/sign-in/elsewhere?next=%2Faudit").await;
        assert_eq!((there.status, there.location()), (303, "https://login.example/authorize"));
        for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(there.header("set-cookie").contains(part), "{part}");
        }
        site.keep_cookie(&there);
        site.outside.vouch("otto", Role::Operator);
        let back = site.get(BACK).await;
        assert_eq!((back.status, back.location()), (303, "/audit"), "{}", back.text);
        assert_eq!(back.header("referrer-policy"), "no-referrer");
        site.keep_session(&back);
        assert!(site.get("/audit").await.text.contains("otto"));
        let otto = site.store.user("otto").await.unwrap().unwrap();
        assert_eq!((otto.role, otto.password_hash.as_str()), (Role::Operator, ""));
        let by_password = site.post("/sign-in", "name=otto&password=").await;
        assert_eq!(by_password.status, 401, "no password is right");
    }

    #[tokio::test]
    async fn another_browser_cannot_finish_a_sign_in() {
        let mut site = Site::with_outside(AccessRules::default()).await;
        site.outside.vouch("otto", Role::Admin);
        let there = site.get("/sign-in/elsewhere").await;
        for cookie in ["", "elsewhere=made-up.%2F", "elsewhere=made-up"] {
            let back = site.with_cookie(cookie).get(BACK).await;
            assert_eq!(back.status, 400, "{cookie}");
            assert!(!back.text.contains("one-time-code"));
        }
        assert_eq!(site.store.user("otto").await.unwrap(), None);
        site.keep_cookie(&there);
        assert_eq!(site.get(BACK).await.status, 303);
    }

    #[tokio::test]
    async fn a_refusal_signs_nobody_in_and_is_written_down() {
        let mut site = Site::with_outside(AccessRules::default()).await;
        let there = site.get("/sign-in/elsewhere").await;
        site.keep_cookie(&there);
        let back = site.get(BACK).await;
        assert_eq!(back.status, 403);
        assert!(back.text.contains("TST-NO-GROUP"));
        assert!(!back.header("set-cookie").contains("session="));
        let line = site.lines().await.remove(0);
        assert_eq!((line.entry.who.as_str(), line.entry.what.as_str()), ("nobody", "sign-in.refused"));
    }

    #[tokio::test]
    async fn a_local_person_of_the_same_name_is_left_alone() {
        let mut site = Site::with_outside(AccessRules::default()).await;
        let there = site.get("/sign-in/elsewhere").await;
        site.keep_cookie(&there);
        site.outside.vouch("anna", Role::Viewer);
        let back = site.get(BACK).await;
        site.keep_session(&back);
        assert!(site.get("/").await.text.contains("anna (2) <small>viewer"));
        assert_eq!(site.store.user("anna").await.unwrap().unwrap().role, Role::Admin);
        site.sign_in("anna").await;
    }

    #[tokio::test]
    async fn the_role_is_read_again_at_each_sign_in_and_another_one_ends_other_sessions() {
        let mut site = Site::with_outside(AccessRules::default()).await;
        let mut sign_in = async |role| {
            site.outside.vouch("otto", role);
            let there = site.get("/sign-in/elsewhere").await;
            site.keep_cookie(&there);
            let back = site.get(BACK).await;
            site.keep_session(&back);
            site.clone()
        };
        let first = sign_in(Role::Admin).await;
        let second = sign_in(Role::Admin).await;
        assert_eq!(first.get("/").await.status, 200, "the same role ends nothing");
        let third = sign_in(Role::Viewer).await;
        assert_eq!(third.get("/audit").await.status, 403);
        assert_eq!(second.get("/audit").await.location(), "/sign-in?next=%2Faudit");
    }

    #[tokio::test]
    async fn a_person_disabled_here_stays_out() {
        let mut site = Site::with_outside(AccessRules::default()).await;
        site.outside.vouch("otto", Role::Admin);
        for is_first in [true, false] {
            let there = site.get("/sign-in/elsewhere").await;
            site.keep_cookie(&there);
            let back = site.get(BACK).await;
            assert_eq!(back.status, if is_first { 303 } else { 403 }, "{}", back.text);
            let change = purser_store::access::UserChange::Disabled;
            site.store.change_user("otto", change, site.clock.now()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn where_passwords_are_off_none_is_taken() {
        let rules = AccessRules { takes_passwords: false, ..AccessRules::default() };
        let site = Site::with_outside(rules).await;
        assert!(!site.get("/sign-in").await.text.contains("type=\"password\""));
        let refused = site.post("/sign-in", &format!("name=anna&password={PASSWORD}")).await;
        assert!(refused.status == 403 && refused.text.contains("WEB-PASSWORDS-OFF"));
    }

    #[tokio::test]
    async fn without_a_provider_there_is_no_such_page() {
        let site = Site::new().await;
        assert_eq!(site.get("/sign-in/elsewhere").await.status, 404);
        assert!(!site.get("/sign-in").await.text.contains("/sign-in/elsewhere"));
    }
}
