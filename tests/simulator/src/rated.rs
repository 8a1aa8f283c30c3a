//! Azure-plan usage: daily rated lines, and how they change while the month is open.
//!
//! **The lateness model.** A usage day's lines show up 24 hours after the day ended. A day later some of them are
//! restated (the effective price moves after its fourth digit, a few quantities grow), one line of the day arrives late,
//! and one of some plans has vanished. With `late_usage` off the second day's state shows at once.

use jiff::civil::Date;

use crate::amount::Amount;
use crate::calendar::{day_number, days_between, shift};
use crate::random::mix;
use crate::world::meters::METERS;
use crate::world::{Customer, Subscription, World};

/// Usage days that can be read at the start.
const DAYS: i32 = 6;
/// Days from a usage day to the first export with it.
const DELAY: i32 = 2;
/// Azure plans use the last meters, so that some are in no rate card.
const FIRST_METER: u64 = 18;
/// Days with fewer lines have none of the oddities.
const SMALLEST_WITH_ODDITIES: u64 = 18;

/// What is particular about a line. Positions in the day.
const DUPLICATE: u64 = 9;
const REFUND: u64 = 11;
const MARKETPLACE: u64 = 15;
const WITHOUT_METER: u64 = 16;

/// What one line says, as of one export.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Position in its plan's usage day.
    pub(crate) index: u64,
    /// Position whose values it has: its own, or that of the line it repeats.
    pub(crate) twin: u64,
    pub(crate) usage_day: Date,
    /// Random word for what does not matter to the money.
    pub(crate) word: u64,
    pub(crate) meter: MeterOf,
    pub(crate) quantity: Amount,
    pub(crate) unit_price: Amount,
    pub(crate) effective_price: Amount,
    pub(crate) pricing_total: Amount,
    pub(crate) billing_total: Amount,
    pub(crate) exchange_rate: Amount,
    pub(crate) earned_credit: bool,
    pub(crate) benefit: bool,
}

/// What names the product of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MeterOf {
    Azure(u64),
    /// A marketplace meter: its id is free text.
    Marketplace,
    /// No meter id at all: product and SKU name it.
    None,
}

/// The id of the marketplace meter, as its lines write it.
pub(crate) const MARKETPLACE_METER: &str = "8vCPU";

/// The months that an export can ask for, and every line of one plan in them as of `today`.
pub(crate) fn lines<'a>(
    world: &'a World,
    customer: &'a Customer,
    plan: &'a Subscription,
    today: Date,
    late: bool,
) -> impl Iterator<Item = Line> + 'a {
    usage_days(world, today).flat_map(move |day| {
        let age = days_between(day, today) - DELAY;
        (0..world.rated_records)
            .filter_map(move |i| line(world, customer, plan, day, i, if late { age } else { 1 }))
    })
}

/// Usage days that are in an export made on `today`.
pub(crate) fn usage_days(world: &World, today: Date) -> impl Iterator<Item = Date> + use<> {
    let first = shift(world.origin, -(DELAY + DAYS - 1));
    let count = days_between(first, today) - DELAY + 1;
    (0..count.max(0)).map(move |i| shift(first, i))
}

/// One line as it is `age` days after it could first be read; none where it is not there.
fn line(
    world: &World,
    customer: &Customer,
    plan: &Subscription,
    day: Date,
    index: u64,
    age: i32,
) -> Option<Line> {
    let odd = world.rated_records >= SMALLEST_WITH_ODDITIES;
    let late = odd && index + 2 == world.rated_records;
    let vanishing = odd && index + 1 == world.rated_records && plan.index.is_multiple_of(2);
    if (late && age < 1) || (vanishing && age >= 1) {
        return None;
    }
    let twin = if odd && index == DUPLICATE { DUPLICATE - 1 } else { index };
    let key = mix(world.seed.word("rated", plan.index), day_number(day));
    let word = mix(key, twin);
    let mut quantity = quantity(word, odd, twin, vanishing);
    if age >= 1 && twin % 19 == 7 {
        quantity = quantity.plus(Amount::new(125, 6));
    }
    let benefit = twin % 13 == 6;
    let unit_price =
        if benefit { Amount::ZERO } else { Amount::new(i128::from(1 + mix(word, 2) % 99_999_999), 8) };
    let exchange_rate = exchange_rate(world, customer, day);
    let priced = price(word, twin, age, unit_price, quantity);
    let billed = priced.total.times(exchange_rate);
    Some(Line {
        index,
        twin,
        usage_day: day,
        word,
        meter: meter(plan, odd, twin),
        quantity,
        unit_price,
        effective_price: priced.effective,
        pricing_total: priced.total,
        billing_total: billed.cut(if twin % 7 == 3 { 2 } else { 15 }),
        exchange_rate,
        earned_credit: priced.earned_credit,
        benefit,
    })
}

struct Priced {
    effective: Amount,
    total: Amount,
    earned_credit: bool,
}

/// 15 % earned credit for two lines of three; the effective price drifts once, and in places says 0 beside a total.
fn price(word: u64, twin: u64, age: i32, unit_price: Amount, quantity: Amount) -> Priced {
    let earned_credit = !word.is_multiple_of(3);
    let mut effective = unit_price.times(if earned_credit { Amount::new(85, 2) } else { Amount::new(1, 0) });
    if age >= 1 && twin % 5 == 2 && !unit_price.is_zero() {
        effective = effective.plus(Amount::new(1 + i128::from(word % 90), 7));
    }
    let total = effective.times(quantity).cut(15);
    Priced { effective: if twin % 9 == 4 { Amount::ZERO } else { effective }, total, earned_credit }
}

fn quantity(word: u64, odd: bool, twin: u64, vanishing: bool) -> Amount {
    let scale = 12 - (word % 7) as u32;
    match twin {
        _ if vanishing => Amount::new(i128::from(1 + word % 9_000), 7),
        REFUND if odd => Amount::new(i128::from(1 + word % 90_000), 5).negated(),
        i if i % 4 == 1 => Amount::new(240, 1),
        _ => Amount::new(i128::from(1 + mix(word, 1) % (90 * 10_u64.pow(scale))), scale),
    }
}

fn meter(plan: &Subscription, odd: bool, twin: u64) -> MeterOf {
    match twin {
        MARKETPLACE if odd => MeterOf::Marketplace,
        WITHOUT_METER if odd => MeterOf::None,
        _ => MeterOf::Azure(FIRST_METER + (twin + plan.index * 5) % (METERS - FIRST_METER)),
    }
}

/// Fixed for the calendar month; US dollars are priced in what they are billed in.
fn exchange_rate(world: &World, customer: &Customer, day: Date) -> Amount {
    if customer.currency == "USD" {
        return Amount::new(1, 0);
    }
    let month = day_number(day.first_of_month());
    Amount::new(860_000_000_001 + i128::from(world.seed.word("exchange rate", month) % 40_000_000_000), 12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::world::Kind;

    fn world() -> World {
        World::generate(&Config::default(), "2026-11-23T18:00:00Z".parse().unwrap())
    }

    fn day_after(world: &World, days: i32, late: bool) -> Vec<Line> {
        let plan = |kind: &Kind| matches!(kind, Kind::Plan);
        let (customer, plan) = world.subscriptions().find(|(_, s)| plan(&s.kind)).unwrap();
        lines(world, customer, plan, shift(world.origin, days), late).collect()
    }

    #[test]
    fn a_day_shows_two_days_later_and_is_restated_the_day_after() {
        let world = world();
        let (first, second) = (day_after(&world, 0, true), day_after(&world, 1, true));
        assert_eq!(first.iter().map(|l| l.usage_day).max(), Some(shift(world.origin, -2)));
        let newest = |lines: &[Line]| {
            lines
                .iter()
                .filter(|l| l.usage_day == shift(world.origin, -2))
                .map(|l| l.index)
                .collect::<Vec<_>>()
        };
        assert!(newest(&first).contains(&19) && !newest(&second).contains(&19), "the last line has vanished");
        assert!(!newest(&first).contains(&18) && newest(&second).contains(&18), "the one before came late");
        let restated = first.iter().filter(|l| {
            second.iter().any(|s| {
                s.index == l.index && s.usage_day == l.usage_day && s.pricing_total != l.pricing_total
            })
        });
        assert!(restated.count() >= 3);
    }

    #[test]
    fn without_late_usage_a_day_never_changes() {
        let world = world();
        let (first, second) = (day_after(&world, 0, false), day_after(&world, 1, false));
        for line in &first {
            let same = |l: &&Line| l.index == line.index && l.usage_day == line.usage_day;
            assert_eq!(second.iter().find(same).map(|l| l.billing_total), Some(line.billing_total));
        }
    }

    #[test]
    fn totals_are_not_always_price_times_quantity() {
        let lines = day_after(&world(), 0, true);
        assert!(lines.iter().any(|l| l.effective_price.is_zero() && !l.pricing_total.is_zero()));
        assert!(lines.iter().any(|l| l.billing_total.to_string().starts_with('-')));
    }
}
