//! `/connectors/{connector}/customers`: the vendor's customers, and what they have.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::acts::ConnectorView;
use crate::books::{Book, Books, member};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Rows a page shows.
const LIMIT: usize = 500;

#[derive(Template)]
#[template(path = "customers.html")]
struct CustomersPage {
    shell: Shell,
    connector: ConnectorView,
    rows: Vec<Row>,
    total: String,
    shown: usize,
    search: String,
    has_accounts: bool,
}

struct Row {
    id: String,
    name: String,
    domain: String,
    account: String,
    purchases: u64,
    count: String,
}

/// What to look for.
#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    search: String,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Query(query): Query<Search>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let shell = Shell::load(&state, &visitor, Area::Connectors).await?;
    let books = Books::load(&state).await?;
    let mine = || books.iter().filter(|book| book.account.connector == connector.id);
    let mut rows = Vec::new();
    for book in mine() {
        rows.extend(rows_of(&state, book, &visitor).await?);
    }
    let search = query.search.trim().to_owned();
    let wanted = search.to_lowercase();
    rows.retain(|row| format!("{}\n{}\n{}", row.name, row.domain, row.id).to_lowercase().contains(&wanted));
    rows.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then_with(|| a.id.cmp(&b.id)));
    let total = visitor.numbers.count(rows.len() as u64);
    rows.truncate(LIMIT);
    let (shown, has_accounts) = (rows.len(), mine().next().is_some());
    page(&CustomersPage { shell, connector, rows, total, shown, search, has_accounts })
}

async fn rows_of(state: &WebState, book: &Book, visitor: &Visitor) -> Result<Vec<Row>, Problem> {
    let mut purchases: HashMap<String, u64> = HashMap::new();
    for rollup in state.store.rollups(Some(book.account.id), None, None).await? {
        *purchases.entry(rollup.vendor_customer).or_default() += rollup.purchases;
    }
    let facts = state.store.facts_of_kind(book.account.id, "customer").await?;
    let row = |fact: purser_store::runs::Fact| {
        let count = purchases.get(&fact.key).copied().unwrap_or_default();
        Row {
            name: member(&fact.value, "name").unwrap_or_else(|| fact.key.clone()),
            domain: member(&fact.value, "domain").unwrap_or_default(),
            account: book.account.title.clone(),
            purchases: count,
            count: visitor.numbers.count(count),
            id: fact.key,
        }
    };
    Ok(facts.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn customers_are_listed_with_their_purchases_and_found_by_name() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let text = site.get("/connectors/test-cloud/customers").await.text;
        assert!(
            text.contains("Bakery Jansen") && text.contains("jansen.example") && text.contains("Rijwielhuis")
        );
        let found = site.get("/connectors/test-cloud/customers?search=JANSEN").await.text;
        assert!(found.contains("Bakery Jansen") && !found.contains("Rijwielhuis"));
        assert!(
            site.get("/connectors/test-cloud/customers?search=zzz")
                .await
                .text
                .contains("No customer matches")
        );
    }

    #[tokio::test]
    async fn before_the_first_retrieval_it_says_so() {
        let mut site = Site::connected().await;
        site.sign_in("vera").await;
        let text = site.get("/connectors/test-cloud/customers").await.text;
        assert!(text.contains("The first retrieval has not run"), "{text}");
    }
}
