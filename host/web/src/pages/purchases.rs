//! `/purchases`: what there is to bill, with totals that are exact.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use purser_domain::purchase::{Key, State as Standing};
use purser_domain::{Decimal, Purchase};
use purser_store::ledger::{Filter, Rollup};
use purser_store::runs::{Run, RunState};

use super::purchase_query::PurchaseQuery;
use crate::acts::FeedView;
use crate::books::{Book, Books};
use crate::export::{self, Format};
use crate::format::{Number, NumberStyle, Pill, When};
use crate::names::Words;
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Rows of one page.
const ROWS: u32 = 100;
/// Where roll-ups cannot tell a filter's total, so many rows are summed; beyond, the page says that it did not.
const SUMMED: usize = 5_000;

#[derive(Template)]
#[template(path = "purchases.html")]
struct PurchasesPage {
    shell: Shell,
    query: PurchaseQuery,
    accounts: Vec<(String, String)>,
    feeds: Vec<FeedView>,
    customers: Vec<(String, String)>,
    rows: Vec<Row>,
    totals: Totals,
    next: Option<String>,
    /// Data that is older than it should be.
    stale: Vec<Stale>,
    /// Purchases that vanished and whose voids wait.
    held: usize,
    empty: Empty,
}

/// One Purchase as a list shows it.
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) reference: String,
    pub(crate) start: When,
    pub(crate) end: When,
    pub(crate) customer: String,
    pub(crate) customer_id: String,
    pub(crate) is_unmapped: bool,
    pub(crate) words: Words,
    pub(crate) product_key: String,
    pub(crate) quantity: Number,
    pub(crate) unit_price: Option<(Number, String)>,
    pub(crate) cost: Option<(Number, String)>,
    pub(crate) feed: String,
    pub(crate) account: String,
    pub(crate) pill: Option<Pill>,
    pub(crate) revision: u32,
}

/// What the rows of the whole filter come to.
enum Totals {
    Known { purchases: String, sums: Vec<(String, Number)> },
    TooMany,
}

/// A last run that did not bring what it should.
struct Stale {
    account: String,
    run: String,
    words: &'static str,
    complete_to: String,
}

/// Why there is nothing to show.
#[derive(PartialEq, Eq)]
enum Empty {
    /// There is something.
    No,
    /// Something else would match.
    Filtered,
    NoAccount {
        settings: String,
    },
    BeforeFirstRun {
        next: String,
    },
    Running {
        run: String,
    },
    NothingRetrieved {
        run: String,
        window: String,
        records: String,
    },
    FailedOnly {
        run: String,
    },
}

/// The list.
pub(crate) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(query): Query<PurchaseQuery>,
) -> Result<Response, Problem> {
    let books = Books::load(&state).await?;
    let customers = customers(&state, &books).await?;
    let filter = by_name(query.filter()?, &customers);
    let mut purchases = state.store.purchases(&filter, query.after()?, ROWS + 1).await?;
    let is_more = purchases.len() > ROWS as usize;
    purchases.truncate(ROWS as usize);
    let next = purchases.last().filter(|_| is_more).map(|last| query.next(last.key));
    let mut names: Vec<(String, String)> = customers.clone().into_iter().collect();
    names.sort_by_key(|(_, name)| name.to_lowercase());
    page(&PurchasesPage {
        shell: Shell::load(&state, &visitor, Area::Purchases).await?,
        accounts: books
            .iter()
            .map(|book| (book.account.id.to_string(), book.account.title.clone()))
            .collect(),
        feeds: feeds(&books),
        rows: rows(&state, &books, &customers, &purchases, visitor.numbers).await?,
        customers: names,
        totals: totals(&state, &filter, visitor.numbers).await?,
        next,
        stale: stale(&state, &books).await?,
        held: state.store.held_voids(filter.account).await?.len(),
        empty: if purchases.is_empty() {
            why_empty(&state, &books, &query, visitor.numbers).await?
        } else {
            Empty::No
        },
        query,
    })
}

/// The filtered rows as CSV.
pub(crate) async fn export_csv(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(query): Query<PurchaseQuery>,
) -> Result<Response, Problem> {
    export_as(Format::Csv, state, visitor, query).await
}

/// The filtered rows as JSON.
pub(crate) async fn export_json(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(query): Query<PurchaseQuery>,
) -> Result<Response, Problem> {
    export_as(Format::Json, state, visitor, query).await
}

async fn export_as(
    format: Format,
    state: WebState,
    visitor: Visitor,
    query: PurchaseQuery,
) -> Result<Response, Problem> {
    let books = Books::load(&state).await?;
    let filter = by_name(query.filter()?, &customers(&state, &books).await?);
    export::audited(&state, &visitor.person.name, format, &filter).await?;
    Ok(export::stream(state, books, filter, format).into_response())
}

/// Rows as lists show them.
pub(crate) async fn rows(
    state: &WebState,
    books: &Books,
    customers: &HashMap<String, String>,
    purchases: &[Purchase],
    numbers: NumberStyle,
) -> Result<Vec<Row>, Problem> {
    let words = books.words(state, purchases).await?;
    Ok(purchases
        .iter()
        .zip(words)
        .map(|(purchase, words)| row(books, customers, purchase, words, numbers))
        .collect())
}

fn row(
    books: &Books,
    customers: &HashMap<String, String>,
    purchase: &Purchase,
    words: Words,
    numbers: NumberStyle,
) -> Row {
    let said = &purchase.description;
    let vendor_customer = said.vendor_customer.clone();
    // A code that is only the vendor's id says less than the customer's name.
    let own_code = purchase.customer_code.clone().filter(|code| *code != vendor_customer);
    let named = own_code.or_else(|| customers.get(&vendor_customer).cloned());
    let currency =
        |code: &Option<purser_domain::Currency>| code.as_ref().map(ToString::to_string).unwrap_or_default();
    Row {
        key: purchase.key,
        reference: purchase.reference.clone(),
        start: When::day(said.start),
        end: When::day(said.end),
        customer: named.unwrap_or_else(|| vendor_customer.clone()),
        customer_id: vendor_customer,
        is_unmapped: purchase.customer_code.is_none(),
        words,
        product_key: said.product_key.clone(),
        quantity: numbers.plain(&purchase.quantity),
        unit_price: said.unit_price.as_ref().map(|p| (numbers.money(p), currency(&said.unit_price_currency))),
        cost: purchase.cost.as_ref().map(|cost| (numbers.money(cost), currency(&said.currency))),
        feed: books
            .get(purchase.account)
            .map_or_else(|| purchase.feed.clone(), |b| b.feed_title(&purchase.feed)),
        account: books.title(purchase.account),
        pill: standing(purchase.state),
        revision: purchase.revision,
    }
}

pub(crate) fn standing(state: Standing) -> Option<Pill> {
    match state {
        Standing::Open => None,
        Standing::Void => Some(Pill::new("idle", "Void")),
        Standing::Closed => Some(Pill::new("info", "Closed")),
    }
}

/// Names of all accounts' customers, by the vendor's id.
async fn customers(state: &WebState, books: &Books) -> Result<HashMap<String, String>, Problem> {
    let mut all = HashMap::new();
    for book in books.iter() {
        all.extend(book.customers(state).await?);
    }
    Ok(all)
}

/// A customer asked for by name becomes one asked for by id.
fn by_name(mut filter: Filter, customers: &HashMap<String, String>) -> Filter {
    if let Some(asked) = &filter.customer {
        let named = customers.iter().find(|(_, name)| name.eq_ignore_ascii_case(asked));
        filter.customer = named.map(|(id, _)| id.clone()).or(filter.customer);
    }
    filter
}

/// Feeds that bring Purchases, of all connectors in use.
fn feeds(books: &Books) -> Vec<FeedView> {
    let mut feeds: Vec<FeedView> = Vec::new();
    for feed in books.iter().filter_map(|book| book.connector.as_ref()).flat_map(|connector| &connector.feeds)
    {
        if feed.kind == "purchases" && feeds.iter().all(|known| known.name != feed.name) {
            feeds.push(feed.clone());
        }
    }
    feeds
}

/// From the roll-ups where they can tell, else by summing a bounded number of rows.
async fn totals(state: &WebState, filter: &Filter, numbers: NumberStyle) -> Result<Totals, Problem> {
    let by_rows =
        filter.search.is_some() || filter.run.is_some() || filter.unmapped || filter.customer.is_some();
    let (purchases, sums) = if by_rows {
        let rows = state.store.purchases(filter, None, SUMMED as u32 + 1).await?;
        if rows.len() > SUMMED {
            return Ok(Totals::TooMany);
        }
        (rows.iter().filter(|row| row.state != Standing::Void).count() as u64, sum_rows(&rows))
    } else {
        let mut rollups = state.store.rollups(filter.account, filter.from, filter.to).await?;
        rollups.retain(|rollup| filter.feed.as_ref().is_none_or(|feed| *feed == rollup.feed));
        (rollups.iter().map(|rollup| rollup.purchases).sum(), sum_rollups(&rollups))
    };
    let sums = sums.into_iter().map(|(currency, sum)| (currency, numbers.money(&sum))).collect();
    Ok(Totals::Known { purchases: numbers.count(purchases), sums })
}

fn sum_rollups(rollups: &[Rollup]) -> BTreeMap<String, Decimal> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for rollup in rollups.iter().filter(|rollup| !rollup.currency.is_empty()) {
        let sum = sums.entry(rollup.currency.clone()).or_default();
        *sum = &*sum + &rollup.cost;
    }
    sums
}

fn sum_rows(rows: &[Purchase]) -> BTreeMap<String, Decimal> {
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in rows {
        if let (Some(currency), Some(cost)) = (&row.description.currency, &row.cost) {
            let sum = sums.entry(currency.to_string()).or_default();
            *sum = &*sum + cost;
        }
    }
    sums
}

/// Accounts whose last ended run did not bring everything.
async fn stale(state: &WebState, books: &Books) -> Result<Vec<Stale>, Problem> {
    let mut stale = Vec::new();
    for book in books.iter() {
        let runs = state.store.runs(Some(book.account.id), 100).await?;
        let ended = runs.iter().find(|run| run.finished_at.is_some() && run.state != RunState::Cancelled);
        stale.extend(ended.and_then(|last| stale_after(book, last, &runs)));
    }
    Ok(stale)
}

fn stale_after(book: &Book, last: &Run, runs: &[Run]) -> Option<Stale> {
    let words = match last.state {
        RunState::Failed => "failed",
        RunState::Partial => "brought only a part",
        _ => return None,
    };
    let good = runs.iter().find(|run| matches!(run.state, RunState::Succeeded | RunState::Warnings));
    let complete_to = good.map(|run| run.order.local_date.to_string()).unwrap_or_default();
    Some(Stale { account: book.account.title.clone(), run: last.id.to_string(), words, complete_to })
}

async fn why_empty(
    state: &WebState,
    books: &Books,
    query: &PurchaseQuery,
    numbers: NumberStyle,
) -> Result<Empty, Problem> {
    if books.is_empty() {
        let first = state.acts.connectors().into_iter().next();
        let settings =
            first.map_or_else(String::new, |connector| format!("/connectors/{}/settings", connector.id));
        return Ok(Empty::NoAccount { settings });
    }
    if query.is_narrow() || !query.after.is_empty() {
        return Ok(Empty::Filtered);
    }
    let runs = state.store.runs(None, 20).await?;
    let Some(last) = runs.first() else { return Ok(Empty::BeforeFirstRun { next: next_run(state, books) }) };
    let run = last.id.to_string();
    Ok(match last.state {
        RunState::Queued | RunState::Running => Empty::Running { run },
        RunState::Failed | RunState::Partial | RunState::Cancelled => Empty::FailedOnly { run },
        RunState::Succeeded | RunState::Warnings => Empty::NothingRetrieved {
            run,
            window: format!(
                "{} to {}",
                last.order.window_from,
                last.order.window_to.yesterday().unwrap_or_default()
            ),
            records: numbers.count(super::run::report(last).balance.received.records),
        },
    })
}

fn next_run(state: &WebState, books: &Books) -> String {
    let scheduled = books.iter().filter(|book| book.is_scheduled());
    let next = scheduled.filter_map(|book| state.acts.next_runs(&book.settings.host, 1).into_iter().next());
    next.min_by_key(|next| next.at).map(|next| format!("{} · {}", next.local, next.utc)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    async fn list_of(mut site: Site, path: &str) -> String {
        site.sign_in("vera").await;
        site.get(path).await.text
    }

    #[tokio::test]
    async fn names_are_in_the_accounts_locale_and_a_fallback_says_so() {
        let text = list_of(Site::with_purchases().await, "/purchases").await;
        assert!(text.contains("Virtuele machine") && text.contains("Bakery Jansen"));
        assert!(text.contains("Blob storage") && text.contains("fallback"), "only known in en-US");
        assert!(text.contains("vendor words"), "known in no language");
    }

    #[tokio::test]
    async fn amounts_are_exact_and_the_totals_add_up() {
        let text = list_of(Site::with_purchases().await, "/purchases").await;
        assert!(text.contains("title=\"1234.5678901234567890123456789\""), "{text}");
        assert!(text.contains("title=\"1246.9178901234567890123456789\""), "1234.567… + 12.35");
    }

    #[tokio::test]
    async fn a_filter_narrows_rows_and_totals_alike() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        for path in ["/purchases?customer=c-1", "/purchases?customer=Bakery+Jansen", "/purchases?search=VM"] {
            let text = site.get(path).await.text;
            assert!(text.contains("Virtuele machine") && !text.contains("Blob storage"), "{path}");
            assert!(text.contains("title=\"1234.5678901234567890123456789\""), "{path}");
        }
        assert!(site.get("/purchases?period=2026-10").await.text.contains("No Purchase matches"));
        assert_eq!(site.get("/purchases?from=x").await.status, 400);
    }

    #[tokio::test]
    async fn every_row_is_on_exactly_one_page() {
        let mut site = Site::with_many_purchases(250).await;
        site.sign_in("vera").await;
        let mut path = "/purchases?feed=usage".to_owned();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let text = site.get(&path).await.text;
            seen.extend(text.split("data-key=\"").skip(1).map(|rest| rest[..64].to_owned()));
            let next = text
                .split("rel=\"next\" href=\"")
                .nth(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned());
            path = next.unwrap_or_default().replace("&#38;", "&").replace("&amp;", "&");
        }
        assert!(path.is_empty(), "three pages");
        assert_eq!(seen.len(), 250);
        seen.dedup();
        assert_eq!(seen.len(), 250);
    }

    #[tokio::test]
    async fn nothing_to_show_always_says_why_and_what_next() {
        assert!(list_of(Site::empty().await, "/purchases").await.contains("connect an account"));
        let text = list_of(Site::connected().await, "/purchases").await;
        assert!(text.contains("First retrieval") && text.contains("19:00 CET"), "{text}");
        let site = Site::connected().await;
        site.finish_run(RunState::Succeeded, 0).await;
        assert!(list_of(site, "/purchases").await.contains("0 records"));
        let site = Site::connected().await;
        site.finish_run(RunState::Failed, 0).await;
        assert!(list_of(site, "/purchases").await.contains("The last run failed"));
    }

    #[tokio::test]
    async fn after_a_failed_run_the_list_says_how_far_the_data_is_complete() {
        let site = Site::with_purchases().await;
        site.finish_run(RunState::Failed, 0).await;
        let text = list_of(site, "/purchases").await;
        assert!(text.contains("failed") && text.contains("complete up to 2026-11-22"), "{text}");
    }
}
