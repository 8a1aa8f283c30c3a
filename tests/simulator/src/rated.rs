//! Azure-plan usage: daily rated lines, and how they change while the month is open.
//!
//! **The lateness model.** A usage day's lines show up 24 hours after the day ended. A day later some of them are
//! restated (the effective price moves after its fourth digit, a few quantities grow), one line of the day arrives late,
//! and one of some plans has vanished. Where months are billed, one line of the last day of a month of every fifth plan
//! comes a week after the month, and is billed in the next. With `late_usage` off the second day's state shows at once.

use jiff::civil::Date;

use crate::amount::Amount;
use crate::billing::Scope;
use crate::calendar::{day_number, days_between, month_end, month_start, shift};
use crate::random::mix;
use crate::world::meters::METERS;
use crate::world::{Customer, Subscription, World};

/// Usage days that can be read at the start.
const DAYS: i32 = 6;
/// Days from a usage day to the first export with it.
const DELAY: i32 = 2;
/// Days into the next month until what came too late for its own can be read.
const LATE_BY: i32 = 7;
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
    /// First day of the month it is billed in: the next one where it came too late.
    pub(crate) month: Date,
    /// Random word for what does not matter to the money.
    pub(crate) word: u64,
    pub(crate) meter: MeterOf,
    pub(crate) quantity: Amount,
    pub(crate) unit_price: Amount,
    pub(crate) effective_price: Amount,
    pub(crate) pricing_total: Amount,
    /// The billed money before anything is cut: what reconciliation adds up.
    pub(crate) exact_total: Amount,
    pub(crate) billing_total: Amount,
    pub(crate) exchange_rate: Amount,
    pub(crate) earned_credit: bool,
    pub(crate) benefit: bool,
}

/// What names the product of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MeterOf {
    Azure(u64),
    /// A marketplace meter: its id is free text.
    Marketplace,
    /// No meter id at all: product and SKU name it.
    None,
}

/// The id of the marketplace meter, as its lines write it.
pub(crate) const MARKETPLACE_METER: &str = "8vCPU";

/// Every line of one plan as of `today`.
pub(crate) fn lines<'a>(
    world: &'a World,
    customer: &'a Customer,
    plan: &'a Subscription,
    today: Date,
    late: bool,
) -> impl Iterator<Item = Line> + 'a {
    lines_of_days(world, customer, plan, usage_days(world, today), today, late)
}

/// The lines of one plan that are billed in the scope's month.
pub(crate) fn lines_of_month<'a>(
    world: &'a World,
    customer: &'a Customer,
    plan: &'a Subscription,
    scope: &'a Scope,
) -> impl Iterator<Item = Line> + 'a {
    let days = usage_days_of_month(world, scope.month, scope.as_of);
    let lines = lines_of_days(world, customer, plan, days, scope.as_of, scope.late);
    lines.filter(|line| line.month == scope.month)
}

fn lines_of_days<'a>(
    world: &'a World,
    customer: &'a Customer,
    plan: &'a Subscription,
    days: impl Iterator<Item = Date> + 'a,
    today: Date,
    late: bool,
) -> impl Iterator<Item = Line> + 'a {
    let key = world.seed.word("rated", plan.index);
    days.flat_map(move |day| {
        let day = UsageDay::new(world, customer, plan, (day, mix(key, day_number(day))), (today, late));
        (0..world.rated_records).filter_map(move |i| day.line(i))
    })
}

/// Usage days that are in an export made on `today`.
pub(crate) fn usage_days(world: &World, today: Date) -> impl Iterator<Item = Date> + use<> {
    days(first_usage_day(world), shift(today, -DELAY))
}

/// Usage days in an export of one month: those of the month, and the day before, of which some usage is billed late.
pub(crate) fn usage_days_of_month(
    world: &World,
    month: Date,
    today: Date,
) -> impl Iterator<Item = Date> + use<> {
    let first = first_usage_day(world).max(shift(month, -1));
    days(first, shift(today, -DELAY).min(month_end(month)))
}

fn first_usage_day(world: &World) -> Date {
    world.billed.map_or_else(|| shift(world.origin, -(DELAY + DAYS - 1)), |billed| billed.begin)
}

fn days(first: Date, last: Date) -> impl Iterator<Item = Date> + use<> {
    (0..(days_between(first, last) + 1).max(0)).map(move |i| shift(first, i))
}

/// One usage day of one plan, as it can be read on a day.
#[derive(Debug, Clone, Copy)]
struct UsageDay<'a> {
    plan: &'a Subscription,
    day: Date,
    /// Days since it could first be read.
    age: i32,
    records: u64,
    key: u64,
    exchange_rate: Amount,
    /// The month that the first line is billed in, where that came too late for its own.
    delayed: Option<Delayed>,
    style: Style,
}

#[derive(Debug, Clone, Copy)]
struct Delayed {
    month: Date,
    visible: bool,
    exchange_rate: Amount,
}

/// Which lines are odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// None: too few.
    Plain,
    /// Some at certain positions of every day.
    Dense,
    /// The last line of a day in many ways.
    Sparse,
}

impl<'a> UsageDay<'a> {
    fn new(
        world: &World,
        customer: &Customer,
        plan: &'a Subscription,
        (day, key): (Date, u64),
        (today, late): (Date, bool),
    ) -> Self {
        let records = world.rated_records;
        let style = match (records >= SMALLEST_WITH_ODDITIES, world.billed.is_some() && records > 2) {
            (true, _) => Style::Dense,
            (false, true) => Style::Sparse,
            (false, false) => Style::Plain,
        };
        let too_late = late && world.billed.is_some() && plan.index % 5 == 3 && day == month_end(day);
        let delayed = too_late.then(|| {
            let month = month_start(day, 1);
            let exchange_rate = exchange_rate(world, customer, month);
            Delayed { month, visible: shift(month, LATE_BY) <= today, exchange_rate }
        });
        let age = if late { days_between(day, today) - DELAY } else { 1 };
        Self {
            plan,
            day,
            age,
            records,
            key,
            exchange_rate: exchange_rate(world, customer, day),
            delayed,
            style,
        }
    }

    fn oddity(&self, index: u64) -> Oddity {
        let last = index + 1 == self.records;
        match self.style {
            Style::Plain => Oddity::None,
            Style::Dense => match index {
                DUPLICATE => Oddity::Duplicate,
                REFUND => Oddity::Refund,
                MARKETPLACE => Oddity::Marketplace,
                WITHOUT_METER => Oddity::WithoutMeter,
                _ if last && self.plan.index.is_multiple_of(2) => Oddity::Vanishing,
                _ if index + 2 == self.records => Oddity::Late,
                _ => Oddity::None,
            },
            Style::Sparse if last => match mix(self.key, u64::MAX) % 8 {
                0 => Oddity::Duplicate,
                1 => Oddity::Refund,
                2 => Oddity::Marketplace,
                3 => Oddity::WithoutMeter,
                4 => Oddity::Vanishing,
                5 => Oddity::Late,
                _ => Oddity::None,
            },
            Style::Sparse => Oddity::None,
        }
    }

    /// One line; none where it is not there.
    fn line(&self, index: u64) -> Option<Line> {
        let (oddity, delayed) = (self.oddity(index), self.delayed.filter(|_| index == 0));
        if (oddity == Oddity::Late && self.age < 1)
            || (oddity == Oddity::Vanishing && self.age >= 1)
            || delayed.is_some_and(|delayed| !delayed.visible)
        {
            return None;
        }
        let twin = self.place(if oddity == Oddity::Duplicate { index - 1 } else { index });
        let word = mix(self.key, twin);
        let mut quantity = quantity(word, oddity, twin);
        if self.age >= 1 && twin % 19 == 7 {
            quantity = quantity.plus(Amount::new(125, 6));
        }
        let benefit = twin % 13 == 6;
        let unit_price =
            if benefit { Amount::ZERO } else { Amount::new(i128::from(1 + mix(word, 2) % 99_999_999), 8) };
        let exchange_rate = delayed.map_or(self.exchange_rate, |delayed| delayed.exchange_rate);
        let priced = price(word, twin, self.age, unit_price, quantity);
        let billed = priced.total.times(exchange_rate);
        Some(Line {
            index,
            twin,
            usage_day: self.day,
            month: delayed.map_or_else(|| month_start(self.day, 0), |delayed| delayed.month),
            word,
            meter: meter(self.plan, oddity, twin),
            quantity,
            unit_price,
            effective_price: priced.effective,
            pricing_total: priced.total,
            exact_total: billed,
            billing_total: billed.cut(if twin % 7 == 3 { 2 } else { 15 }),
            exchange_rate,
            earned_credit: priced.earned_credit,
            benefit,
        })
    }

    /// Small plans begin at different places, so that together they have what a large one has.
    fn place(&self, index: u64) -> u64 {
        if self.style == Style::Sparse { index + self.plan.index * self.records % 48 } else { index }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Oddity {
    None,
    /// Repeats the line before it.
    Duplicate,
    Refund,
    Marketplace,
    WithoutMeter,
    Vanishing,
    Late,
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

fn quantity(word: u64, oddity: Oddity, twin: u64) -> Amount {
    let scale = 12 - (word % 7) as u32;
    match oddity {
        Oddity::Vanishing => Amount::new(i128::from(1 + word % 9_000), 7),
        Oddity::Refund => Amount::new(i128::from(1 + word % 90_000), 5).negated(),
        _ if twin % 4 == 1 => Amount::new(240, 1),
        _ => Amount::new(i128::from(1 + mix(word, 1) % (90 * 10_u64.pow(scale))), scale),
    }
}

fn meter(plan: &Subscription, oddity: Oddity, twin: u64) -> MeterOf {
    match oddity {
        Oddity::Marketplace => MeterOf::Marketplace,
        Oddity::WithoutMeter => MeterOf::None,
        _ => MeterOf::Azure(FIRST_METER + (twin + plan.index * 5) % (METERS - FIRST_METER)),
    }
}

/// Product of a line: one for Azure itself, one for each foreign kind.
pub(crate) fn product_kind(meter: MeterOf) -> u64 {
    match meter {
        MeterOf::Azure(_) => 0,
        MeterOf::Marketplace => 1,
        MeterOf::None => 2,
    }
}

/// Product and SKU of a line.
pub(crate) fn product_of(world: &World, meter: MeterOf) -> (String, &'static str) {
    (format!("DZH3{}", world.seed.code("rated product", product_kind(meter), 8)), "000B")
}

/// What the ledger calls it: the meter, or `product:sku` where there is none.
pub(crate) fn product_key(world: &World, meter: MeterOf) -> String {
    match meter {
        MeterOf::Azure(index) => world.meter(index).map(|m| m.id.clone()).unwrap_or_default(),
        MeterOf::Marketplace => MARKETPLACE_METER.to_lowercase(),
        MeterOf::None => {
            let (product, sku) = product_of(world, meter);
            format!("{product}:{sku}").to_lowercase()
        }
    }
}

/// The unit a line writes.
pub(crate) fn unit(world: &World, meter: MeterOf) -> &'static str {
    match meter {
        MeterOf::Azure(index) => world.meter(index).map_or("", |m| m.text(0).unit),
        MeterOf::Marketplace | MeterOf::None => "1 Hour",
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
