//! Purchases as rows for other systems: the one shape that the command line, the pages and their tests share.
//!
//! **Invariant:** a row says nothing of a run or of wall time, so the same ledger gives the same bytes.

use std::collections::{BTreeMap, HashMap};

use purser_domain::purchase::{Key, State};
use purser_domain::{AccountId, Purchase};
use purser_store::ledger::Filter;
use purser_store::{Result, Store};
use serde::Serialize;

use crate::naming::Names;

/// A Purchase; decimals in canonical text, instants in RFC 3339 UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are the ledger's own, documented there")]
pub struct Row {
    pub account: AccountId,
    pub reference: String,
    pub customer_code: Option<String>,
    pub vendor_customer: String,
    pub product_key: String,
    /// In the account's language.
    pub product_text: String,
    pub quantity: String,
    pub unit: String,
    pub unit_price: Option<String>,
    pub unit_price_currency: Option<String>,
    pub cost: Option<String>,
    pub currency: Option<String>,
    pub exchange_rate: Option<String>,
    pub start: String,
    pub end: String,
    pub metadata: BTreeMap<String, String>,
    /// Page hash and ordinal of each record.
    pub records: Vec<String>,
    pub revision: u32,
    pub state: State,
    pub booked_period: String,
}

/// Column titles of the CSV form, in the order of [`Row::cells`].
pub const COLUMNS: [&str; 20] = [
    "account",
    "reference",
    "customer_code",
    "vendor_customer",
    "product_key",
    "product_text",
    "quantity",
    "unit",
    "unit_price",
    "unit_price_currency",
    "cost",
    "currency",
    "exchange_rate",
    "start",
    "end",
    "metadata",
    "records",
    "revision",
    "state",
    "booked_period",
];

impl Row {
    /// The row of a Purchase, its product named.
    #[must_use]
    pub fn new(purchase: Purchase, product_text: String) -> Self {
        let description = purchase.description;
        Self {
            account: purchase.account,
            reference: purchase.reference,
            customer_code: purchase.customer_code,
            vendor_customer: description.vendor_customer,
            product_key: description.product_key,
            product_text,
            quantity: purchase.quantity.canonical(),
            unit: description.unit,
            unit_price: description.unit_price.map(|price| price.canonical()),
            unit_price_currency: description.unit_price_currency.map(String::from),
            cost: purchase.cost.map(|cost| cost.canonical()),
            currency: description.currency.map(String::from),
            exchange_rate: description.exchange_rate.map(|rate| rate.canonical()),
            start: description.start.to_string(),
            end: description.end.to_string(),
            metadata: description.metadata,
            records: purchase
                .evidence
                .iter()
                .map(|proof| format!("{}#{}", proof.page, proof.ordinal))
                .collect(),
            revision: purchase.revision,
            state: purchase.state,
            booked_period: purchase.booked_period.to_string(),
        }
    }

    /// The cells of the CSV form. Metadata is JSON; records are separated by blanks.
    #[must_use]
    pub fn cells(&self) -> [String; 20] {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let state = serde_json::to_value(self.state).ok().and_then(|state| state.as_str().map(str::to_owned));
        [
            self.account.to_string(),
            self.reference.clone(),
            optional(&self.customer_code),
            self.vendor_customer.clone(),
            self.product_key.clone(),
            self.product_text.clone(),
            self.quantity.clone(),
            self.unit.clone(),
            optional(&self.unit_price),
            optional(&self.unit_price_currency),
            optional(&self.cost),
            optional(&self.currency),
            optional(&self.exchange_rate),
            self.start.clone(),
            self.end.clone(),
            serde_json::to_string(&self.metadata).unwrap_or_default(),
            self.records.join(" "),
            self.revision.to_string(),
            optional(&state),
            self.booked_period.clone(),
        ]
    }
}

/// Rows of a filter, page by page in ledger order.
pub struct Rows<'a> {
    store: &'a dyn Store,
    filter: Filter,
    default_locale: String,
    after: Option<Key>,
    locales: HashMap<AccountId, String>,
}

/// Purchases read at once.
const PAGE: u32 = 1_000;

impl<'a> Rows<'a> {
    /// From the first row.
    #[must_use]
    pub fn new(store: &'a dyn Store, filter: Filter, default_locale: &str) -> Self {
        Self {
            store,
            filter,
            default_locale: default_locale.to_owned(),
            after: None,
            locales: HashMap::new(),
        }
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>> {
        let purchases = self.store.purchases(&self.filter, self.after, PAGE).await?;
        let Some(last) = purchases.last() else { return Ok(None) };
        self.after = Some(last.key);
        let mut rows = Vec::with_capacity(purchases.len());
        for of_account in purchases.chunk_by(|one, other| one.account == other.account) {
            let Some(account) = of_account.first().map(|purchase| purchase.account) else { continue };
            let locale = self.locale(account).await?;
            let names = Names::load(self.store, account, &locale, &self.default_locale, of_account).await?;
            rows.extend(
                of_account.iter().map(|purchase| Row::new(purchase.clone(), names.of(purchase).name)),
            );
        }
        Ok(Some(rows))
    }

    async fn locale(&mut self, account: AccountId) -> Result<String> {
        if let Some(locale) = self.locales.get(&account) {
            return Ok(locale.clone());
        }
        let locale = self.store.settings(account).await?.host.locale;
        self.locales.insert(account, locale.clone());
        Ok(locale)
    }
}
