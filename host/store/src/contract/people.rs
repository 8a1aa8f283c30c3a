//! Claims about operators.

use super::world::hour;
use crate::people::{AuditEntry, Role, User};
use crate::{Error, Store};

fn user(name: &str) -> User {
    User::new(name, "$argon2id$…", Role::Admin)
}

pub async fn a_user_is_unique_without_case(store: &dyn Store) {
    store.add_user(&user("Änne")).await.unwrap();
    assert!(matches!(store.add_user(&user("äNNE")).await, Err(Error::Conflict(_))));
    assert_eq!(store.user("ÄNNE").await.unwrap().unwrap().name, "Änne");
    assert_eq!(store.users().await.unwrap().len(), 1);
}

pub async fn a_setup_token_makes_one_administrator(store: &dyn Store) {
    store.put_setup_token(&[7; 32], hour(1)).await.unwrap();
    store.redeem_setup_token(&[7; 32], &user("ann"), hour(0)).await.unwrap();
    assert!(store.redeem_setup_token(&[7; 32], &user("eve"), hour(0)).await.is_err());
    store.put_setup_token(&[8; 32], hour(1)).await.unwrap();
    assert!(matches!(
        store.redeem_setup_token(&[8; 32], &user("eve"), hour(0)).await,
        Err(Error::Conflict(_))
    ));
    let users = store.users().await.unwrap();
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["ann"]);
}

pub async fn an_expired_setup_token_makes_nobody(store: &dyn Store) {
    store.put_setup_token(&[7; 32], hour(1)).await.unwrap();
    assert!(matches!(
        store.redeem_setup_token(&[7; 32], &user("ann"), hour(2)).await,
        Err(Error::NotFound(_))
    ));
    assert_eq!(store.users().await.unwrap(), []);
}

pub async fn a_wrong_setup_token_leaves_the_right_one(store: &dyn Store) {
    store.put_setup_token(&[7; 32], hour(1)).await.unwrap();
    assert!(matches!(
        store.redeem_setup_token(&[8; 32], &user("eve"), hour(0)).await,
        Err(Error::NotFound(_))
    ));
    store.redeem_setup_token(&[7; 32], &user("ann"), hour(0)).await.unwrap();
}

pub async fn a_session_lives_until_it_expires(store: &dyn Store) {
    store.save_session(&[1; 32], b"one", hour(1)).await.unwrap();
    store.save_session(&[1; 32], b"two", hour(2)).await.unwrap();
    assert_eq!(store.load_session(&[1; 32], hour(1)).await.unwrap().as_deref(), Some(b"two".as_slice()));
    assert_eq!(store.load_session(&[1; 32], hour(2)).await.unwrap(), None);
    store.delete_session(&[1; 32]).await.unwrap();
    assert_eq!(store.load_session(&[1; 32], hour(0)).await.unwrap(), None);
}

pub async fn the_audit_trail_tells_the_newest_first(store: &dyn Store) {
    let entry = |what: &str| AuditEntry {
        at: hour(1),
        who: "ann".into(),
        what: what.into(),
        detail: serde_json::json!({"account": 1}),
    };
    for what in ["a", "b", "c"] {
        store.audit(&entry(what)).await.unwrap();
    }
    assert_eq!(store.audit_trail(2).await.unwrap(), [entry("c"), entry("b")]);
}
