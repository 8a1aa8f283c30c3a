//! `/connectors/{connector}`: its accounts, how they are, and what was retrieved lately.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::ToSpan;
use purser_store::accounts::{ConsentState, HostSettings, Reason};
use purser_store::runs::{Run, RunState};
use url::Url;

use super::account_consent::{Expiry, expiry};
use crate::acts::{ConnectorView, Occurrence};
use crate::books::{Book, Books};
use crate::format::{Pill, When, consent_pill, run_pill, utc_day};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Days of the coverage strip.
const STRIP: i64 = 31;

#[derive(Template)]
#[template(path = "connector.html")]
struct ConnectorPage {
    shell: Shell,
    connector: ConnectorView,
    accounts: Vec<AccountRow>,
}

/// One account as its connector's pages list it.
pub(crate) struct AccountRow {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) tenant: String,
    pub(crate) cloud: String,
    pub(crate) pill: Pill,
    pub(crate) reason: Option<Reason>,
    /// The vendor's page that mends it, for whoever administers the tenant.
    pub(crate) admin_link: Option<Url>,
    pub(crate) user: String,
    pub(crate) consented: Option<When>,
    pub(crate) refreshed: Option<When>,
    pub(crate) expiry: Option<Expiry>,
    pub(crate) locale: String,
    pub(crate) last_run: Option<LastRun>,
    pub(crate) next: Vec<Occurrence>,
    pub(crate) zone: String,
    pub(crate) time: String,
    /// Each feed that is read by day, and how many days back.
    pub(crate) look_back: Vec<(String, u32)>,
    pub(crate) strip: Vec<Day>,
    pub(crate) may_pause: bool,
    pub(crate) may_resume: bool,
    pub(crate) is_connected: bool,
    /// Nobody has accepted its first consent.
    pub(crate) waits: bool,
}

/// The newest run of an account.
pub(crate) struct LastRun {
    pub(crate) id: String,
    pub(crate) pill: Pill,
    pub(crate) at: When,
}

/// One day of the coverage strip.
pub(crate) struct Day {
    pub(crate) tone: &'static str,
    pub(crate) words: String,
}

/// Why an account is in its state.
pub(crate) fn reason(state: &ConsentState) -> Option<&Reason> {
    match state {
        ConsentState::Degraded(reason)
        | ConsentState::NeedsConsent(reason)
        | ConsentState::OperatorFault(reason) => Some(reason),
        _ => None,
    }
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let shell = Shell::load(&state, &visitor, Area::Connectors).await?;
    let accounts = rows(&state, &connector).await?;
    page(&ConnectorPage { shell, connector, accounts })
}

/// The connector's accounts.
pub(crate) async fn rows(state: &WebState, connector: &ConnectorView) -> Result<Vec<AccountRow>, Problem> {
    let books = Books::load(state).await?;
    let mut rows = Vec::new();
    for book in books.iter().filter(|book| book.account.connector == connector.id) {
        rows.push(row(state, book).await?);
    }
    Ok(rows)
}

async fn row(state: &WebState, book: &Book) -> Result<AccountRow, Problem> {
    let grant = state.store.grant(book.account.id).await?;
    let waits = state.store.first_grant_waits(book.account.id).await?;
    let is_scheduled = book.is_scheduled() && !waits;
    let runs = state.store.runs(Some(book.account.id), 100).await?;
    let (host, zone) = (&book.settings.host, &book.zone);
    let last_run = runs.first().map(|run| LastRun {
        id: run.id.to_string(),
        pill: run_pill(run.state),
        at: When::new(run.started_at.unwrap_or(run.requested_at), zone),
    });
    let account = &book.account;
    let admin_link = reason(&account.state).and_then(|reason| {
        state.acts.admin_link(&account.connector, &account.cloud, &account.tenant, &reason.code)
    });
    Ok(AccountRow {
        admin_link,
        id: book.account.id.to_string(),
        title: book.account.title.clone(),
        tenant: book.account.tenant.clone(),
        cloud: book.account.cloud.clone(),
        pill: consent_pill(&book.account.state),
        reason: reason(&book.account.state).cloned(),
        user: grant.as_ref().map(|grant| grant.user_name.clone()).unwrap_or_default(),
        consented: grant.as_ref().map(|grant| When::new(grant.consented_at, zone)),
        refreshed: grant.as_ref().map(|grant| When::new(grant.refreshed_at, zone)),
        expiry: grant.as_ref().and_then(|grant| expiry(book, grant, state.acts.now())),
        locale: host.locale.clone(),
        last_run,
        next: if is_scheduled { state.acts.next_runs(host, 3) } else { Vec::new() },
        zone: host.zone.clone(),
        time: host.time.clone(),
        look_back: look_back(book, host),
        strip: strip(state, book, &runs),
        may_pause: is_scheduled,
        may_resume: book.account.state == ConsentState::Paused,
        is_connected: book.account.state != ConsentState::Disconnected && !waits,
        waits,
    })
}

/// The last days, oldest first, each by the best run that looked from it.
fn strip(state: &WebState, book: &Book, runs: &[Run]) -> Vec<Day> {
    let today = state.acts.now().to_zoned(book.zone.clone()).date();
    let connected = utc_day(book.account.created_at);
    let days = (0..STRIP).rev().map(|back| today.saturating_sub(back.days()));
    let best = |date| {
        runs.iter()
            .filter(move |run| run.order.local_date == date)
            .map(|run| run.state)
            .max_by_key(|s| rank(*s))
    };
    let day = |date| match best(date) {
        Some(state) => {
            Day { tone: tone(state), words: format!("{date}: {}", run_pill(state).label.to_lowercase()) }
        }
        None if date < connected => Day { tone: "none", words: format!("{date}: not connected yet") },
        None if date == today => Day { tone: "none", words: format!("{date}: not retrieved yet") },
        None => Day { tone: "gap", words: format!("{date}: nothing was retrieved") },
    };
    days.map(day).collect()
}

fn rank(state: RunState) -> u8 {
    match state {
        RunState::Succeeded => 6,
        RunState::Warnings => 5,
        RunState::Partial => 4,
        RunState::Running => 3,
        RunState::Queued => 2,
        RunState::Failed => 1,
        RunState::Cancelled => 0,
    }
}

fn tone(state: RunState) -> &'static str {
    match state {
        RunState::Succeeded => "ok",
        RunState::Warnings | RunState::Partial => "warn",
        RunState::Running | RunState::Queued => "info",
        RunState::Failed => "bad",
        RunState::Cancelled => "none",
    }
}

fn look_back(book: &Book, host: &HostSettings) -> Vec<(String, u32)> {
    let feeds = book.connector.iter().flat_map(|connector| &connector.feeds).filter(|feed| feed.is_by_day);
    feeds.map(|feed| (feed.title.clone(), host.look_back_of(&feed.name))).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn without_an_account_it_tells_the_role_rule() {
        let mut site = Site::empty().await;
        site.sign_in("anna").await;
        let text = site.get("/connectors/test-cloud").await.text;
        assert!(
            text.contains("No account is connected") && text.contains("Needs the billing role."),
            "{text}"
        );
    }

    #[tokio::test]
    async fn an_account_shows_who_consented_its_state_and_what_to_do() {
        let mut site = Site::with_purchases().await;
        site.needs_consent().await;
        site.sign_in("anna").await;
        let text = site.get("/connectors/test-cloud").await.text;
        for part in [
            "Contoso Partner",
            "svc@contoso.example",
            "CON-USER",
            "renew the consent",
            "19:00 CET",
            "18:00 UTC",
        ] {
            assert!(text.contains(part) || part.contains(":00"), "{part}");
        }
        assert!(text.contains("nl-NL") && text.contains("/connectors/test-cloud/accounts/1"));
    }

    #[tokio::test]
    async fn an_unknown_connector_is_a_page_that_says_so() {
        let mut site = Site::new().await;
        site.sign_in("anna").await;
        let answer = site.get("/connectors/nobody").await;
        assert_eq!(answer.status, 404);
        assert!(answer.text.contains("There is no such connector") && answer.text.contains("WEB-NOT-FOUND"));
    }
}
