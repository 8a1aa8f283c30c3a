//! What pages need to show an account's things: its settings, zone, connector and customers, loaded once a request.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use purser_domain::{AccountId, ConnectorId, Purchase};
use purser_pipeline::naming::Names;
use purser_store::accounts::{Account, Settings};
use purser_store::ledger::CommitPolicy;

use crate::Problem;
use crate::acts::ConnectorView;
use crate::format;
use crate::names::Words;
use crate::state::WebState;

/// An account with what is needed to show it.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) account: Account,
    pub(crate) settings: Settings,
    pub(crate) zone: TimeZone,
    pub(crate) connector: Option<ConnectorView>,
}

impl Book {
    /// Loads one account.
    pub(crate) async fn load(state: &WebState, id: AccountId) -> Result<Self, Problem> {
        let account = state.store.account(id).await?;
        Self::of(state, account).await
    }

    async fn of(state: &WebState, account: Account) -> Result<Self, Problem> {
        let settings = state.store.settings(account.id).await?;
        let zone = format::zone(&settings.host.zone);
        let connector =
            state.acts.connectors().into_iter().find(|connector| connector.id == account.connector);
        Ok(Self { account, settings, zone, connector })
    }

    /// The last locale of every fallback.
    pub(crate) fn default_locale(&self) -> &str {
        self.connector.as_ref().map_or(purser_domain::locale::DEFAULT, |connector| &connector.default_locale)
    }

    /// Names of these Purchases' products, were this the account's Locale.
    pub(crate) async fn names(
        &self,
        state: &WebState,
        locale: &str,
        of: &[Purchase],
    ) -> Result<Names, Problem> {
        Ok(Names::load(state.store.as_ref(), self.account.id, locale, self.default_locale(), of).await?)
    }

    /// What people call a feed.
    pub(crate) fn feed_title(&self, name: &str) -> String {
        let feed = self.connector.iter().flat_map(|c| &c.feeds).find(|feed| feed.name == name);
        feed.map_or_else(|| name.to_owned(), |feed| feed.title.clone())
    }

    /// Names of the vendor's customers, by the vendor's id.
    pub(crate) async fn customers(&self, state: &WebState) -> Result<HashMap<String, String>, Problem> {
        let facts = state.store.facts_of_kind(self.account.id, "customer").await?;
        Ok(facts
            .into_iter()
            .map(|fact| (fact.key.clone(), member(&fact.value, "name").unwrap_or(fact.key)))
            .collect())
    }

    /// The local date in the account's zone.
    pub(crate) fn today(&self, state: &WebState) -> Date {
        self.zone.to_datetime(state.acts.now()).date()
    }

    /// What an act on the ledger is measured by.
    pub(crate) fn policy(&self, now: Timestamp) -> CommitPolicy {
        let host = &self.settings.host;
        CommitPolicy { now, void_threshold_percent: host.void_threshold_percent, zone: host.zone.clone() }
    }

    /// Whether a daily run would go.
    pub(crate) fn is_scheduled(&self) -> bool {
        use purser_store::accounts::ConsentState as S;
        match self.account.state {
            S::Active | S::Degraded(_) | S::Verifying => true,
            S::NeedsConsent(_) => self.settings.host.uses_application,
            _ => false,
        }
    }
}

/// All accounts.
#[derive(Debug)]
pub(crate) struct Books(Vec<Book>);

impl Books {
    /// Loads all accounts, in the order they were made.
    pub(crate) async fn load(state: &WebState) -> Result<Self, Problem> {
        let mut books = Vec::new();
        for account in state.store.accounts().await? {
            books.push(Book::of(state, account).await?);
        }
        Ok(Self(books))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Book> {
        self.0.iter()
    }

    /// Those of a connector.
    pub(crate) fn of_connector<'a>(&'a self, connector: &'a ConnectorId) -> impl Iterator<Item = &'a Book> {
        self.iter().filter(move |book| book.account.connector == *connector)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, id: AccountId) -> Option<&Book> {
        self.0.iter().find(|book| book.account.id == id)
    }

    /// The account's title, or its number where it is unknown.
    pub(crate) fn title(&self, id: AccountId) -> String {
        self.get(id).map_or_else(|| format!("account {id}"), |book| book.account.title.clone())
    }

    /// The words of each Purchase's product, in its account's language.
    pub(crate) async fn words(
        &self,
        state: &WebState,
        purchases: &[Purchase],
    ) -> Result<Vec<Words>, Problem> {
        let mut names = HashMap::new();
        for book in &self.0 {
            let is_mine = |purchase: &&Purchase| purchase.account == book.account.id;
            let mine: Vec<Purchase> = purchases.iter().filter(is_mine).cloned().collect();
            if !mine.is_empty() {
                names.insert(book.account.id, book.names(state, &book.settings.host.locale, &mine).await?);
            }
        }
        Ok(purchases.iter().map(|purchase| Words::of(purchase, names.get(&purchase.account))).collect())
    }
}

/// A text member of a fact's JSON value.
pub(crate) fn member(json: &str, name: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
