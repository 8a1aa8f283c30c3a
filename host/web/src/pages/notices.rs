//! `/notices/{id}/acknowledge`, and how notices are shown wherever they are.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use purser_domain::AccountId;
use purser_store::notices::{Level, Notice};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::books::{Book, Books};
use crate::format::{Pill, When, sentence};
use crate::problem::Problem;
use crate::shell::Visitor;
use crate::state::WebState;

/// A notice as it is listed.
pub(crate) struct NoticeRow {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) path: String,
    pub(crate) pill: Pill,
    pub(crate) code: String,
    pub(crate) what: String,
    pub(crate) remedy: String,
    pub(crate) since: When,
    /// None: it was told once.
    pub(crate) told_again: Option<When>,
    /// By whom, and when.
    pub(crate) acknowledged: Option<(String, When)>,
}

/// Those somebody has acknowledged, and the others.
pub(crate) fn rows(open: Vec<Notice>, books: &Books) -> (Vec<NoticeRow>, Vec<NoticeRow>) {
    rows_of(open, |account| books.get(account))
}

pub(crate) fn rows_of<'a>(
    open: Vec<Notice>,
    book: impl Fn(AccountId) -> Option<&'a Book>,
) -> (Vec<NoticeRow>, Vec<NoticeRow>) {
    let rows = open.into_iter().filter_map(|notice| book(notice.account).map(|book| row(notice, book)));
    rows.partition(|row| row.acknowledged.is_some())
}

fn row(notice: Notice, book: &Book) -> NoticeRow {
    let zone = &book.zone;
    let again = (notice.told_at > notice.raised_at).then(|| When::new(notice.told_at, zone));
    NoticeRow {
        id: notice.id,
        title: book.account.title.clone(),
        path: path(book),
        pill: match notice.concern.level {
            Level::Warn => Pill::new("warn", "Warning"),
            Level::Error => Pill::new("bad", "Error"),
        },
        code: notice.concern.code,
        what: sentence(&notice.concern.what),
        remedy: notice.concern.remedy,
        since: When::new(notice.raised_at, zone),
        told_again: again,
        acknowledged: notice.acknowledged.map(|seen| (seen.by, When::new(seen.at, zone))),
    }
}

fn path(book: &Book) -> String {
    format!("/connectors/{}/accounts/{}", book.account.connector, book.account.id)
}

/// Where the button stood.
#[derive(Deserialize)]
pub(crate) struct Sent {
    #[serde(default)]
    back: String,
}

/// Notes that somebody has seen it: it goes on, more quietly, until its next stage.
pub(crate) async fn acknowledge(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let open = state.store.open_notices(None).await?;
    let before = open.into_iter().find(|notice| notice.id == id);
    let before = before.ok_or_else(|| Problem::not_found("open notice"))?;
    let (account, who) = (before.account, visitor.person.name.as_str());
    let after = state.store.acknowledge_notice(account, id, who, state.acts.now()).await?;
    let (shown_before, shown_after) = (shown(&before), shown(&after));
    let detail = json!({ "account": account, "notice": id, "before": shown_before, "after": shown_after });
    state.audit(who, "notice.acknowledged", detail).await?;
    let path =
        if sent.back == "account" { path(&Book::load(&state, account).await?) } else { "/".to_owned() };
    visitor.tell_at("Acknowledged. It is told again only if it grows worse, or lasts.", &path).await
}

/// A notice for the audit trail.
fn shown(notice: &Notice) -> Value {
    let concern = &notice.concern;
    json!({ "code": concern.code, "stage": concern.stage, "acknowledged": notice.acknowledged })
}

#[cfg(test)]
mod tests {
    use purser_store::notices::{Concern, Level, Subject};

    use crate::testing::{ACCOUNT, Site};

    #[tokio::test]
    async fn the_dashboard_says_what_is_wrong_since_when_and_what_to_do() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        assert!(
            !site.get("/").await.text.contains("<h2>Consent</h2>"),
            "nothing is said where there is nothing"
        );
        site.raise_notice(1).await;
        let text = site.get("/").await.text;
        for part in [
            "<h2>Consent</h2>",
            "pill-warn\">Warning",
            "href=\"/connectors/test-cloud/accounts/1\">Contoso Partner",
            "it ends on 2026-12-05",
            "use it once",
            "2026-11-23 11:00",
            "1 account with a warning",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("All accounts in order"));
        assert!(!text.contains("told again") && !text.contains("Acknowledge"), "a viewer only looks");
    }

    #[tokio::test]
    async fn what_is_acknowledged_is_quiet_until_it_is_told_again() {
        let mut site = Site::connected().await;
        let id = site.raise_notice(1).await;
        let open = site.store.open_notices(None).await.unwrap().remove(0);
        site.sign_in("olaf").await;
        let path = format!("/notices/{id}/acknowledge");
        assert!(site.get("/").await.text.contains(&path));
        assert_eq!(site.post(&path, "").await.location(), "/");
        let text = site.get("/").await.text;
        assert!(text.contains("acknowledged by olaf on <time") && !text.contains(&path), "{text}");
        assert_eq!(site.post(&path, "").await.status, 409, "somebody has already");
        site.clock.advance_minutes(60);
        let worse = Concern { level: Level::Error, stage: 2, ..open.concern };
        site.store.remind_of_notice(ACCOUNT, &worse, site.clock.now()).await.unwrap();
        assert!(site.get("/").await.text.contains("1 account needs attention"));
        let text = site.get("/").await.text;
        for part in [&path, "pill-bad\">Error", "told again on <time", "2026-11-23 12:00"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("acknowledged by"));
        site.store.resolve_notice(ACCOUNT, Subject::Idle, site.clock.now()).await.unwrap();
        assert_eq!(site.post(&path, "").await.status, 404);
    }

    #[tokio::test]
    async fn a_credential_that_a_notice_tells_of_is_not_told_twice() {
        let mut site = Site::connected().await;
        site.acts.end_secret_soon();
        site.sign_in("vera").await;
        assert!(site.get("/").await.text.contains("in 7 days"));
        let id = site.raise_notice(1).await;
        let open = site.store.open_notices(None).await.unwrap().remove(0);
        assert_eq!(open.id, id);
        let ending = Concern { subject: Subject::Credential, what: "the secret ends".into(), ..open.concern };
        site.store.raise_notice(ACCOUNT, &ending, site.clock.now()).await.unwrap();
        let text = site.get("/").await.text;
        assert!(text.contains("The secret ends") && !text.contains("in 7 days"), "{text}");
    }
}
