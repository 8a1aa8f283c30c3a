//! `/hand-over…`: what somebody without an account here sees who was sent a link: why they are asked, the way to the
//! vendor's sign-in page and back, the question whether it is the right account, and what came of it.
//!
//! **Invariant:** the link begins a session of its own; with the answer that session ends, and so does the link.

use askama::Template;
use axum::Extension;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::tz::TimeZone;
use purser_domain::Digest;
use purser_store::accounts::Reason;
use purser_store::hand_overs::HandOver;
use tower_sessions::Session;

use super::consent::without_referrer;
use super::preflight::{self, Row};
use crate::acts::{BeginConsent, Confirmation, ConnectorView, ConsentView};
use crate::format::When;
use crate::guard::{Client, Guest, link_used, person_of};
use crate::problem::Problem;
use crate::sessions;
use crate::shell::{Shell, page};
use crate::state::WebState;

const ASKED: &str = "asked";

#[derive(Template)]
#[template(path = "hand_over.html")]
struct StartPage {
    shell: Shell,
    connector: ConnectorView,
    consent: ConsentView,
    cloud: String,
    is_renewal: bool,
    made_by: String,
    /// This Purser's name on the network.
    host: String,
    expires: When,
}

#[derive(Template)]
#[template(path = "hand_over_confirm.html")]
struct ConfirmPage {
    shell: Shell,
    connector: ConnectorView,
    made_by: String,
    asked: Confirmation,
}

#[derive(Template)]
#[template(path = "hand_over_done.html")]
struct DonePage {
    shell: Shell,
    connector: ConnectorView,
    made_by: String,
    rows: Vec<Row>,
    shortcoming: Option<Reason>,
}

/// The guest of a hand-over, as the guard let them in.
pub(crate) struct Invited {
    handed: HandOver,
    session: Session,
}

impl FromRequestParts<WebState> for Invited {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Problem> {
        let Guest(handed) = parts.extensions.get::<Guest>().cloned().ok_or_else(Problem::internal)?;
        let session = parts.extensions.get::<Session>().cloned().ok_or_else(Problem::internal)?;
        Ok(Self { handed, session })
    }
}

/// The link: begins the session of the hand-over.
pub(crate) async fn open(
    State(state): State<WebState>,
    session: Session,
    Extension(client): Extension<Client>,
    Path(token): Path<String>,
) -> Response {
    without_referrer(opened(&state, &session, client, &token).await)
}

async fn opened(
    state: &WebState,
    session: &Session,
    Client(address): Client,
    token: &str,
) -> Result<Response, Problem> {
    let now = state.acts.now();
    if !state.link_throttle.allows_address(address, now) {
        return Ok(too_many());
    }
    if person_of(state, session).await?.is_some() {
        let what = "this link is for somebody who has no account here, and you are signed in";
        let remedy = "send it to whoever shall consent; to see it yourself, open it in a private window";
        return Err(Problem::new(409, "WEB-HAND-OVER-OWN", what, remedy));
    }
    let hash = Digest::of(token.as_bytes());
    let Some(handed) = state.store.hand_over_by_link(hash.as_bytes(), now).await? else {
        state.link_throttle.failed_from(address, now);
        return Err(link_used());
    };
    sessions::begin_hand_over(session, handed.id, now).await?;
    Ok(Redirect::to("/hand-over").into_response())
}

fn too_many() -> Response {
    let what = "too many links that are not good came from this address";
    let problem = Problem::new(429, "WEB-LINK-THROTTLED", what, "wait a quarter of an hour, then try again");
    let mut response = problem.into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("900"));
    response
}

/// Who asks for what, and what to mind before signing in.
pub(crate) async fn show(State(state): State<WebState>, invited: Invited) -> Result<Response, Problem> {
    let made = invited.handed.made;
    let connector = state.connector(made.connector.as_str())?;
    let consent = connector.consent.clone().ok_or_else(|| Problem::not_found("consent"))?;
    let cloud = connector.clouds.iter().skip(1).find(|cloud| cloud.id == made.cloud);
    let cloud = cloud.map(|cloud| cloud.title.clone()).unwrap_or_default();
    let host = state.public_url.host_str().unwrap_or_default().to_owned();
    page(&StartPage {
        shell: Shell::bare(),
        connector,
        consent,
        cloud,
        is_renewal: made.account.is_some(),
        made_by: made.made_by,
        host,
        expires: When::new(made.expires_at, &TimeZone::UTC),
    })
}

/// Sends the browser to the vendor.
pub(crate) async fn start(State(state): State<WebState>, invited: Invited) -> Result<Response, Problem> {
    let made = &invited.handed.made;
    let session = sessions::binding(&invited.session);
    let request = BeginConsent {
        connector: &made.connector,
        cloud: Some(&made.cloud),
        session: &session,
        renew: made.account,
    };
    let vendor = state.acts.begin_consent(request).await.map_err(back)?;
    Ok(Redirect::to(vendor.as_str()).into_response())
}

/// What the vendor answered, for the callback.
pub(super) async fn answered(
    session: &Session,
    confirmation: Result<Confirmation, Problem>,
) -> Result<Response, Problem> {
    session.insert(ASKED, confirmation.map_err(back)?).await?;
    Ok(Redirect::to("/hand-over/confirm").into_response())
}

/// "You signed in as …: is this the right account?"
pub(crate) async fn question(State(state): State<WebState>, invited: Invited) -> Result<Response, Problem> {
    let asked: Option<Confirmation> = invited.session.get(ASKED).await?;
    let asked = asked.ok_or_else(nothing_asked)?;
    let made = invited.handed.made;
    let connector = state.connector(made.connector.as_str())?;
    page(&ConfirmPage { shell: Shell::bare(), connector, made_by: made.made_by, asked })
}

/// Yes: keeps the consent for those who decide, and ends the session.
pub(crate) async fn confirm(State(state): State<WebState>, invited: Invited) -> Result<Response, Problem> {
    let asked: Option<Confirmation> = invited.session.remove(ASKED).await?;
    let asked = asked.ok_or_else(nothing_asked)?;
    let session = sessions::binding(&invited.session);
    let answered = state.acts.answer_hand_over(invited.handed.id, &asked.handle, &session).await;
    let answered = answered.map_err(back)?;
    invited.session.flush().await?;
    let connector = state.connector(answered.made.connector.as_str())?;
    let answer = answered.answer.ok_or_else(Problem::internal)?;
    let wanting = answer.probes.into_iter().filter(|probe| probe.needed && probe.verdict != "ok");
    let rows = wanting.map(|probe| preflight::row(probe, &TimeZone::UTC)).collect();
    let done = DonePage {
        shell: Shell::bare(),
        connector,
        made_by: answered.made.made_by,
        rows,
        shortcoming: answer.shortcoming,
    };
    Ok((StatusCode::OK, page(&done)?).into_response())
}

/// A guest knows one way on.
fn back(problem: Problem) -> Problem {
    problem.leading("Back to the beginning", "/hand-over")
}

fn nothing_asked() -> Problem {
    let what = "this sign-in was already answered, or belongs to another session";
    back(Problem::new(409, "CON-FLOW-GONE", what, "begin again"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{HAND_OVER_LINK, Site};

    const CALLBACK: &str = "/connectors/test-cloud/consent/callback/global?code=one-time-code&state=good";

    #[tokio::test]
    async fn from_the_link_to_the_thank_you_and_no_further() {
        let site = Site::empty().await.invited(None).await;
        let start = site.get("/hand-over").await;
        for part in
            ["olaf", "Login with your Test Account", "Use a service account.", "Needs the billing role."]
        {
            assert!(start.text.contains(part), "{part}");
        }
        assert!(!start.text.contains("Sign out") && !start.text.contains("Purchases"), "no menu");
        let vendor = site.get("/hand-over/sign-in").await;
        assert_eq!(vendor.location(), "https://login.example/authorize?state=good");
        let back = site.get(CALLBACK).await;
        assert_eq!((back.status, back.location()), (303, "/hand-over/confirm"));
        let question = site.get("/hand-over/confirm").await.text;
        assert!(question.contains("svc@contoso.example") && !question.contains("handle-1"));
        assert!(!question.contains("Contoso Partner"), "what it is called here is nobody else's business");
        let done = site.post("/hand-over/confirm", "").await;
        assert_eq!(done.status, 200, "{}", done.text);
        for part in ["Thank you", "olaf", "read usage", "TST-PRE-2", "give the billing role"] {
            assert!(done.text.contains(part), "{part}");
        }
        for (path, status) in [("/hand-over", 403), ("/hand-over/confirm", 403), (HAND_OVER_LINK, 410)] {
            assert_eq!(site.get(path).await.status, status, "{path}");
        }
        assert!(site.get(CALLBACK).await.location().starts_with("/sign-in"));
    }

    #[tokio::test]
    async fn another_session_of_an_answered_link_is_let_in_nowhere() {
        let site = Site::empty().await.invited(None).await;
        let mut other = site.with_cookie("");
        let opened = other.get(HAND_OVER_LINK).await;
        other.keep_cookie(&opened);
        assert_eq!(other.get("/hand-over").await.status, 200, "opened twice is fine");
        site.get(CALLBACK).await;
        site.post("/hand-over/confirm", "").await;
        for path in ["/hand-over", "/hand-over/sign-in", CALLBACK] {
            let refused = other.get(path).await;
            assert!(refused.status == 410 && refused.text.contains("WEB-HAND-OVER-USED"), "{path}");
        }
        assert_eq!(other.post("/hand-over/confirm", "").await.status, 410);
    }

    #[tokio::test]
    async fn the_link_leaves_no_trace_and_expires() {
        let site = Site::empty().await;
        let site = site.invited(None).await;
        let opened = site.with_cookie("").get(HAND_OVER_LINK).await;
        assert_eq!((opened.status, opened.location()), (303, "/hand-over"));
        assert_eq!(opened.header("referrer-policy"), "no-referrer");
        assert_eq!(opened.header("cache-control"), "no-store");
        site.clock.advance_minutes(7 * 24 * 60);
        let late = site.with_cookie("").get(HAND_OVER_LINK).await;
        assert!(late.status == 410 && late.text.contains("WEB-HAND-OVER-USED"));
    }

    #[tokio::test]
    async fn somebody_who_is_signed_in_stays_so_and_is_told_whom_the_link_is_for() {
        let site = Site::empty().await;
        let mut olaf = site.invited(None).await.with_cookie("");
        olaf.sign_in("olaf").await;
        let refused = olaf.get(HAND_OVER_LINK).await;
        assert!(refused.status == 409 && refused.text.contains("WEB-HAND-OVER-OWN"));
        assert_eq!(olaf.get("/").await.status, 200);
        assert_eq!(olaf.get("/hand-over").await.status, 403);
    }

    #[tokio::test]
    async fn guessing_links_is_slowed_down() {
        let site = Site::empty().await.invited(None).await.with_cookie("");
        for guess in 0..30 {
            assert_eq!(site.get(&format!("/hand-over/guess-{guess}")).await.status, 410);
        }
        let slowed = site.get(HAND_OVER_LINK).await;
        assert_eq!((slowed.status, slowed.header("retry-after")), (429, "900"));
        site.clock.advance_minutes(15);
        assert_eq!(site.get(HAND_OVER_LINK).await.status, 303);
    }

    #[tokio::test]
    async fn a_refused_answer_leads_a_guest_back_to_the_beginning() {
        let site = Site::empty().await.invited(None).await;
        let refused = site.get("/connectors/test-cloud/consent/callback/global?code=x&state=wrong").await;
        assert!(refused.status == 400 && refused.text.contains("CON-STATE"));
        assert!(refused.text.contains("href=\"/hand-over\"") && !refused.text.contains("dashboard"));
        assert!(site.get("/hand-over/confirm").await.text.contains("CON-FLOW-GONE"));
    }
}
