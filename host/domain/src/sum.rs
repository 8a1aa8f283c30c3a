//! Sums of contributions to one reference: inside a partition ([`fold`]) and over partitions ([`Total`]).
//!
//! **Invariant:** only what can be added is added. Contributions in another currency or unit, or of another customer or
//! product, never merge: the later one is set aside with its reason. A sum does not depend on the order of its parts.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::conservation::Tally;
use crate::purchase::{Amount, Description, Evidence};
use crate::{Contribution, Decimal, Month, Share};

/// Why two contributions to one reference cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// Their costs are in different currencies.
    #[error("LED-CONFLICT-CURRENCY another record with the same reference has a cost in another currency")]
    Currency,
    /// Their quantities are in different units.
    #[error("LED-CONFLICT-UNIT another record with the same reference counts in another unit")]
    Unit,
    /// They name different customers.
    #[error("LED-CONFLICT-CUSTOMER another record with the same reference is another customer's")]
    Customer,
    /// They name different products.
    #[error("LED-CONFLICT-PRODUCT another record with the same reference is of another product")]
    Product,
    /// One has its cost from the vendor, and the other's is for the host to work out.
    #[error("LED-CONFLICT-AMOUNT another record with the same reference is priced in another way")]
    Amount,
}

impl Conflict {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Currency => "LED-CONFLICT-CURRENCY",
            Self::Unit => "LED-CONFLICT-UNIT",
            Self::Customer => "LED-CONFLICT-CUSTOMER",
            Self::Product => "LED-CONFLICT-PRODUCT",
            Self::Amount => "LED-CONFLICT-AMOUNT",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        "look at both records in Explain; a mapping whose references tell them apart takes both"
    }
}

/// What one partition says about one reference, equal references summed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folded {
    /// The sum.
    pub contribution: Contribution,
    /// Records beyond the first contribution, and their amounts: part of the sum.
    pub duplicates: Tally,
    /// What could not be added, and why. Its records move from *purchased* to *rejected*
    /// ([`crate::Balance::set_aside`]).
    pub conflicts: Vec<(Contribution, Conflict)>,
}

/// Sums the contributions of one partition to one reference, in record order. The first one describes the sum.
#[must_use]
pub fn fold(first: Contribution, rest: impl IntoIterator<Item = Contribution>) -> Folded {
    let mut folded = Folded { contribution: first, duplicates: Tally::default(), conflicts: Vec::new() };
    for next in rest {
        match clash(&folded.contribution, &next) {
            Some(conflict) => folded.conflicts.push((next, conflict)),
            None => folded.add(next),
        }
    }
    folded
}

impl Folded {
    fn add(&mut self, next: Contribution) {
        self.duplicates.add_contribution(&next);
        let sum = &mut self.contribution;
        sum.quantity = &sum.quantity + &next.quantity;
        sum.cost = add_costs(sum.cost.as_ref(), next.cost.as_ref());
        sum.evidence.extend(next.evidence);
    }
}

/// Why two contributions to one reference cannot be added; none: they can.
#[must_use]
pub fn clash(first: &Contribution, later: &Contribution) -> Option<Conflict> {
    let (first, later) = (&first.description, &later.description);
    let same = |equal: bool, conflict| (!equal).then_some(conflict);
    // What the host prices has no currency before it is priced; and a cycle may have been named anew since.
    let both_tiered =
        matches!((&first.amount, &later.amount), (Amount::Tiered { .. }, Amount::Tiered { .. }));
    same(both_tiered || first.currency == later.currency, Conflict::Currency)
        .or_else(|| same(first.unit == later.unit, Conflict::Unit))
        .or_else(|| same(first.vendor_customer == later.vendor_customer, Conflict::Customer))
        .or_else(|| same(first.product_key.eq_ignore_ascii_case(&later.product_key), Conflict::Product))
        .or_else(|| same(both_tiered || first.amount == later.amount, Conflict::Amount))
}

/// Costs added; nothing at all stays nothing, which is not the same as 0.
#[must_use]
pub fn add_costs(one: Option<&Decimal>, other: Option<&Decimal>) -> Option<Decimal> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other).cloned(),
    }
}

/// The sum of all shares of a Purchase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Total {
    /// Of the share that leads.
    pub description: Description,
    /// Of the share that leads.
    pub vendor_period: Month,
    /// Sum.
    pub quantity: Decimal,
    /// Sum.
    pub cost: Option<Decimal>,
    /// All records: in record order where there is one share, else by page and position.
    pub evidence: Vec<Evidence>,
}

impl Total {
    /// Adds shares; none where there are none.
    ///
    /// The share that leads has the greatest cost, then the greatest quantity, whatever the sign; between equals the
    /// descriptions' order decides. So the outcome does not depend on which partition was committed first.
    #[must_use]
    pub fn of(shares: &[Share]) -> Option<Self> {
        let lead = shares.iter().max_by_key(|share| weight(share))?;
        Some(Self {
            description: lead.contribution.description.clone(),
            vendor_period: lead.vendor_period.clone(),
            quantity: shares.iter().map(|share| &share.contribution.quantity).sum(),
            cost: shares
                .iter()
                .fold(None, |sum, share| add_costs(sum.as_ref(), share.contribution.cost.as_ref())),
            evidence: evidence(shares),
        })
    }
}

/// What makes a share lead: cost, quantity, then any fixed order.
fn weight(share: &Share) -> (Decimal, Decimal, Reverse<&Description>, Reverse<&Month>) {
    let contribution = &share.contribution;
    let cost = contribution.cost.as_ref().map(Decimal::abs).unwrap_or_default();
    (cost, contribution.quantity.abs(), Reverse(&contribution.description), Reverse(&share.vendor_period))
}

fn evidence(shares: &[Share]) -> Vec<Evidence> {
    if let [only] = shares {
        return only.contribution.evidence.clone();
    }
    let mut all: Vec<_> =
        shares.iter().flat_map(|share| share.contribution.evidence.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}
