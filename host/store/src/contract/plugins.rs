//! Claims about plugin versions and who plays which role.

use purser_domain::{Cast, ConnectorId, Digest, Role};

use super::world::{account, hour, order};
use crate::plugins::{Cause, Change, Needs, Pin, Swap, Version, Vouchers};
use crate::runs::{Order, RunState};
use crate::{Error, Store};

fn sample() -> ConnectorId {
    "sample".parse().unwrap()
}

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn version(name: &str, hours: i64) -> Version {
    Version {
        digest: digest(name),
        connector: sample(),
        plugin: "sample".into(),
        version: "1.0.0".into(),
        title: "Sample".into(),
        publisher: "Tests".into(),
        roles: Role::ALL.to_vec(),
        asks: vec!["GET /usage".into()],
        source: format!("{name}.wasm"),
        installed_at: hour(hours),
        installed_by: "anna".into(),
        barred: None,
    }
}

fn change(swaps: &[(Role, Option<&str>, &str)], granted: &[&str]) -> Change {
    let swap = |(role, former, name): &(Role, Option<&str>, &str)| Swap {
        role: *role,
        former: former.map(digest),
        digest: digest(name),
    };
    Change {
        connector: sample(),
        swaps: swaps.iter().map(swap).collect(),
        granted: granted.iter().map(|ask| (*ask).to_owned()).collect(),
        cause: Cause::Activated,
        at: hour(3),
        who: "anna".into(),
    }
}

async fn installed(store: &dyn Store, names: &[&str]) {
    for name in names {
        assert!(store.add_version(&version(name, 1)).await.unwrap());
    }
}

async fn players(store: &dyn Store) -> Vec<(Role, Digest)> {
    store.pins().await.unwrap().into_iter().map(|pin| (pin.role, pin.digest)).collect()
}

pub async fn a_plugin_version_is_installed_once(store: &dyn Store) {
    assert!(store.add_version(&version("first", 1)).await.unwrap());
    assert!(store.add_version(&version("second", 2)).await.unwrap());
    let again = Version { source: "elsewhere".into(), ..version("first", 9) };
    assert!(!store.add_version(&again).await.unwrap());
    let known = [version("second", 2), version("first", 1)];
    assert_eq!(store.versions(None).await.unwrap(), known, "the newest first, as first installed");
    assert_eq!(store.versions(Some(&sample())).await.unwrap(), known);
    assert_eq!(store.versions(Some(&"other".parse().unwrap())).await.unwrap(), []);
    store.remove_version(digest("first")).await.unwrap();
    assert_eq!(store.versions(None).await.unwrap(), [version("second", 2)]);
    assert!(matches!(store.remove_version(digest("first")).await, Err(Error::NotFound(_))));
}

pub async fn a_role_changes_hands_only_from_what_was_seen(store: &dyn Store) {
    installed(store, &["first", "second"]).await;
    store
        .change_pins(&change(&[(Role::Crawl, None, "first"), (Role::Mapping, None, "first")], &[]))
        .await
        .unwrap();
    let late =
        change(&[(Role::Mapping, Some("first"), "second"), (Role::Crawl, None, "second")], &["GET /more"]);
    assert!(matches!(store.change_pins(&late).await, Err(Error::Conflict(_))));
    let before = [(Role::Crawl, digest("first")), (Role::Mapping, digest("first"))];
    assert_eq!(players(store).await, before, "all or none");
    assert_eq!(store.plugin_grants(&sample()).await.unwrap(), [""; 0]);
    store.change_pins(&change(&[(Role::Mapping, Some("first"), "second")], &["GET /more"])).await.unwrap();
    let mapping = Pin { connector: sample(), role: Role::Mapping, digest: digest("second") };
    assert!(store.pins().await.unwrap().contains(&mapping));
    assert_eq!(store.plugin_grants(&sample()).await.unwrap(), ["GET /more"]);
}

pub async fn only_what_is_installed_and_not_barred_plays_a_role(store: &dyn Store) {
    installed(store, &["first"]).await;
    let unknown = store.change_pins(&change(&[(Role::Crawl, None, "unknown")], &[])).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
    let foreign =
        Change { connector: "other".parse().unwrap(), ..change(&[(Role::Crawl, None, "first")], &[]) };
    assert!(matches!(store.change_pins(&foreign).await, Err(Error::NotFound(_))));
    store.bar_version(digest("first"), Some("it crashed")).await.unwrap();
    assert_eq!(store.versions(None).await.unwrap()[0].barred.as_deref(), Some("it crashed"));
    assert!(store.change_pins(&change(&[(Role::Crawl, None, "first")], &[])).await.is_err());
    store.bar_version(digest("first"), None).await.unwrap();
    store.change_pins(&change(&[(Role::Crawl, None, "first")], &[])).await.unwrap();
    assert!(matches!(store.bar_version(digest("unknown"), None).await, Err(Error::NotFound(_))));
}

pub async fn every_change_of_a_role_stays_in_its_history(store: &dyn Store) {
    installed(store, &["first", "second"]).await;
    store.change_pins(&change(&[(Role::Crawl, None, "first")], &[])).await.unwrap();
    let back = Change {
        cause: Cause::RolledBack,
        at: hour(4),
        ..change(&[(Role::Crawl, Some("first"), "second")], &[])
    };
    store.change_pins(&back).await.unwrap();
    let changes = store.pin_changes(&sample(), 10).await.unwrap();
    let told: Vec<_> = changes.iter().map(|it| (it.swap.former, it.swap.digest, it.cause, it.at)).collect();
    assert_eq!(
        told,
        [
            (Some(digest("first")), digest("second"), Cause::RolledBack, hour(4)),
            (None, digest("first"), Cause::Activated, hour(3)),
        ]
    );
    assert_eq!(store.pin_changes(&sample(), 1).await.unwrap().len(), 1);
}

pub async fn a_version_in_use_is_not_removed(store: &dyn Store) {
    installed(store, &["first", "second"]).await;
    store.change_pins(&change(&[(Role::Crawl, None, "first")], &[])).await.unwrap();
    assert!(matches!(store.remove_version(digest("first")).await, Err(Error::Conflict(_))));
    let account = account(store, "contoso").await;
    let cast = Cast::one(digest("first")).with(Role::Mapping, digest("second"));
    let ordered = Order { cast, ..order(account, hour(1)) };
    let run = store.order_run(&ordered, hour(1)).await.unwrap().unwrap();
    assert_eq!(store.run(run).await.unwrap().order.cast, cast);
    let needs = store.needs_of_version(digest("second")).await.unwrap();
    assert_eq!(needs, Needs { is_active: false, open_runs: 1, runs: 1 });
    assert!(matches!(store.remove_version(digest("second")).await, Err(Error::Conflict(_))));
    let (_, fence) = store.claim_run(hour(1), hour(2)).await.unwrap().unwrap();
    store.finish_run(fence, RunState::Succeeded, &serde_json::json!({}), hour(2)).await.unwrap();
    let needs = store.needs_of_version(digest("second")).await.unwrap();
    assert_eq!(needs, Needs { is_active: false, open_runs: 0, runs: 1 });
    store.remove_version(digest("second")).await.unwrap();
}

fn signed(signatures: &[(&str, &str)]) -> Vouchers {
    let signatures = signatures.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    Vouchers { bundled: false, signatures: signatures.collect() }
}

pub async fn what_speaks_for_a_version_is_added_to_and_outlives_it(store: &dyn Store) {
    installed(store, &["first", "second"]).await;
    assert_eq!(store.vouchers_of_version(digest("first")).await.unwrap(), Vouchers::default());
    let given = [signed(&[("A", "by anna"), ("B", "wrong")]), signed(&[("B", "by bob")])];
    for vouchers in &given {
        store.vouch_for_version(digest("first"), vouchers).await.unwrap();
    }
    let both = signed(&[("A", "by anna"), ("B", "by bob")]);
    assert_eq!(store.vouchers_of_version(digest("first")).await.unwrap(), both, "a key signs once");
    assert_eq!(store.vouchers_of_version(digest("second")).await.unwrap(), Vouchers::default());
    let bundled = Vouchers { bundled: true, ..Vouchers::default() };
    for _ in 0..2 {
        store.vouch_for_version(digest("first"), &bundled).await.unwrap();
    }
    let all = Vouchers { bundled: true, ..both };
    assert_eq!(store.vouchers_of_version(digest("first")).await.unwrap(), all);
    store.remove_version(digest("first")).await.unwrap();
    assert_eq!(store.vouchers_of_version(digest("first")).await.unwrap(), all, "its bytes may stay, too");
}
