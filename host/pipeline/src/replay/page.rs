//! One stored page through both mappings.

use std::collections::{BTreeMap, HashSet};

use purser_domain::diff::{Change, Days, Fate, PageDiff, Place, Reading, Side, compare};
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Balance, Contribution, Currency, Digest, Tally};
use purser_runtime::contract::localisation::Products;
use purser_runtime::contract::manifest::{Feed, FeedKind};
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::contract::types::Fact;
use purser_runtime::{Covered, Mapped};

use super::mapper::{self, Answer, Fault, Mapper, PageOf};
use super::{Parts, texts};
use crate::framing;
use crate::mapping::{contribution, weigh};
use crate::measure::{Measure, Measurer};
use crate::work::Customers;

/// A page to compare, and by whom.
pub(super) struct Sheet<'a, M> {
    pub(super) account: AccountId,
    pub(super) digest: Digest,
    pub(super) context: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) days: Days,
    pub(super) before: &'a Parts<M>,
    pub(super) after: &'a Parts<M>,
    pub(super) customers: &'a Customers,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) records: u64,
    pub(super) diff: Option<PageDiff>,
    /// By the candidate, for its partition.
    pub(super) balance: Balance,
    /// By the mapping in use: what the ledger should hold of its partition.
    pub(super) expected: Balance,
    pub(super) expected_keys: HashSet<u64>,
    pub(super) facts: BTreeMap<String, FactCounts>,
    pub(super) lines: BTreeMap<(String, Currency), Change>,
    pub(super) texts: Vec<texts::TextChange>,
    pub(super) texts_same: u64,
    pub(super) texts_rejected: u64,
    /// What is wrong: a code and what happened.
    pub(super) faults: Vec<(&'static str, String)>,
}

/// Facts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct FactCounts {
    /// Only the candidate tells them.
    pub added: u64,
    /// Only the mapping in use tells them.
    pub removed: u64,
    /// Both tell them, with other values.
    pub changed: u64,
    /// The key of one of them.
    pub example: String,
}

/// Compares a page.
pub(super) fn read<M: Mapper>(sheet: &Sheet<'_, M>) -> Compared {
    let Ok(context) = serde_json::from_str::<PageContext>(sheet.context) else {
        return damaged("its context cannot be read");
    };
    let Ok(records) = framing::records(&context.framing, sheet.bytes) else {
        return damaged("it does not fall into records as it did");
    };
    let page = PageOf { context: &context, bytes: sheet.bytes, records: &records };
    let named = |parts: &Parts<M>| parts.feeds.iter().find(|feed| feed.name == context.feed).cloned();
    let (Some(before), after) = (named(sheet.before), named(sheet.after)) else { return Compared::default() };
    let Some(after) = after else {
        let what =
            format!("the candidate has no feed {:?}: nothing of it would be read any more", context.feed);
        return Compared { faults: vec![("TRY-FEED", what)], ..Compared::default() };
    };
    let mut compared = match before.kind {
        FeedKind::Texts => read_texts(sheet, &page),
        FeedKind::Purchases | FeedKind::Facts => read_records(sheet, &page, &before, &after),
    };
    compared.records = records.len() as u64;
    compared
}

fn damaged(what: &str) -> Compared {
    Compared { faults: vec![("TRY-MISSING", what.to_owned())], ..Compared::default() }
}

fn read_texts<M: Mapper>(sheet: &Sheet<'_, M>, page: &PageOf<'_>) -> Compared {
    let (Some(before), Some(after)) = (&sheet.before.localisation, &sheet.after.localisation) else {
        return Compared::default();
    };
    let mut compared = Compared::default();
    let old = mapper::texts(before, page).unwrap_or_else(|fault| {
        compared.faults.push(in_use(&fault));
        nothing(&page.context.run.locale)
    });
    let new = mapper::texts_twice(after, page).unwrap_or_else(|fault| {
        compared.faults.push(candidates(&fault));
        nothing(&page.context.run.locale)
    });
    let told = texts::compare(sheet.account, &page.context.feed, old, new);
    (compared.texts, compared.texts_same, compared.texts_rejected) = told;
    compared
}

fn nothing(locale: &str) -> Products {
    let (requested, answered) = (locale.to_owned(), locale.to_owned());
    Products { requested, answered, texts: Vec::new(), rejected: Vec::new(), facts: Vec::new() }
}

fn read_records<M: Mapper>(sheet: &Sheet<'_, M>, page: &PageOf<'_>, before: &Feed, after: &Feed) -> Compared {
    let (Some(old), Some(new)) = (&sheet.before.mapping, &sheet.after.mapping) else {
        return Compared::default();
    };
    let mut compared = Compared::default();
    let (old, new) = (mapper::ask(old, page), mapper::ask_twice(new, page));
    compared.faults.extend(old.fault.as_ref().map(in_use));
    compared.faults.extend(new.fault.as_ref().map(candidates));
    let measures = Measurer::new(before).page(&page.context.framing, page.bytes, page.records);
    let measures_after = Measurer::new(after).page(&page.context.framing, page.bytes, page.records);
    weigh_all(&old, &measures, before, &mut compared.expected);
    weigh_all(&new, &measures_after, after, &mut compared.balance);
    count_facts(&old.mapped.facts, &new.mapped.facts, &mut compared.facts);
    add_lines(&old.mapped.covered, Side::Before, &mut compared.lines);
    add_lines(&new.mapped.covered, Side::After, &mut compared.lines);
    let (old, new) = (reading(sheet, old), reading(sheet, new));
    let feed = before.name.as_str();
    let key = |it: &Contribution| Key::new(sheet.account, feed, &it.reference, &it.description).short();
    compared.expected_keys = old.contributions.iter().map(key).collect();
    let place = Place { account: sheet.account, feed, page: sheet.digest, days: sheet.days };
    let weigh = |ordinal: u32, tally: &mut Tally| {
        measures.get(ordinal as usize).unwrap_or(&Measure::default()).count_in(tally);
    };
    compared.diff = Some(compare(&place, old, new, weigh));
    compared
}

/// What a mapping cannot account for stays out of its side of the balance.
fn weigh_all(answer: &Answer, measures: &[Measure], feed: &Feed, balance: &mut Balance) {
    measures.iter().for_each(|measure| measure.count_in(&mut balance.received));
    weigh(&answer.mapped, measures, feed, balance);
}

fn reading<M>(sheet: &Sheet<'_, M>, answer: Answer) -> Reading {
    let Answer { mapped, lost, .. } = answer;
    let Mapped { purchases, covered, ignored, rejected, .. } = mapped;
    let customer_of = |subscription: &str| sheet.customers.of_subscription(subscription);
    let mut left_out = BTreeMap::new();
    for Covered { rule, line, .. } in covered {
        left_out.extend(line.records.into_iter().map(|ordinal| (ordinal, Fate::Ignored(rule.clone()))));
    }
    for (rule, ordinals) in ignored {
        left_out.extend(ordinals.into_iter().map(|ordinal| (ordinal, Fate::Ignored(rule.clone()))));
    }
    left_out.extend(rejected.into_iter().map(|(ordinal, why)| (ordinal, Fate::Rejected(why))));
    left_out.extend(lost.into_iter().map(|(ordinal, why)| (ordinal, Fate::Lost(why))));
    let said = |purchase| contribution(purchase, sheet.digest, &customer_of);
    Reading { contributions: purchases.into_iter().map(said).collect(), left_out }
}

fn count_facts(before: &[Fact], after: &[Fact], counts: &mut BTreeMap<String, FactCounts>) {
    if before == after {
        return;
    }
    let by_key = |facts: &'_ [Fact]| -> BTreeMap<(String, String), String> {
        facts.iter().map(|fact| ((fact.kind.clone(), fact.key.clone()), fact.value.clone())).collect()
    };
    let (before, after) = (by_key(before), by_key(after));
    let mut note = |kind: &str, key: &str, count: fn(&mut FactCounts) -> &mut u64| {
        let of_kind = counts.entry(kind.to_owned()).or_default();
        *count(of_kind) += 1;
        if of_kind.example.is_empty() {
            key.clone_into(&mut of_kind.example);
        }
    };
    for ((kind, key), value) in &before {
        match after.get(&(kind.clone(), key.clone())) {
            None => note(kind, key, |it| &mut it.removed),
            Some(other) if other != value => note(kind, key, |it| &mut it.changed),
            Some(_) => {}
        }
    }
    let is_new = |place: &&(String, String)| !before.contains_key(*place);
    after.keys().filter(is_new).for_each(|(kind, key)| note(kind, key, |it| &mut it.added));
}

fn add_lines(covered: &[Covered], side: Side, sums: &mut BTreeMap<(String, Currency), Change>) {
    for Covered { billed_by, line, .. } in covered {
        if let (Some(currency), Some(cost)) = (&line.description.currency, &line.cost) {
            sums.entry((billed_by.clone(), currency.clone())).or_default().add_to(side, cost);
        }
    }
}

fn in_use(fault: &Fault) -> (&'static str, String) {
    ("TRY-BEFORE", words(fault))
}

fn candidates(fault: &Fault) -> (&'static str, String) {
    match fault {
        Fault::Unstable => ("TRY-UNSTABLE", words(fault)),
        Fault::Page(_) => ("TRY-PAGE", words(fault)),
    }
}

fn words(fault: &Fault) -> String {
    match fault {
        Fault::Unstable => "mapped twice, it gave two different answers".to_owned(),
        Fault::Page(error) => format!("{} {}", error.code(), error.sentence()),
    }
}
