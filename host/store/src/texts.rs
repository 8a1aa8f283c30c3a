//! Product texts: names, units and rates per language.

use async_trait::async_trait;
use jiff::Timestamp;
use purser_domain::{AccountId, Decimal};
use serde::{Deserialize, Serialize};

use crate::Result;

/// A product in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProductText {
    /// Compared without case; stored in lower case.
    pub key: String,
    /// The locale the vendor answered in.
    pub locale: String,
    /// The locale that was asked for.
    pub requested: String,
    /// Its name.
    pub name: String,
    /// May be empty.
    pub category: String,
    /// May be empty.
    pub subcategory: String,
    /// May be empty.
    pub unit: String,
    /// May be empty.
    pub region: String,
    /// ISO 4217; empty where there are no rates.
    pub currency: String,
    /// Lower bound of each tier and its rate, ascending.
    pub rates: Vec<(Decimal, Decimal)>,
    /// Free quantity of a billing cycle.
    pub included_quantity: Option<Decimal>,
}

/// How much of a language is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The locale asked for.
    pub requested: String,
    /// The locale answered.
    pub answered: String,
    /// Products that Purchases name.
    pub wanted: u64,
    /// Of those, products with a text in this language.
    pub known: u64,
}

/// Words an operator has given a product, at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnText {
    /// Which product and language, and what is said.
    pub change: OwnTextChange,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What an operator says of a product in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTextChange {
    /// The product; compared without case.
    pub key: String,
    /// Exactly this locale: another of the same language is another text.
    pub locale: String,
    /// None: the vendor's words count again.
    pub words: Option<OwnWords>,
}

/// An operator's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnWords {
    /// Its name.
    pub name: String,
    /// Empty: the vendor's.
    pub category: String,
    /// Empty: the vendor's.
    pub unit: String,
}

/// A product that Purchases name, and that has no text in a language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingText {
    /// The product, in lower case.
    pub key: String,
    /// The vendor's own words in a Purchase of it; may be empty.
    pub product_text: String,
    /// Standing Purchases of it.
    pub purchases: u64,
}

/// How much of what Purchases name has a name in a locale, own words among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// Products that Purchases name.
    pub wanted: u64,
    /// Of those, products without a name.
    pub missing: u64,
}

/// Product texts.
#[async_trait]
pub trait Texts: Send + Sync {
    /// Texts of these keys (without case) in these locales, whatever their order.
    async fn texts(
        &self,
        account: AccountId,
        keys: &[String],
        locales: &[String],
    ) -> Result<Vec<ProductText>>;
    /// Own words that count, by product and locale.
    async fn own_texts(&self, account: AccountId) -> Result<Vec<OwnText>>;
    /// Every state of the own words of a product, the newest first.
    async fn own_text_history(&self, account: AccountId, key: &str) -> Result<Vec<OwnText>>;
    /// Gives a product own words, or takes them back. The former ones are kept as history.
    async fn change_own_text(
        &self,
        account: AccountId,
        change: &OwnTextChange,
        by: &str,
        now: Timestamp,
    ) -> Result<()>;
    /// Products that Purchases name and that have neither a vendor's text nor own words in a locale, by key.
    async fn missing_texts(&self, account: AccountId, locale: &str) -> Result<Vec<MissingText>>;
    /// How many of the products that Purchases name would have no name in a locale.
    async fn outlook(&self, account: AccountId, locale: &str) -> Result<Outlook>;
    /// Coverage per requested locale.
    async fn coverage(&self, account: AccountId) -> Result<Vec<Coverage>>;
}
