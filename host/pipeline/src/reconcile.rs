//! A month's reconciliation: both sides from the store, the feeds' part from the connector's descriptor, the causes from
//! `purser-domain`.

use std::collections::BTreeMap;

use purser_domain::reconciliation::{Billed, Charged, Feed, Row};
use purser_domain::{AccountId, Currency, Decimal, Month};
use purser_runtime::contract::manifest::{Descriptor, FeedKind, Partitioning};
use purser_store::Store;
use purser_store::reconciliation::{Invoiced, Sides};

/// What reconciliation has to know of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPart {
    /// Its name.
    pub name: String,
    /// Its records are the invoice's own lines.
    pub is_invoice: bool,
    /// Its charges stand on the invoice too.
    pub is_on_invoice: bool,
    /// It bills quantities, and no money.
    pub is_quantity_only: bool,
    /// Its figures come unbilled first and billed later.
    pub has_stages: bool,
}

/// The feeds that bring Purchases.
#[must_use]
pub fn feeds(descriptor: &Descriptor) -> Vec<FeedPart> {
    let shows = |feed: &str| {
        descriptor.coverage.is_empty()
            || descriptor.coverage.iter().any(|row| row.feed == feed && row.on_invoice)
    };
    let feeds = descriptor.feeds.iter().filter(|feed| feed.kind == FeedKind::Purchases);
    let part = |feed: &purser_runtime::contract::manifest::Feed| FeedPart {
        is_invoice: feed.invoice,
        is_on_invoice: shows(&feed.name),
        is_quantity_only: feed.amount.is_empty() && shows(&feed.name),
        has_stages: feed.partitioning == Partitioning::CurrencyMonthStage,
        name: feed.name.clone(),
    };
    feeds.map(part).collect()
}

/// A subscription (or a customer, where a charge has no subscription) in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub scope: String,
    /// The vendor's id of the customer; empty where several share the line.
    pub vendor_customer: String,
    /// Of the amounts.
    pub currency: Currency,
    /// Both sides.
    pub row: Row,
}

/// A month of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// Superset of both sides, by currency and scope.
    pub lines: Vec<Line>,
    /// By currency.
    pub totals: BTreeMap<Currency, Row>,
    /// The invoices as the host counted their lines, by currency.
    pub invoices: BTreeMap<Currency, Invoiced>,
}

impl Reconciled {
    /// Invoice lines that are in no row, by currency: what was set aside, and what got lost.
    #[must_use]
    pub fn missing(&self, currency: &Currency) -> Decimal {
        let received =
            self.invoices.get(currency).map(|invoiced| invoiced.received.clone()).unwrap_or_default();
        let vendor = self.totals.get(currency).map(|row| row.vendor.clone()).unwrap_or_default();
        &received - &vendor
    }
}

/// Reconciles a vendor's month.
///
/// # Errors
/// Where the store fails.
pub async fn reconcile(
    store: &dyn Store,
    account: AccountId,
    month: &Month,
    feeds: &[FeedPart],
) -> purser_store::Result<Reconciled> {
    let invoices: Vec<String> =
        feeds.iter().filter(|feed| feed.is_invoice).map(|feed| feed.name.clone()).collect();
    Ok(of(store.sides(account, month, &invoices).await?, feeds))
}

fn of(sides: Sides, feeds: &[FeedPart]) -> Reconciled {
    let mut lines = BTreeMap::<(Currency, String), Line>::new();
    for side in sides.parts {
        let feed = facts(&side.feed, &side.currency, feeds, &sides.stages);
        if side.charged == Charged::default() && is_nothing(&side.billed) {
            continue;
        }
        let line = lines.entry((side.currency.clone(), side.scope.clone())).or_insert_with(|| Line {
            scope: side.scope,
            vendor_customer: side.vendor_customer,
            currency: side.currency,
            row: Row::default(),
        });
        line.row.take(feed, &side.charged, &side.billed);
    }
    let mut reconciled = Reconciled { invoices: sides.invoices, ..Reconciled::default() };
    for line in lines.into_values() {
        reconciled.totals.entry(line.currency.clone()).or_default().add(&line.row);
        reconciled.lines.push(line);
    }
    reconciled
}

/// A Purchase of the month that another month counts is nothing here by itself.
fn is_nothing(billed: &Billed) -> bool {
    billed.lines == 0
}

fn facts(
    name: &str,
    currency: &Currency,
    feeds: &[FeedPart],
    stages: &BTreeMap<(String, String), u32>,
) -> Feed {
    let known = feeds.iter().find(|feed| feed.name == name);
    let stage = stages.get(&(name.to_owned(), currency.to_string())).copied().unwrap_or_default();
    Feed {
        is_invoice: known.is_some_and(|feed| feed.is_invoice),
        is_on_invoice: known.is_none_or(|feed| feed.is_on_invoice),
        is_quantity_only: known.is_some_and(|feed| feed.is_quantity_only),
        is_final: known.is_none_or(|feed| !feed.has_stages) || stage > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn euro() -> Currency {
        "EUR".parse().unwrap()
    }

    fn feed(name: &str, is_invoice: bool) -> FeedPart {
        FeedPart {
            name: name.to_owned(),
            is_invoice,
            is_on_invoice: true,
            is_quantity_only: false,
            has_stages: !is_invoice,
        }
    }

    fn side(feed: &str, charged: &str, billed: &str) -> purser_store::reconciliation::Side {
        purser_store::reconciliation::Side {
            scope: "subscription".to_owned(),
            vendor_customer: "customer".to_owned(),
            currency: euro(),
            feed: feed.to_owned(),
            charged: Charged { lines: 1, amount: decimal(charged), ..Charged::default() },
            billed: Billed { lines: 1, billed: decimal(billed), ..Billed::default() },
        }
    }

    fn month(stage: u32, received: &str) -> Reconciled {
        let sides = Sides {
            parts: vec![side("usage", "7", "5")],
            invoices: BTreeMap::from([(
                euro(),
                Invoiced { is_billed: true, received: decimal(received), ..Invoiced::default() },
            )]),
            stages: BTreeMap::from([(("usage".to_owned(), "EUR".to_owned()), stage)]),
        };
        of(sides, &[feed("usage", false), feed("lines", true)])
    }

    /// The invoice's own total is the host's count of what came: it does not follow the rows.
    #[test]
    fn reconciliation_shows_invoice_lines_that_are_in_no_row() {
        assert_eq!(month(1, "10").missing(&euro()), decimal("3"));
        assert_eq!(month(1, "7").missing(&euro()), Decimal::default());
        assert_eq!(month(1, "7").missing(&"USD".parse().unwrap()), Decimal::default());
    }

    #[test]
    fn reconciliation_calls_a_difference_late_only_while_the_feed_is_not_final() {
        use purser_domain::reconciliation::Cause;

        let early = month(0, "7").totals[&euro()].clone();
        assert_eq!(early.causes.get(&Cause::Late), Some(&decimal("-2")));
        assert_eq!(early.unexplained, Decimal::default());
        let last = month(1, "7").totals[&euro()].clone();
        assert!(last.causes.is_empty(), "{:?}", last.causes);
        assert_eq!(last.unexplained, decimal("-2"));
    }
}
