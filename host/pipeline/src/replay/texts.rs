//! What another localisation would call the products, and what it would price them by.

use std::collections::{BTreeMap, BTreeSet};

use purser_domain::AccountId;
use purser_runtime::contract::localisation::Products;
use purser_store::texts::ProductText;
use serde::{Deserialize, Serialize};

use crate::mapping::stored_text;

/// A product's text that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextChange {
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// The product, in lower case.
    pub key: String,
    /// The language.
    pub locale: String,
    /// Whether rates, their currency or what is included differ: that is money, from the next billing cycle on.
    pub rates_differ: bool,
    /// By the localisation in use.
    pub before: Option<ProductText>,
    /// By the candidate.
    pub after: Option<ProductText>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TextDiff {
    /// Texts that are as they were.
    pub same: u64,
    /// Texts that differ, listed or not.
    pub changed: u64,
    /// Of those, texts that are gone.
    pub removed: u64,
    /// Of those, texts whose rates differ.
    pub rates: u64,
    /// Records that are newly rejected.
    pub rejected: u64,
    /// Those that are listed.
    pub listed: Vec<TextChange>,
}

impl TextDiff {
    /// Adds what a page gave.
    pub(super) fn take(&mut self, changes: Vec<TextChange>, same: u64, rejected: u64, room: usize) {
        self.same += same;
        self.rejected += rejected;
        for change in changes {
            self.changed += 1;
            self.removed += u64::from(change.after.is_none());
            self.rates += u64::from(change.rates_differ);
            if self.listed.len() < room {
                self.listed.push(change);
            }
        }
    }
}

/// Compares what two localisations say of a page: what differs, how many are the same, how many are newly rejected.
pub(super) fn compare(
    account: AccountId,
    feed: &str,
    before: Products,
    after: Products,
) -> (Vec<TextChange>, u64, u64) {
    let ((before, was_rejected), (after, is_rejected)) = (read(before), read(after));
    let places: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    let (mut changes, mut same) = (Vec::new(), 0);
    for place in places {
        let (old, new) = (before.get(&place).cloned(), after.get(&place).cloned());
        if old == new {
            same += 1;
            continue;
        }
        let (key, locale) = place;
        let rates_differ = rates(old.as_ref()) != rates(new.as_ref());
        changes.push(TextChange {
            account,
            feed: feed.to_owned(),
            key,
            locale,
            rates_differ,
            before: old,
            after: new,
        });
    }
    (changes, same, is_rejected.difference(&was_rejected).count() as u64)
}

type Read = (BTreeMap<(String, String), ProductText>, BTreeSet<u32>);

fn read(products: Products) -> Read {
    let Products { requested, answered, texts, rejected, .. } = products;
    let mut rejected: BTreeSet<u32> = rejected.into_iter().map(|it| it.record_ordinal).collect();
    let mut read = BTreeMap::new();
    for text in texts {
        let ordinal = text.record_ordinal;
        match stored_text(text, &requested, &answered) {
            Some(text) => drop(read.insert((text.key.clone(), text.locale.clone()), text)),
            None => drop(rejected.insert(ordinal)),
        }
    }
    (read, rejected)
}

/// What prices by a text.
fn rates(text: Option<&ProductText>) -> impl PartialEq {
    let text = text.filter(|text| !text.rates.is_empty());
    text.map(|text| (text.currency.clone(), text.rates.clone(), text.included_quantity.clone()))
}
