//! What the host prices, against the simulator's own quantities and the rate card it serves: to the last digit.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use purser_domain::Decimal;
use purser_domain::purchase::{Amount, Purchase};
use purser_simulator::Config;
use purser_store::ledger::Filter;
use purser_store::texts::ProductText;
use purser_store::{Ledger as _, Texts as _};
use purser_store_sqlite::SqliteStore;

use crate::support::{stderr, stdout};
use crate::world::{Data, World};

/// Subscription, meter and UTC day of use.
type Place = (String, String, Date);
/// Quantity and cost.
type Sums = BTreeMap<Place, (Decimal, Decimal)>;

fn stored(world: &World, data: &Data, meters: &[String]) -> (Vec<Purchase>, BTreeMap<String, ProductText>) {
    world.runtime.block_on(async {
        let store = SqliteStore::open(data.path().join("purser.db")).await.unwrap();
        let purchases = store.purchases(&Filter::default(), None, 1_000_000).await.unwrap();
        let account = purchases[0].account;
        let card = store.texts(account, meters, &["en-US".into()]).await.unwrap();
        (purchases, card.into_iter().map(|text| (text.key.clone(), text)).collect())
    })
}

fn priced(purchases: &[Purchase]) -> Sums {
    let mut sums = Sums::new();
    for purchase in purchases {
        let description = &purchase.description;
        let Amount::Tiered { group, key } = &description.amount else { continue };
        let day = TimeZone::UTC.to_datetime(description.start).date();
        assert_eq!(*group, format!("{}/{}", description.vendor_subscription, day.first_of_month()));
        assert_eq!(description.currency.as_ref().unwrap().as_str(), "EUR");
        let sum = sums.entry((description.vendor_subscription.clone(), key.clone(), day)).or_default();
        sum.0 += &purchase.quantity;
        sum.1 += purchase.cost.as_ref().unwrap();
    }
    sums
}

/// What so much of a cycle costs: each tier from its lower bound to the next, on what exceeds the included quantity.
fn cost(card: &ProductText, used: &Decimal) -> Decimal {
    let zero = Decimal::zero();
    let billable = used - card.included_quantity.as_ref().unwrap_or(&zero);
    let tiers = card.rates.iter().enumerate().map(|(tier, (from, rate))| {
        let until = card.rates.get(tier + 1).map_or(&billable, |(next, _)| next.min(&billable));
        if until > from { &(until - from) * rate } else { Decimal::zero() }
    });
    tiers.fold(Decimal::zero(), |sum, tier| &sum + &tier)
}

#[test]
fn tier_costs_equal_the_simulators_usage_by_its_rate_card() {
    let world = World::new(Config { customers: 3, records: 200, rated_records: 12, ..Config::default() });
    let data = world.data();
    let output = world.purser(&data).args(["run", "1"]).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));

    let lines = world.simulator.ledger().lines;
    let usage: BTreeMap<Place, Decimal> = lines
        .into_iter()
        .filter(|line| line.feed == "utilization")
        .map(|line| {
            let place = (line.subscription, line.product_key, line.day);
            (place, line.quantity.to_plain_string().parse().unwrap())
        })
        .collect();
    let meters: Vec<String> = usage.keys().map(|(_, meter, _)| meter.clone()).collect();
    let (purchases, card) = stored(&world, &data, &meters);
    let mut expected = Sums::new();
    let mut used = BTreeMap::<(String, String), Decimal>::new();
    // In the order of days within subscription and meter.
    for ((subscription, meter, day), quantity) in usage {
        let sum = used.entry((subscription.clone(), meter.clone())).or_default();
        let before = cost(&card[&meter], sum);
        *sum += &quantity;
        let cost = &cost(&card[&meter], sum) - &before;
        expected.insert((subscription, meter, day), (quantity, cost));
    }
    assert!(expected.len() > 50 && expected.values().any(|(_, cost)| !cost.is_zero()));
    assert!(card.values().any(|text| text.rates.len() > 1), "a meter with tiers");
    assert!(card.values().any(|text| text.included_quantity.as_ref().is_some_and(|it| !it.is_zero())));
    let ours = priced(&purchases);
    for (place, sums) in &expected {
        assert_eq!(ours.get(place), Some(sums), "{place:?}");
    }
    assert_eq!(ours.len(), expected.len());
}
