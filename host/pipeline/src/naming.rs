//! Names of products in an account's language: looked up by key when they are shown, never matched on text.
//!
//! In each step of the chain an operator's own words come before the vendor's; they name exactly one locale, and so never
//! hide a better one.

use std::collections::{HashMap, HashSet};

use purser_domain::{AccountId, Locale, Purchase, locale};
use purser_store::texts::{OwnTextChange, OwnWords, ProductText};
use purser_store::{Result, Store};

/// A product's name and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What to show.
    pub name: String,
    /// The locale it is in; empty: the vendor's own words.
    pub locale: String,
    /// Whether it is not in the language that was asked for.
    pub is_fallback: bool,
    /// Whether an operator gave it.
    pub is_own: bool,
    /// The whole text, where there is one.
    pub text: Option<ProductText>,
}

/// Names in one account's language.
pub struct Names {
    chain: Vec<String>,
    texts: HashMap<(String, String), ProductText>,
    /// Which of them an operator gave.
    own: HashSet<(String, String)>,
}

impl Names {
    /// Loads what these Purchases need. `default_locale` is the connector's last step: `en-US`.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn load(
        store: &dyn Store,
        account: AccountId,
        locale: &str,
        default_locale: &str,
        purchases: &[Purchase],
    ) -> Result<Self> {
        let mut keys: Vec<String> =
            purchases.iter().map(|p| p.description.product_key.to_lowercase()).collect();
        keys.sort_unstable();
        keys.dedup();
        // An unusable Locale was refused when the settings were saved; names still need one.
        let asked = locale.parse::<Locale>().or_else(|_| default_locale.parse());
        let chain = asked.map(|asked| locale::chain(&asked, default_locale)).unwrap_or_default();
        let texts = store.texts(account, &keys, &chain).await?;
        let mut texts: HashMap<_, _> =
            texts.into_iter().map(|text| ((text.key.clone(), text.locale.to_lowercase()), text)).collect();
        let mut own = HashSet::new();
        for OwnTextChange { key, locale, words } in
            store.own_texts(account).await?.into_iter().map(|own| own.change)
        {
            let place = (key, locale.to_lowercase());
            if let Some(words) = words.filter(|_| keys.binary_search(&place.0).is_ok()) {
                let vendors = texts.remove(&place);
                texts.insert(place.clone(), renamed(&place.0, &locale, words, vendors));
                own.insert(place);
            }
        }
        Ok(Self { chain, texts, own })
    }

    /// The name of a Purchase's product.
    #[must_use]
    pub fn of(&self, purchase: &Purchase) -> Named {
        let key = purchase.description.product_key.to_lowercase();
        for (step, locale) in self.chain.iter().enumerate() {
            let place = (key.clone(), locale.to_lowercase());
            if let Some(text) = self.texts.get(&place) {
                let (text, is_own) = (text.clone(), self.own.contains(&place));
                return Named {
                    name: text.name.clone(),
                    locale: locale.clone(),
                    is_fallback: step > 0,
                    is_own,
                    text: Some(text),
                };
            }
        }
        Named {
            name: purchase.description.product_text.clone(),
            locale: String::new(),
            is_fallback: true,
            is_own: false,
            text: None,
        }
    }
}

/// The vendor's text with an operator's words in it: what he left empty stays the vendor's.
fn renamed(key: &str, locale: &str, words: OwnWords, vendors: Option<ProductText>) -> ProductText {
    let nothing = || ProductText {
        key: key.into(),
        locale: locale.into(),
        requested: locale.into(),
        ..ProductText::default()
    };
    let vendors = vendors.unwrap_or_else(nothing);
    let or = |own: String, vendors: String| if own.is_empty() { vendors } else { own };
    ProductText {
        name: words.name,
        category: or(words.category, vendors.category),
        unit: or(words.unit, vendors.unit),
        ..vendors
    }
}
