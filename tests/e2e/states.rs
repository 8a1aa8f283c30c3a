//! What pages show when something is missing, empty, stale or refused: each state is brought about at the vendor or in the
//! store, and seen over HTTP with its code and remedy.

use purser_domain::AccountId;
use purser_simulator::{Action, Config, Faults, Rule};
use purser_store::Accounts as _;
use purser_store::accounts::{ConsentState, HostSettings, Probe};
use purser_store_sqlite::SqliteStore;
use scraper::Html;

use crate::journey::Journey;
use crate::visitor::Seen;
use crate::world::{NOW, World, wait_for};

const ACCOUNT: AccountId = AccountId(1);
const SETTINGS: &str = "/connectors/microsoft-csp/settings";
const PREFLIGHT: &str = "/connectors/microsoft-csp/accounts/1/preflight";

/// What a person reads of a page.
fn words(page: &Seen) -> String {
    let html = Html::parse_document(&page.body);
    html.root_element().text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// A small cloud, so that its runs are over soon.
fn small() -> Journey {
    let world = World::new(Config { customers: 3, records: 6, rated_records: 6, ..Config::default() });
    let data = world.empty_data();
    Journey::on(world, data, |_| {})
}

impl Journey {
    fn sees(&mut self, path: &str, parts: &[&str]) {
        let page = self.open(path);
        let seen = words(&page);
        for part in parts {
            assert!(seen.contains(part), "{path} does not say {part:?}:\n{seen}");
        }
    }

    fn store<T>(&self, act: impl AsyncFnOnce(SqliteStore) -> T) -> T {
        self.world.runtime.block_on(async {
            act(SqliteStore::open(self.data.path().join("purser.db")).await.unwrap()).await
        })
    }

    fn order(&mut self) -> Seen {
        let table = self.open(PREFLIGHT);
        self.press(&table, "/run")
    }

    /// Runs with these faults, to the end.
    fn run_with(&mut self, faults: Faults) {
        self.world.simulator.set_faults(faults);
        let former = self.world.newest_run(&self.data).map(|run| run.id);
        self.order();
        wait_for("the run", || {
            let newest = self.world.newest_run(&self.data)?;
            (Some(newest.id) != former && newest.finished_at.is_some()).then_some(())
        });
    }

    /// Tests the connection with these faults; the table as it is shown and as it is stored.
    fn probe_with(&mut self, faults: Faults) -> (String, Vec<Probe>) {
        self.world.simulator.set_faults(faults);
        let table = self.open(PREFLIGHT);
        let table = self.press(&table, "/preflight");
        let probes = self.store(async |store| store.probes(ACCOUNT).await.unwrap());
        (words(&table), probes)
    }
}

fn everywhere(action: Action) -> Faults {
    let paths = ["/v1/customers?", "/v1/invoices", "/export", "/ratecards"];
    paths.iter().fold(Faults::default(), |faults, path| faults.with(Rule::new(path, action.clone())))
}

fn refusal(status: u16, code: &str) -> Action {
    Action::Error { shape: 1, status, code: code.into(), message: "simulated".into() }
}

#[test]
fn each_preflight_row_says_what_is_missing_and_what_to_do() {
    let mut journey = small();
    let table = journey.connect_as("service");
    for code in ["CSP-PRE-100", "CSP-PRE-200", "CSP-PRE-300", "CSP-PRE-400", "CSP-PRE-500"] {
        assert!(table.body.contains(code), "{code}:\n{}", words(&table));
    }
    let table = [
        (
            "no multifactor authentication",
            Faults { mfa_missing: true, ..Faults::default() },
            [Some("CSP-PRE-101"), Some("CSP-PRE-201"), Some("CSP-PRE-301"), None, Some("CSP-PRE-501")],
            true,
        ),
        (
            "no role",
            Faults { role_missing: true, ..Faults::default() },
            [None, Some("CSP-PRE-203"), Some("CSP-PRE-303"), Some("CSP-PRE-403"), Some("CSP-PRE-503")],
            true,
        ),
        (
            "another audience",
            everywhere(refusal(401, "900420")),
            ["CSP-PRE-102", "CSP-PRE-202", "CSP-PRE-302", "CSP-PRE-401", "CSP-PRE-502"].map(Some),
            true,
        ),
        (
            "a grant that is not accepted",
            everywhere(refusal(401, "1")),
            [None, Some("CSP-PRE-204"), Some("CSP-PRE-304"), Some("CSP-PRE-401"), Some("CSP-PRE-504")],
            true,
        ),
        (
            "an answer nobody knows",
            everywhere(refusal(418, "1")),
            ["CSP-PRE-109", "CSP-PRE-209", "CSP-PRE-309", "CSP-PRE-409", "CSP-PRE-509"].map(Some),
            false,
        ),
    ];
    for (what, faults, codes, degrades) in table {
        journey.probe_with(Faults::default());
        let (seen, probes) = journey.probe_with(faults);
        for (probe, code) in probes.iter().zip(codes) {
            let Some(code) = code else { continue };
            assert_eq!(probe.code, code, "{what}: {probe:?}");
            assert!(seen.contains(code), "{what}: {code} is not shown:\n{seen}");
            assert!(
                !probe.remedy.is_empty() && seen.contains(&probe.remedy),
                "{what}: {}\n{seen}",
                probe.remedy
            );
        }
        assert_eq!(probes.len(), 5);
        let state = journey.state();
        assert_eq!(state != Some(ConsentState::Active), degrades, "{what}: {state:?}");
        assert_eq!(seen.contains("before daily runs can bring everything"), degrades, "{what}:\n{seen}");
    }
    journey.probe_with(Faults::default());
    assert_eq!(journey.state(), Some(ConsentState::Active), "mended, it is active again");
}

#[test]
fn empty_pages_say_what_comes_next() {
    let mut journey = small();
    journey.sees("/", &["Connect your first account", "Set up"]);
    journey.sees("/purchases", &["No Purchases yet: connect an account", "Connector Settings"]);
    journey.sees("/activity", &["Nothing has run yet", "Connect an account first"]);
    journey.sees("/connectors/microsoft-csp/customers", &["No customers yet", "No account is connected"]);
    journey.sees(SETTINGS, &["Nothing is retrieved until an account is connected"]);
    journey.sees(PREFLIGHT, &["WEB-NOT-FOUND", "What to do"]);

    journey.connect_as("service");
    journey.sees("/", &["Nothing has run yet"]);
    journey.sees("/purchases", &["First retrieval"]);
    journey.sees("/activity", &["Nothing has run yet", "Next run"]);
    journey.sees("/connectors/microsoft-csp/customers", &["The first retrieval has not run"]);
    journey.store(async |store| store.put_probes(ACCOUNT, &[]).await.unwrap());
    journey.sees(PREFLIGHT, &["The connection has not been tested yet"]);

    journey
        .world
        .simulator
        .set_faults(Faults::default().with(Rule::new("/v1/customers?", Action::Slow { ms: 2_500 })));
    journey.order();
    journey.sees("/purchases", &["The first retrieval is under way", "Follow the run"]);
    journey.world.wait_for_run(&journey.data);
    journey.sees("/purchases?search=nothing-is-called-so", &["No Purchase matches", "Clear the filter"]);
    journey.sees("/connectors/microsoft-csp/customers?search=nobody-is-called-so", &["No customer matches"]);
}

#[test]
fn a_run_that_brings_no_purchase_says_how_many_records_there_were() {
    let mut journey = small();
    journey.connect_as("service");
    journey.store(async |store| {
        let settings = store.settings(ACCOUNT).await.unwrap();
        let host = HostSettings { feeds: vec!["customers".into()], ..settings.host };
        let now = NOW.parse().unwrap();
        store.save_settings(ACCOUNT, settings.revision, &host, &settings.plugin, "test", now).await.unwrap();
    });
    journey.run_with(Faults::default());
    journey.sees("/purchases", &["Retrieved 3 records", "and no Purchase"]);
}

#[test]
fn a_failed_run_is_told_with_its_code_on_every_page_that_concerns_it() {
    let mut journey = small();
    journey.connect_as("service");
    journey.run_with(Faults { mfa_missing: true, ..Faults::default() });
    journey.sees("/purchases", &["The last run failed before it brought a Purchase", "what to do"]);
    journey.sees("/activity/1", &["RUN-CONSENT", "CSP-101", "What to do", "Renew the consent"]);
    journey.sees("/", &["CSP-101"]);
    journey.sees("/connectors/microsoft-csp", &["CSP-101", "Renew consent"]);
    journey.sees(SETTINGS, &["CSP-101", "RUN-CONSENT", "Renew consent"]);
    assert!(matches!(journey.state(), Some(ConsentState::NeedsConsent(_))));

    journey.world.simulator.set_faults(Faults::default());
    journey.connect_as("service");
    assert_eq!(journey.state(), Some(ConsentState::Active), "new consent mends it");
    journey.run_with(Faults::default());
    assert!(!words(&journey.open("/purchases")).contains("last run"));
}

#[test]
fn stale_and_held_purchases_are_said_so_above_the_list() {
    let mut journey = small();
    journey.connect_as("service");
    journey.run_with(Faults::default());
    let good = words(&journey.open("/purchases"));
    assert!(good.contains("Total of") && !good.contains("last run"), "{good}");

    journey.run_with(Faults { no_data: true, ..Faults::default() });
    journey.sees(
        "/purchases",
        &["last run brought only a part", "Data is complete up to 2026-11-16", "Total of"],
    );
    journey.sees("/activity/2", &["RUN-NO-DATA", "CSP-402", "What to do"]);

    journey.run_with(Faults { vanish_all: true, ..Faults::default() });
    journey.sees("/purchases", &["vanished at the vendor and still stand", "an operator has to look first"]);
    journey.sees("/activity/3", &["LED-VOID-EMPTY", "RUN-ZERO", "What to do", "Check at the vendor"]);
    assert!(words(&journey.open("/purchases")).contains("Total of"), "they stand");

    journey.run_with(Faults { no_data: true, role_missing: true, ..Faults::default() });
    journey.sees("/purchases", &["last run failed", "Data is complete up to 2026-11-16"]);
}

#[test]
fn what_is_not_there_or_cannot_be_read_has_its_code_and_remedy() {
    let mut journey = small();
    let table = [
        ("/no/such/page", "WEB-NOT-FOUND"),
        ("/activity/99", "WEB-NOT-FOUND"),
        ("/connectors/acme", "WEB-NOT-FOUND"),
        ("/connectors/microsoft-csp/accounts/9", "WEB-NOT-FOUND"),
        ("/purchases/0000", "WEB-"),
        ("/purchases?from=yesterday", "WEB-INPUT"),
        ("/connectors/microsoft-csp/consent/callback/global?error=access_denied&state=made-up", "CON-"),
    ];
    for (path, code) in table {
        journey.sees(path, &[code, "What to do"]);
    }
}

#[test]
fn a_licence_mode_changes_with_a_month_that_has_not_begun() {
    let mut journey = small();
    journey.connect_as("service");
    let account = "/connectors/microsoft-csp/accounts/1";
    let stored = |journey: &Journey| {
        let settings = journey.store(async |store| store.settings(ACCOUNT).await.unwrap());
        settings.plugin["charge_events_from"].as_str().unwrap_or_default().to_owned()
    };
    let save = |journey: &mut Journey, month: &str| {
        let form = journey.open(account).form_with("plugin.charge_events_from").unwrap();
        let sent = form.with("plugin.charge_events_from", month);
        journey.world.runtime.block_on(journey.visitor.send(sent)).unwrap()
    };
    // All clocks show November 2026.
    let refused = save(&mut journey, "2026-11");
    assert_eq!(refused.status, 422);
    for part in ["SET-PERIOD", "2026-11 has begun", "choose a month after the current one"] {
        assert!(words(&refused).contains(part), "no {part:?}:\n{}", words(&refused));
    }
    assert_eq!(stored(&journey), "");
    assert_eq!(save(&mut journey, "2026-12").status, 200);
    assert_eq!(stored(&journey), "2026-12");
    assert!(words(&save(&mut journey, "soon")).contains("SET-MONTH"));
    assert_eq!(stored(&journey), "2026-12");
}
