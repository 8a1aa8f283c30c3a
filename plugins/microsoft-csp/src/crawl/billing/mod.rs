//! What the feeds that read by month and stage have in common: which exports to order, by what has been billed.
//!
//! | Month | Listed invoices | Read |
//! |---|---|---|
//! | the current one | – | unbilled, `current` |
//! | one that is over | at least one | billed: all of them, in one partition |
//! | the last one | none yet | unbilled, `last`, where the settings say so |
//! | an older one | none | nothing: the vendor has no unbilled data of it any more |
//!
//! The current month needs no list, and is ordered beside it: an account that may not read invoices still has its usage.

mod documents;
pub mod months;

use purser_plugin_sdk::crawl::{Incompleteness, Partition, Request, Response, Step};
use purser_plugin_sdk::pairs::pairs;
use purser_plugin_sdk::types::{Problem, RunContext};

pub use self::documents::Document;
use super::exports::{self, Orders, Phase};
use super::invoices::{self, Following};
use super::{asking, done, fault, incomplete};
use crate::manifest::clouds;
use crate::settings::Settings;

/// A feed that reads by month and stage.
pub struct Feed {
    pub orders: Orders,
    /// Whether credit documents are read as well: their lines are in no daily usage.
    pub reads_credits: bool,
}

/// Exports exist in the global cloud only.
pub fn start(context: &RunContext, feed: &Feed) -> Result<Step, Problem> {
    if context.cloud != clouds::GLOBAL {
        return Ok(done());
    }
    let settings = Settings::read(&context.settings)?;
    let current = months::current(context).map_err(Problem::Bug)?;
    let since = months::first_day_asked(context).map_err(Problem::Bug)?;
    let mut requests = Vec::new();
    for currency in &settings.currencies {
        requests.push(exports::unbilled(&feed.orders, unbilled(currency, &current, "current"))?);
    }
    let state = Phase::Invoices { found: Vec::new() }.write()?;
    requests.push(Request { state, ..invoices::list(&since) });
    Ok(asking(requests))
}

/// What follows depends on what was asked: the phase the request carries.
pub fn next(
    context: &RunContext,
    feed: &Feed,
    request: &Request,
    response: &Response,
) -> Result<Step, Problem> {
    match Phase::read(&request.state)? {
        Phase::Invoices { .. } if !(200..300).contains(&response.status) => fault::settle(context, response),
        Phase::Invoices { found } => listed(context, feed, request, &response.envelope, found),
        phase => exports::next(context, &feed.orders, request, response, phase),
    }
}

/// One more page of the list; behind the last one the exports of the months that are over.
fn listed(
    context: &RunContext,
    feed: &Feed,
    request: &Request,
    page: &str,
    mut found: Vec<Document>,
) -> Result<Step, Problem> {
    let documents = match documents::read(page) {
        Ok(documents) => documents,
        Err(reason) => {
            return Ok(incomplete(format!("CSP-410 the list of invoices cannot be read: {reason}")));
        }
    };
    let known = found.len();
    for document in documents {
        if !found.iter().any(|listed| listed.id == document.id) {
            found.push(document);
        }
    }
    let brought = if found.len() > known { documents::count(page) } else { 0 };
    match invoices::following(request, page, brought) {
        Following::Request(mut following) => {
            following.state = Phase::Invoices { found }.write()?;
            Ok(asking(vec![*following]))
        }
        Following::End => months_over(context, feed, &found),
        Following::Broken => {
            Ok(incomplete("CSP-405 Microsoft announced a further page of invoices without saying how"))
        }
    }
}

fn months_over(context: &RunContext, feed: &Feed, documents: &[Document]) -> Result<Step, Problem> {
    let settings = Settings::read(&context.settings)?;
    let last = months::last(context).map_err(Problem::Bug)?;
    let over = months::over(context).map_err(Problem::Bug)?;
    let mut requests = Vec::new();
    for currency in &settings.currencies {
        for month in &over {
            let invoices = invoices_of(documents, currency, month);
            if !invoices.is_empty() {
                requests.push(exports::billed(&feed.orders, billed(currency, month, &invoices), invoices)?);
            } else if *month == last && settings.last_period {
                requests.push(exports::unbilled(&feed.orders, unbilled(currency, month, "last"))?);
            }
        }
    }
    for document in documents.iter().filter(|it| feed.reads_credits && it.is_credit) {
        if settings.currencies.contains(&document.currency) {
            requests.push(exports::billed(&feed.orders, credit(document), vec![document.id.clone()])?);
        }
    }
    Ok(Step { incomplete: unnamed(documents, &settings), ..asking(requests) })
}

/// Invoices in a currency that is not retrieved are amounts nobody would miss.
fn unnamed(documents: &[Document], settings: &Settings) -> Option<Incompleteness> {
    let currencies = documents::unnamed(documents, &settings.currencies);
    (!currencies.is_empty()).then(|| {
        Incompleteness::Broken(format!(
            "CSP-411 there are invoices in {} · add it to the account's billing currencies",
            currencies.join(", ")
        ))
    })
}

fn invoices_of(documents: &[Document], currency: &str, month: &str) -> Vec<String> {
    let bills = |it: &&Document| !it.is_credit && it.currency == currency && it.month == month;
    let mut ids: Vec<String> = documents.iter().filter(bills).map(|it| it.id.clone()).collect();
    ids.sort();
    ids
}

fn unbilled(currency: &str, month: &str, period: &str) -> Partition {
    Partition {
        key: format!("{currency}/{month}/unbilled"),
        month: month.to_owned(),
        currency: currency.to_owned(),
        stage: 0,
        parameters: pairs([("currency", currency), ("month", month), ("period", period)]),
        version: String::new(),
    }
}

fn billed(currency: &str, month: &str, invoices: &[String]) -> Partition {
    let invoices = invoices.join(" ");
    Partition {
        key: format!("{currency}/{month}/billed"),
        month: month.to_owned(),
        currency: currency.to_owned(),
        stage: 1,
        parameters: pairs([("currency", currency), ("month", month), ("invoices", &invoices)]),
        version: String::new(),
    }
}

/// Without a currency: it must withdraw no month's unbilled stage.
fn credit(document: &Document) -> Partition {
    let Document { id, month, .. } = document;
    Partition {
        key: format!("credit/{id}"),
        month: month.clone(),
        currency: String::new(),
        stage: 1,
        parameters: pairs([("month", month.as_str()), ("invoices", id), ("document", CREDIT)]),
        version: String::new(),
    }
}

/// The parameter `document` of a credit document's partition.
pub const CREDIT: &str = "credit";
