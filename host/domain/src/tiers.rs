//! What the host prices: graduated tiers over the quantity a billing cycle has used so far.
//!
//! A day costs what the cycle costs up to and with it, less what it cost before. The day's cost is split over its
//! Purchases by quantity, with largest remainders. Two outside rules stand behind it: a rate card names each tier by its
//! lower bound on the cycle's quantity, and what is included is deducted before the first tier
//! (Microsoft Partner Center, *Azure rate card resources*, and *Usage-based reconciliation files*).
//!
//! **Invariants:** the costs of a cycle's days add up to what the cycle's whole quantity costs, and those of a day's
//! Purchases to the day's, to the last digit; neither depends on the order of records or of retrievals. A cycle whose
//! quantity is nothing or less costs nothing.
//!
//! Costs live in the shares of a Purchase like a vendor's would. A share that is said again in the same words keeps its
//! price ([`inherit`]); the store prices a cycle anew whenever its quantities have changed ([`Cycle`], [`price`]).

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::ledgered::{Ledgered, PartitionNo, Share, Shares};
use crate::purchase::{Amount, Description};
use crate::{Contribution, Currency, Decimal, Purchase};

/// The metadata that shows the tiers where a day lies in more than one.
pub const TIERS: &str = "tiers";

/// What one product costs in one billing cycle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rates {
    currency: Currency,
    /// From this quantity of the cycle on, this rate; before the first, nothing is charged. Ascending.
    steps: Vec<(Decimal, Decimal)>,
}

/// Why rates price nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// There are none.
    #[error("there is no rate")]
    None,
    /// Not ascending, or below nothing.
    #[error("the lower bounds of the tiers do not ascend from 0")]
    Bounds,
    /// Less than nothing.
    #[error("the included quantity is less than 0")]
    Included,
}

impl Rates {
    /// Rates as a rate card has them: lower bound and rate of each tier, ascending, on what exceeds the included
    /// quantity.
    ///
    /// Errors: [`Unusable`], where nothing can be priced by them.
    pub fn new(
        currency: Currency,
        tiers: &[(Decimal, Decimal)],
        included: Option<&Decimal>,
    ) -> Result<Self, Unusable> {
        let zero = Decimal::zero();
        let included = included.unwrap_or(&zero);
        let (first, _) = tiers.first().ok_or(Unusable::None)?;
        let ascend = tiers.windows(2).all(|pair| matches!(pair, [(one, _), (next, _)] if one < next));
        match (first.is_negative() || !ascend, included.is_negative()) {
            (true, _) => Err(Unusable::Bounds),
            (_, true) => Err(Unusable::Included),
            _ => {
                let steps = tiers.iter().map(|(from, rate)| (included + from, rate.clone())).collect();
                Ok(Self { currency, steps })
            }
        }
    }

    /// The currency of the rates.
    #[must_use]
    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    /// What a cycle that has used so much costs.
    #[must_use]
    pub fn cost(&self, quantity: &Decimal) -> Decimal {
        let ends = self.steps.iter().skip(1).map(|(from, _)| Some(from)).chain([None]);
        let mut cost = Decimal::zero();
        for ((from, rate), end) in self.steps.iter().zip(ends) {
            if quantity <= from {
                break;
            }
            let until = end.map_or(quantity, |end| end.min(quantity));
            cost += &(&(until - from) * rate);
        }
        cost
    }

    /// The one rate between two quantities of a cycle; none where they lie in different tiers.
    fn flat(&self, from: &Decimal, to: &Decimal) -> Option<Decimal> {
        let (low, high) = (from.min(to), from.max(to));
        let above = self.steps.partition_point(|(bound, _)| bound <= low);
        let is_flat = self.steps.get(above).is_none_or(|(bound, _)| high <= bound);
        let rate = above.checked_sub(1).and_then(|tier| self.steps.get(tier)).map(|(_, rate)| rate);
        is_flat.then(|| rate.cloned().unwrap_or_default())
    }

    /// The tiers in words: `0.5: 1, 100.5: 0.8`, each from this quantity of the cycle on.
    #[must_use]
    pub fn words(&self) -> String {
        let words: Vec<_> = self.steps.iter().map(|(from, rate)| format!("{from}: {rate}")).collect();
        words.join(", ")
    }

    /// The most digits after the point of any rate.
    fn scale(&self) -> u64 {
        self.steps.iter().map(|(_, rate)| rate.scale()).max().unwrap_or(0)
    }
}

/// The quantities of one product in one billing cycle, by UTC day of use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cycle(BTreeMap<Date, Decimal>);

impl Cycle {
    /// Adds what was used on a day; corrections are less than nothing.
    pub fn add(&mut self, day: Date, quantity: &Decimal) {
        *self.0.entry(day).or_default() += quantity;
    }

    /// What each day costs.
    #[must_use]
    pub fn price(&self, rates: &Rates) -> BTreeMap<Date, Day> {
        let mut used = Decimal::zero();
        let days = self.0.iter().map(|(day, quantity)| {
            let after = &used + quantity;
            let price = Day {
                quantity: quantity.clone(),
                cost: &rates.cost(&after) - &rates.cost(&used),
                flat: rates.flat(&used, &after),
            };
            used = after;
            (*day, price)
        });
        days.collect()
    }
}

/// What a day of one product in a billing cycle costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Day {
    /// Used on the day.
    pub quantity: Decimal,
    /// What that costs.
    pub cost: Decimal,
    /// The rate, where one alone holds: what a unit costs then.
    pub flat: Option<Decimal>,
}

impl Day {
    /// The cost of each part of the day, given the parts' quantities in a fixed order.
    ///
    /// Where one rate holds, a part costs its quantity at that rate. Else the cost is split by quantity with largest
    /// remainders, with digits enough to hold both the cost and any quantity at any rate; between equal remainders the
    /// earlier part is first.
    #[must_use]
    pub fn split(&self, parts: &[Decimal], rates: &Rates) -> Vec<Decimal> {
        match &self.flat {
            Some(rate) => parts.iter().map(|part| part * rate).collect(),
            None => {
                let fine = parts.iter().map(Decimal::scale).max().unwrap_or(0);
                split(&self.cost, parts, fine.saturating_add(rates.scale()))
            }
        }
    }
}

/// Splits a cost by quantity with largest remainders, into steps of at least so many digits after the point. The parts add
/// up to the cost exactly. Between equal remainders the earlier part is first. Quantities that add up to nothing split
/// nothing: the first part has it all.
#[must_use]
pub fn split(cost: &Decimal, parts: &[Decimal], scale: u64) -> Vec<Decimal> {
    let whole: Decimal = parts.iter().sum();
    let scale = scale.max(cost.scale());
    let of = |part: &Decimal| {
        let (dividend, whole) =
            if whole.is_negative() { (-&(cost * part), -&whole) } else { (cost * part, whole.clone()) };
        dividend.div_floor(&whole, scale)
    };
    let Some(floors) = parts.iter().map(of).collect::<Option<Vec<_>>>() else {
        let first = std::iter::once(cost.clone());
        return first.chain(std::iter::repeat_with(Decimal::zero)).take(parts.len()).collect();
    };
    let (mut costs, rests): (Vec<_>, Vec<_>) = floors.into_iter().unzip();
    let step = Decimal::step(scale);
    let mut missing = cost - &costs.iter().sum();
    let mut by_rest: Vec<usize> = (0..rests.len()).collect();
    by_rest.sort_by(|one, other| rests.get(*other).cmp(&rests.get(*one)));
    for place in by_rest {
        if missing.is_zero() {
            break;
        }
        if let Some(part) = costs.get_mut(place) {
            *part += &step;
            missing = &missing - &step;
        }
    }
    costs
}

/// A share with its price: what it costs, the currency, and the rate where one alone holds.
pub fn price(contribution: &mut Contribution, cost: Decimal, day: &Day, rates: &Rates) {
    let description = &mut contribution.description;
    description.currency = Some(rates.currency.clone());
    description.unit_price_currency = Some(rates.currency.clone());
    description.unit_price.clone_from(&day.flat);
    match day.flat {
        Some(_) => drop(description.metadata.remove(TIERS)),
        None => drop(description.metadata.insert(TIERS.to_owned(), rates.words())),
    }
    contribution.cost = Some(cost);
}

/// Whether a Purchase is as [`price`] makes it.
#[must_use]
pub fn is_priced(purchase: &Purchase, cost: &Decimal, day: &Day, rates: &Rates) -> bool {
    let description = &purchase.description;
    purchase.cost.as_ref() == Some(cost)
        && description.currency.as_ref() == Some(&rates.currency)
        && description.unit_price_currency.as_ref() == Some(&rates.currency)
        && description.unit_price == day.flat
        && match (&day.flat, description.metadata.get(TIERS)) {
            (None, Some(words)) => *words == rates.words(),
            (flat, words) => flat.is_some() && words.is_none(),
        }
}

/// Gives what a partition says now the price it had when it was stored.
///
/// In the same words and quantity it costs what it did, and nothing has changed. With another quantity it keeps the
/// former cost too, until its cycle is priced anew at the end of the run: readers in between see money that is late and
/// never money that is gone. What is new beside a priced share takes its currency and rate, and no cost yet.
pub fn inherit(staged: &mut Contribution, existing: &Ledgered, partition: PartitionNo) {
    if !matches!(staged.description.amount, Amount::Tiered { .. }) || staged.cost.is_some() {
        return;
    }
    let Some((model, cost)) = model(existing, partition) else { return };
    let description = &mut staged.description;
    description.currency.clone_from(&model.currency);
    description.unit_price_currency.clone_from(&model.unit_price_currency);
    description.unit_price.clone_from(&model.unit_price);
    if let Some(tiers) = model.metadata.get(TIERS) {
        description.metadata.insert(TIERS.to_owned(), tiers.clone());
    }
    staged.cost = cost;
}

/// The priced share to take after, and its cost where it is the partition's own: else another share's, else what the row
/// was before nothing contributed to it.
fn model(existing: &Ledgered, partition: PartitionNo) -> Option<(&Description, Option<Decimal>)> {
    let has_price = |description: &Description, cost: Option<&Decimal>| {
        cost.is_some() && matches!(description.amount, Amount::Tiered { .. })
    };
    let row = &existing.purchase;
    let own_of = |by: PartitionNo, cost: &Option<Decimal>| cost.clone().filter(|_| by == partition);
    let row_itself = has_price(&row.description, row.cost.as_ref()).then_some(&row.description);
    match &existing.shares {
        Shares::Same(by) => Some((row_itself?, own_of(*by, &row.cost))),
        Shares::Own(shares) => {
            let priced =
                |share: &&Share| has_price(&share.contribution.description, share.contribution.cost.as_ref());
            let own = shares.iter().filter(priced).find(|share| share.partition == partition);
            let share = own.or_else(|| shares.iter().find(priced));
            let of_share = |share: &'_ Share| own_of(share.partition, &share.contribution.cost);
            share
                .map(|share| (&share.contribution.description, of_share(share)))
                .or_else(|| row_itself.map(|description| (description, None)))
        }
    }
}
