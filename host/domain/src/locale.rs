//! Which language a product's name is shown in: the locale asked for, then its language, then the default locale, then
//! the vendor's own words; and which of these answered.
//!
//! A text is looked up by the product's key and never matched on words.

use serde::{Deserialize, Serialize};

use crate::Locale;

/// The last locale of every chain, where a connector names no other.
pub const DEFAULT: &str = "en-US";

/// Which step of the chain answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The locale asked for.
    Locale,
    /// Another text in the same language: `nl`, or `nl-BE` for `nl-NL`.
    Language,
    /// The default locale.
    Default,
    /// The vendor's text in the record itself.
    Vendor,
}

/// What answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer<'a, T> {
    /// At which step.
    pub step: Step,
    /// In which locale; none: the vendor's words, whose language nobody says.
    pub locale: Option<&'a str>,
    /// The text; none at [`Step::Vendor`].
    pub text: Option<T>,
}

/// Chooses among the texts of one product, each with its locale, in any order. Tags are compared without case; between
/// two texts at the same step the one with the plainer tag answers, then the first by alphabet.
pub fn choose<'a, T>(
    asked: &Locale,
    default: &str,
    texts: impl IntoIterator<Item = (&'a str, T)>,
) -> Answer<'a, T> {
    let ranked = texts.into_iter().filter_map(|(tag, text)| Some((rank(asked, default, tag)?, tag, text)));
    match ranked.min_by(|one, two| (one.0, one.1.len(), one.1).cmp(&(two.0, two.1.len(), two.1))) {
        Some((step, tag, text)) => Answer { step, locale: Some(tag), text: Some(text) },
        None => Answer { step: Step::Vendor, locale: None, text: None },
    }
}

/// The exact locales a store may be asked for at once, best first. A text in another region of the language is found
/// only by [`choose`], among all texts of the product.
#[must_use]
pub fn chain(asked: &Locale, default: &str) -> Vec<String> {
    let mut chain = vec![asked.as_str().to_owned()];
    for next in [asked.language(), default] {
        if !chain.iter().any(|tag| tag.eq_ignore_ascii_case(next)) {
            chain.push(next.to_owned());
        }
    }
    chain
}

fn rank(asked: &Locale, default: &str, tag: &str) -> Option<Step> {
    let language = tag.split('-').next().unwrap_or_default();
    if tag.eq_ignore_ascii_case(asked.as_str()) {
        Some(Step::Locale)
    } else if language.eq_ignore_ascii_case(asked.language()) {
        Some(Step::Language)
    } else if tag.eq_ignore_ascii_case(default) {
        Some(Step::Default)
    } else {
        None
    }
}
