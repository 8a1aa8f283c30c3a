//! Claims about consent that is handed over.

use jiff::Timestamp;
use purser_domain::AccountId;

use super::world::{account, hour};
use crate::accounts::{ConsentState, Grant, HostSettings};
use crate::hand_overs::{Answer, Ending, HandOverId, NewHandOver, PendingGrant, Stage};
use crate::notices::{Concern, Level, Subject};
use crate::{Error, Store};

const LINK: [u8; 32] = [5; 32];

async fn hand_over(store: &dyn Store, account: Option<AccountId>) -> HandOverId {
    let made = NewHandOver {
        connector: "sample".parse().unwrap(),
        cloud: "global".into(),
        account,
        made_by: "olaf".into(),
        made_at: hour(0),
        expires_at: hour(10),
    };
    store.add_hand_over(&LINK, &made).await.unwrap()
}

fn answer(account: AccountId) -> Answer {
    Answer {
        account,
        tenant: "contoso".into(),
        user_name: "ann@contoso.example".into(),
        user_id: "7".into(),
        roles: Some(vec!["Billing".into()]),
        consented_at: hour(1),
        answered_at: hour(1),
        probes: Vec::new(),
        shortcoming: None,
    }
}

fn pending(sealed: u8) -> PendingGrant {
    PendingGrant { sealed: vec![sealed], key_version: 1 }
}

fn grant(sealed: u8, version: u64) -> Grant {
    Grant {
        sealed: vec![sealed],
        key_version: 1,
        user_name: "ann@contoso.example".into(),
        user_id: "7".into(),
        roles: None,
        consented_at: hour(1),
        refreshed_at: hour(2),
        version,
    }
}

/// A hand-over that was answered for a new account.
async fn answered(store: &dyn Store) -> (HandOverId, AccountId) {
    let (id, account) = (hand_over(store, None).await, account(store, "contoso").await);
    store.answer_hand_over(id, &answer(account), &pending(1), hour(20)).await.unwrap();
    (id, account)
}

async fn stage(store: &dyn Store, id: HandOverId) -> Stage {
    store.hand_over(id).await.unwrap().stage
}

pub async fn a_link_is_good_while_it_is_open_and_in_time(store: &dyn Store) {
    let id = hand_over(store, None).await;
    let by_link = async |at: Timestamp| store.hand_over_by_link(&LINK, at).await.unwrap().map(|it| it.id);
    assert_eq!((by_link(hour(1)).await, by_link(hour(2)).await), (Some(id), Some(id)), "twice is fine");
    assert_eq!(by_link(hour(10)).await, None, "expired");
    assert_eq!(store.hand_over_by_link(&[6; 32], hour(1)).await.unwrap(), None, "another");
    let account = account(store, "contoso").await;
    store.answer_hand_over(id, &answer(account), &pending(1), hour(20)).await.unwrap();
    assert_eq!(by_link(hour(2)).await, None, "answered");
    assert!(matches!(store.hand_over(99).await, Err(Error::NotFound(_))));
}

pub async fn a_grant_handed_over_is_kept_aside_until_it_is_accepted(store: &dyn Store) {
    let (id, account) = answered(store).await;
    assert_eq!(store.grant(account).await.unwrap(), None);
    assert!(store.first_grant_waits(account).await.unwrap());
    assert!(!store.forget_bare_account(account).await.unwrap(), "it waits for this grant");
    assert!(store.any_grant().await.unwrap(), "its key is needed all the same");
    assert_eq!(store.pending_grant(id).await.unwrap(), Some(pending(1)));
    let waiting = store.waiting_hand_overs().await.unwrap();
    assert_eq!((waiting.len(), waiting[0].waiting(hour(2))), (1, Some(&answer(account))));
    let tried = Answer { user_name: "ann".into(), ..answer(account) };
    store.note_trial(id, &tried, &pending(2)).await.unwrap();
    assert_eq!(store.pending_grant(id).await.unwrap(), Some(pending(2)));
    store.accept_hand_over(id, None, &grant(2, 1), "olaf", hour(3)).await.unwrap();
    assert_eq!(store.grant(account).await.unwrap(), Some(grant(2, 1)));
    assert!(!store.first_grant_waits(account).await.unwrap());
    assert_eq!(store.pending_grant(id).await.unwrap(), None);
    let settled = store.hand_over(id).await.unwrap();
    assert_eq!((settled.stage, settled.settled), (Stage::Accepted, Some(("olaf".into(), hour(3)))));
    assert!(store.waiting_hand_overs().await.unwrap().is_empty());
}

pub async fn a_hand_over_is_answered_and_settled_once(store: &dyn Store) {
    let (id, account) = answered(store).await;
    let again = store.answer_hand_over(id, &answer(account), &pending(9), hour(20)).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
    store.accept_hand_over(id, None, &grant(1, 1), "olaf", hour(3)).await.unwrap();
    let again = store.accept_hand_over(id, Some(1), &grant(9, 2), "olaf", hour(4)).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
    let late = store.end_hand_over(id, Ending::Rejected, "olaf", hour(4)).await;
    assert!(matches!(late, Err(Error::Conflict(_))));
    assert!(matches!(store.note_trial(id, &answer(account), &pending(9)).await, Err(Error::Conflict(_))));
    assert_eq!(store.grant(account).await.unwrap(), Some(grant(1, 1)));
}

pub async fn what_ends_unaccepted_leaves_neither_grant_nor_account(store: &dyn Store) {
    let (id, account) = answered(store).await;
    // What is only said about an account is nothing of its own.
    let concern = Concern {
        subject: Subject::Credential,
        code: "CON-1".into(),
        level: Level::Warn,
        what: "it ends".into(),
        remedy: "make a new one".into(),
        stage: 0,
    };
    store.raise_notice(account, &concern, hour(2)).await.unwrap();
    assert!(store.end_hand_over(id, Ending::Rejected, "olaf", hour(3)).await.unwrap());
    assert_eq!(stage(store, id).await, Stage::Rejected);
    assert!(matches!(store.account(account).await, Err(Error::NotFound(_))));
    assert!(store.sealed_grants().await.unwrap().is_empty());
    assert!(!store.any_grant().await.unwrap());
}

pub async fn an_account_with_anything_of_its_own_outlives_its_hand_over(store: &dyn Store) {
    let (id, account) = answered(store).await;
    let plugin = serde_json::json!({});
    store.save_settings(account, 0, &HostSettings::default(), &plugin, "ann", hour(2)).await.unwrap();
    assert!(!store.end_hand_over(id, Ending::Rejected, "olaf", hour(3)).await.unwrap());
    let kept = store.account(account).await.unwrap();
    assert_eq!(kept.state, ConsentState::Disconnected, "without a grant it waits for nobody");
    assert!(store.sealed_grants().await.unwrap().is_empty());
}

pub async fn a_hand_over_ends_when_its_time_is_over(store: &dyn Store) {
    let (id, account) = answered(store).await;
    assert!(store.expire_hand_overs(hour(19)).await.unwrap().is_empty(), "an answer has time of its own");
    let late = store.accept_hand_over(id, None, &grant(1, 1), "olaf", hour(20)).await;
    assert!(matches!(late, Err(Error::Conflict(_))));
    let ended = store.expire_hand_overs(hour(20)).await.unwrap();
    assert_eq!(ended.iter().map(|it| (it.id, it.stage)).collect::<Vec<_>>(), [(id, Stage::Expired)]);
    assert_eq!(store.pending_grant(id).await.unwrap(), None);
    assert!(matches!(store.account(account).await, Err(Error::NotFound(_))));
    assert!(store.expire_hand_overs(hour(20)).await.unwrap().is_empty(), "once");
}

pub async fn a_grant_kept_aside_counts_for_its_key(store: &dyn Store) {
    store.know_key(1, &[7], hour(1)).await.unwrap();
    let (id, account) = answered(store).await;
    let sealed = store.sealed_grants().await.unwrap();
    assert_eq!((sealed.len(), sealed[0].account, sealed[0].tenant.as_str()), (1, account, "contoso"));
    assert!(matches!(store.retire_key(1, hour(2)).await, Err(Error::Conflict(_))), "it is still needed");
    assert!(!store.rewrap_grant(account, &[9], &[2], 2).await.unwrap());
    assert!(store.rewrap_grant(account, &[1], &[2], 2).await.unwrap());
    assert_eq!(
        store.pending_grant(id).await.unwrap(),
        Some(PendingGrant { sealed: vec![2], key_version: 2 })
    );
    store.retire_key(1, hour(2)).await.unwrap();
    let late = store.note_trial(id, &answer(account), &pending(3)).await;
    assert!(matches!(late, Err(Error::RetiredKey(1))));
    let late = store.accept_hand_over(id, None, &grant(1, 1), "olaf", hour(3)).await;
    assert!(matches!(late, Err(Error::RetiredKey(1))));
}

pub async fn a_hand_over_for_a_renewal_needs_the_grant_that_was_seen(store: &dyn Store) {
    let account = account(store, "contoso").await;
    store.put_grant(account, None, &grant(7, 1)).await.unwrap();
    let id = hand_over(store, Some(account)).await;
    store.answer_hand_over(id, &answer(account), &pending(1), hour(20)).await.unwrap();
    assert_eq!(store.grant(account).await.unwrap(), Some(grant(7, 1)), "the former one stands");
    assert_eq!(store.sealed_grants().await.unwrap().len(), 2);
    store.put_grant(account, Some(1), &grant(8, 2)).await.unwrap();
    let stale = store.accept_hand_over(id, Some(1), &grant(1, 2), "olaf", hour(3)).await;
    assert!(matches!(stale, Err(Error::Conflict(_))));
    assert_eq!(stage(store, id).await, Stage::Answered, "nothing was changed");
    assert!(!store.end_hand_over(id, Ending::Withdrawn, "olaf", hour(3)).await.unwrap());
    assert_eq!(store.grant(account).await.unwrap(), Some(grant(8, 2)));
}
