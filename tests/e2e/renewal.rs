//! Renewing a consent: the new grant takes the old one's place only when everything needed works with it.

use purser_domain::AccountId;
use purser_simulator::Faults;
use purser_store::accounts::{ConsentState, Grant, HostSettings};
use purser_store::people::AuditEntry;
use purser_store::{Accounts as _, People as _};
use purser_store_sqlite::SqliteStore;

use crate::journey::Journey;

const ACCOUNT: AccountId = AccountId(1);

impl Journey {
    /// What the store keeps.
    pub fn kept<T>(&self, act: impl AsyncFnOnce(SqliteStore) -> T) -> T {
        self.world.runtime.block_on(async {
            act(SqliteStore::open(self.data.path().join("purser.db")).await.unwrap()).await
        })
    }

    /// The grant of the only account.
    pub fn grant(&self) -> Grant {
        self.kept(async |store| store.grant(ACCOUNT).await.unwrap().unwrap())
    }

    /// Lines of the audit trail called so, the newest first.
    pub fn audited(&self, what: &str) -> Vec<AuditEntry> {
        let all = self.kept(async |store| store.audit_trail(100).await.unwrap());
        all.into_iter().filter(|entry| entry.what == what).collect()
    }
}

#[test]
fn a_renewal_that_does_not_pass_leaves_grant_state_and_settings_as_they_were() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let before = journey.grant();
    for (user, code, words) in [
        ("norole", "CSP-PRE-203", "Give the account Admin Agent"),
        ("nomfa", "CSP-PRE-101", "Switch multifactor authentication on"),
        ("global", "CSP-PRE-403", "typical of Global Admin + Sales Agent"),
    ] {
        let page = journey.connect_as(user).body;
        assert!(page.contains(code) && page.contains("nothing was changed"), "{user}:\n{page}");
        assert!(page.contains(words), "{user}:\n{page}");
        assert!(page.contains("What to do"), "{user}:\n{page}");
        assert_eq!(journey.grant(), before, "{user}");
        assert_eq!(journey.state(), Some(ConsentState::Active), "{user}");
    }
    let refused = journey.audited("consent.renewal_refused");
    assert_eq!(refused.len(), 3);
    assert!(journey.audited("consent.renewed").is_empty());
}

#[test]
fn a_renewal_by_another_user_says_so_and_is_audited_with_both_and_keeps_the_settings() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let (first, settings) = (
        journey.grant(),
        journey.kept(async |store| {
            let settings = store.settings(ACCOUNT).await.unwrap();
            let host = HostSettings { time: "05:15".into(), ..settings.host };
            let now = crate::world::NOW.parse().unwrap();
            store
                .save_settings(ACCOUNT, settings.revision, &host, &settings.plugin, "test", now)
                .await
                .unwrap()
        }),
    );
    let callback = journey.callback_as("billing");
    let confirm = journey.follow(&callback);
    assert!(confirm.body.contains("In place of") && confirm.body.contains(&first.user_name));
    assert_eq!(journey.grant(), first, "nothing is replaced before the confirmation");
    journey.confirm(&confirm);
    let second = journey.grant();
    assert_ne!((&second.user_id, &second.sealed), (&first.user_id, &first.sealed));
    assert!(second.version > first.version);
    // Agents are groups and have no id: only the directory role is told.
    let told = |roles: &[&str]| Some(roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>());
    assert_eq!((first.roles, second.roles), (told(&[]), told(&["Billing Admin"])));
    assert_eq!(journey.state(), Some(ConsentState::Active));
    assert_eq!(journey.kept(async |store| store.settings(ACCOUNT).await.unwrap()), settings);
    let detail = journey.audited("consent.renewed").remove(0).detail;
    assert_eq!(detail["before"]["user"], first.user_name.as_str());
    assert_eq!(detail["after"]["user"], second.user_name.as_str());
}

#[test]
fn a_role_that_lapses_is_told_as_such_and_mends_by_itself_when_it_returns() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let grant = journey.grant();
    let mut states = Vec::new();
    for role_missing in [true, true, false] {
        journey.world.simulator.set_faults(Faults { role_missing, ..Faults::default() });
        let table = journey.open("/connectors/microsoft-csp/accounts/1/preflight");
        journey.press(&table, "/preflight");
        states.push(journey.state().unwrap());
    }
    let ConsentState::Degraded(reason) = &states[0] else { panic!("{:?}", states[0]) };
    assert!(reason.what.contains("a role was there and is not now"), "{reason:?}");
    for part in ["(PIM)", "permanently", "no new consent is needed", "Admin Agent"] {
        assert!(reason.remedy.contains(part), "no {part:?}: {reason:?}");
    }
    assert_eq!(states[1], states[0], "the same trouble keeps its words and when it began");
    assert_eq!(states[2], ConsentState::Active);
    assert_eq!(journey.grant(), grant, "the consent itself was never in question");
}

#[test]
fn a_renewal_does_not_end_a_pause() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    journey.kept(async |store| store.set_consent_state(ACCOUNT, &ConsentState::Paused).await.unwrap());
    let before = journey.grant();
    journey.connect_as("service");
    assert_ne!(journey.grant().sealed, before.sealed);
    assert_eq!(journey.state(), Some(ConsentState::Paused));
}

#[test]
fn a_renewal_that_could_not_be_tried_replaces_nothing() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let before = journey.grant();
    let callback = journey.callback_as("service");
    let confirm = journey.follow(&callback);
    journey.world.simulator.set_faults(Faults { transient_token_errors: 1_000, ..Faults::default() });
    let page = journey.confirm(&confirm).body;
    assert!(page.contains("CON-NOT-TRIED") && page.contains("nothing was changed"), "{page}");
    assert_eq!(journey.grant(), before);
    assert_eq!(journey.state(), Some(ConsentState::Active));
}

#[test]
fn a_tenant_that_names_no_roles_connects_as_well() {
    let mut journey = Journey::begin(Faults { no_role_claim: true, ..Faults::default() });
    journey.connect_as("billing");
    assert_eq!(journey.grant().roles, None);
    assert_eq!(journey.state(), Some(ConsentState::Active));
}
