//! A product's words as pages show them: the name found by the shared chain, and how far it had to fall back.

use purser_domain::Purchase;
use purser_pipeline::naming::Names;

/// A product's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) unit: String,
    /// The language of `name`; empty for the vendor's words.
    pub(crate) locale: String,
    /// Whether the reader should be told.
    pub(crate) is_fallback: bool,
    /// Whether an operator gave the name.
    pub(crate) is_own: bool,
}

impl Words {
    /// The words of a Purchase's product.
    pub(crate) fn of(purchase: &Purchase, names: Option<&Names>) -> Self {
        let said = &purchase.description;
        let named = names.map(|names| names.of(purchase));
        let text = named.as_ref().and_then(|named| named.text.as_ref());
        let or = |text: Option<&String>, otherwise: &str| {
            text.filter(|text| !text.is_empty()).map_or_else(|| otherwise.to_owned(), Clone::clone)
        };
        Self {
            name: or(
                named.as_ref().map(|named| &named.name),
                or(Some(&said.product_text), &said.product_key).as_str(),
            ),
            category: or(text.map(|text| &text.category), &said.category),
            unit: or(text.map(|text| &text.unit), &said.unit),
            locale: named.as_ref().map(|named| named.locale.clone()).unwrap_or_default(),
            is_own: named.as_ref().is_some_and(|named| named.is_own),
            is_fallback: named.is_none_or(|named| named.is_fallback),
        }
    }

    fn whose(&self) -> &'static str {
        if self.is_own { ", in your own words" } else { "" }
    }

    /// What the badge says when pointed at.
    pub(crate) fn explanation(&self) -> String {
        match (self.is_fallback, self.locale.as_str()) {
            (_, "") => "no text in any language of the chain: the vendor's own words".to_owned(),
            (true, locale) => format!("no text in the account's Locale: shown in {locale}{}", self.whose()),
            (false, locale) => format!("in {locale}{}", self.whose()),
        }
    }
}
