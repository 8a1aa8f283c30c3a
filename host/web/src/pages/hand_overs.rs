//! `/connectors/{connector}/hand-overs…`: makes a link by which somebody without an account here consents, and decides
//! about what was answered. The settings page shows those that wait.
//!
//! **Invariant:** the link itself is on one answer and nowhere else.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use purser_domain::{AccountId, Digest};
use purser_store::accounts::Reason;
use purser_store::hand_overs::{Answer, Ending, HandOver, HandOverId, NewHandOver, Stage};
use serde::Deserialize;
use serde_json::json;

use super::preflight::{self, Row};
use crate::acts::ConnectorView;
use crate::books::{Book, Books};
use crate::format::When;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// How long a link is good; an answer then waits as long for a decision.
pub const HAND_OVER_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the link is to be for.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    cloud: String,
    renew: Option<AccountId>,
}

#[derive(Template)]
#[template(path = "hand_over_made.html")]
struct MadePage {
    shell: Shell,
    connector: ConnectorView,
    /// What the account is called whose consent is renewed; empty for a new one.
    renews: String,
    link: String,
    expires: When,
}

/// Makes a link and shows it.
pub(crate) async fn make(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let renews = renewed(&state, &connector, &wanted).await?;
    let (token, now) = (hex::encode(state.acts.random()), state.acts.now());
    let made = NewHandOver {
        connector: connector.id.clone(),
        cloud: wanted.cloud,
        account: wanted.renew,
        made_by: visitor.person.name.clone(),
        made_at: now,
        expires_at: now.saturating_add(HAND_OVER_LIFE).unwrap_or(now),
    };
    let id = state.store.add_hand_over(Digest::of(token.as_bytes()).as_bytes(), &made).await?;
    let after = json!({ "stage": Stage::Open, "cloud": made.cloud, "expires_at": made.expires_at });
    let detail = json!({
        "hand_over": id, "connector": connector.id, "account": made.account, "before": null, "after": after,
    });
    state.audit(&visitor.person.name, "hand-over.made", detail).await?;
    let link = state.public_url.join(&format!("hand-over/{token}")).map_err(|_| Problem::internal())?;
    let shell = Shell::load(&state, &visitor, Area::Connectors).await?;
    let expires = When::new(made.expires_at, &TimeZone::UTC);
    page(&MadePage { shell, connector, renews, link: link.to_string(), expires })
}

/// The title of the account whose consent shall be renewed, if it is one that can be.
async fn renewed(state: &WebState, connector: &ConnectorView, wanted: &Wanted) -> Result<String, Problem> {
    if connector.consent.is_none() || connector.clouds.iter().all(|cloud| cloud.id != wanted.cloud) {
        return Err(Problem::not_found("cloud"));
    }
    let Some(account) = wanted.renew else { return Ok(String::new()) };
    let account = state.store.account(account).await?;
    if account.connector != connector.id || account.cloud != wanted.cloud {
        return Err(Problem::not_found("account"));
    }
    if state.store.first_grant_waits(account.id).await? {
        let what = "a consent of this account was handed over already, and waits for a decision";
        return Err(Problem::new(409, "CON-HAND-OVER-WAITS", what, "accept or reject that one first"));
    }
    Ok(account.title)
}

/// What to do with one.
#[derive(Deserialize)]
pub(crate) struct Decision {
    act: Act,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    Accept,
    Reject,
    Withdraw,
}

/// Accepts, rejects or withdraws.
pub(crate) async fn decide(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, id)): Path<(String, HandOverId)>,
    Form(decision): Form<Decision>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    if state.store.hand_over(id).await?.made.connector != connector.id {
        return Err(Problem::not_found("hand-over"));
    }
    let (who, settings) = (&visitor.person.name, format!("/connectors/{}/settings", connector.id));
    match decision.act {
        Act::Accept => {
            let account = state.acts.accept_hand_over(id, who).await?;
            let path = format!("/connectors/{}/accounts/{account}/preflight", connector.id);
            visitor.tell_at("The consent is accepted.", &path).await
        }
        Act::Reject => {
            state.acts.end_hand_over(id, Ending::Rejected, who).await?;
            visitor.tell_at("The consent is rejected and erased.", &settings).await
        }
        Act::Withdraw => {
            state.acts.end_hand_over(id, Ending::Withdrawn, who).await?;
            visitor.tell_at("The link opens nothing any more.", &settings).await
        }
    }
}

/// One that waits, as the settings page lists it.
pub(crate) struct HandOverRow {
    pub(crate) id: HandOverId,
    /// What the account is called whose consent is renewed; empty for a new one.
    pub(crate) renews: String,
    pub(crate) made_by: String,
    pub(crate) made: When,
    pub(crate) until: When,
    pub(crate) is_over: bool,
    pub(crate) answer: Option<AnswerRow>,
}

/// What was answered.
pub(crate) struct AnswerRow {
    pub(crate) user: String,
    pub(crate) tenant: String,
    pub(crate) at: When,
    /// Whose consent it would take the place of; empty: nobody's.
    pub(crate) in_place_of: String,
    pub(crate) shortcoming: Option<Reason>,
    pub(crate) rows: Vec<Row>,
}

/// Those of a connector that wait.
pub(crate) async fn rows(state: &WebState, connector: &ConnectorView) -> Result<Vec<HandOverRow>, Problem> {
    let books = Books::load(state).await?;
    let waiting = state.store.waiting_hand_overs().await?;
    let mut rows = Vec::new();
    for handed in waiting.into_iter().filter(|handed| handed.made.connector == connector.id) {
        rows.push(row(state, &books, handed).await?);
    }
    Ok(rows)
}

async fn row(state: &WebState, books: &Books, handed: HandOver) -> Result<HandOverRow, Problem> {
    let made = handed.made;
    let book_of = |account: AccountId| books.iter().find(|book| book.account.id == account);
    let of = handed.answer.as_ref().map(|answer| answer.account).or(made.account).and_then(book_of);
    let zone = of.map_or(TimeZone::UTC, |book: &Book| book.zone.clone());
    let answer = match handed.answer {
        Some(answer) => Some(answer_row(state, answer, &zone).await?),
        None => None,
    };
    Ok(HandOverRow {
        id: handed.id,
        renews: made.account.and_then(book_of).map(|book| book.account.title.clone()).unwrap_or_default(),
        made_by: made.made_by,
        made: When::new(made.made_at, &zone),
        until: When::new(made.expires_at, &zone),
        is_over: state.acts.now() >= made.expires_at,
        answer,
    })
}

async fn answer_row(state: &WebState, answer: Answer, zone: &TimeZone) -> Result<AnswerRow, Problem> {
    let former = state.store.grant(answer.account).await?;
    Ok(AnswerRow {
        user: answer.user_name,
        tenant: answer.tenant,
        at: When::new(answer.answered_at, zone),
        in_place_of: former.map(|former| former.user_name).unwrap_or_default(),
        shortcoming: answer.shortcoming,
        rows: answer.probes.into_iter().map(|probe| preflight::row(probe, zone)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    const SETTINGS: &str = "/connectors/test-cloud/settings";
    const MAKE: &str = "/connectors/test-cloud/hand-overs";
    const CALLBACK: &str = "/connectors/test-cloud/consent/callback/global?code=one-time-code&state=good";

    #[tokio::test]
    async fn a_link_is_shown_once_and_opens_the_page_of_its_hand_over() {
        let mut site = Site::empty().await;
        site.sign_in("olaf").await;
        let made = site.post(MAKE, "cloud=global").await.text;
        let link = made.split("http://localhost:8080").find_map(|it| it.strip_prefix("/hand-over/")).unwrap();
        let token = &link[..64];
        let settings = site.get(SETTINGS).await.text;
        assert!(settings.contains("New connection") && !settings.contains(token));
        let opened = site.with_cookie("").get(&format!("/hand-over/{token}")).await;
        assert_eq!((opened.status, opened.location()), (303, "/hand-over"));
        assert!(site.lines().await.iter().all(|line| !line.entry.detail.to_string().contains(token)));
    }

    #[tokio::test]
    async fn a_link_is_made_for_what_there_is_only() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        for wrong in ["cloud=mars", "cloud=moon&renew=1", "cloud=global&renew=9"] {
            assert_eq!(site.post(MAKE, wrong).await.status, 404, "{wrong}");
        }
        assert!(site.post(MAKE, "cloud=global&renew=1").await.text.contains("Contoso Partner"));
        assert!(site.get(SETTINGS).await.text.contains("Renewal of Contoso Partner"));
    }

    #[tokio::test]
    async fn an_operator_sees_who_answered_with_the_table_and_decides() {
        let mut site = Site::empty().await;
        site = site.invited(None).await;
        site.get(CALLBACK).await;
        site.post("/hand-over/confirm", "").await;
        site = site.with_cookie("");
        site.sign_in("vera").await;
        assert!(!site.get(SETTINGS).await.text.contains("svc@contoso.example"), "not for a viewer");
        site.sign_in("olaf").await;
        let text = site.get(SETTINGS).await.text;
        for part in ["svc@contoso.example", "TST-PRE-2", "give the billing role", "Accept", "Reject"] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(site.post(&format!("{MAKE}/9"), "act=accept").await.status, 404);
        let accepted = site.post(&format!("{MAKE}/1"), "act=accept").await;
        assert_eq!(accepted.location(), "/connectors/test-cloud/accounts/1/preflight");
        assert!(!site.get(SETTINGS).await.text.contains("/hand-overs/1"));
    }

    #[tokio::test]
    async fn a_withdrawn_link_is_gone() {
        let mut site = Site::empty().await.invited(None).await;
        let guest = site.clone();
        site = site.with_cookie("");
        site.sign_in("olaf").await;
        assert_eq!(site.post(&format!("{MAKE}/1"), "act=withdraw").await.location(), SETTINGS);
        assert_eq!(guest.get("/hand-over").await.status, 410);
        assert!(site.get(SETTINGS).await.text.contains("The link opens nothing any more."));
    }
}
