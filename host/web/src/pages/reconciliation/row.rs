//! `/reconciliation/row`: what stands behind one row: the lines of the invoice, and the Purchases they are set against.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use purser_domain::reconciliation::InvoiceLine;
use purser_domain::{Currency, Month};
use purser_pipeline::reconcile::Line;
use serde::Deserialize;

use super::{Amounts, chosen, month, reconciled};
use crate::books::{Book, Books};
use crate::format::{Number, NumberStyle, When};
use crate::pages::purchases::{self, rows};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Lines and Purchases that are shown.
const LIMIT: u32 = 500;

#[derive(Template)]
#[template(path = "reconciliation_row.html")]
struct RowPage {
    shell: Shell,
    back: String,
    month: Month,
    scope: String,
    customer: String,
    currency: Currency,
    amounts: Amounts,
    lines: Vec<LineShown>,
    purchases: Vec<PurchaseShown>,
    is_cut: bool,
}

/// A line of the invoice that another feed bills.
struct LineShown {
    start: When,
    end: When,
    product: String,
    billed_by: String,
    quantity: Number,
    unit: String,
    cost: Number,
}

struct PurchaseShown {
    row: purchases::Row,
    /// The vendor counts it in another month than the row's.
    other_month: Option<Month>,
}

/// Which row.
#[derive(Deserialize)]
pub(crate) struct Asked {
    account: String,
    month: String,
    scope: String,
    currency: Currency,
}

/// The page.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let shell = Shell::load(&state, &visitor, Area::Purchases).await?;
    let books = Books::load(&state).await?;
    let book = chosen(&books, &asked.account)?.ok_or_else(|| Problem::not_found("account"))?;
    let month = month(&state, book, &asked.month)?;
    let account = book.account.id;
    let all = reconciled(&state, book, &month).await?;
    let is_asked = |line: &&Line| line.scope == asked.scope && line.currency == asked.currency;
    let line = all.lines.iter().find(is_asked).ok_or_else(|| Problem::not_found("row"))?;
    let behind = state.store.behind(account, &month, &asked.scope, &asked.currency, LIMIT).await?;
    let customers = book.customers(&state).await?;
    let shown = rows(&state, &books, &customers, &behind.purchases, visitor.numbers).await?;
    let other_month = behind
        .purchases
        .iter()
        .map(|purchase| (purchase.vendor_period != month).then(|| purchase.vendor_period.clone()));
    page(&RowPage {
        shell,
        back: format!("/reconciliation?account={account}&month={month}"),
        customer: customers.get(&line.vendor_customer).unwrap_or(&line.vendor_customer).clone(),
        amounts: Amounts::of(&line.row, visitor.numbers),
        is_cut: [behind.lines.len(), behind.purchases.len()].iter().any(|count| *count >= LIMIT as usize),
        lines: behind.lines.into_iter().map(|line| line_shown(line, book, visitor.numbers)).collect(),
        purchases: shown
            .into_iter()
            .zip(other_month)
            .map(|(row, other_month)| PurchaseShown { row, other_month })
            .collect(),
        month,
        scope: asked.scope,
        currency: asked.currency,
    })
}

fn line_shown(line: InvoiceLine, book: &Book, numbers: NumberStyle) -> LineShown {
    LineShown {
        start: When::day(line.start),
        end: When::day(line.end),
        product: if line.product_text.is_empty() { line.product_key } else { line.product_text },
        billed_by: book.feed_title(&line.billed_by),
        quantity: numbers.plain(&line.quantity),
        unit: line.unit,
        cost: numbers.money(&line.cost),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn reconcil_a_row_leads_to_the_lines_and_purchases_behind_it() {
        let mut site = Site::with_purchases().await;
        site.bring_invoice("1234.56").await;
        site.sign_in("vera").await;
        let list = site.get("/reconciliation?month=2026-11").await.text;
        let from = list.find("/reconciliation/row?").unwrap();
        let path = list[from..].split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
        let text = site.get(&path).await.text;
        for part in ["1,234.56", "Bakery Jansen", "Lines of the invoice", "/purchases/", "rounding"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("Rijwielhuis"), "another customer's: {text}");
    }

    #[tokio::test]
    async fn reconcil_a_row_that_is_not_there_says_so() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        let path = "/reconciliation/row?account=1&month=2026-11&currency=EUR&scope=nobody";
        assert_eq!(site.get(path).await.status, 404);
        assert_eq!(site.get("/reconciliation/row?account=1&month=2026-11&scope=x").await.status, 400);
    }
}
