//! `/settings`: how this Purser is reached, one's own access, API tokens; for administrators, people.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use purser_store::access::{ApiToken, Scope};
use purser_store::people::{Role, User};

use super::tokens::{MAX_TOKEN_DAYS, is_shown_to};
use crate::format::{Pill, When};
use crate::password::MIN_PASSWORD_LENGTH;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page, role_title};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "site_settings.html")]
struct SettingsPage {
    shell: Shell,
    public_url: String,
    is_secure: bool,
    session_rules: String,
    zones: usize,
    has_password: bool,
    /// Only for administrators.
    people: Vec<PersonShown>,
    tokens: Vec<TokenShown>,
    roles: Vec<(&'static str, &'static str)>,
    scopes: Vec<&'static str>,
    failure: Failure,
    min_length: usize,
    max_days: i64,
}

/// What went wrong with which form.
#[derive(Default)]
pub(crate) struct Failure {
    pub(crate) form: &'static str,
    pub(crate) what: String,
    pub(crate) name: String,
}

struct PersonShown {
    name: String,
    role: &'static str,
    signs_in_by: String,
    is_disabled: bool,
    is_here: bool,
    is_me: bool,
}

struct TokenShown {
    id: i64,
    name: String,
    owner: String,
    role: &'static str,
    scopes: String,
    pill: Pill,
    expires: When,
    used: Option<When>,
    is_good: bool,
}

/// The page.
pub(crate) async fn show(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    draw(&state, &visitor, Failure::default()).await
}

/// The page with what went wrong.
pub(crate) async fn refused(
    state: &WebState,
    visitor: &Visitor,
    failure: Failure,
) -> Result<Response, Problem> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(state, visitor, failure).await?).into_response())
}

async fn draw(state: &WebState, visitor: &Visitor, failure: Failure) -> Result<Response, Problem> {
    let (me, now) = (&visitor.person, state.acts.now());
    let users = state.store.users().await?;
    let has_password = users.iter().any(|user| user.name == me.name && user.identity.is_none());
    let mut tokens = state.store.tokens().await?;
    tokens.retain(|token| is_shown_to(token, visitor));
    let people = users.into_iter().filter(|_| me.may(Role::Admin)).map(|user| shown_person(user, &me.name));
    page(&SettingsPage {
        shell: Shell::load(state, visitor, Area::Settings).await?,
        public_url: state.public_url.to_string(),
        is_secure: state.cookies_secure,
        session_rules: session_rules(state.rules.idle, state.rules.absolute),
        zones: jiff::tz::db().available().count(),
        has_password,
        people: people.collect(),
        tokens: tokens.into_iter().map(|token| shown_token(token, now)).collect(),
        roles: ROLES
            .into_iter()
            .filter(|(role, ..)| me.may(*role))
            .map(|(_, word, title)| (word, title))
            .collect(),
        scopes: Scope::ALL.into_iter().filter(|scope| me.may(scope.needs())).map(Scope::name).collect(),
        failure,
        min_length: MIN_PASSWORD_LENGTH,
        max_days: MAX_TOKEN_DAYS,
    })
}

const ROLES: [(Role, &str, &str); 3] = [
    (Role::Viewer, "viewer", "viewer: looks"),
    (Role::Operator, "operator", "operator: runs, consents, changes settings"),
    (Role::Admin, "admin", "administrator: plugins, people, keys"),
];

fn shown_person(user: User, me: &str) -> PersonShown {
    let signs_in_by = match &user.identity {
        Some(identity) => identity.issuer.clone(),
        None if user.password_hash.is_empty() => "a password link, not used yet".to_owned(),
        None => "password".to_owned(),
    };
    PersonShown {
        role: role_title(user.role),
        signs_in_by,
        is_disabled: user.is_disabled,
        is_here: user.identity.is_none(),
        is_me: user.name == me,
        name: user.name,
    }
}

fn shown_token(token: ApiToken, now: Timestamp) -> TokenShown {
    let made = token.made;
    let (is_good, pill) = match token.revoked_at {
        Some(_) => (false, Pill::new("idle", "Revoked")),
        None if made.expires_at <= now => (false, Pill::new("idle", "Expired")),
        None => (true, Pill::new("ok", "Good")),
    };
    TokenShown {
        id: token.id,
        name: made.name,
        owner: made.owner.unwrap_or_else(|| "a service".to_owned()),
        role: role_title(made.role),
        scopes: made.scopes.into_iter().map(Scope::name).collect::<Vec<_>>().join(", "),
        pill,
        expires: When::new(made.expires_at, &TimeZone::UTC),
        used: token.last_used_at.map(|used| When::new(used, &TimeZone::UTC)),
        is_good,
    }
}

fn session_rules(idle: SignedDuration, absolute: SignedDuration) -> String {
    format!("end after {} without use, and after {} in any case", words(idle), words(absolute))
}

fn words(duration: SignedDuration) -> String {
    match (duration.as_mins(), duration.as_hours()) {
        (_, 1) if duration.as_mins() == 60 => "1 hour".to_owned(),
        (minutes, hours) if minutes == hours * 60 => format!("{hours} hours"),
        (minutes, _) => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn a_role_taken_away_counts_at_once() {
        let mut site = Site::new().await;
        site.sign_in("vera").await;
        assert_eq!(site.get("/audit").await.status, 403, "the role is looked up at each request");
    }

    #[tokio::test]
    async fn everybody_sees_their_own_tokens_and_administrators_all() {
        let mut site = Site::new().await;
        let scopes = &[purser_store::access::Scope::PurchasesRead];
        for owner in ["vera", "olaf"] {
            site.token(Some(owner), purser_store::people::Role::Viewer, scopes).await;
        }
        for (name, count) in [("vera", 1), ("olaf", 1), ("anna", 2)] {
            site.sign_in(name).await;
            assert_eq!(site.get("/settings").await.text.matches("nightly").count(), count, "{name}");
        }
    }
}
