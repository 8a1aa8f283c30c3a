//! Names of products in one language: meters from the rate card, products from the catalogue.

mod catalogue;
mod rate_card;

use purser_plugin_sdk::localisation::Products;
use purser_plugin_sdk::mapping::PageContext;
use purser_plugin_sdk::types::Problem;

pub use self::rate_card::offer_terms;
use crate::manifest::feeds;

/// The texts of a page.
pub fn products(context: &PageContext, page: &[u8]) -> Result<Products, Problem> {
    match context.feed.as_str() {
        feeds::RATE_CARD => rate_card::products(context, page),
        feeds::CATALOGUE => catalogue::products(context, page),
        other => Err(Problem::Bug(format!("the feed {other:?} has no texts"))),
    }
}
