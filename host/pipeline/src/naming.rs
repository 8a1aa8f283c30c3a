//! Names of products in an account's language: looked up by key when they are shown, never matched on text.

use std::collections::HashMap;

use purser_domain::{AccountId, Locale, Purchase, locale};
use purser_store::texts::ProductText;
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
    /// The whole text, where there is one.
    pub text: Option<ProductText>,
}

/// Names in one account's language.
pub struct Names {
    chain: Vec<String>,
    texts: HashMap<(String, String), ProductText>,
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
        let texts =
            texts.into_iter().map(|text| ((text.key.clone(), text.locale.to_lowercase()), text)).collect();
        Ok(Self { chain, texts })
    }

    /// The name of a Purchase's product.
    #[must_use]
    pub fn of(&self, purchase: &Purchase) -> Named {
        let key = purchase.description.product_key.to_lowercase();
        for (step, locale) in self.chain.iter().enumerate() {
            if let Some(text) = self.texts.get(&(key.clone(), locale.to_lowercase())) {
                let text = text.clone();
                return Named {
                    name: text.name.clone(),
                    locale: locale.clone(),
                    is_fallback: step > 0,
                    text: Some(text),
                };
            }
        }
        Named {
            name: purchase.description.product_text.clone(),
            locale: String::new(),
            is_fallback: true,
            text: None,
        }
    }
}
