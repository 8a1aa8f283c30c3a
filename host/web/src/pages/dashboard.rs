//! `/`: how things stand, at a glance.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::ToSpan;
use jiff::civil::Date;
use purser_domain::{ConnectorId, Decimal, Month};
use purser_store::ledger::Rollup;
use purser_store::notices::{Notice, Subject};

use super::activity::RunRow;
use super::notices::{NoticeRow, rows as notice_rows};
use crate::books::Books;
use crate::format::{Number, NumberStyle, Pill, consent_pill, utc_day};
use crate::problem::Problem;
use crate::shell::{Area, Shell, Visitor, page};
use crate::state::WebState;

const DAYS: i64 = 30;
const CHART_HEIGHT: u32 = 96;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    shell: Shell,
    accounts: Vec<AccountRow>,
    months: Vec<MonthTile>,
    chart: Option<Chart>,
    runs: Vec<RunRow>,
    attention: Vec<Attention>,
    notices: Vec<NoticeRow>,
    /// Notices somebody has acknowledged.
    seen: Vec<NoticeRow>,
    /// Which page an acknowledgement leads back to.
    back: &'static str,
}

/// Something that waits for a person.
struct Attention {
    account: String,
    what: String,
    path: String,
}

struct AccountRow {
    title: String,
    connector: String,
    path: String,
    pill: Pill,
    reason: String,
}

/// This month's cost in one currency.
struct MonthTile {
    month: Month,
    currency: String,
    cost: Number,
    purchases: String,
}

struct Chart {
    currency: String,
    bars: Vec<Bar>,
    width: u32,
    first: Date,
    last: Date,
    highest: Number,
}

struct Bar {
    x: u32,
    y: u32,
    height: u32,
    day: Date,
    cost: Number,
}

/// The page.
pub(crate) async fn show(State(state): State<WebState>, visitor: Visitor) -> Result<Response, Problem> {
    let shell = Shell::load(&state, &visitor, Area::Dashboard).await?;
    let books = Books::load(&state).await?;
    let today = utc_day(state.acts.now());
    let first = today.saturating_sub((DAYS - 1).days());
    let from = first.min(today.first_of_month());
    let rollups = state.store.rollups(None, Some(from), Some(today.saturating_add(1.day()))).await?;
    let recent = state.store.runs(None, 6).await?;
    let runs =
        recent.into_iter().map(|run| RunRow::of(&run, &books, visitor.numbers, state.acts.now())).collect();
    let months = this_month(&rollups, today, visitor.numbers);
    let chart =
        months.first().and_then(|month| chart(&rollups, &month.currency, first, today, visitor.numbers));
    let open = state.store.open_notices(None).await?;
    let attention = attention(&state, &books, &open, visitor.numbers).await?;
    let (accounts, back) = (account_rows(&books, &open), "dashboard");
    let (seen, notices) = notice_rows(open, &books);
    page(&DashboardPage { shell, accounts, months, chart, runs, attention, notices, seen, back })
}

/// What waits in the books: none of it goes away by itself.
async fn attention(
    state: &WebState,
    books: &Books,
    open: &[Notice],
    numbers: NumberStyle,
) -> Result<Vec<Attention>, Problem> {
    let mut all = credentials(state, books, open);
    for book in books.iter() {
        let account = book.account.id;
        let vanished = state.store.held_voids(Some(account)).await?.len() as u64;
        let waiting = state.store.unmapped(account).await?.into_iter().filter(|it| it.ignored.is_none());
        let waiting: u64 = waiting.map(|it| it.purchases).sum();
        let rejected: u64 = state.store.rejected(account).await?.iter().map(|it| it.tally.records).sum();
        let found = [
            (vanished, "Purchases vanished at the vendor and wait for a decision", "/purchases/vanished"),
            (waiting, "Purchases have no customer", "/purchases/unmapped"),
            (rejected, "records were set aside", "/purchases/unmapped"),
        ];
        all.extend(found.into_iter().filter(|(count, ..)| *count > 0).map(|(count, what, path)| Attention {
            account: book.account.title.clone(),
            what: format!("{} {what}", numbers.count(count)),
            path: path.to_owned(),
        }));
    }
    Ok(all)
}

/// Client secrets and certificates that end soon, unless a notice tells of it.
fn credentials(state: &WebState, books: &Books, open: &[Notice]) -> Vec<Attention> {
    let told = open.iter().filter(|notice| notice.concern.subject == Subject::Credential);
    let told: Vec<_> = told.filter_map(|notice| books.get(notice.account)).collect();
    let is_told = |id: &ConnectorId| told.iter().any(|book| book.account.connector == *id);
    let connectors = state.acts.connectors();
    let near = connectors.iter().filter(|connector| !is_told(&connector.id)).flat_map(|connector| {
        let warned = connector.credentials.iter().filter(|credential| !credential.warning.is_empty());
        warned.map(|credential| Attention {
            account: connector.title.clone(),
            what: credential.warning.clone(),
            path: format!("/connectors/{}/settings", connector.id),
        })
    });
    near.collect()
}

/// With why each is in its state, unless a notice says so.
fn account_rows(books: &Books, open: &[Notice]) -> Vec<AccountRow> {
    let is_told = |account, code: &str| {
        open.iter().any(|notice| notice.account == account && notice.concern.code == code)
    };
    let row = |book: &crate::books::Book| AccountRow {
        title: book.account.title.clone(),
        connector: book
            .connector
            .as_ref()
            .map_or_else(|| book.account.connector.to_string(), |c| c.title.clone()),
        path: format!("/connectors/{}/accounts/{}", book.account.connector, book.account.id),
        pill: consent_pill(&book.account.state),
        reason: super::connector::reason(&book.account.state)
            .filter(|reason| !is_told(book.account.id, &reason.code))
            .map(|reason| reason.what.clone())
            .unwrap_or_default(),
    };
    books.iter().map(row).collect()
}

/// Cost of the month's Purchases by the day they start, most rows first.
fn this_month(rollups: &[Rollup], today: Date, numbers: NumberStyle) -> Vec<MonthTile> {
    let month = Month::of(today);
    let mut sums: BTreeMap<&str, (Decimal, u64)> = BTreeMap::new();
    for rollup in
        rollups.iter().filter(|rollup| Month::of(rollup.day) == month && !rollup.currency.is_empty())
    {
        let sum = sums.entry(&rollup.currency).or_default();
        *sum = (&sum.0 + &rollup.cost, sum.1 + rollup.purchases);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, (_, purchases))| std::cmp::Reverse(*purchases));
    let tile = |(currency, (cost, purchases)): (&str, (Decimal, u64))| MonthTile {
        month: month.clone(),
        currency: currency.to_owned(),
        cost: numbers.money(&cost),
        purchases: numbers.count(purchases),
    };
    sums.into_iter().map(tile).collect()
}

fn chart(rollups: &[Rollup], currency: &str, first: Date, last: Date, numbers: NumberStyle) -> Option<Chart> {
    let mut days: BTreeMap<Date, Decimal> =
        first.series(1.day()).take_while(|day| *day <= last).map(|day| (day, Decimal::zero())).collect();
    for rollup in rollups.iter().filter(|rollup| rollup.currency == currency) {
        if let Some(sum) = days.get_mut(&rollup.day) {
            *sum = &*sum + &rollup.cost;
        }
    }
    let peak = days.values().max().cloned()?;
    let scale = Some(hundredths(&peak)).filter(|scale| *scale > 0)?;
    let bar = |(place, (day, cost)): (u32, (Date, Decimal))| {
        let share = hundredths(&cost).max(0).saturating_mul(i128::from(CHART_HEIGHT)) / scale;
        let height = u32::try_from(share).unwrap_or(CHART_HEIGHT).max(u32::from(!cost.is_zero()));
        Bar { x: place * 20, y: CHART_HEIGHT.saturating_sub(height), height, day, cost: numbers.money(&cost) }
    };
    let width = u32::try_from(days.len()).unwrap_or_default() * 20;
    let (currency, highest) = (currency.to_owned(), numbers.money(&peak));
    Some(Chart { currency, bars: (0..).zip(days).map(bar).collect(), width, first, last, highest })
}

/// Good enough for the height of a bar; the exact amount stands beside it.
fn hundredths(amount: &Decimal) -> i128 {
    let text = amount.canonical();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction: String = fraction.chars().chain("00".chars()).take(2).collect();
    format!("{whole}{fraction}").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Site;

    #[test]
    fn bars_are_scaled_without_floats() {
        for (amount, expected) in [("1.239", 123), ("-0.5", -50), ("12", 1200), ("0", 0)] {
            assert_eq!(hundredths(&amount.parse().unwrap()), expected);
        }
    }

    #[tokio::test]
    async fn an_empty_site_says_how_to_begin() {
        let mut site = Site::empty().await;
        site.sign_in("anna").await;
        let text = site.get("/").await.text;
        assert!(
            text.contains("Connect your first account") && text.contains("/connectors/test-cloud/settings")
        );
    }

    #[tokio::test]
    async fn what_waits_in_the_books_is_told_and_leads_to_its_page() {
        let mut site = Site::with_purchases().await;
        site.sign_in("vera").await;
        assert!(!site.get("/").await.text.contains("Needs attention"));
        site.wait_for_mappings().await;
        site.lose_purchases().await;
        let text = site.get("/").await.text;
        for part in ["Needs attention", "2 Purchases vanished", "/purchases/vanished", "have no customer"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[tokio::test]
    async fn it_shows_this_months_cost_and_what_waits_for_a_person() {
        let mut site = Site::with_purchases().await;
        site.needs_consent().await;
        site.sign_in("anna").await;
        let text = site.get("/").await.text;
        assert!(text.contains("Needs consent") && text.contains("the consenting user was disabled"));
        assert!(text.contains("EUR"), "the month's cost");
    }
}
