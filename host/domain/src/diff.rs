//! The Purchase diff: what another mapping of the same pages would do to the money, before it does it.
//!
//! Both mappings read the same page; [`page::compare`] sets their readings side by side, and [`Gathering`] adds up the
//! pages. Only what differs is held: pages are compared one by one, so memory follows the differences and not the ledger.
//! [`verdict`] says whether what differs may be activated.
//!
//! **Invariants:** the sums of a diff are sum(after) − sum(before), per customer and currency, to the last digit, however
//! the records are spread over pages; the diff of a reading with itself is empty; what is no longer listed for want of
//! room is still counted and summed.

pub mod page;
pub mod sums;
pub mod verdict;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::conservation::Tally;
use crate::purchase::{Amount, Description, Evidence, Key};
use crate::sum::add_costs;
use crate::{AccountId, Contribution, Currency, Decimal};

pub use self::page::{Days, Fate, PageDiff, Place, Reading, compare};
pub use self::sums::{Change, Side, Sum, Sums};

/// Differences that are listed. More are only counted and summed.
pub const MOST_LISTED: usize = 20_000;

/// What is different about a Purchase.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The mapping in use says nothing of the reference.
    Added,
    /// The candidate says nothing of it any more.
    Removed,
    /// Both speak of it, and say different things.
    Changed,
}

/// What of a changed Purchase is different.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// Its cost.
    Cost,
    /// The currency of its cost.
    Currency,
    /// Its quantity.
    Quantity,
    /// The unit of the quantity.
    Unit,
    /// Whose it is.
    Customer,
    /// Its product.
    Product,
    /// What a unit costs, or the rate of exchange.
    Price,
    /// When it begins or ends.
    Time,
    /// Who prices it, in which billing cycle, by whose rates.
    Pricing,
    /// Words only: the vendor's text, category, metadata.
    Words,
}

impl Field {
    /// What two contributions say differently.
    #[must_use]
    pub fn between(before: &Contribution, after: &Contribution) -> Vec<Self> {
        let (old, new) = (&before.description, &after.description);
        let price = |it: &Description| {
            (it.unit_price.clone(), it.unit_price_currency.clone(), it.exchange_rate.clone())
        };
        let words = |it: &Description| (it.product_text.clone(), it.category.clone(), it.metadata.clone());
        let whose = |it: &Description| (it.vendor_customer.clone(), it.vendor_subscription.clone());
        let differs = [
            (Self::Cost, before.cost != after.cost),
            (Self::Currency, old.currency != new.currency),
            (Self::Quantity, before.quantity != after.quantity),
            (Self::Unit, old.unit != new.unit),
            (Self::Customer, whose(old) != whose(new)),
            (Self::Product, old.product_key != new.product_key),
            (Self::Price, price(old) != price(new)),
            (Self::Time, (old.start, old.end) != (new.start, new.end)),
            (Self::Pricing, old.amount != new.amount),
            (Self::Words, words(old) != words(new)),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
    }
}

/// A Purchase that the two mappings see differently. Its amounts are those of the pages where they differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// What is different.
    pub class: Class,
    /// Where it stands in the ledger.
    pub key: Key,
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// Its reference.
    pub reference: String,
    /// What of it is different; of a changed one only.
    pub fields: Vec<Field>,
    /// As the mapping in use says it.
    pub before: Option<Contribution>,
    /// As the candidate says it.
    pub after: Option<Contribution>,
}

/// The same records under another reference: nobody would know the Purchases again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moved {
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// Records that stand under another reference.
    pub records: u64,
    /// Under the references of the mapping in use.
    pub before: Vec<Contribution>,
    /// Under those of the candidate.
    pub after: Vec<Contribution>,
}

/// Records that another thing became of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FateChange {
    /// By the mapping in use.
    pub before: Fate,
    /// By the candidate.
    pub after: Fate,
    /// How many, and how much they say by the host's own count.
    pub tally: Tally,
    /// Whose the example is.
    pub account: AccountId,
    /// One of them.
    pub example: Evidence,
}

/// What a billing cycle has used of one product, where the two mappings differ, and what that costs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CycleChange {
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// The billing cycle.
    pub group: String,
    /// The product, in lower case.
    pub product: String,
    /// The vendor's customer.
    pub customer: String,
    /// Of the records where they differ.
    pub used: Change,
    /// What the whole cycle costs; none: it has no rates, so nobody knows.
    pub cost: Option<(Currency, Change)>,
}

/// How many differences of each kind there are, listed or not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Purchases both mappings say in the same words.
    pub same: u64,
    /// Purchases that are new.
    pub added: u64,
    /// Purchases that are gone.
    pub removed: u64,
    /// Purchases that say something else.
    pub changed: u64,
    /// Of those, Purchases in which only words differ.
    pub reworded: u64,
    /// Groups of references that were exchanged for others.
    pub moved: u64,
    /// Differences that are counted and summed, but not listed.
    pub unlisted: u64,
}

/// What a candidate would do, all pages together.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Diff {
    /// How many.
    pub counts: Counts,
    /// Money and quantities by customer: of everything that was compared, not only of what differs.
    pub sums: Sums,
    /// Sum of all changes of money without their signs: a plus and a minus are two changes, not none.
    pub turnover: BTreeMap<Currency, Decimal>,
    /// Purchases whose quantity, or whose customer, differs.
    pub quantities_changed: u64,
    /// In the order of the ledger.
    pub rows: Vec<Row>,
    /// In the order of pages.
    pub moved: Vec<Moved>,
    /// By what became of them before and after.
    pub fates: Vec<FateChange>,
    /// Billing cycles whose quantities differ.
    pub cycles: Vec<CycleChange>,
}

/// A cycle's place: account, feed, group, product.
type CyclePlace = (AccountId, String, String, String);

/// A diff while pages come in.
#[derive(Debug, Default)]
pub struct Gathering {
    parts: BTreeMap<Key, page::Part>,
    diff: Diff,
    fates: BTreeMap<(Fate, Fate), (Tally, AccountId, Evidence)>,
    cycles: BTreeMap<CyclePlace, (String, Change)>,
    /// References that were read alike somewhere: of one that is read differently elsewhere this is not the whole.
    same: HashSet<u64>,
    room: Option<usize>,
}

impl Gathering {
    /// One that lists so many differences.
    #[must_use]
    pub fn listing(room: usize) -> Self {
        Self { room: Some(room), ..Self::default() }
    }

    /// Adds a page. In whichever order pages come, the sums are the same.
    pub fn take(&mut self, page: PageDiff) {
        let PageDiff { account, feed, sums, same, parts, moved, fates, cycles } = page;
        self.diff.sums.merge(&sums);
        self.same.extend(same);
        for part in parts {
            self.take_part(part);
        }
        for moved in moved {
            self.diff.counts.moved += 1;
            self.weigh(&moved.before, &moved.after);
            if self.has_room() {
                self.diff.moved.push(moved);
            } else {
                self.diff.counts.unlisted += 1;
            }
        }
        for ((before, after), (tally, example)) in fates {
            let first = (Tally::default(), account, example);
            self.fates.entry((before, after)).or_insert(first).0.merge(&tally);
        }
        for ((group, product), (customer, used)) in cycles {
            let place = (account, feed.clone(), group, product);
            self.cycles.entry(place).or_insert((customer, Change::default())).1.add(&used);
        }
    }

    /// Ends it.
    #[must_use]
    pub fn finish(mut self) -> Diff {
        for (key, part) in std::mem::take(&mut self.parts) {
            let is_part = self.same.contains(&key.short());
            if let Some(row) = part.into_row(key, is_part) {
                self.count(row.class, row.before.as_ref(), row.after.as_ref());
                self.diff.rows.push(row);
            }
        }
        let mut diff = self.diff;
        let listed: HashSet<u64> = diff.rows.iter().map(|row| row.key.short()).collect();
        diff.counts.same = self.same.difference(&listed).count() as u64;
        diff.fates = self
            .fates
            .into_iter()
            .map(|((before, after), (tally, account, example))| FateChange {
                before,
                after,
                tally,
                account,
                example,
            })
            .collect();
        diff.cycles = self
            .cycles
            .into_iter()
            .filter(|(_, (_, used))| !used.is_none())
            .map(|((account, feed, group, product), (customer, used))| CycleChange {
                account,
                feed,
                group,
                product,
                customer,
                used,
                cost: None,
            })
            .collect();
        diff
    }

    fn has_room(&self) -> bool {
        self.parts.len() + self.diff.moved.len() < self.room.unwrap_or(MOST_LISTED)
    }

    fn take_part(&mut self, part: page::Part) {
        if let Some(known) = self.parts.get_mut(&part.key) {
            known.add(part);
        } else if self.has_room() {
            self.parts.insert(part.key, part);
        } else {
            self.diff.counts.unlisted += 1;
            if let Some(class) = part.class(false) {
                self.count(class, part.before.as_ref(), part.after.as_ref());
            }
        }
    }

    fn count(&mut self, class: Class, before: Option<&Contribution>, after: Option<&Contribution>) {
        let counts = &mut self.diff.counts;
        match class {
            Class::Added => counts.added += 1,
            Class::Removed => counts.removed += 1,
            Class::Changed => counts.changed += 1,
        }
        if let (Some(before), Some(after)) = (before, after) {
            counts.reworded += u64::from(Field::between(before, after) == [Field::Words]);
        }
        let one = |it: Option<&'_ Contribution>| it.cloned().into_iter().collect::<Vec<_>>();
        self.weigh(&one(before), &one(after));
    }

    /// Adds what changes hands to the turnover, customer by customer.
    fn weigh(&mut self, before: &[Contribution], after: &[Contribution]) {
        let mut sums = Sums::default();
        let account = AccountId(0);
        before.iter().for_each(|it| sums.add(account, it, Side::Before));
        after.iter().for_each(|it| sums.add(account, it, Side::After));
        for (_, sum) in sums.iter() {
            for (currency, change) in &sum.money {
                *self.diff.turnover.entry(currency.clone()).or_default() += &change.delta().abs();
            }
        }
        let is_moved = sums.iter().any(|(_, sum)| sum.quantities.values().any(|it| !it.is_none()));
        self.diff.quantities_changed += u64::from(is_moved);
    }
}

impl Diff {
    /// Takes what the host prices into the sums: the cycle costs this and would cost that.
    pub fn price(&mut self, cycle: usize, currency: Currency, cost: Change) {
        let Some(cycle) = self.cycles.get_mut(cycle) else { return };
        self.sums.add_money(cycle.account, &cycle.customer, &currency, &cost);
        *self.turnover.entry(currency.clone()).or_default() += &cost.delta().abs();
        cycle.cost = Some((currency, cost));
    }

    /// Whether nothing at all differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Counts { added, removed, changed, moved, .. } = self.counts;
        added + removed + changed + moved == 0 && self.fates.is_empty() && self.cycles.is_empty()
    }
}

/// The sum of contributions to one reference from several pages; the first one describes it.
fn joined(one: Option<Contribution>, next: Option<Contribution>) -> Option<Contribution> {
    let (mut sum, next) = match (one, next) {
        (Some(sum), Some(next)) => (sum, next),
        (one, next) => return one.or(next),
    };
    sum.quantity = &sum.quantity + &next.quantity;
    sum.cost = add_costs(sum.cost.as_ref(), next.cost.as_ref());
    sum.evidence.extend(next.evidence);
    Some(sum)
}

/// The billing cycle and product of what the host prices.
fn cycle_of(contribution: &Contribution) -> Option<(String, String)> {
    match &contribution.description.amount {
        Amount::Tiered { group, key } => Some((group.clone(), key.to_lowercase())),
        Amount::Given | Amount::None => None,
    }
}
