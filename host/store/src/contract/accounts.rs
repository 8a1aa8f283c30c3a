//! Claims about accounts, settings, grants and consent flows.

use super::world::{account, hour};
use crate::accounts::{ConsentState, Flow, Grant, HostSettings, Probe, Reason};
use crate::{Error, Store};

fn grant(version: u64) -> Grant {
    Grant {
        sealed: vec![1, 2, 3],
        key_version: 1,
        user_name: "ann@contoso.example".into(),
        user_id: "7".into(),
        roles: (version > 1).then(|| vec!["Billing".into()]),
        consented_at: hour(1),
        refreshed_at: hour(2),
        version,
    }
}

fn flow() -> Flow {
    Flow { handle_hash: [1; 32], session_hash: [2; 32], sealed: vec![3], expires_at: hour(1) }
}

pub async fn an_account_is_connected_once(store: &dyn Store) {
    let first = account(store, "contoso").await;
    assert_eq!(account(store, "contoso").await, first);
    assert_ne!(account(store, "fabrikam").await, first);
    assert_eq!(store.accounts().await.unwrap().len(), 2);
}

pub async fn a_consent_state_is_kept_with_its_reason(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let reason = Reason {
        code: "CON-1".into(),
        what: "the grant expired".into(),
        remedy: "consent again".into(),
        since: hour(3),
    };
    let state = ConsentState::NeedsConsent(reason);
    store.set_consent_state(account, &state).await.unwrap();
    store.rename_account(account, "Contoso Ltd").await.unwrap();
    let stored = store.account(account).await.unwrap();
    assert_eq!((stored.state, stored.title.as_str()), (state, "Contoso Ltd"));
}

pub async fn settings_are_saved_on_the_newest_revision_only(store: &dyn Store) {
    let account = account(store, "contoso").await;
    assert_eq!(store.settings(account).await.unwrap().revision, 0);
    let dutch = HostSettings { locale: "nl-NL".into(), ..HostSettings::default() };
    let plugin = serde_json::json!({"market": "NL"});
    let saved = store.save_settings(account, 0, &dutch, &plugin, "ann", hour(1)).await.unwrap();
    assert_eq!(saved, store.settings(account).await.unwrap());
    let late = store.save_settings(account, 0, &HostSettings::default(), &plugin, "bob", hour(2)).await;
    assert!(matches!(late, Err(Error::Conflict(_))));
    assert_eq!(store.settings_at(account, 1).await.unwrap().host.locale, "nl-NL");
    assert_eq!(store.settings_at(account, 0).await.unwrap().host, HostSettings::default());
}

pub async fn a_grant_is_written_over_the_expected_version_only(store: &dyn Store) {
    let account = account(store, "contoso").await;
    assert!(!store.any_grant().await.unwrap());
    store.put_grant(account, None, &grant(1)).await.unwrap();
    assert!(matches!(store.put_grant(account, None, &grant(1)).await, Err(Error::Conflict(_))));
    store.put_grant(account, Some(1), &grant(2)).await.unwrap();
    assert!(matches!(store.put_grant(account, Some(1), &grant(3)).await, Err(Error::Conflict(_))));
    assert_eq!(store.grant(account).await.unwrap(), Some(grant(2)));
    assert!(store.any_grant().await.unwrap());
    store.erase_grant(account).await.unwrap();
    assert_eq!(store.grant(account).await.unwrap(), None);
}

pub async fn a_flow_is_taken_once(store: &dyn Store) {
    store.put_flow(&flow(), hour(0)).await.unwrap();
    assert_eq!(store.take_flow(&[9; 32], hour(0)).await.unwrap(), None);
    assert_eq!(store.take_flow(&[1; 32], hour(0)).await.unwrap(), Some(flow()));
    assert_eq!(store.take_flow(&[1; 32], hour(0)).await.unwrap(), None);
}

pub async fn an_expired_flow_is_gone(store: &dyn Store) {
    store.put_flow(&flow(), hour(0)).await.unwrap();
    assert_eq!(store.take_flow(&[1; 32], hour(2)).await.unwrap(), None);
    assert_eq!(store.take_flow(&[1; 32], hour(0)).await.unwrap(), None);
}

pub async fn probes_are_replaced_as_a_table(store: &dyn Store) {
    let account = account(store, "contoso").await;
    let probe = |name: &str| Probe {
        name: name.into(),
        capability: "read customers".into(),
        verdict: "missing".into(),
        code: "PRE-1".into(),
        remedy: "ask for the role".into(),
        evidence: "403".into(),
        needed: true,
        probed_at: hour(1),
        ok_at: (name > "b").then(|| hour(0)),
    };
    store.put_probes(account, &[probe("b"), probe("a"), probe("c")]).await.unwrap();
    store.put_probes(account, &[probe("z"), probe("y")]).await.unwrap();
    assert_eq!(store.probes(account).await.unwrap(), [probe("z"), probe("y")]);
}
