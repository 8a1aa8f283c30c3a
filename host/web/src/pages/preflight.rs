//! `/connectors/{connector}/accounts/{account}/preflight`: what the account can do, row by row, with remedies.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use purser_domain::AccountId;
use purser_store::accounts::Probe;

use super::account::book_of;
use crate::acts::{ConnectorView, Occurrence};
use crate::format::{Pill, When, consent_pill};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "preflight.html")]
struct PreflightPage {
    shell: Shell,
    connector: ConnectorView,
    account: AccountId,
    title: String,
    pill: Pill,
    rows: Vec<Row>,
    /// Needed rows that are not ok.
    missing: usize,
    next: Option<Occurrence>,
}

/// A row as it is shown.
pub(crate) struct Row {
    pub(crate) probe: Probe,
    pub(crate) pill: Pill,
    pub(crate) at: When,
}

/// The table, as last probed.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
) -> Result<Response, Problem> {
    let (connector, book) = book_of(&state, &connector, account).await?;
    let shell = Shell::load(&state, &visitor, Area::Connectors).await?;
    let rows: Vec<Row> =
        state.store.probes(account).await?.into_iter().map(|probe| row(probe, &book.zone)).collect();
    let missing = rows.iter().filter(|row| row.probe.needed && is_bad(&row.probe)).count();
    let next = if book.is_scheduled() { state.acts.next_runs(&book.settings.host, 1).pop() } else { None };
    let pill = consent_pill(&book.account.state);
    page(&PreflightPage { shell, connector, account, title: book.account.title, pill, rows, missing, next })
}

/// Probes again.
pub(crate) async fn probe(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
) -> Result<Response, Problem> {
    let (connector, _) = book_of(&state, &connector, account).await?;
    state.acts.probe(account, &visitor.person.name).await?;
    let path = format!("/connectors/{}/accounts/{account}/preflight", connector.id);
    visitor.tell_at("The connection was tested just now.", &path).await
}

fn is_bad(probe: &Probe) -> bool {
    matches!(probe.verdict.as_str(), "missing" | "refused")
}

/// How a row is shown.
pub(crate) fn row(probe: Probe, zone: &TimeZone) -> Row {
    let pill = match probe.verdict.as_str() {
        "ok" => Pill::new("ok", "OK"),
        "refused" => Pill::new("bad", "Refused"),
        "missing" if probe.needed => Pill::new("bad", "Missing"),
        "missing" => Pill::new("warn", "Missing"),
        _ => Pill::new("idle", "Unknown"),
    };
    Row { at: When::new(probe.probed_at, zone), pill, probe }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn each_row_says_what_is_missing_and_what_to_do() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let path = "/connectors/test-cloud/accounts/1/preflight";
        assert!(site.get(path).await.text.contains("has not been tested yet"));
        assert_eq!(site.post(path, "").await.location(), path);
        let text = site.get(path).await.text;
        for part in [
            "read customers",
            "OK",
            "read usage",
            "Missing",
            "TST-PRE-2",
            "give the billing role",
            "1 row needs",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
