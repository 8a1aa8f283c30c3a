//! What is true: the lines a perfect client holds.
//!
//! **Invariant:** computed from the world and the clock, never from what was served; only the local dates of licence
//! snapshots are remembered, because seats have no history.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::BigDecimal;
use jiff::civil::Date;
use serde::Serialize;

use crate::amount::Amount;
use crate::billing::class::Class;
use crate::config::Alter;
use crate::rated;
use crate::usage::{self, ReportedDay};
use crate::world::{Customer, Kind, Subscription, World};

/// Feeds as the ledger names them.
pub const UTILIZATION: &str = "utilization";
/// See [`UTILIZATION`].
pub const RATED_USAGE: &str = "rated-usage";
/// See [`UTILIZATION`].
pub const LICENCES: &str = "licences";

/// One line: everything a feed says about one product, day and subscription of a customer, summed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerLine {
    /// Tenant GUID, lower-case, without `org:`.
    pub customer: String,
    /// The customer's name, for messages.
    pub customer_name: String,
    /// `utilization`, `rated-usage` or `licences`.
    pub feed: &'static str,
    /// What it is.
    pub class: Class,
    /// Lower-case: the meter id, or `productid:skuid` where there is none.
    pub product_key: String,
    /// UTC day of use; of licences the local date (zone CET) of the snapshot.
    pub day: Date,
    /// Partner Center id, lower-case; of rated usage that of the Azure plan.
    pub subscription: String,
    /// Sum of the quantities.
    #[serde(serialize_with = "as_text")]
    pub quantity: BigDecimal,
    /// The unit in English; empty where lines have none or several.
    pub unit: &'static str,
    /// Sum of the billed totals; none where the feed says no money.
    #[serde(serialize_with = "as_optional_text")]
    pub cost: Option<BigDecimal>,
    /// What `cost` is in.
    pub currency: Option<&'static str>,
    /// Records summed.
    pub records: u64,
}

/// The truth as of an instant, in the order customer, feed, product key, day, subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// All lines.
    pub lines: Vec<LedgerLine>,
}

impl Ledger {
    /// Currency → summed cost.
    #[must_use]
    pub fn currencies(&self) -> BTreeMap<&'static str, BigDecimal> {
        let mut sums = BTreeMap::new();
        for (currency, cost) in self.lines.iter().filter_map(|l| l.currency.zip(l.cost.as_ref())) {
            *sums.entry(currency).or_default() += cost;
        }
        sums
    }

    /// Records summed, of one feed.
    #[must_use]
    pub fn records(&self, feed: &str) -> u64 {
        self.lines.iter().filter(|l| l.feed == feed).map(|l| l.records).sum()
    }
}

pub(crate) fn as_text<S: serde::Serializer>(value: &BigDecimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_plain_string())
}

#[expect(clippy::ref_option, reason = "the shape serde asks for")]
fn as_optional_text<S: serde::Serializer>(
    value: &Option<BigDecimal>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => as_text(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// One generated line, wherever it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineId {
    pub(crate) feed: &'static str,
    /// Of its kind.
    pub(crate) subscription: u64,
    /// Reported day of utilization, usage day of rated lines.
    pub(crate) day: Date,
    pub(crate) index: u64,
}

/// The line served otherwise than the ledger says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Altered {
    line: Option<LineId>,
    drop: bool,
}

/// What becomes of a line when it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    AsItIs,
    OneMore,
    Dropped,
}

impl Altered {
    pub(crate) fn new(world: &World, alter: Alter, late: bool) -> Self {
        let (position, drop) = match alter {
            Alter::None => return Self::default(),
            Alter::ChangeLastDigit(position) => (position, false),
            Alter::DropLine(position) => (position, true),
        };
        let sums = usage_sums(world, world.origin, late);
        let line = sums.values().nth(position % sums.len().max(1)).map(|sum| sum.first);
        Self { line, drop }
    }

    pub(crate) fn fate(&self, line: LineId) -> Fate {
        match self.line {
            Some(altered) if altered == line && self.drop => Fate::Dropped,
            Some(altered) if altered == line => Fate::OneMore,
            _ => Fate::AsItIs,
        }
    }
}

/// The ledger as of `today`; `snapshots` are the local dates for which licences were served.
pub(crate) fn ledger(world: &World, today: Date, snapshots: &BTreeSet<Date>, late: bool) -> Ledger {
    let mut lines: Vec<_> =
        usage_sums(world, today, late).into_iter().map(|(key, sum)| sum.line(key)).collect();
    lines.extend(snapshots.iter().flat_map(|day| licence_lines(world, *day)));
    lines.sort_by(|a, b| key_of(a).cmp(&key_of(b)));
    Ledger { lines }
}

fn key_of(line: &LedgerLine) -> (&str, &str, &str, Date, &str) {
    (&line.customer, line.feed, &line.product_key, line.day, &line.subscription)
}

/// Customer, feed, product key, day, subscription.
type Key = (String, &'static str, String, Date, String);

struct Sum {
    customer_name: String,
    quantity: Amount,
    cost: Option<Amount>,
    unit: &'static str,
    currency: Option<&'static str>,
    records: u64,
    first: LineId,
}

impl Sum {
    fn line(self, (customer, feed, product_key, day, subscription): Key) -> LedgerLine {
        LedgerLine {
            customer,
            customer_name: self.customer_name,
            feed,
            class: if feed == UTILIZATION { Class::LegacyAzure } else { Class::AzurePlanUsage },
            product_key,
            day,
            subscription,
            quantity: self.quantity.to_big(),
            unit: self.unit,
            cost: self.cost.map(Amount::to_big),
            currency: self.currency,
            records: self.records,
        }
    }
}

fn usage_sums(world: &World, today: Date, late: bool) -> BTreeMap<Key, Sum> {
    let mut sums = BTreeMap::new();
    for (customer, subscription) in world.subscriptions() {
        match subscription.kind {
            Kind::Usage => add_utilization(world, customer, subscription, today, late, &mut sums),
            Kind::Plan => add_rated(world, customer, subscription, today, late, &mut sums),
            Kind::Seats(_) | Kind::Dormant | Kind::Other(_) => {}
        }
    }
    sums
}

fn add_utilization(
    world: &World,
    customer: &Customer,
    subscription: &Subscription,
    today: Date,
    late: bool,
    sums: &mut BTreeMap<Key, Sum>,
) {
    for ((meter, day), (quantity, records, first)) in used_by_day(world, subscription, today, late) {
        let Some(meter) = world.meter(meter) else { continue };
        let key = (customer.id.clone(), UTILIZATION, meter.id.clone(), day, subscription.id.clone());
        let (customer_name, unit) = (customer.name.clone(), meter.text(0).unit);
        sums.insert(key, Sum { customer_name, quantity, cost: None, unit, currency: None, records, first });
    }
}

/// Quantity, records and first line of each meter and usage day of a legacy subscription. By meter index: a million records would otherwise make
/// a million keys.
pub(crate) fn used_by_day(
    world: &World,
    subscription: &Subscription,
    today: Date,
    late: bool,
) -> BTreeMap<(u64, Date), (Amount, u64, LineId)> {
    let mut days: BTreeMap<(u64, Date), (Amount, u64, LineId)> = BTreeMap::new();
    for day in usage::readable_days(world, today) {
        let Some(reported) = ReportedDay::read(world, subscription, day, today, late) else { continue };
        for record in reported.records(0, world.records) {
            let first =
                LineId { feed: UTILIZATION, subscription: subscription.index, day, index: record.index };
            let sum = days.entry((record.meter, record.usage_day)).or_insert((Amount::ZERO, 0, first));
            sum.0 = sum.0.plus(record.quantity);
            sum.1 += 1;
        }
    }
    days
}

fn add_rated(
    world: &World,
    customer: &Customer,
    plan: &Subscription,
    today: Date,
    late: bool,
    sums: &mut BTreeMap<Key, Sum>,
) {
    for line in rated::lines(world, customer, plan, today, late) {
        let product = rated::product_key(world, line.meter);
        let key = (customer.id.clone(), RATED_USAGE, product, line.usage_day, plan.id.clone());
        let first =
            LineId { feed: RATED_USAGE, subscription: plan.index, day: line.usage_day, index: line.index };
        let sum = sums.entry(key).or_insert_with(|| Sum {
            customer_name: customer.name.clone(),
            quantity: Amount::ZERO,
            cost: Some(Amount::ZERO),
            unit: rated::unit(world, line.meter),
            currency: Some(customer.currency),
            records: 0,
            first,
        });
        sum.quantity = sum.quantity.plus(line.quantity);
        sum.cost = sum.cost.map(|cost| cost.plus(line.billing_total));
        sum.records += 1;
    }
}

fn licence_lines(world: &World, day: Date) -> impl Iterator<Item = LedgerLine> {
    world.subscriptions().filter_map(move |(customer, subscription)| {
        let (offer, class, quantity) = match &subscription.kind {
            Kind::Seats(seats) => (&seats.offer, Class::Seat, seats.billed(day, world.local_origin)?),
            Kind::Other(other) if other.class.is_counted_daily() && other.start <= day => {
                (&other.offer, other.class, other.quantity)
            }
            _ => return None,
        };
        Some(LedgerLine {
            customer: customer.id.clone(),
            customer_name: customer.name.clone(),
            feed: LICENCES,
            class,
            product_key: offer.key(),
            day,
            subscription: subscription.id.clone(),
            quantity: BigDecimal::from(quantity),
            unit: "Licenses",
            cost: None,
            currency: None,
            records: 1,
        })
    })
}
