//! Claims about what the ledger stands on: what a replay reads.

use jiff::civil::date;
use purser_domain::purchase::Key;
use purser_domain::{AccountId, Cast, Digest, Month};

use super::pricing::{TIERS, rate_card, run as run_priced, used};
use super::world::{
    FEED, account, answer, ask, balance, begin, commit, day, decimal, finish, hour, page, partition, run,
    staged_partition, ten, usage,
};
use crate::Store;
use crate::standing::TierUse;

async fn pages(store: &dyn Store, account: AccountId, at: usize) -> Vec<Digest> {
    let standing = store.standings(account).await.unwrap()[at].clone();
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let part = store.standing_pages(account, standing.no, after, 2).await.unwrap();
        let Some(last) = part.last() else { break };
        after = last.place;
        assert!(part.iter().all(|page| page.context == r#"{"page":"context"}"#));
        found.extend(part.iter().map(|page| page.digest));
    }
    assert_eq!(found.len() as u64, standing.pages);
    found
}

pub async fn what_stands_is_the_last_commit_with_its_pages(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let other = super::world::account(store, "other").await;
    run(store, account, hour(0), &partition("20"), ten()).await;
    let first = pages(store, account, 0).await;
    let fence = begin(store, account, hour(24)).await;
    let requests = ask(store, fence, &[&partition("20"), &partition("21")]).await;
    let brought = [page(0, ten()[..4].to_vec()), page(1, ten()[4..8].to_vec()), page(2, ten()[8..].to_vec())];
    answer(store, fence, requests[0], brought.to_vec()).await;
    commit(store, fence, &partition("20"), hour(24)).await;
    // What is only retrieved, and not committed, does not stand.
    answer(store, fence, requests[1], vec![page(0, vec![usage("z", "contoso", day(21), "1")])]).await;
    finish(store, fence).await;

    let standing = store.standings(account).await.unwrap();
    assert_eq!(standing.len(), 1);
    assert_eq!((&standing[0].partition, standing[0].run), (&partition("20"), fence.run));
    assert_eq!((standing[0].cast, standing[0].days), (Cast::one(Digest::of(b"plugin")), (day(20), day(24))));
    assert_eq!(standing[0].balance, balance(&ten()));
    let second = pages(store, account, 0).await;
    assert_eq!(second, brought.iter().map(|page| page.digest).collect::<Vec<_>>());
    assert!(!second.contains(&first[0]));

    assert_eq!(store.standings(other).await.unwrap(), []);
    assert_eq!(store.standing_pages(other, standing[0].no, 0, 9).await.unwrap(), []);
    assert_eq!(store.standing_keys(other, standing[0].no, None, 9).await.unwrap(), []);
}

pub async fn a_withdrawn_stage_does_not_stand(store: &dyn Store) {
    let account = account(store, "contoso").await;
    run(store, account, hour(0), &staged_partition(0), ten()).await;
    assert_eq!(store.standings(account).await.unwrap().len(), 1);
    // An invoice without a record withdraws nothing.
    run(store, account, hour(24), &staged_partition(1), Vec::new()).await;
    assert_eq!(store.standings(account).await.unwrap()[0].partition, staged_partition(0));
    run(store, account, hour(48), &staged_partition(1), ten()).await;
    let standing = store.standings(account).await.unwrap();
    assert_eq!(standing.iter().map(|it| &it.partition).collect::<Vec<_>>(), [&staged_partition(1)]);
}

pub async fn references_that_stand_are_listed_by_parts(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let many: Vec<_> =
        (0..9_000).map(|number| usage(&format!("r{number}"), "contoso", day(20), "1")).collect();
    run(store, account, hour(0), &partition("20"), many.clone()).await;
    // Nine of them are gone, which is no great loss.
    run(store, account, hour(24), &partition("20"), many[9..].to_vec()).await;
    let standing = store.standings(account).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let part = store.standing_keys(account, standing[0].no, after, 100).await.unwrap();
        let Some(last) = part.last() else { break };
        assert!(part.len() >= 100 || found.len() + part.len() == 8_991);
        after = Some(*last);
        found.extend(part);
    }
    let mut expected: Vec<Key> =
        many[9..].iter().map(|it| Key::new(account, FEED, &it.reference, &it.description)).collect();
    expected.sort_unstable();
    assert!(found == expected, "{} of {}", found.len(), expected.len());
}

pub async fn a_partition_tells_whether_it_reaches_into_open_months(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let other = super::world::account(store, "other").await;
    let november: Month = "2026-11".parse().unwrap();
    run(store, account, hour(0), &partition("20"), ten()).await;
    store.close_period(account, &november, date(2026, 12, 1), "anna", hour(1)).await.unwrap();
    // Late usage stands in the open month, whatever day it is of.
    let many = (0..5_000).map(|number| usage(&format!("s{number}"), "contoso", day(20), "1")).collect();
    run(store, account, hour(24), &partition("21"), many).await;
    run(store, account, hour(48), &partition("22"), Vec::new()).await;
    let standing = store.standings(account).await.unwrap();
    let mut told = Vec::new();
    for one in &standing {
        told.push(store.booked_after(account, one.no, &november).await.unwrap());
    }
    assert_eq!(told, [Some(false), Some(true), None]);
    let december: Month = "2026-12".parse().unwrap();
    assert_eq!(store.booked_after(account, standing[1].no, &december).await.unwrap(), Some(false));
    assert_eq!(store.booked_after(other, standing[1].no, &november).await.unwrap(), None);
    // What the closed month would say now is a correction, and that is open.
    let mut restated = ten();
    restated.pop();
    restated.push(usage("r9", "contoso", day(20), "7"));
    run(store, account, hour(72), &partition("20"), restated).await;
    assert_eq!(store.booked_after(account, standing[0].no, &november).await.unwrap(), Some(true));
    assert_eq!(store.booked_after(account, standing[0].no, &december).await.unwrap(), Some(false));
}

pub async fn a_tier_cycle_tells_what_it_has_used_and_its_rates(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let of = |group: &'static str| store.tier_use(account, FEED, group, "DISK");
    assert_eq!(of("s/2026-11-01").await.unwrap(), TierUse { used: decimal("0"), rates: None });
    rate_card(store, account, 0, "EUR", TIERS).await;
    let first = [used("a", day(20), "6"), used("b", day(20), "2")];
    run_priced(store, account, 1, &[("20", first.to_vec()), ("21", vec![used("a", day(20), "4")])]).await;
    // A dearer card moves no running cycle.
    rate_card(store, account, 24, "USD", &[("0", "7")]).await;
    let cycle = of("s/2026-11-01").await.unwrap();
    let rates = cycle.rates.unwrap();
    assert_eq!((cycle.used, rates.currency().as_str()), (decimal("12"), "EUR"));
    assert_eq!(rates.cost(&decimal("12")), decimal("10.5"));
    let next = of("s/2026-12-01").await.unwrap();
    assert_eq!((next.used, next.rates.unwrap().currency().as_str()), (decimal("0"), "USD"));
    assert_eq!(store.tier_use(account, "other", "s/2026-11-01", "disk").await.unwrap().used, decimal("0"));
}
