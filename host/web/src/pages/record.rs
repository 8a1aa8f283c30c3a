//! `/records/{account}/{page}/{ordinal}`: one record as received, and what became of it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use purser_domain::{AccountId, Digest, Purchase};
use purser_pipeline::fate::Fate;
use purser_store::runs::PageSource;

use super::purchases::{Row, rows};
use super::records::{self, Shown};
use crate::books::{Book, Books};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    shell: Shell,
    account: AccountId,
    title: String,
    digest: Digest,
    ordinal: u32,
    count: usize,
    shown: Shown,
    fate: Became,
    sources: Vec<PageSource>,
}

impl RecordPage {
    fn has_next(&self) -> bool {
        (self.ordinal as usize) + 1 < self.count
    }
}

/// What became of the record, with what is stored now.
enum Became {
    /// Part of this Purchase as it stands, which counts it (or no longer does).
    Purchase {
        row: Box<Row>,
        is_cited: bool,
    },
    /// It would be a Purchase; the part of the feed it came in was not committed.
    NotCommitted,
    Ignored(String),
    Rejected(String),
    Told,
    /// The plugin version is gone.
    Unknown(String),
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((account, digest, ordinal)): Path<(AccountId, String, u32)>,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("record");
    let digest: Digest = digest.parse().map_err(|_| missing())?;
    let book = Book::load(&state, account).await?;
    let sources = state.store.page_sources(account, digest).await?;
    let bytes = state.store.page(account, digest).await?;
    let (source, bytes) = sources.first().zip(bytes).ok_or_else(missing)?;
    let ranges = state.acts.record_ranges(&source.context, &bytes)?;
    let range =
        ranges.get(ordinal as usize).cloned().and_then(|range| bytes.get(range)).ok_or_else(missing)?;
    let shown = records::show(range);
    let fate = became(&state, &visitor, account, source, &bytes, (digest, ordinal)).await?;
    page(&RecordPage {
        shell: Shell::load(&state, &visitor, Area::Purchases).await?,
        account,
        title: book.account.title,
        digest,
        ordinal,
        count: ranges.len(),
        shown,
        fate,
        sources,
    })
}

async fn became(
    state: &WebState,
    visitor: &Visitor,
    account: AccountId,
    source: &PageSource,
    bytes: &[u8],
    (digest, ordinal): (Digest, u32),
) -> Result<Became, Problem> {
    let fates = match state.acts.record_fates(account, source, bytes).await {
        Ok(fates) => fates,
        Err(problem) => return Ok(Became::Unknown(problem.what)),
    };
    Ok(match fates.into_iter().nth(ordinal as usize) {
        Some(Fate::Purchase(key)) => match state.store.purchase(key).await? {
            Some(purchase) => {
                let cites =
                    |it: &purser_domain::purchase::Evidence| it.page == digest && it.ordinal == ordinal;
                let is_cited = purchase.evidence.iter().any(cites);
                let row = one_row(state, visitor, purchase).await?;
                Became::Purchase { row: Box::new(row), is_cited }
            }
            None => Became::NotCommitted,
        },
        Some(Fate::Ignored(rule)) => Became::Ignored(rule),
        Some(Fate::Rejected(reason)) => Became::Rejected(reason),
        Some(Fate::Told) | None => Became::Told,
    })
}

async fn one_row(state: &WebState, visitor: &Visitor, purchase: Purchase) -> Result<Row, Problem> {
    let books = Books::load(state).await?;
    let customers = Book::load(state, purchase.account).await?.customers(state).await?;
    let rows = rows(state, &books, &customers, &[purchase], visitor.numbers).await?;
    rows.into_iter().next().ok_or_else(Problem::internal)
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn a_record_leads_to_the_purchase_it_became() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let purchase = site.purchase("VM").await;
        let page = purchase.evidence[0].page;
        let explain = site.get(&format!("/purchases/{}", purchase.key)).await.text;
        assert!(explain.contains(&format!("/records/1/{page}/0")), "{explain}");
        let text = site.get(&format!("/records/1/{page}/0")).await.text;
        for part in
            ["1234.56789012345678901234567890", &purchase.key.to_string(), "Virtuele machine", "run 1"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("Record 0 of 3") && text.contains(&format!("/records/1/{page}/1")));
    }

    #[tokio::test]
    async fn a_record_that_was_restated_says_that_it_no_longer_counts() {
        let mut site = Site::with_purchases().await;
        let page = site.purchase("VM").await.evidence[0].page;
        site.restate("VM", "1300").await;
        site.sign_in("vera").await;
        let text = site.get(&format!("/records/1/{page}/0")).await.text;
        assert!(text.contains("no longer counted"), "{text}");
    }

    #[tokio::test]
    async fn a_record_set_aside_says_why() {
        let mut site = Site::with_purchases().await;
        site.reject_a_record("no price").await;
        site.sign_in("vera").await;
        let found = site.store.rejected(crate::testing::ACCOUNT).await.unwrap();
        let example = found[0].example.unwrap();
        let text = site.get(&format!("/records/1/{}/{}", example.page, example.ordinal)).await.text;
        assert!(text.contains("Set aside") && text.contains("no price"), "{text}");
    }

    #[tokio::test]
    async fn what_is_not_there_is_a_page_that_says_so() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let page = site.purchase("VM").await.evidence[0].page;
        let paths = [
            format!("/records/1/{page}/99"),
            format!("/records/1/{}/0", "00".repeat(32)),
            "/records/1/x/0".into(),
        ];
        for path in paths {
            assert_eq!(site.get(&path).await.status, 404, "{path}");
        }
    }
}
