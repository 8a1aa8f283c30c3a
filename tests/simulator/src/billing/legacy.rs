//! What legacy Azure costs the partner, by the simulator's own rate card.
//!
//! The quantity of a billing cycle is priced by graduated tiers over its sum so far, for each subscription and meter;
//! what is included comes first and costs nothing. A day costs the difference between the sums up to it and before it.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use jiff::civil::Date;
use serde::Serialize;

use crate::calendar::{month_start, shift};
use crate::ledger::{self, as_text};
use crate::world::meters::{Meter, in_euro};
use crate::world::{Kind, World};

/// One usage day of one meter of a legacy subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegacyDay {
    /// Tenant GUID, lower-case.
    pub customer: String,
    /// Partner Center id, lower-case.
    pub subscription: String,
    /// Meter id, lower-case.
    pub meter: String,
    /// UTC day of use.
    pub day: Date,
    /// First day of the billing cycle it counts in.
    pub cycle: Date,
    /// Used on the day.
    #[serde(serialize_with = "as_text")]
    pub quantity: BigDecimal,
    /// Whether the rate card has the meter; of any other nobody knows what it costs.
    pub in_rate_card: bool,
    /// What the day costs, exact.
    #[serde(serialize_with = "as_text")]
    pub cost: BigDecimal,
}

/// Every day's cost as of `today`, in the order subscription, meter, day. `currency` is that of the rate card.
pub(crate) fn days(world: &World, today: Date, late: bool, currency: &str) -> Vec<LegacyDay> {
    let euro = currency.eq_ignore_ascii_case("EUR");
    let mut days = Vec::new();
    for (customer, subscription) in world.subscriptions().filter(|(_, s)| matches!(s.kind, Kind::Usage)) {
        let mut sums: BTreeMap<(u64, Date), BigDecimal> = BTreeMap::new();
        for ((index, day), (used, _, _)) in ledger::used_by_day(world, subscription, today, late) {
            let Some(meter) = world.meter(index) else { continue };
            let cycle = cycle_of(day, world.legacy_billing_day);
            let sum = sums.entry((index, cycle)).or_default();
            let card = Card { meter, euro };
            let before = card.cost(sum);
            *sum += &used.to_big();
            days.push(LegacyDay {
                customer: customer.id.clone(),
                subscription: subscription.id.clone(),
                meter: meter.id.clone(),
                day,
                cycle,
                quantity: used.to_big(),
                in_rate_card: meter.in_rate_card(0),
                cost: (card.cost(sum) - before).normalized(),
            });
        }
    }
    days
}

/// First day of the billing cycle that a day is in.
fn cycle_of(day: Date, billing_day: i8) -> Date {
    let back = if day.day() < billing_day { -1 } else { 0 };
    shift(month_start(day, back), i32::from(billing_day) - 1)
}

/// A meter's prices in one currency.
struct Card<'a> {
    meter: &'a Meter,
    euro: bool,
}

impl Card<'_> {
    /// What so much costs from the beginning of a cycle.
    fn cost(&self, used: &BigDecimal) -> BigDecimal {
        if !self.meter.in_rate_card(0) {
            return BigDecimal::default();
        }
        let priced = (used - self.meter.included.to_big()).max(BigDecimal::default());
        let bounds: Vec<BigDecimal> =
            self.meter.rates.iter().filter_map(|(bound, _)| bound.parse().ok()).collect();
        let mut cost = BigDecimal::default();
        for (tier, (_, rate)) in self.meter.rates.iter().enumerate() {
            let Some(from) = bounds.get(tier) else { continue };
            let until = bounds.get(tier + 1).map_or(&priced, |next| next.min(&priced));
            if until > from {
                cost += (until - from) * if self.euro { in_euro(*rate) } else { *rate }.to_big();
            }
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::Amount;
    use crate::random::Seed;

    #[test]
    fn tiers_are_graduated_over_the_cycle_and_what_is_included_comes_first() {
        let number = |text: &str| text.parse::<BigDecimal>().unwrap();
        let meter = Meter {
            rates: vec![("0", Amount::new(100, 2)), ("100", Amount::new(80, 2))],
            included: Amount::new(5, 1),
            ..Meter::generate(Seed(1), 0)
        };
        let card = Card { meter: &meter, euro: false };
        assert_eq!(card.cost(&number("0.5")), number("0"));
        assert_eq!(card.cost(&number("101.5")), number("100.80"), "the vendor's sample: 101 units");
        assert_eq!(card.cost(&number("100.75")), number("100.2"));
    }

    #[test]
    fn a_cycle_begins_on_the_billing_day() {
        let of = |day: &str, billing_day| cycle_of(day.parse().unwrap(), billing_day).to_string();
        assert_eq!(of("2026-03-31", 1), "2026-03-01");
        assert_eq!(of("2026-03-14", 15), "2026-02-15");
        assert_eq!(of("2026-03-15", 15), "2026-03-15");
    }
}
