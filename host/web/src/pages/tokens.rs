//! API tokens: made on `/settings`, shown once, taken back there.
//!
//! **Invariants:** a token never carries a role above its maker's or its owner's; the token itself is on one answer and
//! nowhere else.

use std::collections::BTreeSet;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::SignedDuration;
use purser_domain::Digest;
use purser_store::access::{ApiToken, NewToken, Scope};
use purser_store::people::Role;
use serde_json::{Value, json};

use super::site_settings::{self, Failure};
use crate::guard::TOKEN_PREFIX;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// The longest life of a token.
pub const MAX_TOKEN_DAYS: i64 = 366;
const LONGEST_NAME: usize = 64;
/// In the form: nobody's, a service's.
const SERVICE: &str = "-";

/// A token of these random bytes, and the hash it is kept under.
#[must_use]
pub fn new_token(random: [u8; 32]) -> (String, [u8; 32]) {
    let token = format!("{TOKEN_PREFIX}{}", hex::encode(random));
    let hash = *Digest::of(token.as_bytes()).as_bytes();
    (token, hash)
}

#[derive(Template)]
#[template(path = "token_made.html")]
struct MadePage {
    shell: Shell,
    name: String,
    token: String,
    example: String,
}

type Sent = Vec<(String, String)>;

/// Makes a token and shows it.
pub(crate) async fn make(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let made = match wanted(&state, &visitor, &sent).await? {
        Ok(made) => made,
        Err(what) => {
            let failure = Failure { form: "tokens", what, name: last(&sent, "name").to_owned() };
            return site_settings::refused(&state, &visitor, failure).await;
        }
    };
    let (token, hash) = new_token(state.acts.random());
    let id = state.store.add_token(&hash, &made).await?;
    let detail = json!({ "token": id, "before": null, "after": shown(&made) });
    state.audit(&visitor.person.name, "token.made", detail).await?;
    let example = state.public_url.join("api/v1/purchases").map_err(|_| Problem::internal())?.to_string();
    let shell = Shell::load(&state, &visitor, Area::Settings).await?;
    page(&MadePage { shell, name: made.name, token, example })
}

/// What the form asks for; the error is a sentence for it.
async fn wanted(
    state: &WebState,
    visitor: &Visitor,
    sent: &Sent,
) -> Result<Result<NewToken, String>, Problem> {
    let owner = match owner(state, visitor, last(sent, "owner")).await? {
        Ok(owner) => owner,
        Err(what) => return Ok(Err(what)),
    };
    let highest = owner.as_ref().map_or(visitor.person.role, |(_, role)| visitor.person.role.min(*role));
    Ok(read(sent, highest).map(|(name, role, scopes, days)| {
        let now = state.acts.now();
        NewToken {
            name,
            owner: owner.map(|(name, _)| name),
            role,
            scopes,
            created_by: visitor.person.name.clone(),
            created_at: now,
            expires_at: now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now),
        }
    }))
}

type Owner = Option<(String, Role)>;

/// Whose it becomes: one's own, unless an administrator names somebody else.
async fn owner(state: &WebState, visitor: &Visitor, sent: &str) -> Result<Result<Owner, String>, Problem> {
    let me = &visitor.person;
    if sent.is_empty() || sent == me.name {
        return Ok(Ok(Some((me.name.clone(), me.role))));
    }
    if !me.may(Role::Admin) {
        return Ok(Err("Only an administrator makes tokens for others.".to_owned()));
    }
    if sent == SERVICE {
        return Ok(Ok(None));
    }
    let user = state.store.user(sent).await?.filter(|user| !user.is_disabled);
    Ok(match user {
        Some(user) => Ok(Some((user.name, user.role))),
        None => Err("There is nobody of this name who may sign in.".to_owned()),
    })
}

fn read(sent: &Sent, highest: Role) -> Result<(String, Role, BTreeSet<Scope>, i64), String> {
    let name = last(sent, "name").trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(format!("Give the token a name of 1 to {LONGEST_NAME} characters."));
    }
    let role = word::<Role>(last(sent, "role")).ok_or("Choose a role.")?;
    if role > highest {
        return Err("A token cannot do more than you may, or than its owner may.".to_owned());
    }
    let scopes = sent.iter().filter(|(name, _)| name == "scope").map(|(_, scope)| word::<Scope>(scope));
    let scopes: BTreeSet<Scope> = scopes.collect::<Option<_>>().ok_or("Choose scopes from the list.")?;
    let beyond = scopes.iter().find(|scope| scope.needs() > role);
    match (scopes.is_empty(), beyond) {
        (true, _) => return Err("Choose at least one scope.".to_owned()),
        (_, Some(scope)) => return Err(format!("The scope {} takes a higher role.", scope.name())),
        _ => {}
    }
    let days = last(sent, "days").trim().parse().ok().filter(|days| (1..=MAX_TOKEN_DAYS).contains(days));
    let days = days.ok_or_else(|| format!("Let it expire after 1 to {MAX_TOKEN_DAYS} days."))?;
    Ok((name.to_owned(), role, scopes, days))
}

fn last<'a>(sent: &'a Sent, name: &str) -> &'a str {
    sent.iter().rev().find(|(sent, _)| sent == name).map_or("", |(_, value)| value)
}

fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

/// Takes a token back: one's own, or as an administrator anybody's.
pub(crate) async fn revoke(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let tokens = state.store.tokens().await?;
    let token = tokens.into_iter().find(|token| token.id == id && is_shown_to(token, &visitor));
    let token = token.ok_or_else(|| Problem::not_found("token"))?;
    let revoked = state.store.revoke_token(token.id, state.acts.now()).await?;
    let detail =
        json!({ "token": id, "before": shown(&token.made), "after": { "revoked_at": revoked.revoked_at } });
    state.audit(&visitor.person.name, "token.revoked", detail).await?;
    visitor.tell_at("The token opens nothing any more.", "/settings").await
}

/// Whether the visitor sees this token and may take it back.
pub(crate) fn is_shown_to(token: &ApiToken, visitor: &Visitor) -> bool {
    let is_own = |owner: &String| owner.to_lowercase() == visitor.person.name.to_lowercase();
    visitor.person.may(Role::Admin) || token.made.owner.as_ref().is_some_and(is_own)
}

/// A token for the audit trail.
fn shown(token: &NewToken) -> Value {
    json!({
        "name": token.name, "owner": token.owner, "role": token.role, "scopes": token.scopes,
        "expires_at": token.expires_at,
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use purser_store::access::Scope;
    use purser_store::people::Role;

    use crate::testing::{Answer, Site};

    const FORM: &str = "name=nightly&role=viewer&scope=purchases:read&days=30";

    fn token_in(answer: &Answer) -> String {
        let (_, rest) = answer.text.split_once("purser_").expect("a token");
        format!("purser_{}", &rest[..64])
    }

    #[tokio::test]
    async fn a_token_is_shown_once_and_opens_what_its_scope_says() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let made = site.post("/settings/tokens", FORM).await;
        assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.text);
        let token = token_in(&made);
        let list = site.get("/settings").await.text;
        assert!(list.contains("nightly") && list.contains("never used") && !list.contains(&token));
        let stranger = site.with_cookie("");
        assert_eq!(stranger.by_token(&token).await.status, 200);
        assert!(!site.get("/settings").await.text.contains("never used"));
        let other = stranger
            .send(
                Request::get("/api/v1/runs/1")
                    .header("authorization", format!("Bearer {token}"))
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        assert_eq!(other.status, 403);
        assert!(
            other.text.contains("API-SCOPE")
                && other.header("www-authenticate").contains("insufficient_scope")
        );
    }

    #[tokio::test]
    async fn nobody_makes_a_token_above_themselves_or_for_others_unless_they_administer() {
        let mut site = Site::new().await;
        site.sign_in("vera").await;
        for form in [
            "name=x&role=operator&scope=purchases:read&days=30",
            "name=x&role=viewer&scope=runs:order&days=30",
            "name=x&role=viewer&scope=purchases:read&days=30&owner=anna",
            "name=x&role=viewer&scope=purchases:read&days=30&owner=-",
            "name=x&role=viewer&scope=purchases:read&days=367",
            "name=x&role=viewer&scope=purchases:read&days=0",
            "name=x&role=viewer&days=30",
            "name=x&role=viewer&scope=everything&days=30",
            "name=&role=viewer&scope=purchases:read&days=30",
        ] {
            assert_eq!(site.post("/settings/tokens", form).await.status, 422, "{form}");
        }
        site.sign_in("anna").await;
        let above = "name=x&role=admin&scope=purchases:read&days=30&owner=vera";
        assert_eq!(site.post("/settings/tokens", above).await.status, 422, "nor above its owner");
        assert!(site.store.tokens().await.unwrap().is_empty());
        for owner in ["vera", "-"] {
            let form = format!("{FORM}&owner={owner}");
            assert_eq!(site.post("/settings/tokens", &form).await.status, 200, "{owner}");
        }
    }

    #[tokio::test]
    async fn a_token_ends_when_it_expires_or_is_revoked_by_its_owner_or_an_administrator() {
        let mut site = Site::new().await;
        let scopes = &[Scope::PurchasesRead];
        let (mine, theirs) = (
            site.token(Some("vera"), Role::Viewer, scopes).await,
            site.token(Some("olaf"), Role::Viewer, scopes).await,
        );
        site.sign_in("vera").await;
        assert_eq!(
            site.post("/settings/tokens/2/revoke", "").await.status,
            404,
            "another's is not even told of"
        );
        assert_eq!(site.post("/settings/tokens/1/revoke", "").await.status, 303);
        assert_eq!((site.by_token(&mine).await.status, site.by_token(&theirs).await.status), (401, 200));
        site.clock.advance_minutes(31 * 24 * 60);
        assert_eq!(site.by_token(&theirs).await.status, 401);
    }

    #[tokio::test]
    async fn a_token_opens_no_page_and_no_session_helps_a_wrong_token() {
        let mut site = Site::new().await;
        let token = site.token(Some("anna"), Role::Admin, &Scope::ALL).await;
        let page = Request::get("/settings").header("authorization", format!("Bearer {token}"));
        assert_eq!(
            site.send(page.body(Body::empty()).unwrap()).await.location(),
            "/sign-in?next=%2Fsettings"
        );
        site.sign_in("anna").await;
        for credentials in ["Bearer purser_wrong", "Bearer", "Basic YTpi", "bearer nothing"] {
            let asked = Request::get("/api/v1/purchases").header("authorization", credentials);
            let refused = site.send(asked.body(Body::empty()).unwrap()).await;
            assert_eq!(refused.status, 401, "{credentials}");
            assert!(refused.header("www-authenticate").contains("invalid_token"), "{credentials}");
            assert!(refused.text.contains("API-TOKEN") && !refused.text.contains("purser_wrong"));
        }
    }

    #[tokio::test]
    async fn a_token_does_no_more_than_its_owner_may_now() {
        let site = Site::connected().await;
        let token = site.token(Some("vera"), Role::Operator, &Scope::ALL).await;
        let refused = site.order_by(&token, "").await;
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("WEB-ROLE"));
        let token = site.token(Some("olaf"), Role::Operator, &Scope::ALL).await;
        assert_eq!(site.order_by(&token, "").await.status, 202);
    }

    #[tokio::test]
    async fn wrong_tokens_are_slowed_down_and_written_down() {
        let site = Site::new().await;
        let token = site.token(None, Role::Viewer, &[Scope::PurchasesRead]).await;
        for _ in 0..crate::throttle::MAX_PER_ADDRESS {
            assert_eq!(site.by_token("purser_wrong").await.status, 401);
        }
        let throttled = site.by_token(&token).await;
        assert_eq!((throttled.status, throttled.header("retry-after")), (429, "900"));
        assert_eq!(site.store.audit_trail(100).await.unwrap().len(), crate::throttle::MAX_PER_ADDRESS);
        site.clock.advance_minutes(15);
        assert_eq!(site.by_token(&token).await.status, 200);
    }

    #[tokio::test]
    async fn what_a_token_does_is_told_with_its_owner_and_its_name() {
        let site = Site::connected().await;
        let token = site.token(Some("olaf"), Role::Operator, &[Scope::RunsOrder]).await;
        assert_eq!(site.order_by(&token, r#"{"from":"2026-11-01","to":"2026-11-03"}"#).await.status, 202);
        assert!(site.acts.log().last().unwrap().ends_with("olaf"), "{:?}", site.acts.log());
        let line = site.lines().await.remove(0);
        assert_eq!((line.entry.who.as_str(), line.means.as_str()), ("olaf", "token nightly"));
    }

    #[tokio::test]
    async fn a_form_of_another_site_orders_nothing_by_the_browser_s_session() {
        let mut site = Site::connected().await;
        site.sign_in("olaf").await;
        let asked = Request::post("/api/v1/accounts/1/runs").header("origin", "https://evil.example");
        let refused = site.send(asked.body(Body::empty()).unwrap()).await;
        assert!(refused.status == 403 && refused.text.contains("WEB-ORIGIN"));
        assert_eq!(site.acts.log(), Vec::<String>::new());
    }
}
