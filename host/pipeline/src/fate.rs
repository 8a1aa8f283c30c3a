//! What became of each record of a stored page: the page is mapped again, by the plugin version and with the context it
//! was mapped by, which gives the same for ever.

use purser_domain::purchase::Key;
use purser_domain::{AccountId, Cast};
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::FeedKind;
use purser_runtime::contract::mapping::PageContext;

use crate::framing;
use crate::mapping::{CustomerOf, PageError, contribution, map_records};

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is part of this Purchase.
    Purchase(Key),
    /// Left out by this rule.
    Ignored(String),
    /// Set aside for this reason.
    Rejected(String),
    /// It tells facts or texts, and is no charge.
    Told,
}

/// The fate of each record, by ordinal.
///
/// # Errors
/// Where the page cannot be mapped at all, or its feed is not the plugin's.
pub fn of_page(
    cast: &Cast<Plugin>,
    account: AccountId,
    context: &PageContext,
    bytes: &[u8],
    customer_of: CustomerOf<'_>,
) -> Result<Vec<Fate>, PageError> {
    let ranges = framing::records(&context.framing, bytes)?;
    let mut fates = vec![Fate::Told; ranges.len()];
    let feed = cast.crawl.descriptor().feeds.iter().find(|feed| feed.name == context.feed);
    let Some(feed) = feed.filter(|feed| feed.kind == FeedKind::Purchases) else { return Ok(fates) };
    let mapped = map_records(&cast.mapping, context, bytes, &ranges)?;
    let mut set = |ordinal: u32, fate: Fate| {
        if let Some(place) = fates.get_mut(ordinal as usize) {
            *place = fate;
        }
    };
    for purchase in mapped.purchases {
        let ordinals = purchase.records.clone();
        let said = contribution(purchase, purser_domain::Digest::of(bytes), customer_of);
        let key = Key::new(account, &feed.name, &said.reference, &said.description);
        ordinals.into_iter().for_each(|ordinal| set(ordinal, Fate::Purchase(key)));
    }
    for covered in mapped.covered {
        covered.line.records.iter().for_each(|ordinal| set(*ordinal, Fate::Ignored(covered.rule.clone())));
    }
    for (rule, ordinals) in mapped.ignored {
        ordinals.into_iter().for_each(|ordinal| set(ordinal, Fate::Ignored(rule.clone())));
    }
    mapped.rejected.into_iter().for_each(|(ordinal, reason)| set(ordinal, Fate::Rejected(reason)));
    Ok(fates)
}
