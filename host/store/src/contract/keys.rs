//! Claims about the keys that seal grants.

use purser_domain::AccountId;

use super::world::{account, hour};
use crate::accounts::Grant;
use crate::{Error, Store};

async fn sealed_grant(store: &dyn Store, sealed: &[u8], key_version: u32) -> AccountId {
    let account = account(store, "contoso").await;
    store.put_grant(account, None, &grant(sealed, key_version, 1)).await.unwrap();
    account
}

fn grant(sealed: &[u8], key_version: u32, version: u64) -> Grant {
    Grant {
        sealed: sealed.to_vec(),
        key_version,
        user_name: "ann@contoso.example".into(),
        user_id: "7".into(),
        roles: None,
        consented_at: hour(1),
        refreshed_at: hour(2),
        version,
    }
}

pub async fn a_known_key_keeps_its_first_check_value(store: &dyn Store) {
    store.know_key(1, &[7], hour(1)).await.unwrap();
    store.know_key(1, &[8], hour(2)).await.unwrap();
    let known = store.known_keys().await.unwrap();
    assert_eq!((known.len(), known[0].version, known[0].check.as_slice()), (1, 1, &[7][..]));
    assert_eq!((known[0].first_used_at, known[0].retired_at), (hour(1), None));
}

pub async fn a_grant_is_wrapped_anew_over_its_former_text_only(store: &dyn Store) {
    let account = sealed_grant(store, &[1], 1).await;
    assert!(!store.rewrap_grant(account, &[9], &[2], 2).await.unwrap());
    assert!(store.rewrap_grant(account, &[1], &[2], 2).await.unwrap());
    let sealed = &store.sealed_grants().await.unwrap()[0];
    assert_eq!((sealed.sealed.as_slice(), sealed.key_version, sealed.account), (&[2][..], 2, account));
    // An exchange that began before still stores what it got.
    store.put_grant(account, Some(1), &grant(&[3], 1, 2)).await.unwrap();
}

pub async fn a_key_is_retired_when_nothing_is_sealed_by_it(store: &dyn Store) {
    store.know_key(1, &[7], hour(1)).await.unwrap();
    let account = sealed_grant(store, &[1], 1).await;
    assert!(matches!(store.retire_key(1, hour(3)).await, Err(Error::Conflict(_))));
    store.rewrap_grant(account, &[1], &[2], 2).await.unwrap();
    store.retire_key(1, hour(3)).await.unwrap();
    store.retire_key(1, hour(4)).await.unwrap();
    assert_eq!(store.known_keys().await.unwrap()[0].retired_at, Some(hour(3)));
    assert!(matches!(store.retire_key(5, hour(3)).await, Err(Error::NotFound(_))));
}

pub async fn nothing_is_sealed_by_a_retired_key(store: &dyn Store) {
    let account = sealed_grant(store, &[1], 2).await;
    store.know_key(1, &[7], hour(1)).await.unwrap();
    store.retire_key(1, hour(3)).await.unwrap();
    let late = store.put_grant(account, Some(1), &grant(&[3], 1, 2)).await;
    assert!(matches!(late, Err(Error::RetiredKey(1))));
    assert!(matches!(store.rewrap_grant(account, &[1], &[3], 1).await, Err(Error::RetiredKey(1))));
    assert_eq!(store.grant(account).await.unwrap().unwrap().sealed, [1]);
}
