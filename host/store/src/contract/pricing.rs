//! Claims about what the host prices: tiers over billing cycles.

use jiff::civil::Date;
use purser_domain::purchase::{Amount, State};
use purser_domain::{AccountId, Contribution, Decimal, Purchase};

use super::world::{
    account, answer, ask, begin, commit, day, decimal, finish, hour, page, partition, policy, purchases,
    retrieve, usage,
};
use crate::ledger::CommitReport;
use crate::pricing::{PricingReport, TierGroup};
use crate::runs::Fence;
use crate::texts::ProductText;
use crate::{Error, Store};

/// Usage of the meter `Disk` in the cycle `s/2026-11-01`.
pub(super) fn used(reference: &str, on: Date, quantity: &str) -> Contribution {
    let mut it = usage(reference, "contoso", on, "0");
    it.description.amount = Amount::Tiered { group: "s/2026-11-01".into(), key: "Disk".into() };
    it.description.product_key = "Disk".into();
    (it.description.currency, it.description.exchange_rate) = (None, None);
    (it.description.unit_price, it.description.unit_price_currency) = (None, None);
    (it.cost, it.quantity) = (None, decimal(quantity));
    it
}

/// A rate card of the disk: these tiers, one unit included.
fn card(currency: &str, rates: &[(&str, &str)]) -> ProductText {
    ProductText {
        key: "disk".into(),
        locale: "nl-NL".into(),
        requested: "nl-NL".into(),
        name: "Schijf".into(),
        category: String::new(),
        subcategory: String::new(),
        unit: "1 GB".into(),
        region: String::new(),
        currency: currency.into(),
        rates: rates.iter().map(|(from, rate)| (decimal(from), decimal(rate))).collect(),
        included_quantity: Some(decimal("1")),
    }
}

pub(super) const TIERS: &[(&str, &str)] = &[("0", "1"), ("10", "0.5")];

async fn bring(store: &dyn Store, fence: Fence, currency: &str, rates: &[(&str, &str)], now: i64) {
    let card_partition = partition(&format!("NL/{currency}"));
    let requests = ask(store, fence, &[&card_partition]).await;
    let mut answered = page(0, Vec::new());
    answered.texts = vec![card(currency, rates)];
    answer(store, fence, requests[0], vec![answered]).await;
    commit(store, fence, &card_partition, hour(now)).await;
}

/// Prices all that waits, as the end of a run does.
async fn price(store: &dyn Store, fence: Fence, now: i64) -> PricingReport {
    let mut sum = PricingReport::default();
    for group in store.groups_to_price(fence.account).await.unwrap() {
        let report = store.price_group(fence, &group, &policy(hour(now))).await.unwrap();
        sum.priced += report.priced;
        sum.unchanged += report.unchanged;
    }
    sum
}

/// One whole run: these reported days, then the pricing.
pub(super) async fn run(
    store: &dyn Store,
    account: AccountId,
    now: i64,
    reported: &[(&str, Vec<Contribution>)],
) -> (Vec<CommitReport>, PricingReport) {
    let fence = begin(store, account, hour(now)).await;
    let mut reports = Vec::new();
    for (name, contributions) in reported {
        retrieve(store, fence, &partition(name), contributions.clone()).await;
        reports.push(commit(store, fence, &partition(name), hour(now)).await);
    }
    let priced = price(store, fence, now).await;
    finish(store, fence).await;
    (reports, priced)
}

pub(super) async fn rate_card(
    store: &dyn Store,
    account: AccountId,
    now: i64,
    currency: &str,
    rates: &[(&str, &str)],
) {
    let fence = begin(store, account, hour(now)).await;
    bring(store, fence, currency, rates, now).await;
    finish(store, fence).await;
}

/// Reference, quantity, cost and currency.
async fn money(store: &dyn Store, account: AccountId) -> Vec<(String, String, String, String)> {
    let text = |cost: Option<&Decimal>| cost.map(Decimal::canonical).unwrap_or_default();
    let mut rows: Vec<_> = purchases(store, account)
        .await
        .iter()
        .map(|it| {
            let currency = it.description.currency.as_ref().map(ToString::to_string).unwrap_or_default();
            (it.reference.clone(), it.quantity.canonical(), text(it.cost.as_ref()), currency)
        })
        .collect();
    rows.sort();
    rows
}

fn row(reference: &str, quantity: &str, cost: &str, currency: &str) -> (String, String, String, String) {
    (reference.into(), quantity.into(), cost.into(), currency.into())
}

/// The roll-ups equal a recount of what stands.
async fn rollups_hold(store: &dyn Store, account: AccountId) {
    let recount = purchases(store, account).await;
    let standing: Vec<&Purchase> = recount.iter().filter(|it| it.state != State::Void).collect();
    let rollups = store.rollups(Some(account), None, None).await.unwrap();
    let cost: Decimal = standing.iter().filter_map(|it| it.cost.as_ref()).sum();
    assert_eq!(rollups.iter().map(|it| &it.cost).sum::<Decimal>(), cost);
    assert_eq!(rollups.iter().map(|it| it.purchases).sum::<u64>(), standing.len() as u64);
}

pub async fn tiers_price_a_cycle_over_its_days(store: &dyn Store) {
    let account = account(store, "contoso").await;
    rate_card(store, account, 0, "EUR", TIERS).await;
    let (_, priced) = run(
        store,
        account,
        1,
        &[
            ("20", vec![used("a", day(20), "3"), used("b", day(20), "2")]),
            ("21", vec![used("c", day(21), "8"), used("d", day(21), "4")]),
            ("22", vec![used("e", day(22), "1.5")]),
        ],
    )
    .await;
    assert_eq!(priced, PricingReport { priced: 5, unchanged: 0 });
    // 5 on the first day, of which 1 is included: 4. Then 12, of which 6 at 1 and 6 at 0.5: 9. Then 1.5 at 0.5.
    let expected = [
        row("a", "3", "2.4", "EUR"),
        row("b", "2", "1.6", "EUR"),
        row("c", "8", "6", "EUR"),
        row("d", "4", "3", "EUR"),
        row("e", "1.5", "0.75", "EUR"),
    ];
    assert_eq!(money(store, account).await, expected);
    let all = purchases(store, account).await;
    let of = |reference: &str| all.iter().find(|it| it.reference == reference).unwrap();
    assert_eq!(of("e").description.unit_price, Some(decimal("0.5")));
    assert_eq!(of("c").description.unit_price, None);
    assert_eq!(of("c").description.metadata["tiers"], "1: 1, 11: 0.5");
    assert_eq!((of("a").revision, of("a").evidence.len()), (2, 1));
    rollups_hold(store, account).await;
}

pub async fn the_same_usage_again_keeps_its_tier_price(store: &dyn Store) {
    let account = account(store, "contoso").await;
    rate_card(store, account, 0, "EUR", TIERS).await;
    let reported = [("20", vec![used("a", day(20), "7"), used("b", day(20), "9")])];
    run(store, account, 1, &reported).await;
    let before = purchases(store, account).await;
    let (reports, priced) = run(store, account, 25, &reported).await;
    assert_eq!((reports[0].unchanged, reports[0].changed, reports[0].alarm), (2, 0, None));
    assert_eq!(priced, PricingReport::default(), "nothing waits");
    assert_eq!(purchases(store, account).await, before);
    assert_eq!(store.revisions(before[0].key).await.unwrap().len(), 2);
}

pub async fn late_usage_prices_the_tier_cycle_again(store: &dyn Store) {
    let account = account(store, "contoso").await;
    rate_card(store, account, 0, "EUR", TIERS).await;
    run(store, account, 1, &[("20", vec![used("a", day(20), "6")]), ("21", vec![used("b", day(21), "4")])])
        .await;
    assert_eq!(money(store, account).await, [row("a", "6", "5", "EUR"), row("b", "4", "4", "EUR")]);
    let before = purchases(store, account).await;
    // A later report of the first day: the second day moves up a tier.
    let (_, priced) = run(store, account, 25, &[("22", vec![used("a", day(20), "4")])]).await;
    assert_eq!(priced.priced, 2);
    assert_eq!(money(store, account).await, [row("a", "10", "9", "EUR"), row("b", "4", "2.5", "EUR")]);
    for (before, after) in before.iter().zip(purchases(store, account).await) {
        assert!(after.source_date > before.source_date && after.revision > before.revision);
        assert!(before.evidence.iter().all(|it| after.evidence.contains(it)));
    }
    rollups_hold(store, account).await;
}

pub async fn a_changed_quantity_keeps_its_money_until_tiers_are_priced(store: &dyn Store) {
    let account = account(store, "contoso").await;
    rate_card(store, account, 0, "EUR", TIERS).await;
    run(store, account, 1, &[("20", vec![used("a", day(20), "6")])]).await;
    let fence = begin(store, account, hour(25)).await;
    retrieve(store, fence, &partition("20"), vec![used("a", day(20), "9")]).await;
    commit(store, fence, &partition("20"), hour(25)).await;
    assert_eq!(money(store, account).await, [row("a", "9", "5", "EUR")], "late, and never gone");
    price(store, fence, 25).await;
    assert_eq!(money(store, account).await, [row("a", "9", "8", "EUR")]);
    rollups_hold(store, account).await;
}

pub async fn tier_prices_that_a_killed_run_left_are_made_by_the_next(store: &dyn Store) {
    let account = account(store, "contoso").await;
    rate_card(store, account, 0, "EUR", TIERS).await;
    let killed = begin(store, account, hour(1)).await;
    retrieve(store, killed, &partition("20"), vec![used("a", day(20), "6")]).await;
    commit(store, killed, &partition("20"), hour(1)).await;
    // Its lease runs out before it has priced anything; somebody else goes on.
    let (_, fence) = store.claim_run(hour(3), hour(4)).await.unwrap().unwrap();
    let waiting = store.groups_to_price(account).await.unwrap();
    assert_eq!(waiting, [TierGroup { feed: "usage".into(), name: "s/2026-11-01".into() }]);
    let refused = store.price_group(killed, &waiting[0], &policy(hour(3))).await;
    assert!(matches!(refused, Err(Error::Fenced)));
    assert_eq!(money(store, account).await, [row("a", "6", "", "")]);
    assert_eq!(price(store, fence, 3).await.priced, 1);
    assert_eq!(money(store, account).await, [row("a", "6", "5", "EUR")]);
    assert_eq!(store.groups_to_price(account).await.unwrap(), []);
}

pub async fn usage_without_rates_is_priced_when_tiers_come(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let (_, priced) = run(store, account, 1, &[("20", vec![used("a", day(20), "6")])]).await;
    assert_eq!(priced, PricingReport::default());
    let unpriced = store.unpriced(account).await.unwrap();
    assert_eq!((unpriced.len(), unpriced[0].key.as_str(), unpriced[0].cycles), (1, "disk", 1));
    assert_eq!(money(store, account).await, [row("a", "6", "", "")]);
    // A card whose bounds make no sense prices nothing either.
    let fence = begin(store, account, hour(20)).await;
    bring(store, fence, "EUR", &[("10", "1"), ("0", "2")], 20).await;
    assert_eq!(price(store, fence, 20).await, PricingReport::default());
    assert_eq!(store.unpriced(account).await.unwrap().len(), 1);
    finish(store, fence).await;
    let fence = begin(store, account, hour(25)).await;
    bring(store, fence, "EUR", TIERS, 25).await;
    assert_eq!(price(store, fence, 25).await.priced, 1);
    finish(store, fence).await;
    assert_eq!(money(store, account).await, [row("a", "6", "5", "EUR")]);
    assert_eq!(store.unpriced(account).await.unwrap(), []);
}

pub async fn a_later_rate_card_does_not_move_a_tier_cycle(store: &dyn Store) {
    let account = account(store, "contoso").await;
    rate_card(store, account, 0, "EUR", TIERS).await;
    run(store, account, 1, &[("20", vec![used("a", day(20), "6")])]).await;
    // Dearer, and in another currency: the running cycle stays, the next one takes it.
    rate_card(store, account, 24, "USD", &[("0", "7")]).await;
    let mut next = used("b", day(21), "2");
    next.description.amount = Amount::Tiered { group: "s/2026-12-01".into(), key: "DISK".into() };
    run(store, account, 25, &[("21", vec![next]), ("22", vec![used("c", day(22), "1")])]).await;
    let expected = [row("a", "6", "5", "EUR"), row("b", "2", "7", "USD"), row("c", "1", "1", "EUR")];
    assert_eq!(money(store, account).await, expected);
    let rollups = store.rollups(Some(account), None, None).await.unwrap();
    let mut sums: Vec<_> = rollups.iter().map(|it| (it.currency.as_str(), it.cost.canonical())).collect();
    sums.sort_unstable();
    assert_eq!(sums, [("EUR", "1".into()), ("EUR", "5".into()), ("USD", "7".into())]);
}

pub async fn tier_prices_do_not_look_like_a_loss(store: &dyn Store) {
    let account = account(store, "contoso").await;
    rate_card(store, account, 0, "EUR", TIERS).await;
    let ten: Vec<_> = (0..10).map(|number| used(&format!("r{number}"), day(20), "1")).collect();
    run(store, account, 1, &[("20", ten.clone())]).await;
    // One in ten is gone; what stays has no money yet when it is staged, and that is no loss of it.
    let (reports, _) = run(store, account, 25, &[("20", ten[1..].to_vec())]).await;
    assert_eq!((reports[0].voided, reports[0].voids_held, reports[0].alarm), (1, 0, None));
    let sum =
        |rows: &[(String, String, String, String)]| rows.iter().map(|it| decimal(&it.2)).collect::<Vec<_>>();
    assert_eq!(sum(&money(store, account).await).iter().sum::<Decimal>(), decimal("8"));
    // Nine tenths of the quantity is gone in one reference: that is.
    let mut most = ten[1..].to_vec();
    most[0].quantity = decimal("81");
    run(store, account, 49, &[("20", most.clone())]).await;
    let (reports, _) = run(store, account, 73, &[("20", most[1..].to_vec())]).await;
    assert_eq!((reports[0].voids_held, reports[0].held_because.as_str()), (1, "LED-VOID-AMOUNT"));
    rollups_hold(store, account).await;
}

pub async fn reported_days_that_repeat_each_other_are_told(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let first =
        |quantity| (0..4).map(|number| used(&format!("r{number}"), day(20), quantity)).collect::<Vec<_>>();
    let (reports, _) =
        run(store, account, 1, &[("20", first("2")), ("21", first("0.5")), ("22", first("2"))]).await;
    let restates: Vec<_> = reports.iter().map(CommitReport::restates).collect();
    assert_eq!(restates, [false, false, true]);
    assert_eq!((reports[2].added_to, reports[2].repeated), (4, 4));
    assert_eq!(money(store, account).await[0].1, "4.5", "they add up all the same");
}
