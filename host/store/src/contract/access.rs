//! Claims about who may come in.

use purser_domain::AccountId;

use super::world::hour;
use crate::access::{Identity, NewToken, Scope, UserChange};
use crate::people::{AuditEntry, Role, User};
use crate::trail::{self, Origin, Wanted};
use crate::{Error, Store};

async fn add(store: &dyn Store, name: &str, role: Role) {
    store.add_user(&User::new(name, "$argon2id$…", role)).await.unwrap();
}

fn token(owner: Option<&str>) -> NewToken {
    NewToken {
        name: "nightly".into(),
        owner: owner.map(str::to_owned),
        role: Role::Viewer,
        scopes: [Scope::PurchasesRead].into(),
        created_by: "ann".into(),
        created_at: hour(0),
        expires_at: hour(10),
    }
}

fn bob() -> Identity {
    Identity { issuer: "https://login.example".into(), subject: "s-1".into() }
}

pub async fn every_change_to_a_person_starts_a_generation(store: &dyn Store) {
    add(store, "ann", Role::Admin).await;
    add(store, "bob", Role::Viewer).await;
    let mut seen = vec![store.user("bob").await.unwrap().unwrap().generation];
    let changes = [
        UserChange::Role(Role::Operator),
        UserChange::Disabled,
        UserChange::Enabled,
        UserChange::Password("other"),
        UserChange::Reset { link_hash: &[3; 32], expires_at: hour(2) },
        UserChange::SignedOut,
    ];
    for change in changes {
        let after = store.change_user("BOB", change, hour(1)).await.unwrap().after.unwrap();
        assert!(!seen.contains(&after.generation), "{change:?}");
        seen.push(after.generation);
    }
    let gone = store.change_user("bob", UserChange::Removed, hour(1)).await.unwrap();
    assert_eq!(gone.after, None);
    add(store, "bob", Role::Viewer).await;
    assert!(!seen.contains(&store.user("bob").await.unwrap().unwrap().generation), "not even by a namesake");
}

pub async fn the_last_administrator_stays_one(store: &dyn Store) {
    add(store, "ann", Role::Admin).await;
    add(store, "bob", Role::Viewer).await;
    let before = store.users().await.unwrap();
    for change in [UserChange::Role(Role::Operator), UserChange::Disabled, UserChange::Removed] {
        let refused = store.change_user("ann", change, hour(1)).await;
        assert!(matches!(refused, Err(Error::LastAdministrator)), "{change:?}: {refused:?}");
    }
    assert_eq!(store.users().await.unwrap(), before);
    store.admit_outsider(&bob(), "outsider", Role::Admin, hour(1)).await.unwrap();
    let refused = store.change_user("ann", UserChange::Disabled, hour(1)).await;
    assert!(matches!(refused, Err(Error::LastAdministrator)), "an outsider is no way back in");
    add(store, "cleo", Role::Admin).await;
    store.change_user("ann", UserChange::Disabled, hour(1)).await.unwrap();
    let refused = store.change_user("cleo", UserChange::Removed, hour(1)).await;
    assert!(matches!(refused, Err(Error::LastAdministrator)), "a disabled one does not count");
}

pub async fn what_ends_a_persons_access_ends_their_tokens(store: &dyn Store) {
    add(store, "ann", Role::Admin).await;
    add(store, "bob", Role::Operator).await;
    let changes = [
        (UserChange::SignedOut, 0),
        (UserChange::Password("other"), 0),
        (UserChange::Role(Role::Viewer), 1),
        (UserChange::Disabled, 1),
        (UserChange::Reset { link_hash: &[3; 32], expires_at: hour(2) }, 1),
        (UserChange::Removed, 1),
    ];
    store.add_token(&[99; 32], &token(Some("ann"))).await.unwrap();
    for (number, (change, ended)) in (1_u8..).zip(changes) {
        let hash = [number; 32];
        store.add_token(&hash, &token(Some("Bob"))).await.unwrap();
        let tokens = store.change_user("bob", change, hour(1)).await.unwrap().tokens;
        let is_good = store.token(&hash, hour(1)).await.unwrap().is_some();
        assert_eq!((tokens > 0, is_good), (ended > 0, ended == 0), "{change:?}");
    }
    assert!(store.token(&[99; 32], hour(1)).await.unwrap().is_some(), "nobody else's");
}

pub async fn a_password_link_is_good_once_and_for_a_time(store: &dyn Store) {
    add(store, "ann", Role::Admin).await;
    let reset = |hash| UserChange::Reset { link_hash: hash, expires_at: hour(2) };
    store.change_user("ann", reset(&[1; 32]), hour(0)).await.unwrap();
    assert_eq!(store.user("ann").await.unwrap().unwrap().password_hash, "", "the old password is gone");
    store.change_user("ann", reset(&[2; 32]), hour(0)).await.unwrap();
    for (hash, at) in [([1; 32], 1), ([2; 32], 2)] {
        assert_eq!(store.password_link(&hash, hour(at)).await.unwrap(), None);
        let refused = store.redeem_password_link(&hash, "new", hour(at)).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "replaced, or expired");
    }
    assert_eq!(store.password_link(&[2; 32], hour(1)).await.unwrap().as_deref(), Some("ann"));
    let user = store.redeem_password_link(&[2; 32], "new", hour(1)).await.unwrap();
    assert_eq!(user.password_hash, "new");
    assert!(store.redeem_password_link(&[2; 32], "newer", hour(1)).await.is_err());
}

pub async fn an_outsider_is_known_by_issuer_and_subject_alone(store: &dyn Store) {
    add(store, "Bob", Role::Admin).await;
    let (before, first) = store.admit_outsider(&bob(), "bob", Role::Viewer, hour(0)).await.unwrap();
    assert_eq!((before, first.name.as_str(), first.role), (None, "bob (2)", Role::Viewer));
    assert_eq!(store.user("bob").await.unwrap().unwrap().role, Role::Admin, "a namesake is left alone");
    let (_, again) = store.admit_outsider(&bob(), "renamed", Role::Viewer, hour(0)).await.unwrap();
    assert_eq!(again, first);
    let other = Identity { subject: "s-2".into(), ..bob() };
    let (_, other) = store.admit_outsider(&other, "bob", Role::Viewer, hour(0)).await.unwrap();
    assert_eq!(other.name, "bob (3)");
    store.add_token(&[1; 32], &token(Some("bob (2)"))).await.unwrap();
    let (before, promoted) = store.admit_outsider(&bob(), "bob", Role::Operator, hour(0)).await.unwrap();
    assert_eq!((before.as_ref(), promoted.role), (Some(&first), Role::Operator));
    assert_ne!(promoted.generation, first.generation, "another role ends what was signed in");
    assert_eq!(store.token(&[1; 32], hour(1)).await.unwrap(), None);
}

pub async fn a_token_is_good_until_it_expires_or_is_revoked(store: &dyn Store) {
    let id = store.add_token(&[1; 32], &token(None)).await.unwrap();
    assert_eq!(store.token(&[1; 32], hour(9)).await.unwrap().unwrap().made, token(None));
    assert_eq!(store.token(&[1; 32], hour(10)).await.unwrap(), None);
    assert_eq!(store.token(&[2; 32], hour(9)).await.unwrap(), None);
    store.token_used(id, hour(3)).await.unwrap();
    assert_eq!(store.tokens().await.unwrap()[0].last_used_at, Some(hour(3)));
    assert_eq!(store.revoke_token(id, hour(4)).await.unwrap().revoked_at, Some(hour(4)));
    assert_eq!(store.token(&[1; 32], hour(5)).await.unwrap(), None);
    assert!(matches!(store.revoke_token(id, hour(5)).await, Err(Error::NotFound(_))));
    assert_eq!(store.tokens().await.unwrap().len(), 1, "still listed");
}

pub async fn the_audit_trail_is_filtered_paged_and_says_where_from(store: &dyn Store) {
    let entry = |at, who: &str, what: &str, account: Option<u32>| AuditEntry {
        at: hour(at),
        who: who.into(),
        what: what.into(),
        detail: serde_json::json!({ "account": account }),
    };
    store.audit(&entry(1, "schedule", "period.closed", Some(1))).await.unwrap();
    let origin = Origin { means: "session".into(), address: Some([192, 0, 2, 1].into()) };
    trail::arising(origin, store.audit(&entry(2, "Ann", "settings.changed", Some(2)))).await.unwrap();
    store.audit(&entry(3, "bob", "user.added", None)).await.unwrap();
    let all = || Wanted {
        who: String::new(),
        what: String::new(),
        account: None,
        from: None,
        until: None,
        before: None,
        limit: 10,
    };
    let found = async |wanted: Wanted| {
        let lines = store.audit_lines(&wanted).await.unwrap();
        lines.into_iter().map(|line| line.entry.who).collect::<Vec<_>>()
    };
    assert_eq!(found(all()).await, ["bob", "Ann", "schedule"]);
    assert_eq!(found(Wanted { who: "ann".into(), ..all() }).await, ["Ann"]);
    assert_eq!(found(Wanted { what: "closed".into(), ..all() }).await, ["schedule"]);
    assert_eq!(found(Wanted { account: Some(AccountId(2)), ..all() }).await, ["Ann"]);
    assert_eq!(found(Wanted { from: Some(hour(2)), until: Some(hour(3)), ..all() }).await, ["Ann"]);
    let first = store.audit_lines(&Wanted { limit: 2, ..all() }).await.unwrap();
    assert_eq!(found(Wanted { before: Some(first[1].id), ..all() }).await, ["schedule"]);
    assert_eq!((first[1].means.as_str(), first[1].address.as_str()), ("session", "192.0.2.1"));
    assert_eq!((first[0].means.as_str(), first[0].address.as_str()), ("schedule", ""));
}
