//! The names preview of the account form: product names as they would be in another Locale.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use purser_domain::AccountId;
use purser_store::ledger::Filter;
use serde::Deserialize;

use super::account::book_of;
use crate::books::Book;
use crate::names::Words;
use crate::problem::Problem;
use crate::shell::{Visitor, page};
use crate::state::WebState;

/// Product names a preview shows.
const PREVIEW: usize = 10;

#[derive(Template)]
#[template(path = "account_names.html")]
struct NamesPart {
    names: Vec<NameRow>,
    outlook: Outlook,
}

/// How many products would have a name in a Locale.
pub(super) struct Outlook {
    pub(super) locale: String,
    /// Products that Purchases name.
    pub(super) wanted: u64,
    /// Of those, products without a name in the Locale.
    pub(super) missing: u64,
    /// Whether the Locale was ever asked for: else its names come with the first run after the change.
    pub(super) is_retrieved: bool,
}

/// A product's name now, and as it would be.
pub(super) struct NameRow {
    pub(super) now: String,
    pub(super) then: Words,
}

/// The Locale whose names are asked for.
#[derive(Deserialize)]
pub(crate) struct Asked {
    locale: String,
}

/// Product names as they would be in another Locale: part of the form, loaded when the choice changes.
pub(crate) async fn preview(
    State(state): State<WebState>,
    _: Visitor,
    Path((connector, account)): Path<(String, AccountId)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let (_, book) = book_of(&state, &connector, account).await?;
    let names = names(&state, &book, &asked.locale).await?;
    let outlook = outlook(&state, &book, &asked.locale).await?;
    page(&NamesPart { names, outlook })
}

/// How many products would have a name in a Locale.
pub(super) async fn outlook(state: &WebState, book: &Book, locale: &str) -> Result<Outlook, Problem> {
    let found = state.store.outlook(book.account.id, locale).await?;
    let coverage = state.store.coverage(book.account.id).await?;
    Ok(Outlook {
        locale: locale.to_owned(),
        wanted: found.wanted,
        missing: found.missing,
        is_retrieved: coverage.iter().any(|coverage| coverage.requested.eq_ignore_ascii_case(locale)),
    })
}

/// Some products' names now and in a Locale.
pub(super) async fn names(state: &WebState, book: &Book, locale: &str) -> Result<Vec<NameRow>, Problem> {
    let filter = Filter { account: Some(book.account.id), ..Filter::default() };
    let mut purchases = state.store.purchases(&filter, None, 200).await?;
    purchases.sort_by(|a, b| a.description.product_key.cmp(&b.description.product_key));
    purchases.dedup_by(|a, b| a.description.product_key == b.description.product_key);
    purchases.truncate(PREVIEW);
    let now = book.names(state, &book.settings.host.locale, &purchases).await?;
    let then = book.names(state, locale, &purchases).await?;
    let row = |p| NameRow { now: Words::of(p, Some(&now)).name, then: Words::of(p, Some(&then)) };
    Ok(purchases.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    const PATH: &str = "/connectors/test-cloud/accounts/1";

    #[tokio::test]
    async fn the_preview_shows_names_in_the_other_language() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let text = site.get(&format!("{PATH}/names?locale=de-DE")).await.text;
        assert!(text.contains("Virtuele machine") && text.contains("Virtuelle Maschine"), "{text}");
        assert!(text.contains("2 of 3 products have no name in de-DE"), "{text}");
        assert!(!text.contains("<html"), "a part of the page");
        let french = site.get(&format!("{PATH}/names?locale=fr-FR")).await.text;
        assert!(french.contains("come with the first run after the change"), "{french}");
    }
}
