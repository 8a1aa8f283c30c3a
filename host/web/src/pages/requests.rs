//! `/activity/{run}/requests`: what a run asked the vendor, so that nobody has to believe what this host sends where.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use purser_domain::RunId;
use purser_store::sent::Sent;

use crate::books::Book;
use crate::format::{NumberStyle, When};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    shell: Shell,
    run: RunId,
    is_live: bool,
    rows: Vec<Row>,
    /// How many between the first and the last ones are no longer kept; empty: none.
    dropped: String,
}

struct Row {
    number: u64,
    at: When,
    what: String,
    target: String,
    answer: String,
    is_trouble: bool,
    code: String,
    bytes: String,
    attempts: u32,
    millis: String,
    request_id: String,
}

impl Row {
    fn new(number: u64, sent: Sent, zone: &TimeZone, numbers: NumberStyle) -> Self {
        let refused = sent.method.is_empty();
        Self {
            number,
            at: When::new(sent.at, zone),
            what: if sent.call.is_empty() { "Download".into() } else { sent.call },
            target: format!("{} {}{}", sent.method, sent.host, sent.path).trim().to_owned(),
            answer: match sent.status {
                Some(status) => status.to_string(),
                None if refused => "refused, not sent".into(),
                None => "no answer".into(),
            },
            is_trouble: !sent.code.is_empty() || sent.status.is_some_and(|status| status >= 400),
            code: sent.code,
            bytes: numbers.count(sent.bytes),
            attempts: sent.attempts,
            millis: numbers.count(sent.millis),
            request_id: sent.request_id,
        }
    }
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(run): Path<RunId>,
) -> Result<Response, Problem> {
    let found = state.store.run(run).await?;
    let book = Book::load(&state, found.order.account).await?;
    let log = state.store.sent(run).await?;
    let kept = u64::try_from(log.lines.len()).unwrap_or(u64::MAX);
    let dropped = log.total.saturating_sub(kept);
    let row = |(number, sent)| Row::new(number, sent, &book.zone, visitor.numbers);
    page(&RequestsPage {
        shell: Shell::load(&state, &visitor, Area::Activity).await?,
        run,
        is_live: found.finished_at.is_none(),
        rows: log.lines.into_iter().map(row).collect(),
        dropped: if dropped == 0 { String::new() } else { visitor.numbers.count(dropped) },
    })
}

#[cfg(test)]
mod tests {
    use purser_store::runs::Fence;
    use purser_store::sent::{KEPT_AT_EACH_END, Sent};

    use crate::testing::{ACCOUNT, Site};

    async fn with(lines: &[Sent]) -> (Site, String) {
        let mut site = Site::connected().await;
        let run = site.start_run().await;
        site.store.note_sent(Fence { run, account: ACCOUNT, attempt: 1 }, lines).await.unwrap();
        site.sign_in("vera").await;
        let text = site.get(&format!("/activity/{run}/requests")).await.text;
        (site, text)
    }

    #[tokio::test]
    async fn each_request_is_told_with_what_came_of_it() {
        let answered = Sent {
            call: "list-usage".into(),
            method: "GET".into(),
            host: "api.example.net".into(),
            path: "/v1/usage".into(),
            status: Some(503),
            bytes: 1_234_567,
            attempts: 4,
            millis: 2_500,
            request_id: "id-of-the-request".into(),
            ..Sent::default()
        };
        let refused = Sent { call: "cancel-order".into(), code: "VND-NOT-GRANTED".into(), ..Sent::default() };
        let download = Sent { method: "GET".into(), host: "blob.example.net".into(), ..answered.clone() };
        let download = Sent { call: String::new(), path: String::new(), status: Some(200), ..download };
        let (_, text) = with(&[answered, refused, download]).await;
        for part in [
            "list-usage",
            "GET api.example.net/v1/usage",
            "503",
            "1,234,567",
            "2,500",
            "id-of-the-request",
            "refused, not sent",
            "VND-NOT-GRANTED",
            "GET blob.example.net<",
            "Download",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[tokio::test]
    async fn a_long_list_says_what_is_missing_and_an_empty_one_why() {
        let (site, text) = with(&[]).await;
        assert!(text.contains("Nothing was sent yet") && !text.contains("<table"), "{text}");
        assert!(site.get("/activity/1").await.text.contains("/activity/1/requests"));
        assert_eq!(site.get("/activity/99/requests").await.status, 404);
        let all = 2 * KEPT_AT_EACH_END + 1_500;
        let lines = vec![Sent::default(); usize::try_from(all).unwrap()];
        let (_, text) = with(&lines).await;
        assert!(text.contains("1,500 requests in the middle"), "{text}");
    }
}
