//! `/connectors/{connector}/consent/…`: to the vendor's sign-in page and back.
//!
//! The way starts with a link, not a form: browsers apply `form-action` to where a form's answer redirects. The
//! callback leaves its one-time code behind at once: its answer is a redirect to a clean address, never stored, and
//! without a referrer.

use askama::Template;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use purser_domain::AccountId;
use serde::Deserialize;
use tower_sessions::Session;

use super::hand_over;
use crate::acts::{BeginConsent, Confirmation, ConnectorView};
use crate::guard::Guest;
use crate::problem::Problem;
use crate::sessions;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

const CONFIRMATION: &str = "confirmation";

#[derive(Template)]
#[template(path = "consent_confirm.html")]
struct ConfirmPage {
    shell: Shell,
    connector: ConnectorView,
    asked: Confirmation,
    cloud: String,
}

/// How a flow begins.
#[derive(Deserialize)]
pub(crate) struct Start {
    cloud: Option<String>,
    renew: Option<AccountId>,
}

/// What a session remembers between the callback and the answer.
#[derive(serde::Serialize, Deserialize)]
struct Asked {
    connector: String,
    cloud: String,
    confirmation: Confirmation,
}

/// Sends the browser to the vendor.
pub(crate) async fn start(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Query(start): Query<Start>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let cloud = start.cloud.as_deref().filter(|cloud| !cloud.is_empty());
    if cloud.is_some_and(|cloud| connector.clouds.iter().all(|known| known.id != cloud)) {
        return Err(Problem::not_found("cloud"));
    }
    let session = sessions::binding(&visitor.session);
    let request = BeginConsent { connector: &connector.id, cloud, session: &session, renew: start.renew };
    let vendor = state.acts.begin_consent(request).await?;
    Ok(Redirect::to(vendor.as_str()).into_response())
}

/// Whoever comes back from the vendor: an operator, or the guest of a hand-over.
pub(crate) struct Returning {
    session: Session,
    guest: Option<Guest>,
}

impl FromRequestParts<WebState> for Returning {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        let session = parts.extensions.get::<Session>().cloned().ok_or_else(Problem::internal)?;
        Ok(Self { session, guest: parts.extensions.get::<Guest>().cloned() })
    }
}

/// Takes the vendor's answer, in the connector's first cloud.
pub(crate) async fn callback(
    State(state): State<WebState>,
    returning: Returning,
    Path(connector): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    without_referrer(answered(&state, &returning, &connector, None, query).await)
}

/// Takes the vendor's answer.
pub(crate) async fn callback_of_cloud(
    State(state): State<WebState>,
    returning: Returning,
    Path((connector, cloud)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    without_referrer(answered(&state, &returning, &connector, Some(&cloud), query).await)
}

async fn answered(
    state: &WebState,
    returning: &Returning,
    connector: &str,
    cloud: Option<&str>,
    query: Vec<(String, String)>,
) -> Result<Response, Problem> {
    let connector = state.connector(connector)?;
    let binding = sessions::binding(&returning.session);
    let confirmation = state.acts.finish_consent(&connector.id, cloud, &query, &binding).await;
    if returning.guest.is_some() {
        return hand_over::answered(&returning.session, confirmation).await;
    }
    let (confirmation, cloud) = (confirmation?, cloud.unwrap_or_default().to_owned());
    let asked = Asked { connector: connector.id.to_string(), cloud, confirmation };
    returning.session.insert(CONFIRMATION, asked).await?;
    Ok(Redirect::to(&format!("/connectors/{}/consent/confirm", connector.id)).into_response())
}

/// What stands in an address once is not told to whoever is asked next.
pub(crate) fn without_referrer(answer: Result<Response, Problem>) -> Response {
    let headers = [(header::REFERRER_POLICY, "no-referrer"), (header::CACHE_CONTROL, "no-store")];
    let mut response = answer.into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
    }
    response
}

/// "You signed in as …: is this the right account?"
pub(crate) async fn question(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let shell = Shell::load(&state, &visitor, Area::Connectors).await?;
    let asked: Option<Asked> = visitor.session.get(CONFIRMATION).await?;
    let asked = asked.filter(|asked| asked.connector == connector.id.as_str()).ok_or_else(nothing_asked)?;
    page(&ConfirmPage { shell, connector, asked: asked.confirmation, cloud: asked.cloud })
}

/// Yes: connects the account.
pub(crate) async fn confirm(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let asked: Option<Asked> = visitor.session.remove(CONFIRMATION).await?;
    let asked = asked.filter(|asked| asked.connector == connector.id.as_str()).ok_or_else(nothing_asked)?;
    let session = sessions::binding(&visitor.session);
    let account =
        state.acts.confirm_consent(&asked.confirmation.handle, &session, &visitor.person.name).await?;
    let path = format!("/connectors/{}/accounts/{account}/preflight", connector.id);
    visitor.tell_at("The account is connected.", &path).await
}

#[derive(Template)]
#[template(path = "consent_application.html")]
struct ApplicationPage {
    shell: Shell,
    connector: ConnectorView,
    is_given: bool,
}

/// What the vendor reports of a consent for a whole tenant. Anybody can open this page, and it changes nothing.
pub(crate) async fn application(
    State(state): State<WebState>,
    Path((connector, outcome)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let is_given = match outcome.as_str() {
        "given" => true,
        "refused" => false,
        _ => return Err(Problem::not_found("page")),
    };
    page(&ApplicationPage { shell: Shell::bare(), connector, is_given })
}

fn nothing_asked() -> Problem {
    let remedy = "start again from the connector's settings";
    Problem::new(
        409,
        "CON-FLOW-GONE",
        "this sign-in was already answered, or belongs to another session",
        remedy,
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    const CALLBACK: &str = "/connectors/test-cloud/consent/callback/global?code=one-time-code&state=good";

    #[tokio::test]
    async fn from_the_button_to_the_preflight_table() {
        let mut site = Site::empty().await;
        site.sign_in("olaf").await;
        let start = site.get("/connectors/test-cloud/consent/start?cloud=global").await;
        assert_eq!((start.status, start.location()), (303, "https://login.example/authorize?state=good"));
        let back = site.get(CALLBACK).await;
        assert_eq!((back.status, back.location()), (303, "/connectors/test-cloud/consent/confirm"));
        let question = site.get(back.location()).await;
        assert!(question.text.contains("svc@contoso.example") && question.text.contains("Contoso Partner"));
        assert!(!question.text.contains("one-time-code") && !question.text.contains("handle-1"));
        let yes = site.post("/connectors/test-cloud/consent/confirm", "").await;
        assert_eq!((yes.status, yes.location()), (303, "/connectors/test-cloud/accounts/1/preflight"));
        let preflight = site.get(yes.location()).await;
        assert!(
            preflight.text.contains("The account is connected.") && preflight.text.contains("read customers")
        );
    }

    #[tokio::test]
    async fn the_callback_leaves_no_trace_of_its_code() {
        let mut site = Site::empty().await;
        site.sign_in("olaf").await;
        for path in [CALLBACK, "/connectors/test-cloud/consent/callback?code=one-time-code&state=wrong"] {
            let back = site.get(path).await;
            assert_eq!(
                (back.header("referrer-policy"), back.header("cache-control")),
                ("no-referrer", "no-store")
            );
            assert!(!back.text.contains("one-time-code") && !back.location().contains("one-time-code"));
        }
    }

    #[tokio::test]
    async fn a_refused_answer_is_a_page_with_code_and_remedy() {
        let mut site = Site::empty().await;
        site.sign_in("olaf").await;
        let back = site.get("/connectors/test-cloud/consent/callback?code=x&state=wrong").await;
        assert_eq!(back.status, 400);
        assert!(back.text.contains("CON-STATE") && back.text.contains("start again"), "{}", back.text);
    }

    #[tokio::test]
    async fn without_a_session_the_code_is_not_carried_to_the_sign_in_page() {
        let site = Site::empty().await;
        let back = site.get(CALLBACK).await;
        assert_eq!(back.location(), "/sign-in?next=%2Fconnectors%2Ftest-cloud%2Fsettings");
    }

    #[tokio::test]
    async fn the_answer_of_an_administrator_is_told_to_anybody_and_brings_nothing_in() {
        let site = Site::empty().await;
        let callback = "/connectors/test-cloud/consent/callback/global?state=application-consent";
        for (query, outcome, words) in [
            ("&ok=True&tenant=made-up-tenant", "given", "reports that the consent was given"),
            (
                "&ok=True&error=access_denied&tenant=made-up-tenant",
                "refused",
                "reports that it was not given",
            ),
        ] {
            let back = site.get(&format!("{callback}{query}")).await;
            assert_eq!(back.location(), format!("/connectors/test-cloud/application-consent/{outcome}"));
            assert_eq!(back.header("referrer-policy"), "no-referrer");
            assert!(!back.has_header("set-cookie"), "no session begins");
            let told = site.get(back.location()).await.text;
            assert!(told.contains(words) && told.contains("Nothing was stored"), "{told}");
        }
        assert_eq!(site.get("/connectors/test-cloud/application-consent/else").await.status, 404);
        assert_eq!((site.acts.log(), site.store.accounts().await.unwrap().len()), (Vec::new(), 0));
    }

    #[tokio::test]
    async fn an_answer_counts_once() {
        let mut site = Site::empty().await;
        site.sign_in("olaf").await;
        site.get(CALLBACK).await;
        assert_eq!(site.post("/connectors/test-cloud/consent/confirm", "").await.status, 303);
        let again = site.post("/connectors/test-cloud/consent/confirm", "").await;
        assert_eq!(again.status, 409);
        assert!(again.text.contains("CON-FLOW-GONE"));
    }
}
