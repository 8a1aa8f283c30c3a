//! One page as two mappings read it, side by side.
//!
//! A page's records are the same for both, so they tell what belongs together: references that share a record are one
//! group. In a group of one reference the two contributions are compared; in a larger one the candidate calls the same
//! records by another name.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Change, Class, Field, Moved, Row, Side, Sums, cycle_of, joined};
use crate::conservation::Tally;
use crate::purchase::{Evidence, Key};
use crate::{AccountId, Contribution, Digest, sum};

/// What a mapping made of a record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "became", content = "why")]
pub enum Fate {
    /// It is part of a Purchase.
    Purchased,
    /// Left out by this rule.
    Ignored(String),
    /// Set aside for this reason.
    Rejected(String),
    /// The mapping cannot account for it; why.
    Lost(String),
}

/// A page as one mapping reads it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    /// What it says, in page order.
    pub contributions: Vec<Contribution>,
    /// Records that became no Purchase, by ordinal.
    pub left_out: BTreeMap<u32, Fate>,
}

/// Half-open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Days {
    /// The first instant; none: from the beginning.
    pub from: Option<Timestamp>,
    /// The first instant after; none: to the end.
    pub to: Option<Timestamp>,
}

impl Days {
    fn hold(&self, contribution: &Contribution) -> bool {
        let start = contribution.description.start;
        self.from.is_none_or(|from| from <= start) && self.to.is_none_or(|to| start < to)
    }
}

/// Where a page stands, and what of it is compared.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: &'a str,
    /// The page.
    pub page: Digest,
    /// Purchases that begin in these days by either mapping.
    pub days: Days,
}

/// The difference that one page makes.
#[derive(Debug)]
pub struct PageDiff {
    pub(super) account: AccountId,
    pub(super) feed: String,
    pub(super) sums: Sums,
    /// References that both say in the same words, shortened.
    pub(super) same: Vec<u64>,
    pub(super) parts: Vec<Part>,
    pub(super) moved: Vec<Moved>,
    pub(super) fates: BTreeMap<(Fate, Fate), (Tally, Evidence)>,
    /// By billing cycle and product: the customer, and what is used.
    pub(super) cycles: BTreeMap<(String, String), (String, Change)>,
}

/// What the two mappings say of one reference on some pages.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key: Key,
    account: AccountId,
    feed: String,
    reference: String,
    pub(super) before: Option<Contribution>,
    pub(super) after: Option<Contribution>,
}

impl Part {
    pub(super) fn add(&mut self, other: Self) {
        self.before = joined(self.before.take(), other.before);
        self.after = joined(self.after.take(), other.after);
    }

    /// None: both say the same after all. `is_part`: elsewhere both speak of the reference.
    pub(super) fn class(&self, is_part: bool) -> Option<Class> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before.says_as(after) => None,
            (None, None) => None,
            (None, Some(_)) if !is_part => Some(Class::Added),
            (Some(_), None) if !is_part => Some(Class::Removed),
            _ => Some(Class::Changed),
        }
    }

    pub(super) fn into_row(self, key: Key, is_part: bool) -> Option<Row> {
        let class = self.class(is_part)?;
        let fields = match (&self.before, &self.after) {
            (Some(before), Some(after)) => Field::between(before, after),
            _ if class == Class::Changed => vec![Field::Cost, Field::Quantity],
            _ => Vec::new(),
        };
        let Self { account, feed, reference, before, after, .. } = self;
        Some(Row { class, key, account, feed, reference, fields, before, after })
    }
}

/// Compares two readings of a page. `weigh` adds a record, as the host itself measures it, to a tally.
#[must_use]
pub fn compare(
    place: &Place<'_>,
    before: Reading,
    after: Reading,
    weigh: impl Fn(u32, &mut Tally),
) -> PageDiff {
    let mut diff = PageDiff {
        account: place.account,
        feed: place.feed.to_owned(),
        sums: Sums::default(),
        same: Vec::new(),
        parts: Vec::new(),
        moved: Vec::new(),
        fates: BTreeMap::new(),
        cycles: BTreeMap::new(),
    };
    if before == after {
        Folded::of(before).said.into_values().for_each(|it| diff.take_same(place, &it, &it));
        return diff;
    }
    let (before, after) = (Folded::of(before), Folded::of(after));
    diff.take_fates(place, &before, &after, weigh);
    for group in groups(before, after) {
        diff.take_group(place, group);
    }
    diff
}

/// A reading with equal references summed.
struct Folded {
    said: BTreeMap<String, Contribution>,
    left_out: BTreeMap<u32, Fate>,
    /// The reference each purchased record stands under.
    stands: HashMap<u32, String>,
}

impl Folded {
    fn of(reading: Reading) -> Self {
        let mut by_reference = BTreeMap::<String, Vec<Contribution>>::new();
        for contribution in reading.contributions {
            match by_reference.get_mut(&contribution.reference) {
                Some(known) => known.push(contribution),
                None => drop(by_reference.insert(contribution.reference.clone(), vec![contribution])),
            }
        }
        let mut folded = Self { said: BTreeMap::new(), left_out: reading.left_out, stands: HashMap::new() };
        for (reference, contributions) in by_reference {
            let mut contributions = contributions.into_iter();
            let Some(first) = contributions.next() else { continue };
            let sum::Folded { contribution, conflicts, .. } = sum::fold(first, contributions);
            for (conflicting, conflict) in conflicts {
                // As a commit would set it aside.
                let fate = Fate::Rejected(conflict.to_string());
                folded.left_out.extend(conflicting.evidence.iter().map(|it| (it.ordinal, fate.clone())));
            }
            folded.stands.extend(contribution.evidence.iter().map(|it| (it.ordinal, reference.clone())));
            folded.said.insert(reference, contribution);
        }
        folded
    }

    fn fate(&self, ordinal: u32) -> Fate {
        self.left_out.get(&ordinal).cloned().unwrap_or(Fate::Purchased)
    }

    fn said_of(&self, ordinal: u32) -> Option<&Contribution> {
        self.said.get(self.stands.get(&ordinal)?)
    }
}

/// What both say of references that share records.
#[derive(Default)]
struct Group {
    before: Vec<Contribution>,
    after: Vec<Contribution>,
    /// Records that stand under another reference.
    records: u64,
}

/// References in groups: those that a record leads from one to the other are in the same.
fn groups(before: Folded, after: Folded) -> Vec<Group> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for reference in before.said.keys().chain(after.said.keys()) {
        let next = names.len();
        names.entry(reference).or_insert(next);
    }
    let mut union = Union::of(names.len());
    let number = |reference: &str| names.get(reference).copied().unwrap_or_default();
    let mut exchanged: Vec<usize> = Vec::new();
    for (ordinal, old) in &before.stands {
        if let Some(new) = after.stands.get(ordinal).filter(|new| *new != old) {
            union.join(number(old), number(new));
            exchanged.push(number(old));
        }
    }
    let mut groups = BTreeMap::<usize, Group>::new();
    for place in exchanged {
        groups.entry(union.root(place)).or_default().records += 1;
    }
    let roots: BTreeMap<String, usize> =
        names.iter().map(|(name, place)| ((*name).to_owned(), union.root(*place))).collect();
    let root = |reference: &str| roots.get(reference).copied().unwrap_or_default();
    for (reference, contribution) in before.said {
        groups.entry(root(&reference)).or_default().before.push(contribution);
    }
    for (reference, contribution) in after.said {
        groups.entry(root(&reference)).or_default().after.push(contribution);
    }
    groups.into_values().collect()
}

impl PageDiff {
    fn take_same(&mut self, place: &Place<'_>, before: &Contribution, after: &Contribution) {
        if place.days.hold(before) {
            self.sum([before], [after]);
            self.same.push(self.key(before).short());
        }
    }

    fn take_group(&mut self, place: &Place<'_>, group: Group) {
        let Group { before, after, records } = group;
        if let ([old], [new]) = (before.as_slice(), after.as_slice())
            && records == 0
            && old.says_as(new)
        {
            return self.take_same(place, old, new);
        }
        if !before.iter().chain(&after).any(|it| place.days.hold(it)) {
            return;
        }
        self.sum(&before, &after);
        self.use_cycles(&before, Side::Before);
        self.use_cycles(&after, Side::After);
        if records > 0 {
            let (account, feed) = (self.account, self.feed.clone());
            self.moved.push(Moved { account, feed, records, before, after });
            return;
        }
        let (before, after) = (before.into_iter().next(), after.into_iter().next());
        let Some(known) = before.as_ref().or(after.as_ref()) else { return };
        let (key, reference) = (self.key(known), known.reference.clone());
        self.parts.push(Part {
            key,
            account: self.account,
            feed: self.feed.clone(),
            reference,
            before,
            after,
        });
    }

    fn sum<'c>(
        &mut self,
        before: impl IntoIterator<Item = &'c Contribution>,
        after: impl IntoIterator<Item = &'c Contribution>,
    ) {
        before.into_iter().for_each(|it| self.sums.add(self.account, it, Side::Before));
        after.into_iter().for_each(|it| self.sums.add(self.account, it, Side::After));
    }

    fn use_cycles(&mut self, contributions: &[Contribution], side: Side) {
        for contribution in contributions {
            if let Some(cycle) = cycle_of(contribution) {
                let customer = || (contribution.description.vendor_customer.clone(), Change::default());
                self.cycles.entry(cycle).or_insert_with(customer).1.add_to(side, &contribution.quantity);
            }
        }
    }

    fn take_fates(
        &mut self,
        place: &Place<'_>,
        before: &Folded,
        after: &Folded,
        weigh: impl Fn(u32, &mut Tally),
    ) {
        let mut ordinals: Vec<u32> = before.left_out.keys().chain(after.left_out.keys()).copied().collect();
        ordinals.sort_unstable();
        ordinals.dedup();
        for ordinal in ordinals {
            let (old, new) = (before.fate(ordinal), after.fate(ordinal));
            let said = before.said_of(ordinal).or(after.said_of(ordinal));
            if old == new || said.is_some_and(|said| !place.days.hold(said)) {
                continue;
            }
            let example = Evidence { page: place.page, ordinal };
            let (tally, _) = self.fates.entry((old, new)).or_insert_with(|| (Tally::default(), example));
            weigh(ordinal, tally);
        }
    }

    fn key(&self, contribution: &Contribution) -> Key {
        Key::new(self.account, &self.feed, &contribution.reference, &contribution.description)
    }
}

/// Which things belong together.
struct Union(Vec<usize>);

impl Union {
    fn of(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&self, mut place: usize) -> usize {
        while let Some(above) = self.0.get(place).filter(|above| **above != place) {
            place = *above;
        }
        place
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        if let Some(place) = self.0.get_mut(high) {
            *place = low;
        }
    }
}
