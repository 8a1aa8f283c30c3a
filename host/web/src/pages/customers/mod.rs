//! `/connectors/{connector}/customers`: the vendor's customers, and which of ours each is.

pub(crate) mod csv;
pub(crate) mod one;

use std::collections::HashMap;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use purser_domain::AccountId;
use purser_domain::customer::Target;
use purser_store::customers::MappingChange;
use serde::Deserialize;

use crate::acts::ConnectorView;
use crate::books::{Book, Books};
use crate::mappings::{self, BEGINNING, Standing, VendorCustomer};
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
    suggested: Vec<Suggested>,
    total: String,
    shown: usize,
    search: String,
    show: String,
    has_accounts: bool,
}

struct Row {
    path: String,
    id: String,
    name: String,
    domain: String,
    account: String,
    standing: Standing,
    purchases: u64,
    count: String,
}

/// One of the vendor's customers and who it may be.
struct Suggested {
    /// Names the pair in the form.
    value: String,
    name: String,
    domain: String,
    code: String,
    by: &'static str,
}

/// What to look for.
#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    search: String,
    /// `waiting`, `ignored` or all.
    #[serde(default)]
    show: String,
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
    let (mut rows, mut suggested) = (Vec::new(), Vec::new());
    for book in books.of_connector(&connector.id) {
        let customers = mappings::load(&state, book).await?;
        suggested.extend(customers.iter().filter_map(|customer| suggestion(book, customer)));
        rows.extend(rows_of(&state, book, customers, &visitor).await?);
    }
    let search = query.search.trim().to_owned();
    let wanted = search.to_lowercase();
    rows.retain(|row| row.is_wanted(&wanted, &query.show));
    let total = visitor.numbers.count(rows.len() as u64);
    rows.truncate(LIMIT);
    let (shown, has_accounts) = (rows.len(), books.of_connector(&connector.id).next().is_some());
    let show = query.show;
    page(&CustomersPage { shell, connector, rows, suggested, total, shown, search, show, has_accounts })
}

impl Row {
    fn is_wanted(&self, search: &str, show: &str) -> bool {
        let standing = match show {
            "waiting" => matches!(self.standing, Standing::Waits | Standing::ByVendorId),
            "ignored" => matches!(self.standing, Standing::Ignored(_)),
            _ => true,
        };
        let code = match &self.standing {
            Standing::Code(code) => code.as_str(),
            _ => "",
        };
        let text = format!("{}\n{}\n{}\n{code}", self.name, self.domain, self.id);
        standing && text.to_lowercase().contains(search)
    }
}

fn suggestion(book: &Book, customer: &VendorCustomer) -> Option<Suggested> {
    let suggestion = customer.suggestion.as_ref()?;
    Some(Suggested {
        value: pair(book.account.id, &customer.id, &suggestion.code),
        name: customer.name.clone(),
        domain: customer.domain.clone(),
        code: suggestion.code.clone(),
        by: suggestion.by.what(),
    })
}

fn pair(account: AccountId, customer: &str, code: &str) -> String {
    serde_json::json!([account, customer, code]).to_string()
}

async fn rows_of(
    state: &WebState,
    book: &Book,
    customers: Vec<VendorCustomer>,
    visitor: &Visitor,
) -> Result<Vec<Row>, Problem> {
    let mut purchases: HashMap<String, u64> = HashMap::new();
    for rollup in state.store.rollups(Some(book.account.id), None, None).await? {
        *purchases.entry(rollup.vendor_customer.to_lowercase()).or_default() += rollup.purchases;
    }
    let (today, unmapped) = (book.today(state), book.settings.host.unmapped_customers);
    let row = |customer: VendorCustomer| {
        let count = purchases.get(&customer.id.to_lowercase()).copied().unwrap_or_default();
        Row {
            path: one::path(book, &customer.id),
            standing: customer.standing(today, unmapped),
            account: book.account.title.clone(),
            purchases: count,
            count: visitor.numbers.count(count),
            id: customer.id,
            name: customer.name,
            domain: customer.domain,
        }
    };
    Ok(customers.into_iter().map(row).collect())
}

/// Maps the chosen customers as suggested.
pub(crate) async fn accept(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(connector): Path<String>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let connector = state.connector(&connector)?;
    let chosen: Vec<(AccountId, String, String)> = sent
        .iter()
        .filter(|(field, _)| field == "choose")
        .map(|(_, value)| serde_json::from_str(value))
        .collect::<Result<_, _>>()
        .map_err(|_| Problem::input("a chosen suggestion could not be read"))?;
    let books = Books::load(&state).await?;
    let mut count = 0;
    for book in books.of_connector(&connector.id) {
        let of_account = chosen.iter().filter(|(account, ..)| *account == book.account.id);
        let changes: Vec<MappingChange> = of_account
            .map(|(_, customer, code)| {
                let target =
                    Some(Target::Code(mappings::text(code, "the customer code").map_err(Problem::input)?));
                Ok(MappingChange { vendor_customer: customer.clone(), from: BEGINNING, target })
            })
            .collect::<Result<_, Problem>>()?;
        if !changes.is_empty() {
            mappings::change(&state, &visitor.person.name, book, &changes).await?;
            count += changes.len();
        }
    }
    let path = format!("/connectors/{}/customers", connector.id);
    visitor.tell_at(&format!("{count} customers were mapped."), &path).await
}

#[cfg(test)]
mod tests {
    use purser_domain::suggestion::KnownCustomer;

    use crate::testing::Site;

    #[tokio::test]
    async fn customers_are_listed_with_their_purchases_and_found_by_name() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let text = site.get("/connectors/test-cloud/customers").await.text;
        for part in ["Bakery Jansen", "jansen.example", "Rijwielhuis", "goes by the vendor"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let found = site.get("/connectors/test-cloud/customers?search=JANSEN").await.text;
        assert!(found.contains("Bakery Jansen") && !found.contains("Rijwielhuis"));
        let none = site.get("/connectors/test-cloud/customers?search=zzz").await.text;
        assert!(none.contains("No customer matches"));
    }

    #[tokio::test]
    async fn before_the_first_retrieval_it_says_so() {
        let mut site = Site::connected().await;
        site.sign_in("vera").await;
        let text = site.get("/connectors/test-cloud/customers").await.text;
        assert!(text.contains("The first retrieval has not run"), "{text}");
    }

    #[tokio::test]
    async fn a_suggestion_is_shown_and_applied_only_when_it_is_chosen() {
        let mut site = Site::with_purchases().await;
        let ours =
            KnownCustomer { code: "K-7".into(), domain: "Jansen.example".into(), ..KnownCustomer::default() };
        site.store.put_known_customers(&[ours]).await.unwrap();
        site.sign_in("olaf").await;
        let path = "/connectors/test-cloud/customers";
        let text = site.get(path).await.text;
        assert!(text.contains("K-7") && text.contains("same domain"), "{text}");
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("c-1"), "nothing by itself");
        assert_eq!(site.post(&format!("{path}/suggestions"), "").await.location(), path);
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("c-1"), "nothing chosen");
        site.post(&format!("{path}/suggestions"), "choose=%5B1%2C%22c-1%22%2C%22K-7%22%5D").await;
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("K-7"));
        assert!(!site.get(path).await.text.contains("Suggestions"));
        assert!(site.get("/audit").await.text.contains("customers.mapped"));
    }
}
