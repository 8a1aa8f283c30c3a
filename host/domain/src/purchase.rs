//! Purchases and what they are made of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Currency, Decimal, Digest, Month};

/// One record of a page as proof: which page, and the record's position in it, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The page, by the hash of its bytes.
    pub page: Digest,
    /// The record's position in the page.
    pub ordinal: u32,
}

/// Who works out the cost of a Purchase.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    /// The vendor: `cost` is as given.
    Given,
    /// The host, from graduated tiers over the billing cycle of a group (a subscription) and a key (a meter).
    Tiered {
        /// Over what the quantity accumulates.
        group: String,
        /// Whose rates apply.
        key: String,
    },
    /// Nobody: there is a quantity and no money.
    None,
}

/// What describes a Purchase beside its sums. The order has no meaning; it only makes choices deterministic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Description {
    /// The vendor's id of the customer; empty where neither the record nor the subscription names one.
    pub vendor_customer: String,
    /// The vendor's id of the subscription; may be empty.
    pub vendor_subscription: String,
    /// The product, language-free: a meter id, or `product:sku`.
    pub product_key: String,
    /// The vendor's own words for the product, the last resort of every fallback.
    pub product_text: String,
    /// The vendor's category; may be empty.
    pub category: String,
    /// The unit of `quantity`, as the vendor spells it.
    pub unit: String,
    /// The vendor's unit price in `unit_price_currency`.
    pub unit_price: Option<Decimal>,
    /// The pricing currency.
    pub unit_price_currency: Option<Currency>,
    /// The billing currency, that of `cost`.
    pub currency: Option<Currency>,
    /// Pricing to billing currency.
    pub exchange_rate: Option<Decimal>,
    /// First instant the Purchase is for.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
    /// Who works out the cost.
    pub amount: Amount,
    /// Whatever else the vendor says that an invoice or an audit may need.
    pub metadata: BTreeMap<String, String>,
}

impl Description {
    /// The subscription, or the customer where there is none.
    #[must_use]
    pub fn scope(&self) -> &str {
        match self.vendor_subscription.as_str() {
            "" => &self.vendor_customer,
            subscription => subscription,
        }
    }

    /// The full reference: scope, first UTC day, and the natural key the plugin gave inside them.
    #[must_use]
    pub fn reference(&self, natural: &str) -> String {
        let day = self.start.to_zoned(jiff::tz::TimeZone::UTC).date();
        format!("{}/{day}/{natural}", self.scope())
    }
}

/// What one partition says about one reference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contribution {
    /// The natural key inside account and feed, from [`Description::reference`]; the same in every plugin version.
    pub reference: String,
    /// What it is about.
    pub description: Description,
    /// In `description.unit`.
    pub quantity: Decimal,
    /// What the vendor charges the partner; none where there is no amount or the host works it out later.
    pub cost: Option<Decimal>,
    /// The records it was read from, in order.
    pub evidence: Vec<Evidence>,
}

/// The place of a Purchase in the ledger: account, customer or subscription, day, then hash.
///
/// Rows in this order cost a third of what random hashes cost at a million rows, since neighbours in a run are
/// neighbours in the index. 128 bits of hash keep references apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; Key::LENGTH]);

/// A row of the ledger: the sum of the contributions to its reference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Purchase {
    /// Where it stands in the ledger.
    pub key: Key,
    /// Whose account.
    pub account: AccountId,
    /// The feed it comes from; with account and reference it is what makes it unique.
    pub feed: String,
    /// The natural key; a correction ends in `#c1`, `#c2` …
    pub reference: String,
    /// Our customer; none: unmapped, kept and waiting.
    pub customer_code: Option<String>,
    /// What it is about: the description of the contribution that leads.
    pub description: Description,
    /// Sum of the contributions' quantities.
    pub quantity: Decimal,
    /// Sum of the contributions' costs.
    pub cost: Option<Decimal>,
    /// Records of all contributions.
    pub evidence: Vec<Evidence>,
    /// From 1, one more with each change.
    pub revision: u32,
    /// Strictly increases with each change of the reference: what a billing system orders updates by.
    pub source_date: Timestamp,
    /// Whether it stands.
    pub state: State,
    /// The month the vendor counts it in.
    pub vendor_period: Month,
    /// The month we book it in.
    pub booked_period: Month,
}

/// Whether a Purchase stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It stands, in an open booked period.
    Open,
    /// Nothing contributes to it any more: quantity and cost are 0.
    Void,
    /// Its booked period is closed; it no longer changes.
    Closed,
}

impl Contribution {
    /// Whether both say the same. Which records say it does not matter: a page that was retrieved again and holds another
    /// record too has another hash, and no money has changed.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        self.quantity == other.quantity && self.cost == other.cost && self.description == other.description
    }
}

impl Purchase {
    /// Whether this is exactly what the contribution says.
    #[must_use]
    pub fn says(&self, contribution: &Contribution) -> bool {
        self.quantity == contribution.quantity
            && self.cost == contribution.cost
            && self.description == contribution.description
    }

    /// Whether both stand for the same.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        self.quantity == other.quantity && self.cost == other.cost && self.description == other.description
    }

    /// This Purchase as the one contribution it is made of.
    #[must_use]
    pub fn as_contribution(&self) -> Contribution {
        Contribution {
            reference: self.reference.clone(),
            description: self.description.clone(),
            quantity: self.quantity.clone(),
            cost: self.cost.clone(),
            evidence: self.evidence.clone(),
        }
    }

    /// The reference of a correction of this Purchase; the first is number 1.
    #[must_use]
    pub fn correction_reference(&self, number: u32) -> String {
        format!("{}#c{number}", self.reference)
    }

    /// Where that correction stands: beside this Purchase, for scope and day are the same.
    #[must_use]
    pub fn correction_key(&self, number: u32) -> Key {
        Key::new(self.account, &self.feed, &self.correction_reference(number), &self.description)
    }
}

/// Days are shifted by this, so that every timestamp jiff can hold sorts as a positive number.
const DAYS_BEFORE_1970: i64 = 5_000_000;

impl Key {
    /// Bytes of a key: account 4, scope 8, day 4, hash 16.
    pub const LENGTH: usize = 32;

    /// The place of a contribution's reference. Scope and day are part of the reference (see
    /// [`Description::reference`]), so the key depends on account, feed and reference alone.
    #[must_use]
    pub fn new(account: AccountId, feed: &str, reference: &str, description: &Description) -> Self {
        let scope = Digest::of(description.scope().as_bytes());
        let hash = Digest::of(format!("{feed}\0{reference}").as_bytes());
        let day =
            u32::try_from(description.start.as_second().div_euclid(86_400) + DAYS_BEFORE_1970).unwrap_or(0);
        let mut key = [0; Self::LENGTH];
        let parts = account.0.to_be_bytes().into_iter();
        let parts = parts.chain(scope.as_bytes().iter().copied().take(8));
        let parts = parts.chain(day.to_be_bytes());
        let parts = parts.chain(hash.as_bytes().iter().copied().take(16));
        key.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        Self(key)
    }

    /// The first UTC day of what stands here; none: a key of no contribution.
    #[must_use]
    pub fn day(&self) -> Option<Date> {
        let day = self.0.iter().skip(12).take(4).fold(0_i64, |day, byte| (day << 8) | i64::from(*byte));
        let start = Timestamp::from_second((day - DAYS_BEFORE_1970) * 86_400).ok()?;
        Some(start.to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    /// The last bytes of its hash: enough to know a key by among millions, in little room.
    #[must_use]
    pub fn short(&self) -> u64 {
        self.0.iter().skip(Self::LENGTH - 8).fold(0, |short, byte| (short << 8) | u64::from(*byte))
    }

    /// From the raw bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The raw bytes, in the order the ledger sorts by.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Why a text is no ledger key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a Purchase id (64 hex digits)")]
pub struct InvalidKey;

impl std::str::FromStr for Key {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = [0; Self::LENGTH];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidKey)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
