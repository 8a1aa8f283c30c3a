//! Consent by a link, given by somebody who has no account here, in a browser of their own: nothing uses it before an
//! operator accepts it, and nothing of it stays where nobody does.

use jiff::SignedDuration;
use purser_domain::Digest;
use purser_simulator::{Config, Faults};
use purser_store::accounts::{Account, ConsentState};
use purser_store::hand_overs::{HandOver, NewHandOver, Stage};
use purser_store::{Accounts as _, HandOvers as _, Keys as _, Runs as _};
use purser_store_sqlite::SqliteStore;
use url::Url;

use crate::journey::Journey;
use crate::planted::{Search, files, rows};
use crate::support::{stderr, stdout};
use crate::visitor::{Seen, Visitor};
use crate::world::{NOW, World, wait_for};

const SETTINGS: &str = "/connectors/microsoft-csp/settings";

/// The browser of somebody who has no account here.
struct Guest(Visitor);

impl Guest {
    fn new() -> Self {
        Self(Visitor::new().unwrap())
    }

    fn open(&mut self, journey: &Journey, url: &Url) -> Seen {
        journey.world.runtime.block_on(self.0.open(url)).unwrap()
    }

    /// Opens the link and signs in at the vendor; the page that follows.
    fn sign_in(&mut self, journey: &Journey, link: &Url, user: &str) -> Seen {
        let start = self.open(journey, link);
        assert!(start.body.contains("You are asked to consent"), "{}", start.body);
        let choice = self.open(journey, &start.address("/hand-over/sign-in").unwrap());
        let form = choice.form_with("user").unwrap().pressing("user", user);
        journey.world.runtime.block_on(self.0.send(form)).unwrap()
    }

    /// The same, and says yes.
    fn consent(&mut self, journey: &Journey, link: &Url, user: &str) -> Seen {
        let question = self.sign_in(journey, link, user);
        let form = question.form_to("/hand-over/confirm").unwrap();
        let done = journey.world.runtime.block_on(self.0.send(form)).unwrap();
        assert!(done.body.contains("Thank you"), "{}", done.body);
        done
    }
}

impl Journey {
    /// An operator makes a link; for a renewal, of the only account.
    fn link(&mut self, is_renewal: bool) -> Url {
        let settings = self.open(SETTINGS);
        let mut form = settings.form_to("/hand-overs").unwrap();
        if is_renewal {
            form = settings.form_with("renew").unwrap();
        }
        let made = self.world.runtime.block_on(self.visitor.send(form)).unwrap();
        let text = made.body.split("/hand-over/").nth(1).unwrap();
        self.at(&format!("/hand-over/{}", &text[..64]))
    }

    /// An operator decides about the newest.
    fn decide(&mut self, act: &str) -> Seen {
        let settings = self.open(SETTINGS);
        let mut form = settings.form_with("act").unwrap();
        form.values = vec![("act".into(), act.into())];
        self.world.runtime.block_on(self.visitor.send(form)).unwrap()
    }

    fn account(&self) -> Option<Account> {
        self.kept(async |store| store.accounts().await.unwrap().into_iter().next())
    }

    fn handed(&self, id: i64) -> HandOver {
        self.kept(async |store| store.hand_over(id).await.unwrap())
    }

    /// How many sealed grants there are, kept aside or not.
    fn sealed(&self) -> usize {
        self.kept(async |store| store.sealed_grants().await.unwrap().len())
    }
}

/// A hand-over whose time is over when a server starts.
fn expired() -> NewHandOver {
    let at: jiff::Timestamp = NOW.parse().unwrap();
    NewHandOver {
        connector: "microsoft-csp".parse().unwrap(),
        cloud: "global".into(),
        account: None,
        made_by: "admin".into(),
        made_at: at - SignedDuration::from_hours(168),
        expires_at: at,
    }
}

#[test]
fn a_partner_without_an_account_connects_and_nothing_uses_it_before_an_operator_accepts() {
    let mut journey = Journey::begin(Faults::default());
    let (link, mut guest) = (journey.link(false), Guest::new());
    let question = guest.sign_in(&journey, &link, "service");
    assert!(question.body.contains("service@simulated-partner.example"));
    assert!(!question.url.as_str().contains("code="), "the code does not stay in the address");
    assert_eq!((journey.account(), journey.sealed()), (None, 0), "nothing is stored before the yes");
    let done = guest.consent(&journey, &link, "service");
    assert!(done.body.contains("nothing that is needed is missing"), "{}", done.body);

    let account = journey.account().unwrap();
    assert_eq!(account.state, ConsentState::Verifying);
    assert_eq!(journey.kept(async |store| store.grant(account.id).await.unwrap()), None);
    let page = journey.open("/connectors/microsoft-csp/accounts/1/preflight");
    let before = journey.world.simulator.requests().len();
    for address in ["/run", "/preflight"] {
        let refused = journey.press(&page, address);
        assert!(refused.body.contains("CON-HAND-OVER-WAITS"), "{address}: {}", refused.body);
    }
    assert_eq!(journey.world.simulator.requests().len(), before, "the vendor was asked nothing");
    assert!(journey.kept(async |store| store.runs(None, 1).await.unwrap()).is_empty());
    assert_eq!(journey.account().unwrap().state, ConsentState::Verifying);

    let settings = journey.open(SETTINGS).body;
    assert!(
        settings.contains("Waits for your decision")
            && settings.contains("service@simulated-partner.example")
    );
    let table = journey.decide("accept");
    assert!(table.body.contains("The consent is accepted."), "{}", table.body);
    assert_eq!(journey.state(), Some(ConsentState::Active));
    assert_eq!(journey.grant().user_name, "service@simulated-partner.example");
    assert_eq!(journey.sealed(), 1, "nothing is kept aside any more");
    journey.press(&table, "/run");
    journey.world.wait_for_run(&journey.data);
    let who = |what: &str| journey.audited(what).remove(0).who;
    assert_eq!(
        ["hand-over.made", "hand-over.answered", "hand-over.accepted"].map(who),
        ["admin", "hand-over 1", "admin"]
    );
}

#[test]
fn a_renewal_by_another_user_replaces_nothing_before_it_is_accepted() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let former = journey.grant();
    let link = journey.link(true);
    Guest::new().consent(&journey, &link, "billing");
    assert_eq!((journey.grant(), journey.state()), (former.clone(), Some(ConsentState::Active)));
    let table = journey.open("/connectors/microsoft-csp/accounts/1/preflight");
    assert!(journey.press(&table, "/preflight").status == 200, "what stands goes on");
    journey.decide("accept");
    let renewed = journey.grant();
    assert_eq!(renewed.user_name, "billing@simulated-partner.example");
    assert!(renewed.version > former.version && renewed.sealed != former.sealed);
    assert_eq!((journey.state(), journey.sealed()), (Some(ConsentState::Active), 1));
    let detail = journey.audited("hand-over.accepted").remove(0).detail;
    assert_eq!(detail["before"]["user"], former.user_name.as_str());
    assert_eq!(detail["after"]["user"], renewed.user_name.as_str());
}

#[test]
fn what_is_missing_is_told_to_both_and_a_renewal_without_it_is_not_accepted_until_it_is_there() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let former = journey.grant();
    journey.world.simulator.set_faults(Faults { role_missing: true, ..Faults::default() });
    let link = journey.link(true);
    let done = Guest::new().consent(&journey, &link, "service");
    for part in ["CSP-PRE-203", "Give the account Admin Agent", "What does not work yet"] {
        assert!(done.body.contains(part), "{part}: {}", done.body);
    }
    assert!(journey.open(SETTINGS).body.contains("CSP-PRE-203"));
    let refused = journey.decide("accept");
    assert!(refused.status == 409 && refused.body.contains("nothing was changed"), "{}", refused.body);
    assert_eq!(journey.grant(), former);
    assert_eq!(journey.audited("hand-over.acceptance_refused").len(), 1);
    journey.world.simulator.set_faults(Faults::default());
    journey.decide("accept");
    assert_ne!(journey.grant().sealed, former.sealed, "it was tried again");
}

#[test]
fn a_rejected_consent_leaves_nothing() {
    let mut journey = Journey::begin(Faults::default());
    let link = journey.link(false);
    Guest::new().consent(&journey, &link, "service");
    assert_eq!(journey.sealed(), 1);
    let page = journey.decide("reject");
    assert!(page.body.contains("rejected and erased"), "{}", page.body);
    assert_eq!((journey.account(), journey.sealed()), (None, 0));
    assert_eq!(journey.handed(1).stage, Stage::Rejected);
    assert_eq!(journey.audited("hand-over.rejected").remove(0).detail["before"]["stage"], "answered");
}

#[test]
fn of_a_rejected_renewal_what_stood_before_stands() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let (former, link) = (journey.grant(), journey.link(true));
    Guest::new().consent(&journey, &link, "billing");
    journey.decide("reject");
    assert_eq!((journey.grant(), journey.state()), (former, Some(ConsentState::Active)));
    assert_eq!(journey.sealed(), 1);
}

#[test]
fn disconnecting_takes_back_what_was_handed_over_too() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let link = journey.link(true);
    Guest::new().consent(&journey, &link, "billing");
    assert_eq!(journey.sealed(), 2);
    let settings = journey.open(SETTINGS);
    journey.press(&settings, "/disconnect");
    assert_eq!(journey.sealed(), 0);
    assert_eq!(journey.account().unwrap().state, ConsentState::Disconnected);
    assert_eq!(journey.handed(1).stage, Stage::Withdrawn);
}

#[test]
fn another_tenant_may_not_renew() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let (former, link, mut guest) = (journey.grant(), journey.link(true), Guest::new());
    let refused = guest.sign_in(&journey, &link, "other");
    assert!(refused.form_to("/hand-over/confirm").is_err(), "the vendor's own page: {}", refused.body);
    assert_eq!((journey.grant(), journey.sealed()), (former, 1));
    assert_eq!(journey.handed(1).stage, Stage::Open, "the right one may still come");
    guest.consent(&journey, &link, "service");
}

#[test]
fn a_tenant_that_the_vendor_lets_through_is_compared_here() {
    let mut journey = Journey::begin(Faults::default());
    // A tenant's path at which the vendor admits every tenant.
    let now = NOW.parse().unwrap();
    journey.kept(async |store| {
        let connector = "microsoft-csp".parse().unwrap();
        store.connect_account(&connector, "global", "organizations", "Any", now).await.unwrap();
    });
    let (link, mut guest) = (journey.link(true), Guest::new());
    let refused = guest.sign_in(&journey, &link, "service");
    assert!(refused.body.contains("CON-WRONG-TENANT"), "{}", refused.body);
    assert!(refused.body.contains("Back to the beginning") && refused.form_to("/hand-over/confirm").is_err());
    assert_eq!((journey.sealed(), journey.handed(1).stage), (0, Stage::Open));
}

#[test]
fn a_link_that_was_answered_withdrawn_or_is_too_old_opens_nothing() {
    let mut journey = Journey::begin(Faults::default());
    let answered = journey.link(false);
    let mut guest = Guest::new();
    let mut second = Guest::new();
    second.open(&journey, &answered);
    guest.consent(&journey, &answered, "service");
    journey.decide("accept");
    let withdrawn = journey.link(false);
    let mut third = Guest::new();
    assert_eq!(third.open(&journey, &withdrawn).status, 200);
    journey.decide("withdraw");
    let old = journey.at(&format!("/hand-over/{}", "0".repeat(64)));
    journey.kept(async |store| {
        store.add_hand_over(Digest::of("0".repeat(64).as_bytes()).as_bytes(), &expired()).await.unwrap();
    });
    for link in [&answered, &withdrawn, &old] {
        let refused = Guest::new().open(&journey, link);
        assert!(refused.status == 410 && refused.body.contains("WEB-HAND-OVER-USED"), "{}", refused.body);
    }
    // Nor do sessions that were begun before.
    for guest in [&mut second, &mut third] {
        let page = guest.open(&journey, &journey.at("/hand-over/sign-in"));
        assert!(page.status == 410 && page.body.contains("WEB-HAND-OVER-USED"), "{}", page.body);
    }
    assert_eq!(guest.open(&journey, &journey.at("/hand-over")).status, 403, "its session has ended");
}

#[test]
fn what_nobody_answered_in_time_ends_by_itself_and_is_written_down() {
    let world = World::new(Config { customers: 1, ..Config::default() });
    let data = world.empty_data();
    world.runtime.block_on(async {
        let store = SqliteStore::open(data.path().join("purser.db")).await.unwrap();
        store.add_hand_over(&[7; 32], &expired()).await.unwrap();
    });
    let journey = Journey::on(world, data, |_| {});
    let entry = wait_for("the end of the hand-over", || journey.audited("hand-over.expired").pop());
    assert_eq!((entry.who.as_str(), entry.detail["before"].as_str()), ("schedule", Some("open")));
    assert_eq!(journey.handed(1).stage, Stage::Expired);
}

#[test]
fn the_session_of_a_hand_over_sees_nothing_else_and_its_answer_is_its_own() {
    let mut journey = Journey::begin(Faults::default());
    journey.connect_as("service");
    let (link, mut guest) = (journey.link(true), Guest::new());
    guest.open(&journey, &link);
    for path in
        ["/", SETTINGS, "/purchases", "/audit", "/connectors/microsoft-csp/consent/start?cloud=global"]
    {
        let page = guest.open(&journey, &journey.at(path));
        assert_eq!(page.url.path(), "/sign-in", "{path}");
    }
    // What an operator began is not finished by a guest, nor the other way round.
    let callback = journey.callback_as("service");
    let refused = guest.open(&journey, &callback);
    assert!(refused.body.contains("CON-OTHER-SESSION"), "{}", refused.body);
    let choice = guest.open(&journey, &journey.at("/hand-over/sign-in"));
    let form = choice.form_with("user").unwrap().pressing("user", "service");
    let crate::visitor::Hop::To(callback) = journey.world.runtime.block_on(guest.0.send_once(form)).unwrap()
    else {
        panic!("the vendor does not redirect");
    };
    let refused = journey.follow(&callback);
    assert!(refused.body.contains("CON-OTHER-SESSION"), "{}", refused.body);
    let nobody = Guest::new().open(&journey, &callback);
    assert!(nobody.url.path() == "/sign-in" && !nobody.url.as_str().contains("code"), "{}", nobody.url);
}

#[test]
fn the_token_of_a_link_is_in_no_file_row_or_log() {
    let world = World::new(Config { customers: 1, ..Config::default() });
    let data = world.empty_data();
    world.purser(&data).args(["run", "1"]).output().unwrap();
    let mut journey = Journey::on(world, data, |server| {
        server.env("RUST_LOG", "trace");
    });
    let link = journey.link(false);
    Guest::new().consent(&journey, &link, "service");
    Guest::new().open(&journey, &link);
    let token = link.path().rsplit('/').next().unwrap().to_owned();
    let search =
        Search::new([("the token", token.as_str()), ("the user", "service@simulated-partner.example")]);
    let mut places = files(journey.data.path());
    places.extend(journey.kept(async |store| rows(&store).await));
    let log = &places.iter().find(|(place, _)| place == "server.log").unwrap().1;
    assert!(String::from_utf8_lossy(log).contains("TRACE"));
    let found = search.found(&places);
    assert!(found.iter().any(|it| it.starts_with("the user as")), "the search finds what is there");
    assert_eq!(
        found.into_iter().filter(|it| it.starts_with("the token")).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
}

#[test]
fn a_grant_kept_aside_outlives_the_rotation_of_keys_and_goes_when_they_are_given_up() {
    let mut journey = Journey::begin(Faults::default());
    let link = journey.link(false);
    Guest::new().consent(&journey, &link, "service");
    let keys = |journey: &Journey, arguments: &[&str]| {
        let output = journey.world.purser(&journey.data).arg("keys").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    assert!(keys(&journey, &["status"]).contains("version 1: seals, 1 grants"));
    keys(&journey, &["rotate"]);
    let status = keys(&journey, &["status"]);
    assert!(status.contains("version 2: seals, 1 grants"), "{status}");
    wait_for("the server to take the new key", || {
        let output = journey.world.purser(&journey.data).args(["keys", "retire", "1"]).output().unwrap();
        output.status.success().then_some(())
    });
    journey.decide("accept");
    assert_eq!(journey.state(), Some(ConsentState::Active));
    assert_eq!(journey.grant().key_version, 2);

    let link = journey.link(true);
    Guest::new().consent(&journey, &link, "service");
    let (world, data) = journey.stop();
    let output = world.purser(&data).args(["keys", "abandon", "--erase-consents"]).output().unwrap();
    assert!(stdout(&output).contains("2 consents were erased"), "{}", stderr(&output));
}
