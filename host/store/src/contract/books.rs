//! Claims about what holds for all Purchases of an account: closed months, the customer mapping, held voids.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use purser_domain::conservation::Measure;
use purser_domain::customer::Target;
use purser_domain::purchase::State;
use purser_domain::suggestion::KnownCustomer;
use purser_domain::{AccountId, Contribution, Decimal, Month, Purchase, Tally};

use super::world::{
    account, answer, ask, begin, commit, day, decimal, finish, hour, page, partition, policy, purchases, run,
    ten, usage,
};
use crate::accounts::{HostSettings, UnmappedCustomers};
use crate::customers::{MappingChange, Restamped};
use crate::ledger::{Filter, VoidDecision};
use crate::runs::Rejection;
use crate::{Error, Store};

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

async fn close(store: &dyn Store, account: AccountId, text: &str, today: Date, at: i64) {
    store.close_period(account, &month(text), today, "anna", hour(at)).await.unwrap();
}

fn one(cost: &str) -> Vec<Contribution> {
    vec![usage("r", "contoso", day(20), cost)]
}

fn map(customer: &str, from: Date, code: &str) -> MappingChange {
    MappingChange { vendor_customer: customer.into(), from, target: Some(Target::Code(code.into())) }
}

async fn change(store: &dyn Store, account: AccountId, changes: &[MappingChange], at: i64) -> Restamped {
    store.change_mapping(account, changes, "anna", &policy(hour(at))).await.unwrap()
}

/// Customers that nobody has mapped wait.
async fn waiting(store: &dyn Store, account: AccountId) {
    let host = HostSettings { unmapped_customers: UnmappedCustomers::Wait, ..HostSettings::default() };
    let plugin = serde_json::json!({});
    store.save_settings(account, 0, &host, &plugin, "anna", hour(0)).await.unwrap();
}

/// Reference, customer code, booked period, cost; in the order of references.
async fn rows(store: &dyn Store, account: AccountId) -> Vec<(String, String, String, String)> {
    let told = |it: Purchase| {
        let cost = it.cost.map(|cost| cost.canonical()).unwrap_or_default();
        let reference = it.reference.rsplit('/').next().unwrap_or_default().to_owned();
        (reference, it.customer_code.unwrap_or_default(), it.booked_period.to_string(), cost)
    };
    let mut rows: Vec<_> = purchases(store, account).await.into_iter().map(told).collect();
    rows.sort();
    rows
}

fn row(reference: &str, code: &str, booked: &str, cost: &str) -> (String, String, String, String) {
    (reference.into(), code.into(), booked.into(), cost.into())
}

/// What is booked in each period, recounted from the Purchases and told by the store.
async fn sums_hold(store: &dyn Store, account: AccountId) {
    let mut counted = BTreeMap::<Month, Decimal>::new();
    for it in purchases(store, account).await {
        *counted.entry(it.booked_period).or_default() += &it.cost.unwrap_or_default();
    }
    let told = store.periods(account).await.unwrap();
    let told: BTreeMap<_, Decimal> =
        told.into_iter().filter(|it| it.purchases > 0).map(|it| (it.month, it.sums.values().sum())).collect();
    assert_eq!(told, counted);
}

pub async fn restate_after_close_is_a_correction_until_its_month_closes_too(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), one("4")).await;
    close(store, account, "2026-11", date(2026, 12, 1), 1).await;
    let report = run(store, account, hour(24), &partition("p"), one("6")).await;
    assert_eq!((report.added, report.changed, report.unchanged), (0, 1, 0));
    let code = "contoso";
    let expected = [row("r", code, "2026-11", "4"), row("r#c1", code, "2026-12", "2")];
    assert_eq!(rows(store, account).await, expected);
    run(store, account, hour(48), &partition("p"), one("5")).await;
    assert_eq!(rows(store, account).await[1], row("r#c1", code, "2026-12", "1"));
    close(store, account, "2026-12", date(2027, 1, 1), 50).await;
    run(store, account, hour(72), &partition("p"), one("3.5")).await;
    let expected = [
        row("r", code, "2026-11", "4"),
        row("r#c1", code, "2026-12", "1"),
        row("r#c2", code, "2027-01", "-1.5"),
    ];
    assert_eq!(rows(store, account).await, expected);
    let key =
        purchases(store, account).await.into_iter().find(|it| it.reference.ends_with("r#c1")).unwrap().key;
    assert_eq!(store.revisions(key).await.unwrap().len(), 2, "the correction was itself revised");
    sums_hold(store, account).await;
}

pub async fn restate_the_same_after_close_changes_nothing(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    close(store, account, "2026-11", date(2026, 12, 1), 1).await;
    let before = purchases(store, account).await;
    let report = run(store, account, hour(24), &partition("p"), ten()).await;
    assert_eq!((report.added, report.changed, report.unchanged), (0, 0, 10));
    assert_eq!(purchases(store, account).await, before);
}

pub async fn what_vanishes_after_close_is_taken_back_by_a_correction(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    close(store, account, "2026-11", date(2026, 12, 1), 1).await;
    run(store, account, hour(24), &partition("p"), ten().split_off(1)).await;
    let rows = rows(store, account).await;
    assert_eq!((rows.len(), &rows[1]), (11, &row("r0#c1", "contoso", "2026-12", "-1")));
    sums_hold(store, account).await;
}

pub async fn late_usage_of_a_closed_month_is_booked_in_the_open_one(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), one("4")).await;
    close(store, account, "2026-11", date(2026, 12, 1), 1).await;
    run(store, account, hour(24), &partition("q"), vec![usage("s", "contoso", day(21), "2")]).await;
    let expected = [row("r", "contoso", "2026-11", "4"), row("s", "contoso", "2026-12", "2")];
    assert_eq!(rows(store, account).await, expected);
}

pub async fn months_close_once_in_order_and_when_they_are_over(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), one("4")).await;
    let try_close = async |text: &str, today| match store
        .close_period(account, &month(text), today, "anna", hour(1))
        .await
    {
        Err(Error::NotClosable(why)) => Some(why.code()),
        other => other.map(|()| None).unwrap(),
    };
    assert_eq!(try_close("2026-11", date(2026, 11, 30)).await, Some("LED-CLOSE-EARLY"));
    assert_eq!(store.periods(account).await.unwrap()[0].closed, None);
    assert_eq!(try_close("2026-11", date(2026, 12, 1)).await, None);
    assert_eq!(try_close("2026-11", date(2026, 12, 1)).await, Some("LED-CLOSE-DONE"));
    assert_eq!(try_close("2027-01", date(2027, 3, 1)).await, Some("LED-CLOSE-ORDER"));
    let told = store.periods(account).await.unwrap();
    let closing = told[0].closed.clone().unwrap();
    assert_eq!((told[0].month.clone(), closing.by.as_str(), closing.at), (month("2026-11"), "anna", hour(1)));
    assert_eq!((told[0].purchases, told[0].unmapped, told[0].held), (1, 0, 0));
}

pub async fn another_account_s_months_stay_open(store: &dyn Store) {
    let (one_account, other) = (account(store, "contoso").await, account(store, "fabrikam").await);
    run(store, one_account, hour(0), &partition("p"), one("4")).await;
    run(store, other, hour(1), &partition("p"), one("4")).await;
    close(store, one_account, "2026-11", date(2026, 12, 1), 2).await;
    change(store, one_account, &[map("contoso", day(1), "K-1")], 3).await;
    run(store, other, hour(24), &partition("p"), one("6")).await;
    assert_eq!(rows(store, other).await, [row("r", "contoso", "2026-11", "6")]);
    assert_eq!(store.periods(other).await.unwrap()[0].closed, None);
    assert_eq!(store.mapping(other).await.unwrap(), []);
}

pub async fn a_customer_mapped_late_gets_its_past_purchases(store: &dyn Store) {
    let account = account(store, "contoso").await;
    waiting(store, account).await;
    let both = vec![usage("r", "Contoso", day(20), "4"), usage("s", "fabrikam", day(20), "1")];
    let report = run(store, account, hour(1), &partition("p"), both).await;
    assert_eq!(report.unmapped, 2);
    let told = store.unmapped(account).await.unwrap();
    let told: Vec<_> = told.iter().map(|it| (it.vendor_customer.as_str(), it.purchases)).collect();
    assert_eq!(told, [("Contoso", 1), ("fabrikam", 1)]);
    let restamped = change(store, account, &[map("CONTOSO", day(1), "K-1")], 2).await;
    assert_eq!(restamped, Restamped { changed: 1, moved: 0 });
    let expected = [row("r", "K-1", "2026-11", "4"), row("s", "", "2026-11", "1")];
    assert_eq!(rows(store, account).await, expected);
    let told = store.unmapped(account).await.unwrap();
    assert_eq!((told.len(), told[0].vendor_customer.as_str(), told[0].first_seen), (1, "fabrikam", hour(1)));
    assert_eq!(told[0].sums.values().sum::<Decimal>(), decimal("1"));
    // The next run stamps the same, and says nothing new.
    let both = vec![usage("r", "Contoso", day(20), "4"), usage("s", "fabrikam", day(20), "1")];
    assert_eq!(run(store, account, hour(24), &partition("p"), both).await.unchanged, 2);
}

pub async fn a_customer_mapped_after_close_is_booked_in_the_open_month(store: &dyn Store) {
    let account = account(store, "contoso").await;
    waiting(store, account).await;
    run(store, account, hour(1), &partition("p"), one("4")).await;
    close(store, account, "2026-11", date(2026, 12, 1), 2).await;
    assert_eq!(store.periods(account).await.unwrap()[0].unmapped, 1);
    change(store, account, &[map("contoso", day(1), "K-1")], 3).await;
    assert_eq!(rows(store, account).await, [row("r", "K-1", "2026-12", "4")]);
    sums_hold(store, account).await;
}

pub async fn a_customer_mapped_anew_after_close_moves_by_a_minus_and_a_plus(store: &dyn Store) {
    let account = account(store, "contoso").await;
    change(store, account, &[map("contoso", day(1), "K-1")], 0).await;
    let two = vec![usage("r", "contoso", day(20), "4"), usage("s", "contoso", day(21), "1")];
    run(store, account, hour(1), &partition("p"), two.clone()).await;
    close(store, account, "2026-11", date(2026, 12, 1), 2).await;
    let restamped = change(store, account, &[map("contoso", day(1), "K-2")], 3).await;
    assert_eq!(restamped, Restamped { changed: 0, moved: 2 });
    let by_code = async |code: &str| {
        let rows = rows(store, account).await.into_iter().filter(|row| row.1 == code);
        rows.map(|row| (row.2, row.3)).collect::<Vec<_>>()
    };
    let told = |rows: &[(&str, &str)]| rows.iter().map(|it| (it.0.into(), it.1.into())).collect::<Vec<_>>();
    let mut minus = by_code("K-1").await;
    minus.sort();
    assert_eq!(minus, told(&[("2026-11", "1"), ("2026-11", "4"), ("2026-12", "-1"), ("2026-12", "-4")]));
    assert_eq!(by_code("K-2").await.len(), 2);
    let before = purchases(store, account).await;
    assert_eq!(change(store, account, &[map("contoso", day(1), "K-2")], 4).await, Restamped::default());
    run(store, account, hour(24), &partition("p"), two).await;
    assert_eq!(purchases(store, account).await, before, "once is enough");
    sums_hold(store, account).await;
}

pub async fn a_mapping_is_valid_from_its_day(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let days = (19..22).map(|on| usage(&format!("r{on}"), "contoso", day(on), "1")).collect();
    run(store, account, hour(0), &partition("p"), days).await;
    change(store, account, &[map("contoso", day(20), "K-1"), map("contoso", day(21), "K-2")], 1).await;
    let codes = async || rows(store, account).await.into_iter().map(|row| row.1).collect::<Vec<_>>();
    assert_eq!(codes().await, ["contoso", "K-1", "K-2"]);
    let removed = MappingChange { target: None, ..map("contoso", day(21), "") };
    change(store, account, &[removed], 2).await;
    assert_eq!(codes().await, ["contoso", "K-1", "K-1"]);
    assert_eq!(store.mapping(account).await.unwrap().len(), 1);
    let history = store.mapping_history(account).await.unwrap();
    assert_eq!((history.len(), history[0].change.target.clone(), history[0].at), (3, None, hour(2)));
}

pub async fn an_ignored_customer_is_told_with_its_reason(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), one("4")).await;
    let ignored = Some(Target::Ignored("our own tenant".into()));
    let ignored = MappingChange { target: ignored, ..map("contoso", day(1), "") };
    change(store, account, &[ignored], 1).await;
    assert_eq!(rows(store, account).await, [row("r", "", "2026-11", "4")]);
    let told = store.unmapped(account).await.unwrap();
    assert_eq!(told[0].ignored.as_deref(), Some("our own tenant"));
}

pub async fn the_setting_about_unmapped_customers_stamps_them_anew(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), one("4")).await;
    assert_eq!(rows(store, account).await[0].1, "contoso");
    waiting(store, account).await;
    assert_eq!(rows(store, account).await[0].1, "");
    let plugin = serde_json::json!({});
    store.save_settings(account, 1, &HostSettings::default(), &plugin, "anna", hour(1)).await.unwrap();
    assert_eq!(rows(store, account).await[0].1, "contoso");
    assert_eq!(store.unmapped(account).await.unwrap(), []);
}

/// Ten Purchases, of which half have vanished and wait.
async fn half_gone(store: &dyn Store) -> AccountId {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &partition("p"), ten()).await;
    let report = run(store, account, hour(24), &partition("p"), ten().split_off(5)).await;
    assert_eq!(report.voids_held, 5);
    account
}

pub async fn a_held_void_is_taken_when_an_operator_says_so(store: &dyn Store) {
    let account = half_gone(store).await;
    let held = store.held_voids(Some(account)).await.unwrap();
    let decided =
        store.decide_voids(account, &held[..2], VoidDecision::Take, &policy(hour(25))).await.unwrap();
    assert_eq!((decided, store.held_voids(Some(account)).await.unwrap().len()), (2, 3));
    assert_eq!(purchases(store, account).await.len(), 8);
    let revisions = store.revisions(held[0].key).await.unwrap();
    let void = &revisions[0];
    assert_eq!((void.purchase.state, void.at, void.run), (State::Void, hour(25), held[0].run));
    assert!(revisions.len() == 2 && void.purchase.evidence.is_empty());
    sums_hold(store, account).await;
    // Nobody asks twice, and what is void weighs nothing: two of the five that are left are a great loss.
    let again = store.decide_voids(account, &held[..2], VoidDecision::Take, &policy(hour(26))).await.unwrap();
    assert_eq!(again, 0);
    store.decide_voids(account, &held, VoidDecision::Take, &policy(hour(26))).await.unwrap();
    let report = run(store, account, hour(48), &partition("p"), ten().split_off(7)).await;
    assert_eq!((report.voided, report.voids_held), (0, 2));
}

pub async fn a_held_void_that_is_kept_stays_until_the_vendor_is_read_again(store: &dyn Store) {
    let account = half_gone(store).await;
    let held = store.held_voids(Some(account)).await.unwrap();
    let before = purchases(store, account).await;
    let decided = store.decide_voids(account, &held, VoidDecision::Keep, &policy(hour(25))).await.unwrap();
    assert_eq!((decided, store.held_voids(Some(account)).await.unwrap().len()), (5, 0));
    assert_eq!(purchases(store, account).await, before);
    let report = run(store, account, hour(48), &partition("p"), ten().split_off(5)).await;
    assert_eq!((report.voids_held, store.held_voids(Some(account)).await.unwrap().len()), (5, 5));
}

pub async fn a_held_void_of_a_closed_month_is_taken_by_a_correction(store: &dyn Store) {
    let account = half_gone(store).await;
    close(store, account, "2026-11", date(2026, 12, 1), 30).await;
    let held = store.held_voids(Some(account)).await.unwrap();
    assert_eq!(store.periods(account).await.unwrap()[0].held, 5);
    store.decide_voids(account, &held[..1], VoidDecision::Take, &policy(hour(31))).await.unwrap();
    assert_eq!(purchases(store, account).await.len(), 11);
    let corrected: Vec<_> =
        rows(store, account).await.into_iter().filter(|row| row.0.contains('#')).collect();
    assert_eq!((corrected.len(), corrected[0].3.as_str()), (1, "-1"));
    sums_hold(store, account).await;
}

pub async fn a_held_void_of_another_account_is_not_decided(store: &dyn Store) {
    let account = half_gone(store).await;
    let other = super::world::account(store, "fabrikam").await;
    let held = store.held_voids(Some(account)).await.unwrap();
    let decided = store.decide_voids(other, &held, VoidDecision::Take, &policy(hour(25))).await.unwrap();
    assert_eq!((decided, store.held_voids(Some(account)).await.unwrap().len()), (0, 5));
    let standing = Filter { account: Some(account), ..Filter::default() };
    assert_eq!(store.purchases(&standing, None, 100).await.unwrap().len(), 10);
}

pub async fn our_own_customers_are_replaced_as_a_list(store: &dyn Store) {
    let ours = |code: &str, name: &str| KnownCustomer {
        code: code.into(),
        name: name.into(),
        domain: "contoso.example".into(),
        vendor_customer: String::new(),
    };
    store.put_known_customers(&[ours("K-2", "B"), ours("K-1", "A")]).await.unwrap();
    assert_eq!(store.known_customers().await.unwrap(), [ours("K-1", "A"), ours("K-2", "B")]);
    store.put_known_customers(&[ours("K-3", "C")]).await.unwrap();
    assert_eq!(store.known_customers().await.unwrap(), [ours("K-3", "C")]);
}

/// Brings a page in which one record was set aside.
async fn bring_rejected(store: &dyn Store, account: AccountId, at: i64, reason: Option<&str>) {
    let fence = begin(store, account, hour(at)).await;
    let requests = ask(store, fence, &[&partition("p")]).await;
    let mut brought = page(0, ten());
    if let Some(reason) = reason {
        let mut tally = Tally::default();
        tally.add_record(Some((Measure::Money(&"EUR".parse().unwrap()), &decimal("7"))));
        brought.balance.received.merge(&tally);
        brought.balance.rejected.insert(reason.into(), tally);
        brought.rejections.push(Rejection { ordinal: 4, reason: reason.into() });
    }
    answer(store, fence, requests[0], vec![brought]).await;
    commit(store, fence, &partition("p"), hour(at)).await;
    finish(store, fence).await;
}

pub async fn rejected_records_that_stand_are_told_by_reason(store: &dyn Store) {
    let account = account(store, "contoso").await;
    bring_rejected(store, account, 1, Some("no price")).await;
    bring_rejected(store, account, 25, Some("no price")).await;
    let told = store.rejected(account).await.unwrap();
    assert_eq!((told.len(), told[0].feed.as_str(), told[0].reason.as_str()), (1, "usage", "no price"));
    assert_eq!((told[0].tally.records, &told[0].tally.sums["EUR"]), (1, &decimal("7")));
    assert_eq!(told[0].first_seen, Some(hour(1)));
    assert_eq!(told[0].example.unwrap().ordinal, 4);
    let other = super::world::account(store, "fabrikam").await;
    assert_eq!(store.rejected(other).await.unwrap(), []);
    // Mended at the vendor: nothing stands.
    bring_rejected(store, account, 49, None).await;
    assert_eq!(store.rejected(account).await.unwrap(), []);
}
