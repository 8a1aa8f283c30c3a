//! The customer mapping as pages show and change it.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use purser_domain::customer::{Mapping, Target};
use purser_domain::suggestion::{Candidate, KnownCustomer, Suggestion, suggest};
use purser_store::accounts::UnmappedCustomers;
use purser_store::customers::{MappingChange, MappingRow, Restamped};

use crate::books::{Book, member};
use crate::problem::Problem;
use crate::state::WebState;

/// What is mapped from here is mapped from the beginning: no usage is older.
pub(crate) const BEGINNING: Date = date(1970, 1, 1);
/// Characters of a code or a reason.
const LONGEST: usize = 200;

/// One of the vendor's customers of an account.
#[derive(Debug, Clone)]
pub(crate) struct VendorCustomer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) domain: String,
    /// What is said of it, by day.
    pub(crate) rows: Vec<MappingRow>,
    /// Who it may be, where nothing is said.
    pub(crate) suggestion: Option<Suggestion>,
}

/// How one of the vendor's customers stands today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Code(String),
    Ignored(String),
    /// Nobody has mapped it; it goes by the vendor's id.
    ByVendorId,
    /// Nobody has mapped it; its Purchases wait.
    Waits,
}

impl VendorCustomer {
    /// How it stands on a day.
    pub(crate) fn standing(&self, on: Date, unmapped: UnmappedCustomers) -> Standing {
        let row = self.rows.iter().rev().find(|row| row.change.from <= on);
        match row.and_then(|row| row.change.target.clone()) {
            Some(Target::Code(code)) => Standing::Code(code),
            Some(Target::Ignored(reason)) => Standing::Ignored(reason),
            Some(Target::Unmapped) | None if unmapped == UnmappedCustomers::VendorId => Standing::ByVendorId,
            Some(Target::Unmapped) | None => Standing::Waits,
        }
    }
}

/// The vendor's customers of an account, by name; with those that are mapped and that the vendor no longer lists.
pub(crate) async fn load(state: &WebState, book: &Book) -> Result<Vec<VendorCustomer>, Problem> {
    let mut rows = BTreeMap::<String, Vec<MappingRow>>::new();
    for row in state.store.mapping(book.account.id).await? {
        rows.entry(row.change.vendor_customer.to_lowercase()).or_default().push(row);
    }
    let mut customers: Vec<VendorCustomer> = Vec::new();
    for fact in state.store.facts_of_kind(book.account.id, "customer").await? {
        customers.push(VendorCustomer {
            name: member(&fact.value, "name").unwrap_or_else(|| fact.key.clone()),
            domain: member(&fact.value, "domain").unwrap_or_default(),
            rows: rows.remove(&fact.key.to_lowercase()).unwrap_or_default(),
            suggestion: None,
            id: fact.key,
        });
    }
    let unlisted = |(id, rows): (String, Vec<MappingRow>)| VendorCustomer {
        name: id.clone(),
        domain: String::new(),
        rows,
        suggestion: None,
        id,
    };
    customers.extend(rows.into_iter().map(unlisted));
    let known = known(&state.store.known_customers().await?, &customers);
    for customer in customers.iter_mut().filter(|customer| customer.rows.is_empty()) {
        customer.suggestion = suggest(candidate(customer), &known);
    }
    customers.sort_by_cached_key(|customer| (customer.name.to_lowercase(), customer.id.clone()));
    Ok(customers)
}

fn candidate(customer: &VendorCustomer) -> Candidate<'_> {
    // Where the vendor tells no name, the id stands for it.
    let name = if customer.name == customer.id { "" } else { &customer.name };
    Candidate { vendor_customer: &customer.id, name, domain: &customer.domain }
}

/// Our own customers, and those that others of the vendor's are mapped to.
fn known(ours: &[KnownCustomer], mapped: &[VendorCustomer]) -> Vec<KnownCustomer> {
    let of_mapping = mapped.iter().filter_map(|customer| {
        let newest = customer.rows.last()?;
        let Some(Target::Code(code)) = &newest.change.target else { return None };
        Some(KnownCustomer {
            code: code.clone(),
            name: candidate(customer).name.to_owned(),
            domain: customer.domain.clone(),
            vendor_customer: customer.id.clone(),
        })
    });
    ours.iter().cloned().chain(of_mapping).collect()
}

/// Changes an account's mapping, and writes down who did it.
pub(crate) async fn change(
    state: &WebState,
    who: &str,
    book: &Book,
    changes: &[MappingChange],
) -> Result<Restamped, Problem> {
    let before: Vec<Mapping> = state
        .store
        .mapping(book.account.id)
        .await?
        .iter()
        .filter(|row| {
            changes.iter().any(|it| it.vendor_customer.eq_ignore_ascii_case(&row.change.vendor_customer))
        })
        .filter_map(|row| row.change.mapping())
        .collect();
    let policy = book.policy(state.acts.now());
    let restamped = state.store.change_mapping(book.account.id, changes, who, &policy).await?;
    let detail = serde_json::json!({
        "account": book.account.id, "before": before, "after": changes, "purchases": restamped,
    });
    state.audit(who, "customers.mapped", detail).await?;
    Ok(restamped)
}

/// What a change did, in words.
pub(crate) fn told(restamped: Restamped) -> String {
    match (restamped.changed, restamped.moved) {
        (0, 0) => "Saved. No Purchase changes by it.".to_owned(),
        (changed, 0) => format!("Saved. {changed} Purchases have their customer now."),
        (changed, moved) => format!(
            "Saved. {changed} open Purchases have their customer now; {moved} of closed months were moved by corrections."
        ),
    }
}

/// A code or a reason as sent. The problem is for the field it stands beside.
pub(crate) fn text(sent: &str, what: &str) -> Result<String, String> {
    let text = sent.trim();
    match text.chars().count() {
        0 => Err(format!("{what} is missing")),
        1..=LONGEST if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(format!("{what} is longer than {LONGEST} characters, or has line breaks in it")),
    }
}

/// A first day as sent; nothing: the beginning.
pub(crate) fn first_day(sent: &str) -> Result<Date, String> {
    match sent.trim() {
        "" => Ok(BEGINNING),
        text => text.parse().map_err(|_| format!("{text:?} is no date such as 2026-11-23")),
    }
}

/// A first day as shown.
pub(crate) fn day_words(from: Date) -> String {
    if from <= BEGINNING { "the beginning".to_owned() } else { from.to_string() }
}
