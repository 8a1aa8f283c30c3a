//! People who may sign in: added, changed, disabled, removed, helped with a lost password. `/settings` shows them.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::SignedDuration;
use purser_domain::Digest;
use purser_store::access::{Changed, UserChange};
use purser_store::people::{Role, User};
use serde::Deserialize;
use serde_json::{Value, json};

use super::setup::new_user;
use super::site_settings::{self, Failure};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// How long a password link is good.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// A person to add.
#[derive(Deserialize)]
pub(crate) struct NewUser {
    name: String,
    role: Role,
    password: String,
    repeated: String,
}

/// Adds a person.
pub(crate) async fn add(
    State(state): State<WebState>,
    visitor: Visitor,
    Form(sent): Form<NewUser>,
) -> Result<Response, Problem> {
    let failed = |what| Failure { form: "people", what, name: sent.name.clone() };
    let user = match new_user(&state, &sent.name, sent.password, &sent.repeated, sent.role).await {
        Ok(user) => user,
        Err(failure) => return site_settings::refused(&state, &visitor, failed(failure)).await,
    };
    match state.store.add_user(&user).await {
        Err(purser_store::Error::Conflict(_)) => {
            let failure = failed("Somebody has this name already.".to_owned());
            return site_settings::refused(&state, &visitor, failure).await;
        }
        added => added?,
    }
    let detail = json!({ "user": user.name, "before": null, "after": shown(&user) });
    state.audit(&visitor.person.name, "user.added", detail).await?;
    visitor.tell_at("The person can sign in now.", "/settings").await
}

/// What to do with a person.
#[derive(Deserialize)]
pub(crate) struct Sent {
    act: Act,
    role: Option<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    Role,
    Disable,
    Enable,
    Remove,
    Reset,
}

#[derive(Template)]
#[template(path = "password_link_made.html")]
struct LinkPage {
    shell: Shell,
    name: String,
    link: String,
}

/// Changes a person; their sessions end, and where it takes something away so do their tokens.
pub(crate) async fn change(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(name): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let user = state.store.user(&name).await?.ok_or_else(|| Problem::not_found("person"))?;
    let change = match sent.act {
        Act::Role => {
            only_here(&user)?;
            UserChange::Role(sent.role.ok_or_else(|| Problem::input("no role was chosen"))?)
        }
        Act::Disable => UserChange::Disabled,
        Act::Enable => UserChange::Enabled,
        Act::Remove => UserChange::Removed,
        Act::Reset => return reset(&state, &visitor, &user).await,
    };
    let (what, told) = words(change);
    let changed = state.store.change_user(&user.name, change, state.acts.now()).await?;
    state.audit(&visitor.person.name, what, detail(&changed)).await?;
    visitor.tell_at(told, "/settings").await
}

async fn reset(state: &WebState, visitor: &Visitor, user: &User) -> Result<Response, Problem> {
    only_here(user)?;
    if user.name == visitor.person.name {
        let remedy = "change your own password further up on the same page";
        return Err(Problem::new(409, "WEB-RESET-OWN", "a password link is for somebody else", remedy));
    }
    let (token, now) = (hex::encode(state.acts.random()), state.acts.now());
    let expires_at = now.saturating_add(LINK_LIFE).unwrap_or(now);
    let link_hash = Digest::of(token.as_bytes());
    let change = UserChange::Reset { link_hash: link_hash.as_bytes(), expires_at };
    let changed = state.store.change_user(&user.name, change, now).await?;
    state.audit(&visitor.person.name, "user.reset", detail(&changed)).await?;
    let link = state.public_url.join(&format!("password/{token}")).map_err(|_| Problem::internal())?;
    let shell = Shell::load(state, visitor, Area::Settings).await?;
    page(&LinkPage { shell, name: user.name.clone(), link: link.to_string() })
}

/// What somebody else decides at each sign-in is not decided here.
fn only_here(user: &User) -> Result<(), Problem> {
    let Some(identity) = &user.identity else { return Ok(()) };
    let what =
        format!("this person signs in at {}, which gives the role and keeps the password", identity.issuer);
    Err(Problem::new(409, "WEB-ELSEWHERE", what, "change it there, or disable the person here"))
}

fn words(change: UserChange<'_>) -> (&'static str, &'static str) {
    match change {
        UserChange::Role(_) => ("user.role", "The role counts from now on; the person signs in again."),
        UserChange::Disabled => {
            ("user.disabled", "The person can no longer sign in; sessions and tokens have ended.")
        }
        UserChange::Enabled => ("user.enabled", "The person can sign in again."),
        UserChange::Removed => ("user.removed", "The person is removed; sessions and tokens have ended."),
        _ => ("user.changed", "Saved."),
    }
}

/// A change for the audit trail.
pub(crate) fn detail(changed: &Changed) -> Value {
    let after = changed.after.as_ref().map(shown);
    json!({ "user": changed.before.name, "before": shown(&changed.before), "after": after, "tokens_ended": changed.tokens })
}

/// A person for the audit trail.
pub(crate) fn shown(user: &User) -> Value {
    let signs_in = match &user.identity {
        Some(identity) => identity.issuer.as_str(),
        None if user.password_hash.is_empty() => "link",
        None => "password",
    };
    json!({ "role": user.role, "disabled": user.is_disabled, "signs_in_by": signs_in })
}

#[cfg(test)]
mod tests {
    use purser_store::access::{Identity, Scope};
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
    async fn what_an_administrator_does_to_a_person_ends_their_sessions_and_tokens_at_once() {
        for act in ["act=role&role=viewer", "act=disable", "act=reset", "act=remove"] {
            let mut site = Site::new().await;
            site.sign_in("olaf").await;
            let token = site.token(Some("olaf"), Role::Operator, &[Scope::PurchasesRead]).await;
            let olaf = site.clone();
            let mut site = site.with_cookie("");
            site.sign_in("anna").await;
            assert_eq!((olaf.get("/").await.status, olaf.by_token(&token).await.status), (200, 200));
            let done = site.post("/settings/users/olaf", act).await;
            assert!(matches!(done.status, 200 | 303), "{act}: {}", done.text);
            assert_eq!(olaf.get("/").await.location(), "/sign-in", "{act}");
            assert_eq!(olaf.by_token(&token).await.status, 401, "{act}");
            assert_eq!(site.get("/").await.status, 200, "{act}: nobody else's");
        }
    }

    #[tokio::test]
    async fn a_disabled_person_signs_in_again_once_enabled() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        site.post("/settings/users/olaf", "act=disable").await;
        let credentials = format!("name=olaf&password={}", crate::testing::PASSWORD);
        let refused = site.post("/sign-in", &credentials).await;
        assert_eq!(refused.status, 401);
        assert!(refused.text.contains("Name or password is not right."), "it does not say why");
        site.post("/settings/users/olaf", "act=enable").await;
        assert_eq!(site.post("/sign-in", &credentials).await.status, 303);
    }

    #[tokio::test]
    async fn the_last_administrator_is_not_taken_away() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        for act in ["act=role&role=viewer", "act=disable", "act=remove"] {
            let refused = site.post("/settings/users/anna", act).await;
            assert_eq!(refused.status, 409, "{act}");
            assert!(refused.text.contains("WEB-LAST-ADMIN"), "{act}");
        }
        assert_eq!(site.post("/settings/users/anna", "act=reset").await.status, 409, "nor locked out");
        assert_eq!(site.get("/settings").await.status, 200);
    }

    #[tokio::test]
    async fn a_reset_password_is_set_by_its_link_once() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        let made = site.post("/settings/users/olaf", "act=reset").await.text;
        let link = made.split("http://localhost:8080").find_map(|it| it.strip_prefix("/password/")).unwrap();
        let path = format!("/password/{}", &link[..64]);
        let old = site.post("/sign-in", &format!("name=olaf&password={}", crate::testing::PASSWORD)).await;
        assert_eq!(old.status, 401, "the old password is gone at once");
        assert!(site.get(&path).await.text.contains("olaf"));
        assert_eq!(site.post(&path, "password=short&repeated=short").await.status, 422);
        let form = "password=brand+new+password&repeated=brand+new+password";
        assert_eq!(site.post(&path, form).await.location(), "/sign-in");
        assert_eq!(site.post(&path, form).await.status, 410);
        assert_eq!(site.get(&path).await.status, 410);
        assert_eq!(site.post("/sign-in", "name=olaf&password=brand+new+password").await.status, 303);
    }

    #[tokio::test]
    async fn what_a_provider_decides_is_not_decided_here() {
        let mut site = Site::new().await;
        let identity = Identity { issuer: "https://login.example".into(), subject: "1".into() };
        site.store.admit_outsider(&identity, "otto", Role::Viewer, site.clock.now()).await.unwrap();
        site.sign_in("anna").await;
        for act in ["act=role&role=admin", "act=reset"] {
            let refused = site.post("/settings/users/otto", act).await;
            assert!(refused.status == 409 && refused.text.contains("WEB-ELSEWHERE"), "{act}");
        }
        assert_eq!(site.post("/settings/users/otto", "act=disable").await.status, 303);
    }
}
