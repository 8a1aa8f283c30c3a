//! `…/accounts/{account}/customers/{customer}`: what one of the vendor's customers is to us, from which day, and who
//! said so.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use purser_domain::AccountId;
use purser_domain::customer::Target;
use purser_store::customers::{MappingChange, MappingRow};
use serde::Deserialize;

use crate::acts::ConnectorView;
use crate::books::Book;
use crate::format::When;
use crate::mappings::{self, VendorCustomer, day_words};
use crate::pages::account::book_of;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

#[derive(Template)]
#[template(path = "customer.html")]
struct CustomerPage {
    shell: Shell,
    connector: ConnectorView,
    path: String,
    customer: VendorCustomer,
    account: String,
    waits: bool,
    rows: Vec<Shown>,
    history: Vec<Shown>,
    codes: Vec<String>,
    sent: Sent,
    failure: String,
}

/// A row of the mapping.
struct Shown {
    from: String,
    day: String,
    words: String,
    by: String,
    at: When,
}

impl Shown {
    fn of(row: &MappingRow, book: &Book) -> Self {
        let words = match &row.change.target {
            Some(Target::Code(code)) => format!("our customer {code}"),
            Some(Target::Ignored(reason)) => format!("ignored: {reason}"),
            Some(Target::Unmapped) => "not mapped".to_owned(),
            None => "removed: what was valid before goes on".to_owned(),
        };
        Self {
            from: day_words(row.change.from),
            day: row.change.from.to_string(),
            words,
            by: row.by.clone(),
            at: When::new(row.at, &book.zone),
        }
    }
}

/// What a form sends.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Sent {
    /// `code`, `ignore`, `unmapped` or `remove`.
    what: String,
    code: String,
    reason: String,
    from: String,
}

/// The page's address.
pub(crate) fn path(book: &Book, customer: &str) -> String {
    let account = &book.account;
    let customer: String = url::form_urlencoded::byte_serialize(customer.as_bytes()).collect();
    format!(
        "/connectors/{}/accounts/{}/customers/{}",
        account.connector,
        account.id,
        customer.replace('+', "%20")
    )
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account, customer)): Path<(String, AccountId, String)>,
) -> Result<Response, Problem> {
    let (connector, book) = book_of(&state, &connector, account).await?;
    draw(&state, &visitor, connector, &book, &customer, Sent::default(), String::new()).await
}

/// Changes what is said.
pub(crate) async fn save(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((connector, account, customer)): Path<(String, AccountId, String)>,
    Form(sent): Form<Sent>,
) -> Result<Response, Problem> {
    let (connector, book) = book_of(&state, &connector, account).await?;
    let change = match change(&customer, &sent) {
        Ok(change) => change,
        Err(failure) => {
            let drawn = draw(&state, &visitor, connector, &book, &customer, sent, failure).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, drawn).into_response());
        }
    };
    let restamped = mappings::change(&state, &visitor.person.name, &book, &[change]).await?;
    visitor.tell_at(&mappings::told(restamped), &path(&book, &customer)).await
}

fn change(customer: &str, sent: &Sent) -> Result<MappingChange, String> {
    let target = match sent.what.as_str() {
        "code" => Some(Target::Code(mappings::text(&sent.code, "the customer code")?)),
        "ignore" => Some(Target::Ignored(mappings::text(&sent.reason, "the reason")?)),
        "unmapped" => Some(Target::Unmapped),
        "remove" => None,
        _ => return Err("choose what this customer is to you".to_owned()),
    };
    Ok(MappingChange { vendor_customer: customer.to_owned(), from: mappings::first_day(&sent.from)?, target })
}

async fn draw(
    state: &WebState,
    visitor: &Visitor,
    connector: ConnectorView,
    book: &Book,
    id: &str,
    sent: Sent,
    failure: String,
) -> Result<Response, Problem> {
    let customers = mappings::load(state, book).await?;
    let mut codes: Vec<String> = customers.iter().flat_map(|it| &it.rows).filter_map(code_of).collect();
    codes.extend(state.store.known_customers().await?.into_iter().map(|known| known.code));
    codes.sort_unstable();
    codes.dedup();
    let customer = customers.into_iter().find(|customer| customer.id.eq_ignore_ascii_case(id));
    let customer = customer.ok_or_else(|| Problem::not_found("customer"))?;
    let mut history = state.store.mapping_history(book.account.id).await?;
    history.retain(|row| row.change.vendor_customer.eq_ignore_ascii_case(id));
    page(&CustomerPage {
        shell: Shell::load(state, visitor, Area::Connectors).await?,
        connector,
        path: path(book, &customer.id),
        account: book.account.title.clone(),
        waits: book.settings.host.unmapped_customers == purser_store::accounts::UnmappedCustomers::Wait,
        rows: customer.rows.iter().map(|row| Shown::of(row, book)).collect(),
        history: history.iter().map(|row| Shown::of(row, book)).collect(),
        customer,
        codes,
        sent,
        failure,
    })
}

fn code_of(row: &MappingRow) -> Option<String> {
    match &row.change.target {
        Some(Target::Code(code)) => Some(code.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    const PATH: &str = "/connectors/test-cloud/accounts/1/customers/c-1";

    #[tokio::test]
    async fn a_customer_is_mapped_from_a_day_and_its_history_is_shown() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        assert_eq!(site.post(PATH, "what=code&code=K-1&from=").await.location(), PATH);
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("K-1"));
        // The Purchase starts before this day: it keeps its customer.
        site.post(PATH, "what=code&code=K-2&from=2026-11-22").await;
        assert_eq!(site.purchase("VM").await.customer_code.as_deref(), Some("K-1"));
        site.post(PATH, "what=remove&from=2026-11-22").await;
        let text = site.get(PATH).await.text;
        for part in ["our customer K-1", "the beginning", "our customer K-2", "removed", "olaf"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[tokio::test]
    async fn ignoring_needs_a_reason() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let answer = site.post(PATH, "what=ignore&reason=+&from=").await;
        assert_eq!(answer.status, 422);
        assert!(answer.text.contains("the reason is missing"));
        site.post(PATH, "what=ignore&reason=our+own+tenant&from=").await;
        assert_eq!(site.purchase("VM").await.customer_code, None);
        let list = site.get("/connectors/test-cloud/customers?show=ignored").await.text;
        assert!(list.contains("our own tenant") && !list.contains("Rijwielhuis"), "{list}");
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused_beside_its_form() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let long = "x".repeat(201);
        for (form, what) in [
            ("what=code&code=&from=".to_owned(), "the customer code is missing"),
            (format!("what=code&code={long}&from="), "longer than 200 characters"),
            ("what=code&code=a%0Ab&from=".to_owned(), "line breaks"),
            ("what=code&code=K&from=tomorrow".to_owned(), "is no date"),
            ("what=else".to_owned(), "choose what"),
        ] {
            let answer = site.post(PATH, &form).await;
            assert!(answer.status == 422 && answer.text.contains(what), "{form}: {}", answer.text);
        }
        assert_eq!(site.get("/connectors/test-cloud/accounts/1/customers/nobody").await.status, 404);
    }
}
