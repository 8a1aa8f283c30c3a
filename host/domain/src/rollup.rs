//! Roll-ups: the sums that lists and charts read, changed in the commit that changes the Purchases.
//!
//! **Invariant:** a cell always equals a recount of the standing Purchases in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::purchase::State;
use crate::{AccountId, Currency, Decimal, Month, Purchase};

/// What Purchases are summed by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// Whose.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// The vendor's customer.
    pub vendor_customer: String,
    /// The UTC day the Purchases start on.
    pub day: Date,
    /// Booked in.
    pub booked_period: Month,
    /// None: no money.
    pub currency: Option<Currency>,
}

impl Cell {
    /// The cell of a Purchase.
    #[must_use]
    pub fn of(purchase: &Purchase) -> Self {
        Self {
            account: purchase.account,
            feed: purchase.feed.clone(),
            vendor_customer: purchase.description.vendor_customer.clone(),
            day: utc_day(purchase.description.start),
            booked_period: purchase.booked_period.clone(),
            currency: purchase.description.currency.clone(),
        }
    }
}

/// By how much a cell changes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Delta {
    /// Standing Purchases more; fewer where negative.
    pub purchases: i64,
    /// Cost more; less where negative.
    pub cost: Decimal,
}

impl Delta {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.purchases == 0 && self.cost.is_zero()
    }
}

/// The changes of a commit, gathered row by row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rollups {
    /// The cell of the rows just seen. In key order neighbours nearly always share it, so most rows need no look-up.
    current: Option<Current>,
    cells: BTreeMap<Cell, Delta>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Current {
    cell: Cell,
    delta: Delta,
    day: std::ops::Range<Timestamp>,
}

impl Rollups {
    /// Takes note of a row that was written: as it was (none: it is new) and as it is.
    pub fn change(&mut self, before: Option<&Purchase>, after: Option<&Purchase>) {
        if let Some(before) = before.filter(|purchase| stands(purchase)) {
            self.add(before, -1);
        }
        if let Some(after) = after.filter(|purchase| stands(purchase)) {
            self.add(after, 1);
        }
    }

    /// The cells that change, in order, and by how much.
    pub fn into_deltas(mut self) -> impl Iterator<Item = (Cell, Delta)> {
        self.settle_current();
        self.cells.into_iter().filter(|(_, delta)| !delta.is_zero())
    }

    fn add(&mut self, purchase: &Purchase, sign: i64) {
        if !self.current.as_ref().is_some_and(|current| current.holds(purchase)) {
            self.settle_current();
        }
        let delta = &mut self.current.get_or_insert_with(|| Current::of(purchase)).delta;
        delta.purchases = delta.purchases.saturating_add(sign);
        if let Some(cost) = &purchase.cost {
            delta.cost = if sign < 0 { &delta.cost - cost } else { &delta.cost + cost };
        }
    }

    fn settle_current(&mut self) {
        if let Some(Current { cell, delta, .. }) = self.current.take() {
            let sum = self.cells.entry(cell).or_default();
            sum.purchases = sum.purchases.saturating_add(delta.purchases);
            sum.cost += &delta.cost;
        }
    }
}

impl Current {
    fn of(purchase: &Purchase) -> Self {
        let cell = Cell::of(purchase);
        let first = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).ok();
        let day = first(cell.day).zip(cell.day.tomorrow().ok().and_then(first));
        // A day at the end of time holds no row but its own: slower, and right.
        let day = day.map_or(Timestamp::MAX..Timestamp::MAX, |(first, next)| first..next);
        Self { cell, delta: Delta::default(), day }
    }

    fn holds(&self, purchase: &Purchase) -> bool {
        let cell = &self.cell;
        cell.account == purchase.account
            && self.day.contains(&purchase.description.start)
            && cell.vendor_customer == purchase.description.vendor_customer
            && cell.feed == purchase.feed
            && cell.booked_period == purchase.booked_period
            && cell.currency == purchase.description.currency
    }
}

/// Void Purchases count for nothing.
fn stands(purchase: &Purchase) -> bool {
    purchase.state != State::Void
}

fn utc_day(instant: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(instant).date()
}
