//! One raw body through framing, sandbox and ledger sums, without an account: what `purser plugin map` shows and what
//! plugin authors test against.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Cast, Contribution, sum};
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::{Feed, Framing};
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::contract::types::{Pair, RunContext};
use purser_store::runs::Page;
use serde::Serialize;

use crate::framing::{Framer, Sizes};
use crate::mapping::{PageError, map_page};

/// What to try.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The feed the body is of.
    pub feed: String,
    /// The language of texts.
    pub locale: String,
    /// The plugin's settings: one JSON object.
    pub settings: String,
    /// The instant the run would look from.
    pub as_of: Timestamp,
    /// What the request would have said: customer, subscription, currency …
    pub parameters: Vec<(String, String)>,
    /// In place of the feed's own.
    pub framing: Option<Framing>,
}

/// Why a body could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// No such feed; the ones there are.
    #[error("the plugin has no feed of this name; it has: {0}")]
    Feed(String),
    /// The body is no page of the feed.
    #[error(transparent)]
    Page(#[from] PageError),
}

/// What a body gave, as the ledger would hold it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Records counted by the host.
    pub records: u64,
    /// Equal references summed, in ledger order.
    pub purchases: Vec<Purchase>,
    /// Records left out, by rule.
    pub ignored: Vec<Ignored>,
    /// Records set aside.
    pub rejected: Vec<Rejected>,
    /// Raw amounts of all records by currency.
    pub totals: BTreeMap<String, String>,
    /// Products in one language.
    pub product_texts: Vec<ProductText>,
    /// What later feeds would be given.
    pub facts: Vec<Fact>,
    /// Records beyond the first of each reference.
    pub duplicates: u64,
}

/// A Purchase; decimals in canonical text, instants in RFC 3339 UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are the ledger's own, documented there")]
pub struct Purchase {
    pub reference: String,
    pub vendor_customer: String,
    pub product_key: String,
    pub product_text: String,
    pub quantity: String,
    pub unit: String,
    pub unit_price: Option<String>,
    pub unit_price_currency: Option<String>,
    pub cost: Option<String>,
    pub currency: Option<String>,
    pub exchange_rate: Option<String>,
    pub start: String,
    pub end: String,
    pub metadata: BTreeMap<String, String>,
    /// Ordinals in the body.
    pub records: Vec<u64>,
}

/// Records left out by one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// The rule.
    pub rule: String,
    /// How many.
    pub count: u64,
}

/// A record set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Position in the body.
    pub ordinal: u64,
    /// Why.
    pub reason: String,
}

/// A product in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the store's own, documented there")]
pub struct ProductText {
    pub key: String,
    pub locale: String,
    pub name: String,
    pub category: String,
    pub subcategory: String,
    pub unit: String,
    pub region: String,
    /// Lower bound of the tier → rate.
    pub rates: BTreeMap<String, String>,
}

/// What a later feed would be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the contract's own, documented there")]
pub struct Fact {
    pub kind: String,
    pub key: String,
    pub value: serde_json::Value,
}

/// Tries one body as received; gzip is unpacked by the caller.
///
/// # Errors
/// Where the body is no page of the feed at all. Records that cannot be read are in the outcome.
pub fn try_body(plugin: &Plugin, trial: &Trial, body: &[u8]) -> Result<Outcome, TrialError> {
    let (feeds, cast) = (&plugin.descriptor().feeds, Cast::one(plugin.clone()));
    let names = || feeds.iter().map(|feed| feed.name.as_str()).collect::<Vec<_>>().join(", ");
    let feed = feeds.iter().find(|feed| feed.name == trial.feed).ok_or_else(|| TrialError::Feed(names()))?;
    let framing = trial.framing.clone().unwrap_or_else(|| feed.framing.clone());
    let mut framer = Framer::new(framing.clone(), Sizes::default());
    let mut cuts = framer.push(body).map_err(PageError::from)?;
    let (last, envelope) = framer.finish().map_err(PageError::from)?;
    cuts.extend(last);
    let mut outcome = Collected::default();
    for (number, cut) in (0..).zip(cuts) {
        let context = context(trial, &framing, &envelope, number);
        outcome.take(map_page(&cast, feed, &context, &cut, &|_| None)?);
    }
    Ok(outcome.finish(feed))
}

fn context(trial: &Trial, framing: &Framing, envelope: &str, page: u32) -> PageContext {
    let date = trial.as_of.to_zoned(TimeZone::UTC).date();
    let named = |name: &str| {
        let given = trial.parameters.iter().find(|(given, _)| given == name);
        given.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    PageContext {
        run: RunContext {
            settings: trial.settings.clone(),
            as_of: trial.as_of.to_string(),
            local_date: date.to_string(),
            window_from: date.to_string(),
            window_to: date.tomorrow().unwrap_or(date).to_string(),
            cloud: "global".into(),
            locale: trial.locale.clone(),
        },
        feed: trial.feed.clone(),
        partition_key: "trial".into(),
        month: named("month"),
        currency: named("currency"),
        stage: 0,
        parameters: trial
            .parameters
            .iter()
            .map(|(name, value)| Pair { name: name.clone(), value: value.clone() })
            .collect(),
        framing: framing.clone(),
        envelope: envelope.to_owned(),
        page,
    }
}

/// What the pages of a body gave, ordinals counted through.
#[derive(Default)]
struct Collected {
    contributions: BTreeMap<Key, Vec<(Contribution, Vec<u64>)>>,
    balance: purser_domain::Balance,
    rejected: Vec<Rejected>,
    texts: Vec<ProductText>,
    facts: Vec<Fact>,
}

impl Collected {
    fn take(&mut self, page: Page) {
        let offset = self.balance.received.records;
        for contribution in page.contributions {
            let key = Key::new(AccountId(0), "", &contribution.reference, &contribution.description);
            let records =
                contribution.evidence.iter().map(|evidence| offset + u64::from(evidence.ordinal)).collect();
            self.contributions.entry(key).or_default().push((contribution, records));
        }
        let rejected = page.rejections.into_iter();
        self.rejected
            .extend(rejected.map(|r| Rejected { ordinal: offset + u64::from(r.ordinal), reason: r.reason }));
        self.texts.extend(page.texts.into_iter().map(text));
        self.facts.extend(page.facts.into_iter().map(fact));
        self.balance.merge(&page.balance);
    }

    fn finish(mut self, feed: &Feed) -> Outcome {
        let (mut purchases, mut duplicates) = (Vec::new(), 0);
        for group in std::mem::take(&mut self.contributions).into_values() {
            let (contributions, records): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let mut contributions = contributions.into_iter();
            let Some(first) = contributions.next() else { continue };
            let folded = sum::fold(first, contributions);
            duplicates += folded.duplicates.records;
            let mut records: Vec<u64> = records.into_iter().flatten().collect();
            for (conflicting, conflict) in &folded.conflicts {
                let ordinals = conflicting.evidence.iter().map(|evidence| u64::from(evidence.ordinal));
                let ordinals: Vec<u64> = ordinals.collect();
                records.retain(|record| !ordinals.contains(record));
                self.rejected.extend(
                    ordinals.into_iter().map(|ordinal| Rejected { ordinal, reason: conflict.to_string() }),
                );
            }
            purchases.push(purchase(folded.contribution, records));
        }
        let sums = if feed.amount.is_empty() { BTreeMap::new() } else { self.balance.received.sums };
        let money = sums.into_iter().filter(|(measure, _)| !measure.starts_with("quantity:"));
        Outcome {
            records: self.balance.received.records,
            purchases,
            ignored: self
                .balance
                .ignored
                .into_iter()
                .map(|(rule, tally)| Ignored { rule, count: tally.records })
                .collect(),
            rejected: self.rejected,
            totals: money.map(|(currency, sum)| (currency, sum.canonical())).collect(),
            product_texts: self.texts,
            facts: self.facts,
            duplicates,
        }
    }
}

fn purchase(contribution: Contribution, records: Vec<u64>) -> Purchase {
    let description = contribution.description;
    Purchase {
        reference: contribution.reference,
        vendor_customer: description.vendor_customer,
        product_key: description.product_key,
        product_text: description.product_text,
        quantity: contribution.quantity.canonical(),
        unit: description.unit,
        unit_price: description.unit_price.map(|price| price.canonical()),
        unit_price_currency: description.unit_price_currency.map(String::from),
        cost: contribution.cost.map(|cost| cost.canonical()),
        currency: description.currency.map(String::from),
        exchange_rate: description.exchange_rate.map(|rate| rate.canonical()),
        start: description.start.to_string(),
        end: description.end.to_string(),
        metadata: description.metadata,
        records,
    }
}

fn text(text: purser_store::texts::ProductText) -> ProductText {
    ProductText {
        key: text.key,
        locale: text.locale,
        name: text.name,
        category: text.category,
        subcategory: text.subcategory,
        unit: text.unit,
        region: text.region,
        rates: text.rates.into_iter().map(|(from, rate)| (from.canonical(), rate.canonical())).collect(),
    }
}

fn fact(fact: purser_store::runs::Fact) -> Fact {
    let value = serde_json::from_str(&fact.value).unwrap_or(serde_json::Value::String(fact.value));
    Fact { kind: fact.kind, key: fact.key, value }
}
