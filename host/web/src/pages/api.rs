//! `/api/v1/…`: what the pages show, for programs. Problems are `application/problem+json`.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use bytes::Bytes;
use jiff::civil::Date;
use purser_domain::purchase::Key;
use purser_domain::{AccountId, RunId};
use purser_pipeline::export::Row;
use purser_store::notices::Notice;
use purser_store::runs::Run;
use serde::{Deserialize, Serialize};

use super::purchase_query::PurchaseQuery;
use crate::books::{Book, Books};
use crate::problem::Problem;
use crate::shell::Visitor;
use crate::state::WebState;

/// Purchases of one answer, unless fewer are asked for.
const LIMIT: u32 = 1_000;

/// Some Purchases, in ledger order.
#[derive(Serialize)]
pub(crate) struct Purchases {
    purchases: Vec<Item>,
    /// Give it as `after` for those that follow; none: these were the last.
    next: Option<Key>,
}

/// A Purchase with its id.
#[derive(Serialize)]
struct Item {
    id: Key,
    #[serde(flatten)]
    row: Row,
}

/// Purchases of a filter, the same as on the page.
pub(crate) async fn purchases(
    State(state): State<WebState>,
    _: Visitor,
    Query(query): Query<PurchaseQuery>,
) -> Result<Json<Purchases>, Problem> {
    let limit = query.limit(LIMIT, LIMIT)?;
    let mut found = state.store.purchases(&query.filter()?, query.after()?, limit + 1).await?;
    let is_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().map(|last| last.key).filter(|_| is_more);
    let words = Books::load(&state).await?.words(&state, &found).await?;
    let item = |(purchase, words): (purser_domain::Purchase, crate::names::Words)| Item {
        id: purchase.key,
        row: Row::new(purchase, words.name),
    };
    Ok(Json(Purchases { purchases: found.into_iter().zip(words).map(item).collect(), next }))
}

/// One run with its report.
pub(crate) async fn run(
    State(state): State<WebState>,
    _: Visitor,
    Path(run): Path<String>,
) -> Result<Json<Run>, Problem> {
    let run: RunId = run.parse().map_err(|_| Problem::not_found("run"))?;
    Ok(Json(state.store.run(run).await?))
}

/// Notices that are open, for systems that watch over others: the worse first.
pub(crate) async fn notices(State(state): State<WebState>, _: Visitor) -> Result<Json<Vec<Notice>>, Problem> {
    Ok(Json(state.store.open_notices(None).await?))
}

/// The window of a run; without days, as a daily run.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Window {
    /// First UTC day.
    from: Option<Date>,
    /// First UTC day not asked for any more.
    to: Option<Date>,
}

/// A run that was ordered.
#[derive(Serialize)]
pub(crate) struct Ordered {
    run: RunId,
}

/// Orders a run; what becomes of it is told under its number.
pub(crate) async fn order(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(account): Path<AccountId>,
    body: Bytes,
) -> Result<(StatusCode, Json<Ordered>), Problem> {
    let window = if body.is_empty() { Ok(Window::default()) } else { serde_json::from_slice(&body) };
    let window = window.map_err(|_| {
        let remedy = "send nothing, or JSON such as {\"from\": \"2026-11-01\", \"to\": \"2026-11-03\"}";
        Problem::new(400, "API-BODY", "the body cannot be read", remedy)
    })?;
    if window.from.zip(window.to).is_some_and(|(from, to)| from >= to) {
        return Err(Problem::input("`to` is the first day not asked for, and must be after `from`"));
    }
    Book::load(&state, account).await?;
    let run = state.acts.run_now(account, window.from, window.to, &visitor.person.name).await?;
    Ok((StatusCode::ACCEPTED, Json(Ordered { run })))
}

#[cfg(test)]
mod tests {
    use purser_store::access::Scope;
    use purser_store::notices::Subject;
    use serde_json::Value;

    use crate::testing::Site;

    #[tokio::test]
    async fn a_program_walks_all_purchases_by_cursor() {
        let mut site = Site::with_many_purchases(25).await;
        site.sign_in("vera").await;
        let (mut after, mut seen) = (String::new(), Vec::new());
        loop {
            let text = site.get(&format!("/api/v1/purchases?limit=10&after={after}")).await.text;
            let answer: Value = serde_json::from_str(&text).unwrap();
            seen.extend(
                answer["purchases"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()),
            );
            match answer["next"].as_str() {
                Some(next) => after = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen.len(), 25);
        assert!(seen.is_sorted());
    }

    #[tokio::test]
    async fn a_run_is_ordered_for_an_account_there_is_and_days_that_are_in_order() {
        let site = Site::connected().await;
        let scopes = &[purser_store::access::Scope::RunsOrder];
        let token = site.token(None, purser_store::people::Role::Operator, scopes).await;
        for body in
            ["nonsense", "{\"from\":\"monday\"}", r#"{"from":"2026-11-03","to":"2026-11-03"}"#, "{\"x\":1}"]
        {
            assert_eq!(site.order_by(&token, body).await.status, 400, "{body}");
        }
        let ordered = site.order_by(&token, "").await;
        assert_eq!((ordered.status, ordered.text.as_str()), (202, "{\"run\":1}"));
    }

    #[tokio::test]
    async fn a_watching_system_reads_what_is_open_with_the_scope_of_runs() {
        let site = Site::connected().await;
        let viewer = purser_store::people::Role::Viewer;
        let runs = site.token(None, viewer, &[Scope::RunsRead]).await;
        let purchases = site.token(None, viewer, &[Scope::PurchasesRead]).await;
        assert_eq!(site.notices_by(&purchases).await.status, 403);
        let nothing = site.notices_by(&runs).await;
        assert_eq!((nothing.status, nothing.text.as_str()), (200, "[]"));
        site.raise_notice(2).await;
        let answer: Value = serde_json::from_str(&site.notices_by(&runs).await.text).unwrap();
        let told = &answer[0];
        assert_eq!(
            (&told["code"], &told["level"], &told["stage"]),
            (&"CON-IDLE".into(), &"warn".into(), &2.into())
        );
        assert_eq!((&told["subject"], &told["account"]), (&"idle".into(), &1.into()));
        assert_eq!(
            (&told["raised_at"], &told["acknowledged"]),
            (&"2026-11-23T10:00:00Z".into(), &Value::Null)
        );
        site.store.resolve_notice(crate::testing::ACCOUNT, Subject::Idle, site.clock.now()).await.unwrap();
        assert_eq!(site.notices_by(&runs).await.text, "[]");
    }

    #[tokio::test]
    async fn decimals_are_text_and_problems_are_json() {
        let mut site = Site::with_purchases().await;
        let refused = site.get("/api/v1/purchases").await;
        assert_eq!((refused.status, refused.header("content-type")), (401, "application/problem+json"));
        site.sign_in("vera").await;
        let answer: Value =
            serde_json::from_str(&site.get("/api/v1/purchases?search=VM").await.text).unwrap();
        assert_eq!(answer["purchases"][0]["cost"], "1234.5678901234567890123456789");
        let run: Value = serde_json::from_str(&site.get("/api/v1/runs/1").await.text).unwrap();
        assert_eq!(
            (&run["state"], &run["report"]["balance"]["received"]["records"]),
            (&"succeeded".into(), &3.into())
        );
        for (path, status) in [("/api/v1/runs/99", 404), ("/api/v1/runs/x", 404), ("/api/v1/none", 404)] {
            let answer = site.get(path).await;
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (status, "application/problem+json"),
                "{path}"
            );
        }
    }
}
