//! Charge lines of Azure plans: one for each customer, meter and month, cut to cents.
//!
//! The money is that of the daily rated lines before any of those is cut, so daily usage and invoice differ by rounding
//! only: by less than a cent for each line of either.

use std::collections::BTreeMap;

use super::Scope;
use super::charge::{Charge, Metered, Words, tax_rate};
use super::class::Class;
use crate::amount::Amount;
use crate::calendar::month_end;
use crate::rated::{self, Line, MARKETPLACE_METER, MeterOf};
use crate::world::offers::{Offer, RATED};
use crate::world::{Customer, Subscription, World};

/// Meter, and whether the partner earns credit: the vendor splits by both.
type Key = (MeterOf, bool);

struct Sum {
    quantity: Amount,
    priced: Amount,
    listed: Amount,
    billed: Amount,
    rate: Amount,
}

/// Charge lines of one plan's usage in a month, as of a day.
pub(super) fn charges(world: &World, customer: &Customer, plan: &Subscription, scope: &Scope) -> Vec<Charge> {
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for line in rated::lines_of_month(world, customer, plan, scope) {
        add(
            sums.entry((line.meter, line.earned_credit)).or_insert_with(|| Sum::new(line.exchange_rate)),
            &line,
        );
    }
    sums.into_iter().map(|(key, sum)| charge(world, customer, plan, scope, key, &sum)).collect()
}

impl Sum {
    fn new(rate: Amount) -> Self {
        Self {
            quantity: Amount::ZERO,
            priced: Amount::ZERO,
            listed: Amount::ZERO,
            billed: Amount::ZERO,
            rate,
        }
    }
}

fn add(sum: &mut Sum, line: &Line) {
    sum.quantity = sum.quantity.plus(line.quantity);
    sum.priced = sum.priced.plus(line.pricing_total);
    sum.listed = sum.listed.plus(line.unit_price.times(line.quantity));
    sum.billed = sum.billed.plus(line.exact_total);
}

fn charge(
    world: &World,
    customer: &Customer,
    plan: &Subscription,
    scope: &Scope,
    (meter, earned_credit): Key,
    sum: &Sum,
) -> Charge {
    let offer = Offer::of(world.seed, RATED + rated::product_kind(meter), "000B");
    let charge = Charge::new(Class::AzurePlanUsage, customer, Some(plan), &offer, scope.month);
    let charge = charge.priced(1, sum.listed.over(sum.quantity, 12), sum.billed.cut(2), tax_rate(customer));
    Charge {
        meter: Some(metered(world, meter)),
        day: scope.month,
        visible_from: scope.month,
        from: scope.month,
        until: month_end(scope.month),
        effective_price: sum.priced.over(sum.quantity, 15),
        billable: sum.quantity,
        exchange_rate: sum.rate,
        unit: rated::unit(world, meter),
        words: Words {
            adjustment: if earned_credit {
                "[\"15.0% Partner earned credit for services managed\"]"
            } else {
                ""
            },
            ..Words::default()
        },
        ..charge
    }
}

fn metered(world: &World, meter: MeterOf) -> Metered {
    let (key, description) = match meter {
        MeterOf::Azure(index) => world.meter(index).map_or_else(Default::default, |m| {
            let words = m.text(0);
            (
                m.id.clone(),
                format!("{} - {} - {} - {}", words.category, words.subcategory, words.name, words.region),
            )
        }),
        MeterOf::Marketplace => {
            (MARKETPLACE_METER.to_lowercase(), "Example Firewall - 8 vCPU hours".to_owned())
        }
        MeterOf::None => (rated::product_key(world, meter), "Example Backup".to_owned()),
    };
    Metered { key, description }
}
