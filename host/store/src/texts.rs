//! Product texts: names, units and rates per language.

use async_trait::async_trait;
use purser_domain::{AccountId, Decimal};
use serde::{Deserialize, Serialize};

use crate::Result;

/// A product in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Coverage per requested locale.
    async fn coverage(&self, account: AccountId) -> Result<Vec<Coverage>>;
}
