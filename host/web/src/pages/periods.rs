//! `/periods`: the booked months of each account, what stands in them, and closing one.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::ToSpan as _;
use jiff::civil::Date;
use purser_domain::{AccountId, Month};
use purser_pipeline::alarms::missed_days;
use purser_store::periods::Period;
use purser_store::runs::Run;

use crate::books::{Book, Books};
use crate::format::{Number, NumberStyle, When};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

/// Months that are shown.
const SHOWN: usize = 24;
/// Missed days that are named; more are counted.
const NAMED: usize = 5;

#[derive(Template)]
#[template(path = "periods.html")]
struct PeriodsPage {
    shell: Shell,
    accounts: Vec<AccountPeriods>,
}

struct AccountPeriods {
    account: AccountId,
    title: String,
    automatic: Option<u32>,
    rows: Vec<Row>,
}

struct Row {
    month: Month,
    closed: Option<(When, String)>,
    /// Whether it is the next to close.
    may_close: bool,
    purchases: String,
    sums: Vec<(String, Number)>,
    unmapped: u64,
    held: u64,
    missed: Vec<Date>,
}

impl Row {
    /// The missed days in words.
    fn missed_words(&self) -> String {
        let named: Vec<String> = self.missed.iter().take(NAMED).map(Date::to_string).collect();
        let more = if self.missed.len() > NAMED { ", …" } else { "" };
        format!("{}{more}", named.join(", "))
    }
}

/// The page.
pub(crate) async fn show(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    let shell = Shell::load(&state, &visitor, Area::Purchases).await?;
    let mut accounts = Vec::new();
    for book in Books::load(&state).await?.iter() {
        accounts.push(periods_of(&state, book, visitor.numbers).await?);
    }
    page(&PeriodsPage { shell, accounts })
}

async fn periods_of(state: &WebState, book: &Book, numbers: NumberStyle) -> Result<AccountPeriods, Problem> {
    let mut periods = state.store.periods(book.account.id).await?;
    let today = book.today(state);
    let next = next_to_close(&periods, today);
    periods.truncate(SHOWN);
    let missed = missed(state, book, &periods, today).await?;
    let row = |period: Period| Row {
        may_close: next.as_ref() == Some(&period.month),
        missed: missed.iter().copied().filter(|day| Month::of(*day) == period.month).collect(),
        purchases: numbers.count(period.purchases),
        sums: period.sums.iter().map(|(currency, sum)| (currency.to_string(), numbers.money(sum))).collect(),
        closed: period.closed.map(|closing| (When::new(closing.at, &book.zone), closing.by)),
        unmapped: period.unmapped,
        held: period.held,
        month: period.month,
    };
    Ok(AccountPeriods {
        account: book.account.id,
        title: book.account.title.clone(),
        automatic: book.settings.host.close_after_days,
        rows: periods.into_iter().map(row).collect(),
    })
}

/// The first open month, where it is over.
fn next_to_close(periods: &[Period], today: Date) -> Option<Month> {
    let closed =
        periods.iter().filter(|period| period.closed.is_some()).map(|period| period.month.next()).max();
    let first = closed.or_else(|| periods.iter().map(|period| period.month.clone()).min())?;
    (first < Month::of(today)).then_some(first)
}

/// Days of the shown months of which a picture should have been taken and was not.
async fn missed(
    state: &WebState,
    book: &Book,
    periods: &[Period],
    today: Date,
) -> Result<Vec<Date>, Problem> {
    let feeds = book.connector.iter().flat_map(|connector| &connector.feeds);
    let wanted = &book.settings.host.feeds;
    let is_read = |name: &String| wanted.is_empty() || wanted.contains(name);
    let feeds: Vec<_> = feeds.filter(|feed| feed.is_snapshot && is_read(&feed.name)).collect();
    let Some(first) = periods.iter().map(|period| period.month.first_day()).min() else {
        return Ok(Vec::new());
    };
    if feeds.is_empty() {
        return Ok(Vec::new());
    }
    // One day before, so that a gap at the border has its beginning.
    let (from, to) = (first.saturating_sub(1.day()), today.saturating_add(1.day()));
    let runs: Vec<Run> = state.store.runs_of_days(book.account.id, from, to).await?;
    let mut days: Vec<Date> = feeds.iter().flat_map(|feed| missed_days(&runs, &feed.name, today)).collect();
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

/// Closes a month.
pub(crate) async fn close(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((account, month)): Path<(AccountId, String)>,
) -> Result<Response, Problem> {
    let month: Month = month.parse().map_err(|_| Problem::not_found("period"))?;
    let book = Book::load(&state, account).await?;
    let (who, now) = (visitor.person.name.as_str(), state.acts.now());
    state.store.close_period(account, &month, book.today(&state), who, now).await?;
    let detail =
        serde_json::json!({ "account": account, "month": month, "before": "open", "after": "closed" });
    state.audit(who, "period.closed", detail).await?;
    let text = format!("{month} is closed. Differences from now on are corrections in the next open month.");
    visitor.tell_at(&text, "/periods").await
}

#[cfg(test)]
mod tests {
    use crate::testing::Site;

    #[tokio::test]
    async fn a_month_is_closed_once_it_is_over_and_by_an_operator() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        let text = site.get("/periods").await.text;
        assert!(
            text.contains("2026-11") && text.contains("Open") && !text.contains("/periods/1/2026-11/close")
        );
        let early = site.post("/periods/1/2026-11/close", "").await;
        assert_eq!(early.status, 409);
        assert!(early.text.contains("LED-CLOSE-EARLY") && early.text.contains("2026-11 is not over yet"));
        site.clock.advance_minutes(9 * 24 * 60);
        site.sign_in("olaf").await;
        assert!(site.get("/periods").await.text.contains("/periods/1/2026-11/close"));
        assert_eq!(site.post("/periods/1/2026-11/close", "").await.location(), "/periods");
        let text = site.get("/periods").await.text;
        assert!(text.contains("by olaf") && !text.contains("/periods/1/2026-11/close"), "{text}");
        assert!(site.get("/audit").await.text.contains("period.closed"));
    }

    #[tokio::test]
    async fn what_waits_in_a_month_is_told_before_it_is_closed() {
        let mut site = Site::with_purchases().await;
        site.sign_in("olaf").await;
        site.wait_for_mappings().await;
        let text = site.get("/periods").await.text;
        assert!(text.contains("3 without a customer"), "{text}");
    }

    #[tokio::test]
    async fn an_empty_site_says_so() {
        let mut site = Site::empty().await;
        site.sign_in("vera").await;
        assert!(site.get("/periods").await.text.contains("No account is connected"));
        let mut site = Site::connected().await;
        site.sign_in("vera").await;
        assert!(site.get("/periods").await.text.contains("Nothing was retrieved yet"));
    }
}
