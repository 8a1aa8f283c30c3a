//! `/reconciliation`: the vendor's invoice of a month beside what we bill for it, and why they differ.

pub(crate) mod row;

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::ToSpan as _;
use purser_domain::reconciliation::{Cause, Row};
use purser_domain::{AccountId, Currency, Decimal, Month};
use purser_pipeline::reconcile::{Line, Reconciled, reconcile};
use serde::Deserialize;
use url::form_urlencoded;

use crate::books::{Book, Books};
use crate::format::{Number, NumberStyle};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Rows of the page; the file has all.
const LIMIT: usize = 500;
/// Amounts up to this are nobody's concern.
const TOLERANCE: &str = "0.01";

#[derive(Template)]
#[template(path = "reconciliation.html")]
struct ReconciliationPage {
    shell: Shell,
    accounts: Vec<(AccountId, String)>,
    account: Option<AccountId>,
    month: String,
    only_open: bool,
    currencies: Vec<CurrencyShown>,
    rows: Vec<RowShown>,
    hidden: usize,
    tolerance: &'static str,
}

/// A currency's total.
struct CurrencyShown {
    currency: String,
    is_billed: bool,
    amounts: Amounts,
    missing: Option<Number>,
}

/// A subscription or customer.
struct RowShown {
    /// Where what stands behind it is shown.
    path: String,
    scope: String,
    customer: String,
    customer_id: String,
    currency: String,
    amounts: Amounts,
}

struct Amounts {
    vendor: Number,
    ours: Number,
    difference: Number,
    causes: Vec<(Cause, Number)>,
    unexplained: Number,
    is_reconciled: bool,
}

impl Amounts {
    fn of(row: &Row, numbers: NumberStyle) -> Self {
        Self {
            vendor: numbers.money(&row.vendor),
            ours: numbers.money(&row.ours),
            difference: numbers.money(&row.difference()),
            causes: row.causes.iter().map(|(cause, amount)| (*cause, numbers.money(amount))).collect(),
            unexplained: numbers.money(&row.unexplained),
            is_reconciled: row.is_reconciled(&tolerance()),
        }
    }
}

fn tolerance() -> Decimal {
    TOLERANCE.parse().unwrap_or_default()
}

/// Which month of which account.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Asked {
    account: String,
    month: String,
    /// `open`: only what is not explained.
    show: String,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let shell = Shell::load(&state, &visitor, Area::Purchases).await?;
    let books = Books::load(&state).await?;
    let accounts = books.iter().map(|book| (book.account.id, book.account.title.clone())).collect();
    let Some(book) = chosen(&books, &asked.account)? else {
        return page(&ReconciliationPage::empty(shell, accounts));
    };
    let month = month(&state, book, &asked.month)?;
    let reconciled = reconciled(&state, book, &month).await?;
    let customers = book.customers(&state).await?;
    let only_open = asked.show == "open";
    let mut lines = reconciled.lines.iter().collect::<Vec<_>>();
    lines.retain(|line| !only_open || !line.row.is_reconciled(&tolerance()));
    let hidden = lines.len().saturating_sub(LIMIT);
    let numbers = visitor.numbers;
    page(&ReconciliationPage {
        shell,
        accounts,
        account: Some(book.account.id),
        month: month.to_string(),
        only_open,
        currencies: totals(&reconciled, numbers),
        rows: lines
            .into_iter()
            .take(LIMIT)
            .map(|line| row_shown(book, &month, line, &customers, numbers))
            .collect(),
        hidden,
        tolerance: TOLERANCE,
    })
}

impl ReconciliationPage {
    fn is_account(&self, account: &AccountId) -> bool {
        self.account == Some(*account)
    }

    fn empty(shell: Shell, accounts: Vec<(AccountId, String)>) -> Self {
        Self {
            shell,
            accounts,
            account: None,
            month: String::new(),
            only_open: false,
            currencies: Vec::new(),
            rows: Vec::new(),
            hidden: 0,
            tolerance: TOLERANCE,
        }
    }
}

fn chosen<'a>(books: &'a Books, asked: &str) -> Result<Option<&'a Book>, Problem> {
    if asked.is_empty() {
        return Ok(books.iter().next());
    }
    let found = books.iter().find(|book| book.account.id.to_string() == asked);
    found.map(Some).ok_or_else(|| Problem::not_found("account"))
}

/// The month asked for; else the last that is over.
fn month(state: &WebState, book: &Book, asked: &str) -> Result<Month, Problem> {
    match asked.trim() {
        "" => Ok(Month::of(book.today(state).first_of_month().saturating_sub(1.day()))),
        text => text.parse().map_err(|_| Problem::input(format!("{text:?} is no month such as 2026-11"))),
    }
}

async fn reconciled(state: &WebState, book: &Book, month: &Month) -> Result<Reconciled, Problem> {
    let feeds = book.connector.as_ref().map(|connector| connector.reconciled.clone()).unwrap_or_default();
    Ok(reconcile(state.store.as_ref(), book.account.id, month, &feeds).await?)
}

fn totals(reconciled: &Reconciled, numbers: NumberStyle) -> Vec<CurrencyShown> {
    let mut currencies: Vec<&Currency> = reconciled.totals.keys().chain(reconciled.invoices.keys()).collect();
    currencies.sort();
    currencies.dedup();
    let nothing = Row::default();
    let shown = |currency: &Currency| {
        let missing = reconciled.missing(currency);
        CurrencyShown {
            currency: currency.to_string(),
            is_billed: reconciled.invoices.get(currency).is_some_and(|invoiced| invoiced.is_billed),
            amounts: Amounts::of(reconciled.totals.get(currency).unwrap_or(&nothing), numbers),
            missing: (!missing.is_zero()).then(|| numbers.money(&missing)),
        }
    };
    currencies.into_iter().map(shown).collect()
}

fn row_shown(
    book: &Book,
    month: &Month,
    line: &Line,
    customers: &HashMap<String, String>,
    numbers: NumberStyle,
) -> RowShown {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("account", &book.account.id.to_string()).append_pair("month", &month.to_string());
    query.append_pair("currency", line.currency.as_str()).append_pair("scope", &line.scope);
    RowShown {
        path: format!("/reconciliation/row?{}", query.finish()),
        scope: line.scope.clone(),
        customer: customers.get(&line.vendor_customer).unwrap_or(&line.vendor_customer).clone(),
        customer_id: line.vendor_customer.clone(),
        currency: line.currency.to_string(),
        amounts: Amounts::of(&line.row, numbers),
    }
}

/// All rows as CSV, one column a cause.
pub(crate) async fn export(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let books = Books::load(&state).await?;
    let book = chosen(&books, &asked.account)?.ok_or_else(|| Problem::not_found("account"))?;
    let month = month(&state, book, &asked.month)?;
    let reconciled = reconciled(&state, book, &month).await?;
    let detail = serde_json::json!({ "account": book.account.id, "month": month });
    state.audit(&visitor.person.name, "reconciliation.exported", detail).await?;
    let broken = |_| Problem::internal();
    let mut file = csv::Writer::from_writer(Vec::new());
    let head = ["month", "subscription", "vendor_customer", "currency", "vendor", "ours", "difference"];
    let causes = Cause::ALL.map(Cause::code);
    file.write_record(head.into_iter().chain(causes).chain(["unexplained"])).map_err(broken)?;
    for line in &reconciled.lines {
        let row = &line.row;
        let cause = |cause: Cause| row.causes.get(&cause).map(Decimal::canonical).unwrap_or_default();
        let mut cells = vec![
            month.to_string(),
            line.scope.clone(),
            line.vendor_customer.clone(),
            line.currency.to_string(),
        ];
        cells.extend([&row.vendor, &row.ours, &row.difference()].map(Decimal::canonical));
        cells.extend(Cause::ALL.map(cause));
        cells.push(row.unexplained.canonical());
        file.write_record(&cells).map_err(broken)?;
    }
    let bytes = file.into_inner().map_err(|_| Problem::internal())?;
    let disposition = format!("attachment; filename=\"reconciliation-{month}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, bytes).into_response())
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn reconcil_the_invoice_stands_beside_what_is_billed_with_the_causes() {
        let mut site = Site::with_purchases().await;
        site.bring_invoice("1234.56").await;
        site.sign_in("vera").await;
        let text = site.get("/reconciliation?month=2026-11").await.text;
        for part in ["1,234.56", "rounding", "Bakery Jansen", "Billed", "12.35"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // The other Purchase is on no invoice, and nothing tells why.
        assert!(text.contains("Not explained"), "{text}");
        let open = site.get("/reconciliation?month=2026-11&show=open").await.text;
        assert!(!open.contains("Bakery Jansen") && open.contains("Rijwielhuis"), "{open}");
        let file = site.get("/reconciliation/export.csv?month=2026-11").await.text;
        assert!(
            file.starts_with("month,subscription,vendor_customer,currency,vendor,ours,difference,unmapped,")
        );
        assert!(file.contains(",EUR,1234.56,1234.5678901234567890123456789,"), "{file}");
        let trail = site.store.audit_trail(5).await.unwrap();
        assert!(trail.iter().any(|entry| entry.what == "reconciliation.exported" && entry.who == "vera"));
    }

    #[tokio::test]
    async fn reconcil_a_month_without_an_invoice_says_so() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        assert!(site.get("/reconciliation?month=2026-01").await.text.contains("Nothing of 2026-01"));
        assert_eq!(site.get("/reconciliation?month=soon").await.status, 400);
        assert_eq!(site.get("/reconciliation?account=9").await.status, 404);
        let mut site = Site::empty().await;
        site.sign_in("vera").await;
        assert!(site.get("/reconciliation").await.text.contains("No account is connected"));
    }
}
