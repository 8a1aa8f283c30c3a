//! `/activity`: the runs, newest first.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use purser_store::runs::{Run, RunState, Trigger};
use serde::Deserialize;

use super::run::report;
use crate::books::Books;
use crate::format::{NumberStyle, Pill, When, duration, run_pill, zone};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

const LIMIT: u32 = 100;

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityPage {
    shell: Shell,
    accounts: Vec<AccountChoice>,
    account: String,
    rows: Vec<RunRow>,
    is_live: bool,
}

struct AccountChoice {
    id: String,
    title: String,
    connector: String,
    may_run: bool,
}

/// One run as lists show it.
pub(crate) struct RunRow {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) pill: Pill,
    pub(crate) trigger: &'static str,
    pub(crate) requested: When,
    pub(crate) window: String,
    pub(crate) took: String,
    pub(crate) records: String,
    pub(crate) added: String,
    pub(crate) changed: String,
    pub(crate) rejected: String,
}

impl RunRow {
    pub(crate) fn of(run: &Run, books: &Books, numbers: NumberStyle, now: Timestamp) -> Self {
        let report = report(run);
        let zone = books.get(run.order.account).map_or_else(|| zone("UTC"), |book| book.zone.clone());
        let ended = run.finished_at.unwrap_or(now);
        let rejected = report.balance.rejected.values().map(|tally| tally.records).sum();
        Self {
            id: run.id.to_string(),
            account: books.title(run.order.account),
            pill: run_pill(run.state),
            trigger: trigger(run.order.trigger),
            requested: When::new(run.started_at.unwrap_or(run.requested_at), &zone),
            window: format!(
                "{} – {}",
                run.order.window_from,
                run.order.window_to.yesterday().unwrap_or_default()
            ),
            took: run.started_at.map(|started| duration(ended.duration_since(started))).unwrap_or_default(),
            records: numbers.count(report.balance.received.records),
            added: numbers.count(report.added),
            changed: numbers.count(report.changed),
            rejected: numbers.count(rejected),
        }
    }
}

/// What people call why a run was made.
pub(crate) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "Schedule",
        Trigger::Manual => "By hand",
        Trigger::Backfill => "Chosen days",
        Trigger::Remap => "Mapped again",
    }
}

/// Whose runs.
#[derive(Deserialize)]
pub(crate) struct Of {
    #[serde(default)]
    account: String,
}

/// The list.
pub(crate) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(of): Query<Of>,
) -> Result<Response, Problem> {
    let books = Books::load(&state).await?;
    let account = match of.account.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Problem::not_found("account"))?),
    };
    let runs = state.store.runs(account, LIMIT).await?;
    let is_live = runs.iter().any(|run| matches!(run.state, RunState::Queued | RunState::Running));
    let now = state.acts.now();
    let choice = |book: &crate::books::Book| AccountChoice {
        id: book.account.id.to_string(),
        title: book.account.title.clone(),
        connector: book.account.connector.to_string(),
        may_run: book.is_scheduled(),
    };
    page(&ActivityPage {
        shell: Shell::load(&state, &visitor, Area::Activity).await?,
        accounts: books.iter().map(choice).collect(),
        account: of.account,
        rows: runs.iter().map(|run| RunRow::of(run, &books, visitor.numbers, now)).collect(),
        is_live,
    })
}

#[cfg(test)]
mod tests {
    use purser_store::runs::RunState;

    use crate::testing::Site;

    #[tokio::test]
    async fn before_the_first_run_it_says_when_that_will_be() {
        let mut site = Site::connected().await;
        site.sign_in("vera").await;
        let text = site.get("/activity").await.text;
        assert!(text.contains("Nothing has run yet") && text.contains("19:00 CET"));
        assert!(!text.contains("Run now"), "a viewer cannot");
        site.sign_in("olaf").await;
        assert!(site.get("/activity").await.text.contains("Run now"));
    }

    #[tokio::test]
    async fn runs_are_listed_with_their_numbers_and_result() {
        let mut site = Site::with_purchases().await;
        site.finish_run(RunState::Failed, 0).await;
        site.sign_in("vera").await;
        let text = site.get("/activity").await.text;
        assert!(text.contains("Succeeded") && text.contains("Failed") && text.contains("By hand"));
        assert_eq!(site.get("/activity?account=9").await.status, 200);
        assert_eq!(site.get("/activity?account=x").await.status, 404);
    }
}
