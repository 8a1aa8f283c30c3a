//! What a vendor does wrong, one by one: the run says so with a code and a remedy, and what is stored stays.

use std::process::Output;

use purser_domain::AccountId;
use purser_pipeline::report::{Note, Report};
use purser_simulator::{Action, Config, Faults, Rule};
use purser_store::Accounts as _;
use purser_store::accounts::{ConsentState, HostSettings};
use purser_store::runs::{Run, RunState};
use purser_store_sqlite::SqliteStore;
use serde_json::json;

use crate::support::{stderr, stdout};
use crate::world::{Data, NOW, World};

const ACCOUNT: AccountId = AccountId(1);
const SEATS: &[&str] = &["customers", "licences"];
const USAGE: &[&str] = &["customers", "licences", "utilization"];
const RATED: &[&str] = &["customers", "licences", "rated-usage"];
const USAGE_PATH: &str = "/utilizations/azure?";
/// When the second run starts: a run that began no later than the stored one would be older than what is stored.
const LATER: &str = "2026-11-16T18:30:00Z";
/// One reported day inside the window of a run at [`NOW`].
const ONE_DAY: &str = "start_time=2026-11-14";

/// One customer's cloud, and a data directory in which one good run has stored everything.
struct Stored {
    world: World,
    data: Data,
}

/// A run with faults over what is stored.
struct Again {
    output: Output,
    run: Run,
    report: Report,
    consent: ConsentState,
    before: String,
    after: String,
}

impl Stored {
    fn new(feeds: &[&str]) -> Self {
        Self::of(Config { customers: 1, records: 12, rated_records: 12, ..Config::default() }, feeds)
    }

    fn of(config: Config, feeds: &[&str]) -> Self {
        let world = World::unbilled(config);
        let data = world.data();
        let stored = Self { world, data };
        stored.choose(feeds);
        let output = stored.run(&stored.data, NOW);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        // Another settings revision: what the vendor calls unchanged is read again, and meets the faults.
        stored.choose(feeds);
        stored
    }

    fn choose(&self, feeds: &[&str]) {
        self.world.runtime.block_on(async {
            let store = SqliteStore::open(self.data.path().join("purser.db")).await.unwrap();
            let settings = store.settings(ACCOUNT).await.unwrap();
            let feeds = feeds.iter().map(|&feed| feed.to_owned()).collect();
            let host = HostSettings { feeds, ..settings.host };
            let now = NOW.parse().unwrap();
            // Of one customer there is usage in one currency only, and of this month.
            let plugin = json!({ "currencies": ["EUR"], "last_period": false });
            store.save_settings(ACCOUNT, settings.revision, &host, &plugin, "test", now).await.unwrap();
            store.close().await;
        });
    }

    fn run(&self, data: &Data, clock: &str) -> Output {
        self.world.purser(data).env("PURSER_CLOCK", clock).args(["run", "1"]).output().unwrap()
    }

    /// A second run on a copy of what is stored.
    fn again(&self, faults: Faults) -> Again {
        let data = self.data.copy();
        let before = self.world.export(&data);
        assert!(before.lines().count() > 3, "too little is stored to prove anything:\n{before}");
        self.world.simulator.set_faults(faults);
        let output = self.run(&data, LATER);
        let run = self.world.newest_run(&data).unwrap();
        let report = serde_json::from_value(run.report.clone()).unwrap();
        let consent = self.world.runtime.block_on(async {
            let store = SqliteStore::open(data.path().join("purser.db")).await.unwrap();
            store.account(ACCOUNT).await.unwrap().state
        });
        Again { output, run, report, consent, before, after: self.world.export(&data) }
    }

    /// One fault: the state the run ends in, and the code it names; an empty code: none at all.
    fn check(&self, what: &str, faults: Faults, state: RunState, code: &str) -> Again {
        let again = self.again(faults);
        let shown = format!("{what}:\n{}{}", stdout(&again.output), stderr(&again.output));
        assert_eq!(again.run.state, state, "{shown}");
        assert!(again.before == again.after, "what was stored has changed · {shown}");
        assert!(!stderr(&again.output).contains("panicked"), "{shown}");
        if code.is_empty() {
            assert_eq!(again.report.notes, [], "{shown}");
        } else {
            let note = again.note(code).unwrap_or_else(|| panic!("no {code} · {shown}"));
            assert!(note.remedy.len() > 15, "no remedy for {code} · {shown}");
            assert!(stdout(&again.output).contains(code), "{shown}");
        }
        again
    }
}

impl Again {
    /// The first note with this code, which may be the plugin's own.
    fn note(&self, code: &str) -> Option<&Note> {
        self.report.notes.iter().find(|note| note.code == code || note.what.starts_with(code))
    }
}

fn rule(path: &str, action: Action) -> Rule {
    Rule::new(path, action)
}

fn only(rule: Rule) -> Faults {
    Faults::default().with(rule)
}

fn throttle(retry_after: Option<u32>, as_date: bool) -> Action {
    Action::Throttle { retry_after, as_date, text: false }
}

fn status(status: u16, body: &str) -> Action {
    Action::Status { status, body: body.into(), headers: [("Retry-After".into(), "0".into())].into() }
}

fn change(pointer: &str, value: serde_json::Value) -> Action {
    Action::ChangeField { pointer: pointer.into(), value }
}

fn error(shape: u8, status: u16, code: &str) -> Action {
    Action::Error { shape, status, code: code.into(), message: "simulated trouble".into() }
}

#[test]
fn what_passes_by_itself_leaves_a_green_run() {
    let stored = Stored::new(USAGE);
    let table = [
        ("a storm with seconds", rule("/utilizations", throttle(Some(1), false)).first(2).each_path()),
        ("a storm with a date", rule("/utilizations", throttle(Some(1), true)).first(2).each_path()),
        (
            "a storm that says it in words only",
            rule("/utilizations", throttle(None, false)).first(1).each_path(),
        ),
        ("a storm with doubled seconds", rule("/v1/customers?", status(429, "")).first(3)),
        ("trouble at the vendor", rule("/utilizations", status(503, "<html>")).first(2).each_path()),
        ("slow answers", rule("/utilizations", Action::Slow { ms: 600 })),
        ("bodies cut off", rule("/utilizations", Action::CutOff { keep: 50 }).first(1).each_path()),
        (
            "answers too early",
            rule("/utilizations", Action::Empty { retry_after: Some(0) }).first(3).each_path(),
        ),
    ];
    for (what, rule) in table {
        stored.check(what, only(rule), RunState::Succeeded, "");
    }
}

#[test]
fn an_export_that_stumbles_leaves_a_green_run() {
    let stored = Stored::new(RATED);
    let table = [
        ("a blob cut off", rule("/blobs/", Action::CutOff { keep: 60 }).first(1)),
        ("a gzip too short", rule("/blobs/", Action::Truncate { keep: 60 }).first(1)),
        ("a blob's host in trouble", rule("/blobs/", status(500, "")).first(1)),
        ("an order throttled", rule("/export", throttle(Some(0), false)).first(2)),
        ("a poll throttled", rule("/operations/", throttle(Some(0), false)).first(2)),
    ];
    for (what, rule) in table {
        stored.check(what, only(rule), RunState::Succeeded, "");
    }
}

#[test]
fn what_does_not_pass_leaves_its_part_as_it_was_and_the_run_partial() {
    let stored = Stored::new(USAGE);
    let table = [
        ("a storm without end", throttle(Some(0), false), "RUN-PATIENCE"),
        ("trouble without end", status(503, ""), "RUN-PATIENCE"),
        ("usage that is never ready", Action::Empty { retry_after: Some(0) }, "CSP-401"),
        ("a page that is not JSON", Action::NotJson {}, "RUN-NO-PAGE"),
        ("a page without its items", Action::RemoveField { pointer: "/items".into() }, "RUN-NO-PAGE"),
        ("a next page without a token", change("/links/next", json!({ "uri": "x" })), "CSP-405"),
    ];
    for (what, action, code) in table {
        let again = stored.check(what, only(rule(ONE_DAY, action)), RunState::Partial, code);
        assert!(again.report.committed > 0, "{what}: the other parts are committed");
    }
}

#[test]
fn an_answer_that_is_always_cut_off_is_told_after_some_patience() {
    let stored = Stored::new(USAGE);
    let faults = only(rule(ONE_DAY, Action::CutOff { keep: 50 }))
        .with(rule("start_time=2026-11-13", Action::Truncate { keep: 50 }));
    let again = stored.check("cut off for ever", faults, RunState::Partial, "VND-CUT-OFF");
    assert!(again.report.notes.iter().all(|note| !note.remedy.is_empty()), "{:?}", again.report.notes);
    assert!(again.report.notes.len() >= 2, "a truncated page is told as well: {:?}", again.report.notes);
}

#[test]
fn each_of_the_five_shapes_of_an_error_is_read() {
    let stored = Stored::new(RATED);
    let table = [
        ("a fault", "/subscriptions", error(1, 403, "2032"), RunState::Partial, "CSP-201"),
        ("a gateway", "/subscriptions", error(2, 400, ""), RunState::Partial, "RUN-REJECTED"),
        ("a nested error", "/export", error(3, 403, "Forbidden"), RunState::Partial, "CSP-201"),
        ("a token endpoint's", "/subscriptions", error(4, 400, "50173"), RunState::Failed, "RUN-CONSENT"),
        ("an empty body", "/subscriptions", error(5, 404, ""), RunState::Partial, "CSP-301"),
    ];
    for (what, path, action, state, code) in table {
        stored.check(what, only(rule(path, action)), state, code);
    }
}

#[test]
fn a_vendor_that_sends_nothing_where_there_was_something_changes_nothing() {
    let stored = Stored::of(
        Config { customers: 1, records: 12, rated_records: 12, ..Config::default() },
        &["customers", "licences", "utilization", "rated-usage"],
    );
    let no_data = Faults { no_data: true, ..Faults::default() };
    let again = stored.check("no data", no_data.clone(), RunState::Partial, "CSP-402");
    assert!(again.note("CSP-401").is_some(), "{:?}", again.report.notes);
    assert_eq!((again.report.voided, again.report.voids_held), (0, 0), "no data is never complete and empty");

    let vanish_all = Faults { vanish_all: true, ..Faults::default() };
    let again = stored.check("everything vanishes", vanish_all, RunState::Warnings, "LED-VOID-EMPTY");
    assert!(again.report.voids_held > 0 && again.report.voided == 0, "{:?}", again.report);
    assert!(again.note("RUN-ZERO").is_some(), "zero is suspicious: {:?}", again.report.notes);

    let no_customers = only(rule("/v1/customers?", Action::Empty { retry_after: None }));
    stored.check("no list of customers", no_customers, RunState::Warnings, "RUN-ZERO");
}

/// A month begins without data: that is no alarm, or people learn to pass alarms over.
#[test]
fn no_data_where_nothing_is_stored_yet_leaves_a_green_run() {
    let config = Config { customers: 1, records: 0, rated_records: 12, ..Config::default() };
    let world = World::unbilled(config);
    let data = world.data();
    let stored = Stored { world, data };
    stored.choose(RATED);
    stored.world.simulator.set_faults(Faults { no_data: true, ..Faults::default() });
    let output = stored.run(&stored.data, NOW);
    let run = stored.world.newest_run(&stored.data).unwrap();
    assert_eq!(run.state, RunState::Succeeded, "{}{}", stdout(&output), stderr(&output));
    let report: Report = serde_json::from_value(run.report).unwrap();
    let note = report.notes.iter().find(|note| note.code == "RUN-NO-DATA").unwrap();
    assert!(note.level == "info" && note.what.starts_with("CSP-402"), "{note:?}");
}

#[test]
fn a_repeated_page_fails_its_part() {
    let config = Config { customers: 1, records: 1_200, rated_records: 0, ..Config::default() };
    let stored = Stored::of(config, USAGE);
    let repeated = Faults { repeated_page: true, ..Faults::default() };
    stored.check("a repeated page", repeated, RunState::Partial, "RUN-REPEATED-PAGE");
}

#[test]
fn a_refused_grant_asks_for_what_mends_it_and_loses_nothing() {
    type Check = fn(&ConsentState) -> Option<&purser_store::accounts::Reason>;
    let needs_consent: Check = |state| match state {
        ConsentState::NeedsConsent(reason) => Some(reason),
        _ => None,
    };
    let operator_fault: Check = |state| match state {
        ConsentState::OperatorFault(reason) => Some(reason),
        _ => None,
    };
    let none = Faults::default;
    let table = [
        (Faults { expired_grant: true, ..none() }, "CON-GRANT-EXPIRED", needs_consent),
        (Faults { revoked_grant: true, ..none() }, "CON-GRANT-REVOKED", needs_consent),
        (Faults { user_disabled: true, ..none() }, "CON-USER-DISABLED", needs_consent),
        (Faults { mfa_expired: true, ..none() }, "CON-MFA-REQUIRED", needs_consent),
        (Faults { mfa_missing: true, ..none() }, "RUN-CONSENT", needs_consent),
        (Faults { secret_expired: true, ..none() }, "CON-OPERATOR-CREDENTIAL", operator_fault),
    ];
    let stored = Stored::new(SEATS);
    for (faults, code, reason) in table {
        let again = stored.check(code, faults, RunState::Failed, code);
        let reason = reason(&again.consent).unwrap_or_else(|| panic!("{code}: {:?}", again.consent));
        // Of missing MFA the preflight knows before any call of the run is refused.
        let told = if code == "RUN-CONSENT" { "CSP-PRE-101" } else { code };
        assert_eq!(reason.code, told);
        assert!(reason.remedy.len() > 15 && !reason.what.is_empty(), "{reason:?}");
        assert_eq!(again.output.status.code(), Some(1));
    }
}

#[test]
fn a_busy_token_endpoint_is_waited_for() {
    let stored = Stored::new(SEATS);
    let faults = Faults { transient_token_errors: 2, ..Faults::default() };
    let again = stored.check("a busy token endpoint", faults, RunState::Succeeded, "");
    assert_eq!(again.consent, ConsentState::Active);
}

#[test]
fn a_role_taken_away_is_told_with_the_role_to_give() {
    let stored = Stored::new(RATED);
    let faults = Faults { role_missing: true, ..Faults::default() };
    let again = stored.check("no role", faults, RunState::Failed, "CSP-201");
    assert!(again.note("CSP-201").unwrap().what.contains("Admin Agent"));
}

#[test]
fn another_spelling_of_the_same_record_is_the_same_purchase() {
    let mut faults = only(rule(USAGE_PATH, change("/items/0/quantity", json!(12.5))));
    faults = faults.with(rule(USAGE_PATH, change("/items/0/usageStartTime", json!("2026-11-12T00:00:00Z"))));
    // Of several rules the first that is due acts: quantity on the one day, the date on the others.
    faults.rules[0].path = ONE_DAY.into();
    let config = Config { customers: 1, records: 12, faults: faults.clone(), ..Config::default() };
    let stored = Stored::of(config, USAGE);
    let quantities = [json!("12.5"), json!("12.500"), json!("1.25E1"), json!("0.125e+2")];
    let dates = ["2026-11-12T00:00:00+00:00", "2026-11-12T00:00:00.0000000Z", "2026-11-12T00:00:00"];
    for quantity in quantities {
        let mut other = faults.clone();
        other.rules[0].action = change("/items/0/quantity", quantity.clone());
        stored.check(&quantity.to_string(), other, RunState::Succeeded, "");
    }
    for date in dates {
        let mut other = faults.clone();
        other.rules[1].action = change("/items/0/usageStartTime", json!(date));
        stored.check(date, other, RunState::Succeeded, "");
    }
}

#[test]
fn members_nobody_has_announced_change_nothing() {
    let stored = Stored::new(USAGE);
    for path in ["/v1/customers?", "/subscriptions", USAGE_PATH] {
        let unheard_of = change("/items/0/unheardOf", json!({ "deep": [1, "x", null] }));
        stored.check(path, only(rule(path, unheard_of)), RunState::Succeeded, "");
        let beside = change("/unheardOf", json!([{}]));
        stored.check(path, only(rule(path, beside)), RunState::Succeeded, "");
    }
}

#[test]
fn a_record_that_cannot_be_read_is_named_and_takes_nothing_away() {
    let stored = Stored::new(USAGE);
    let table = [
        change("/items/0/quantity", json!("a lot")),
        change("/items/0/quantity", json!({ "value": 1 })),
        change("/items/0/usageStartTime", json!("the day before yesterday")),
        Action::RemoveField { pointer: "/items/0/quantity".into() },
        change("/items/0", json!("no record")),
        change("/items/0", json!(null)),
    ];
    for action in table {
        let what = format!("{action:?}");
        let again = stored.check(&what, only(rule(ONE_DAY, action)), RunState::Warnings, "LED-VOID-REJECTED");
        let rejected: u64 = again.report.balance.rejected.values().map(|tally| tally.records).sum();
        assert_eq!(rejected, 1, "{what}: {:?}", again.report.balance);
    }
}

#[test]
fn a_broken_line_in_a_blob_is_set_aside_and_takes_nothing_away() {
    let stored = Stored::new(RATED);
    let broken = rule("/part-00000-", status(200, "{\"CustomerId\": \"broken off he\n{]\n"));
    let again = stored.check("broken lines", only(broken), RunState::Warnings, "LED-VOID-REJECTED");
    let rejected: u64 = again.report.balance.rejected.values().map(|tally| tally.records).sum();
    assert!(
        rejected >= 2 && rejected.is_multiple_of(2),
        "two lines of each such blob: {:?}",
        again.report.balance
    );
    let odd = rule("/part-00000-", change("/3/UsageDate", json!("31/11/2026")));
    stored.check("a day there is none of", only(odd), RunState::Warnings, "LED-VOID-REJECTED");
}

#[test]
fn restate_an_export_the_vendor_calls_unchanged_is_not_downloaded_again() {
    let stored = Stored::new(RATED);
    let first = stored.run(&stored.data, LATER);
    assert!(first.status.success(), "{}{}", stdout(&first), stderr(&first));
    let downloads = |stored: &Stored| {
        stored
            .world
            .simulator
            .requests()
            .iter()
            .filter(|request| request.path_and_query.contains("/blobs/"))
            .count()
    };
    let before = (downloads(&stored), stored.world.export(&stored.data));
    let second = stored.run(&stored.data, "2026-11-16T18:45:00Z");
    assert!(second.status.success(), "{}{}", stdout(&second), stderr(&second));
    assert!(
        stdout(&second).contains("Parts the vendor calls unchanged, not retrieved again: 1"),
        "{}",
        stdout(&second)
    );
    let run = stored.world.newest_run(&stored.data).unwrap();
    let report: Report = serde_json::from_value(run.report).unwrap();
    assert_eq!((run.state, report.left_unchanged, report.notes), (RunState::Succeeded, 1, Vec::new()));
    assert_eq!(
        (downloads(&stored), stored.world.export(&stored.data)),
        before,
        "no blob, and all Purchases as they were"
    );
}
