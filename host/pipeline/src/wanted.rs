//! Names that are wanted: products a Purchase names and that have no text yet in the run's language.
//!
//! A feed that asks for products one by one hears of them from other feeds' records. Records that do not come again,
//! because the vendor says they are unchanged, name none: a name that failed to come once would never be asked for again.

use std::collections::BTreeSet;

use purser_store::Result;
use purser_store::runs::{Completion, Fact};
use purser_store::texts::MissingText;

use crate::work::Work;

/// The kind of fact the host adds to.
pub const PRODUCT: &str = "product";
/// A batch of its own, so that a resumed run does not add again.
const BATCH: u32 = u32::MAX;
/// Facts of other feeds read at once.
const PAGE: u32 = 1_000;

/// Adds the wanted products to the run's facts, where the feed starts from products.
///
/// # Errors
/// Where the store fails.
pub async fn add(work: &Work, feed: &str, needs: &[String]) -> Result<()> {
    if !needs.iter().any(|kind| kind == PRODUCT) {
        return Ok(());
    }
    let known = known(work).await?;
    let missing = work.store.missing_texts(work.account(), &work.context.locale).await?;
    let wanted = missing.into_iter().filter(|text| !known.contains(&text.key.to_lowercase()));
    let wanted: Vec<MissingText> = wanted.collect();
    if let Some(recorder) = &work.recorder {
        recorder.wants(&wanted);
    }
    let facts = wanted.into_iter().map(|text| fact(text.key, &text.product_text)).collect();
    work.store.start_feed(work.fence, feed, BATCH, &Completion { facts, ..Completion::default() }).await?;
    Ok(())
}

/// What a feed hears of a wanted product.
#[must_use]
pub fn fact(key: String, words: &str) -> Fact {
    Fact { kind: PRODUCT.to_owned(), value: serde_json::json!({ "words": words }).to_string(), key }
}

/// Products that records of this run have named.
async fn known(work: &Work) -> Result<BTreeSet<String>> {
    let (mut known, mut after) = (BTreeSet::new(), None);
    loop {
        let facts = work.store.facts(work.run.id, &[PRODUCT.to_owned()], after, PAGE).await?;
        let Some(last) = facts.last() else { return Ok(known) };
        after = Some((last.kind.clone(), last.key.clone()));
        known.extend(facts.into_iter().map(|fact| fact.key.to_lowercase()));
    }
}
