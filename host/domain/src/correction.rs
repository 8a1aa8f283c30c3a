//! Corrections: what changes after a booked period has closed.
//!
//! A frozen Purchase never changes. The ledger keeps looking at what the vendor says, though, and books the difference
//! in the open period: one open correction per Purchase, `reference#c1`, itself revised until its own period closes;
//! then the next difference is `reference#c2`, and so on.
//!
//! What is booked is compared per **account side**: customer, currency and unit. What the vendor says now belongs to one
//! side, and nothing belongs to any other. So a Purchase that moves to another customer yields two corrections — a minus
//! to the old customer and a plus to the new — by the same rule that books a plain difference.
//!
//! **Invariant:** frozen rows plus open corrections equal what the shares say, on every side.

use std::collections::BTreeMap;

use crate::ledgered::{Ledgered, Share, Shares};
use crate::purchase::State;
use crate::replace::{Corrected, Outcome, Rules, source_date};
use crate::sum::{Total, add_costs};
use crate::{Currency, Decimal, Purchase};

/// Books what the shares of a frozen Purchase say now.
#[must_use]
pub fn correct(
    origin: &Ledgered,
    corrections: &[Ledgered],
    shares: Vec<Share>,
    rules: &Rules<'_>,
) -> Outcome {
    let truth = Total::of(&shares);
    let mut corrected = Corrected {
        origin: Ledgered { shares: Shares::of(shares, &origin.purchase), ..origin.clone() },
        inserts: Vec::new(),
        updates: Vec::new(),
    };
    for (side, position) in positions(origin, corrections, truth.as_ref(), rules) {
        let truth = truth.as_ref().filter(|_| position.is_told);
        let difference = position.target.minus(&position.booked);
        match position.open {
            Some(open) if Sum::of(&open.purchase) == difference => {}
            Some(open) => {
                let content = with(&open.purchase, difference, truth);
                corrected.updates.push(revised(open, content, rules));
            }
            None if difference.is_zero() => {}
            None => {
                let content = with(position.model.unwrap_or(&origin.purchase), difference, truth);
                corrected.origin.corrections = corrected.origin.corrections.saturating_add(1);
                corrected.inserts.push(first(&corrected.origin, side, content, rules));
            }
        }
    }
    let nothing = corrected.origin == *origin && corrected.updates.is_empty();
    if nothing { Outcome::Unchanged } else { Outcome::Correct(corrected) }
}

/// Whose, in which currency and unit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Side {
    customer_code: Option<String>,
    currency: Option<Currency>,
    unit: String,
}

impl Side {
    fn of(purchase: &Purchase) -> Self {
        Self {
            customer_code: purchase.customer_code.clone(),
            currency: purchase.description.currency.clone(),
            unit: purchase.description.unit.clone(),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Default)]
struct Sum {
    quantity: Decimal,
    cost: Option<Decimal>,
}

impl Sum {
    fn of(purchase: &Purchase) -> Self {
        Self { quantity: purchase.quantity.clone(), cost: purchase.cost.clone() }
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            quantity: &self.quantity + &other.quantity,
            cost: add_costs(self.cost.as_ref(), other.cost.as_ref()),
        }
    }

    fn minus(&self, other: &Self) -> Self {
        self.plus(&Self { quantity: -&other.quantity, cost: other.cost.as_ref().map(|cost| -cost) })
    }

    fn is_zero(&self) -> bool {
        self.quantity.is_zero() && self.cost.as_ref().is_none_or(Decimal::is_zero)
    }
}

/// Where one side stands.
#[derive(Default)]
struct Position<'a> {
    /// Whether it is this side that the shares speak of.
    is_told: bool,
    /// What they say of it today; of any other side, nothing.
    target: Sum,
    /// What frozen rows say.
    booked: Sum,
    /// The correction that is still open.
    open: Option<&'a Ledgered>,
    /// The newest row of this side, which describes a correction where the shares do not.
    model: Option<&'a Purchase>,
}

fn positions<'a>(
    origin: &'a Ledgered,
    corrections: &'a [Ledgered],
    truth: Option<&Total>,
    rules: &Rules<'_>,
) -> BTreeMap<Side, Position<'a>> {
    let mut positions = BTreeMap::<Side, Position<'a>>::new();
    for row in std::iter::once(origin).chain(corrections) {
        let position = positions.entry(Side::of(&row.purchase)).or_default();
        position.model = Some(&row.purchase);
        if rules.closed.freezes(&row.purchase) {
            position.booked = position.booked.plus(&Sum::of(&row.purchase));
        } else {
            position.open = Some(row);
        }
    }
    if let Some(truth) = truth {
        let side = Side {
            customer_code: rules.customers.code_of(&truth.description).map(str::to_owned),
            currency: truth.description.currency.clone(),
            unit: truth.description.unit.clone(),
        };
        let position = positions.entry(side).or_default();
        position.is_told = true;
        position.target = Sum { quantity: truth.quantity.clone(), cost: truth.cost.clone() };
    }
    positions
}

/// A new correction: the newest of its origin.
fn first(origin: &Ledgered, side: Side, content: Purchase, rules: &Rules<'_>) -> Ledgered {
    let (number, origin) = (origin.corrections, &origin.purchase);
    let purchase = Purchase {
        key: origin.correction_key(number),
        reference: origin.correction_reference(number),
        customer_code: side.customer_code,
        vendor_period: origin.vendor_period.clone(),
        booked_period: rules.closed.book(&origin.vendor_period),
        revision: 1,
        source_date: source_date(None, rules.now),
        ..content
    };
    Ledgered { purchase, shares: Shares::Own(Vec::new()), corrections: 0 }
}

/// The open correction with another difference.
fn revised(open: &Ledgered, content: Purchase, rules: &Rules<'_>) -> Ledgered {
    let former = &open.purchase;
    let stays = !rules.closed.contains(&former.booked_period);
    let purchase = Purchase {
        revision: former.revision.saturating_add(1),
        source_date: source_date(Some(former.source_date), rules.now),
        booked_period: if stays { content.booked_period } else { rules.closed.book(&former.vendor_period) },
        ..content
    };
    Ledgered { purchase, ..open.clone() }
}

/// This row with another sum; what the shares say describes it where they say it of this side.
fn with(model: &Purchase, difference: Sum, truth: Option<&Total>) -> Purchase {
    let (description, evidence) = match truth {
        Some(truth) => (&truth.description, &truth.evidence),
        None => (&model.description, &model.evidence),
    };
    Purchase {
        description: description.clone(),
        evidence: evidence.clone(),
        state: if difference.is_zero() { State::Void } else { State::Open },
        quantity: difference.quantity,
        cost: difference.cost,
        ..model.clone()
    }
}
