//! Claims about states of a partition's data: the same state is not retrieved twice, any doubt retrieves it again.

use purser_domain::{AccountId, Digest};

use super::world::{
    account, answer, begin, commit, finish, hour, order, page, partition, policy, purchases, request,
    staged_partition, ten,
};
use crate::Store;
use crate::runs::{Completion, Fence, NewRequest, Order, Partition};

fn of_state(partition: &Partition, version: &str) -> NewRequest {
    NewRequest { version: version.into(), ..request(Some(partition)) }
}

/// Asks for a partition's data in a state, behind a first request that names none; gives whether it is to be retrieved.
async fn ask_for(store: &dyn Store, fence: Fence, states: &[NewRequest]) -> bool {
    let first = NewRequest { version: String::new(), ..states[0].clone() };
    let step = Completion { requests: vec![first], ..Completion::default() };
    assert!(store.start_feed(fence, "usage", 0, &step).await.unwrap());
    let completion = Completion { request: 1, requests: states.to_vec(), ..Completion::default() };
    store.complete_requests(fence, vec![completion]).await.unwrap();
    !store.frontier(fence.run, 0, 10).await.unwrap().is_empty()
}

/// A whole run that retrieves a partition in a state.
async fn retrieved(store: &dyn Store, account: AccountId, at: i64, partition: &Partition, version: &str) {
    let fence = begin(store, account, hour(at)).await;
    assert!(ask_for(store, fence, &[of_state(partition, version)]).await);
    answer(store, fence, 2, vec![page(0, ten())]).await;
    commit(store, fence, partition, hour(at)).await;
    finish(store, fence).await;
}

pub async fn restate_an_unchanged_state_is_not_asked_for_again(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let usage = partition("p");
    retrieved(store, account, 0, &usage, "e1").await;
    let fence = begin(store, account, hour(24)).await;
    assert!(!ask_for(store, fence, &[of_state(&usage, "e1"), of_state(&usage, "e1")]).await);
    assert_eq!(store.unchanged_partitions(fence.run).await.unwrap(), std::slice::from_ref(&usage));
    assert_eq!(store.ready_partitions(fence.run).await.unwrap(), []);
    finish(store, fence).await;
    assert_eq!(store.incomplete_partitions(fence.run).await.unwrap(), []);
    assert_eq!(purchases(store, account).await.len(), 10);
    // The state still counts on the third day.
    let fence = begin(store, account, hour(48)).await;
    assert!(!ask_for(store, fence, &[of_state(&usage, "e1")]).await);
}

pub async fn restate_a_state_is_asked_for_again_when_anything_else_differs(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let usage = partition("p");
    retrieved(store, account, 0, &usage, "e1").await;
    let (other, sibling) = (account_of_another(store).await, partition("q"));
    let with = |change: fn(&mut Order)| {
        let mut order = order(account, hour(24));
        change(&mut order);
        order
    };
    let table = [
        (with(|_| ()), of_state(&usage, "e2"), "another state"),
        (with(|_| ()), of_state(&usage, ""), "no state"),
        (with(|_| ()), of_state(&sibling, "e1"), "another partition"),
        (
            with(|order| order.cast.mapping = Digest::of(b"other plugin")),
            of_state(&usage, "e1"),
            "another plugin",
        ),
        (with(|order| order.settings_revision = 1), of_state(&usage, "e1"), "other settings"),
        (order(other, hour(24)), of_state(&usage, "e1"), "another account"),
    ];
    for (order, asked, what) in table {
        let run = store.order_run(&order, hour(24)).await.unwrap().unwrap();
        let (_, fence) = store.claim_run(hour(24), hour(25)).await.unwrap().unwrap();
        assert_eq!(fence.run, run);
        assert!(ask_for(store, fence, &[asked]).await, "{what}");
        assert_eq!(store.unchanged_partitions(run).await.unwrap(), [], "{what}");
        finish(store, fence).await;
    }
}

async fn account_of_another(store: &dyn Store) -> AccountId {
    account(store, "fabrikam").await
}

pub async fn a_state_counts_only_once_it_was_committed(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let usage = partition("p");
    let fence = begin(store, account, hour(0)).await;
    assert!(ask_for(store, fence, &[of_state(&usage, "e1")]).await);
    let broken = Completion { request: 2, incomplete: Some("RUN-CUT".into()), ..Completion::default() };
    store.complete_requests(fence, vec![broken]).await.unwrap();
    assert!(store.commit_partition(fence, &usage, &policy(hour(0))).await.is_err());
    finish(store, fence).await;
    let fence = begin(store, account, hour(24)).await;
    assert!(ask_for(store, fence, &[of_state(&usage, "e1")]).await);
}

pub async fn a_withdrawn_stage_has_no_state_any_more(store: &dyn Store) {
    let account = account(store, "contoso").await;
    retrieved(store, account, 0, &staged_partition(0), "e1").await;
    retrieved(store, account, 24, &staged_partition(1), "e9").await;
    let fence = begin(store, account, hour(48)).await;
    assert!(ask_for(store, fence, &[of_state(&staged_partition(0), "e1")]).await);
}

pub async fn a_partition_of_several_states_is_asked_for_again(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let usage = partition("p");
    let fence = begin(store, account, hour(0)).await;
    assert!(ask_for(store, fence, &[of_state(&usage, "e1"), of_state(&usage, "e2")]).await);
    answer(store, fence, 2, vec![page(0, ten())]).await;
    answer(store, fence, 3, Vec::new()).await;
    commit(store, fence, &usage, hour(0)).await;
    finish(store, fence).await;
    for version in ["e1", "e2"] {
        let fence = begin(store, account, hour(24)).await;
        assert!(ask_for(store, fence, &[of_state(&usage, version)]).await, "{version}");
        finish(store, fence).await;
    }
}
