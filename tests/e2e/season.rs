//! 120 days of one consent: it is refreshed daily; its role lapses and comes back; the client secret ends; its sessions are
//! revoked, and another user consents in its place; it is paused so long that it ends unused, and is given again. At the end
//! nothing that the vendor still serves is missing, to the last digit.
//!
//! Runs and looks are those of a host in this process, on a clock that only the test moves; consents are given in the
//! browser, to the real binary on the same data directory.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use purser_domain::ConnectorId;
use purser_simulator::{Config, Faults};
use purser_store::accounts::ConsentState;
use purser_store::ledger::Filter;
use purser_store::people::{Role, User};
use purser_store::runs::RunState;
use purser_store::{Accounts as _, Ledger as _, Notices as _, People as _};
use purser_vendor::client_auth::Credential;
use purser_vendor::{ClientAuth, Secret};
use url::Url;

use crate::compare::Side;
use crate::journey::{NAME, PASSWORD};
use crate::support::{free_port, purser};
use crate::visitor::{Hop, Visitor};
use crate::world::{Server, configuration};
use crate::year::house::House;

const FIRST: Date = jiff::civil::date(2026, 3, 2);
const CURRENCY: &str = "EUR";

/// Days after the first.
const ROLE_LOST: i32 = 5;
const ROLE_BACK: i32 = 9;
const SECRET_ENDS: i32 = 13;
const SECRET_REPLACED: i32 = 15;
const REVOKED: i32 = 17;
const OTHER_USER: i32 = 21;
const PAUSED: i32 = 25;
/// The last run before it was paused was the day before; 90 days unused end a grant.
const UNUSED_TOO_LONG: i32 = PAUSED - 1 + 90;
const RESUMED: i32 = UNUSED_TOO_LONG + 2;
const GIVEN_AGAIN: i32 = 118;
const LAST: i32 = 120;

/// What is told on which day: at once, every third day, at 60/30/7 days before the secret ends (it has 13 at the start), at
/// 30/14/7/1 days before the grant ends unused, and that it is over.
const TOLD: [&str; 20] = [
    "0 CON-CREDENTIAL-ENDS 2",
    "5 CSP-PRE-203 0",
    "6 CON-CREDENTIAL-ENDS 3",
    "8 CSP-PRE-203 1",
    "9 CSP-PRE-203 ended",
    "13 CON-CREDENTIAL-ENDS 4",
    "13 CON-OPERATOR-CREDENTIAL 0",
    "15 CON-OPERATOR-CREDENTIAL ended",
    "15 CON-CREDENTIAL-ENDS ended",
    "17 CON-GRANT-REVOKED 0",
    "20 CON-GRANT-REVOKED 1",
    "21 CON-GRANT-REVOKED ended",
    "84 CON-IDLE 1",
    "100 CON-IDLE 2",
    "107 CON-IDLE 3",
    "113 CON-IDLE 4",
    "114 CON-IDLE 5",
    "116 CON-IDLE ended",
    "116 CON-GRANT-EXPIRED 0",
    "118 CON-GRANT-EXPIRED ended",
];

struct Season {
    house: House,
    base: Url,
    config: std::path::PathBuf,
    /// What was told: `day code stage` and `day code ended`.
    told: Vec<String>,
}

fn day(number: i32) -> Date {
    FIRST.saturating_add(number.days())
}

/// An hour of a day, in the zone of the schedule.
fn at(number: i32, hour: i8) -> Timestamp {
    day(number).at(hour, 30, 0, 0).in_tz("CET").unwrap().timestamp()
}

impl Season {
    async fn begin() -> Self {
        let config = Config { customers: 4, legacy_customers: 2, records: 2, ..Config::large() };
        let (client_id, secret) = (config.client_id.clone(), config.client_secret.clone());
        let mut house = House::open(config, at(0, 12)).await;
        house.set(|settings| settings.host.close_after_days = None).await;
        give_secret(&mut house, &secret, SECRET_ENDS);
        let base: Url = format!("http://127.0.0.1:{}/", free_port()).parse().unwrap();
        let callback = base.join("connectors/microsoft-csp/consent/callback/global").unwrap();
        house.simulator.register_redirect_uri(callback.to_string());
        let path = house.folder.path().join("purser.toml");
        std::fs::write(&path, configuration(&house.simulator, &client_id, &secret)).unwrap();
        let password_hash = purser_web::hash_password(PASSWORD).unwrap();
        house.store.add_user(&User::new(NAME, password_hash, Role::Admin)).await.unwrap();
        Self { house, base, config: path, told: Vec::new() }
    }

    /// A day with what happens at noon, its run, if one is due, and a look every third hour.
    async fn live(&mut self, number: i32) -> Option<RunState> {
        let mut ended = None;
        for hour in [0, 3, 6, 9, 12, 15, 18, 21] {
            self.house.time.set(at(number, hour));
            if hour == 12 {
                act(self, number).await;
            }
            self.look(number).await;
            if hour == 18 {
                ended = self.run(number).await;
            }
        }
        ended
    }

    /// What the host looks at by itself, and what it says then.
    async fn look(&mut self, number: i32) {
        let before = self.house.store.open_notices(None).await.unwrap();
        purser_pipeline::health::look(&self.house.host).await.unwrap();
        let after = self.house.store.open_notices(None).await.unwrap();
        for old in before.iter().filter(|old| after.iter().all(|new| new.id != old.id)) {
            self.told.push(format!("{number} {} ended", old.concern.code));
        }
        for new in after.iter().filter(|new| before.iter().all(|old| old != *new)) {
            self.told.push(format!("{number} {} {}", new.concern.code, new.concern.stage));
        }
    }

    /// The run of the day, and before it what another process has left behind.
    async fn run(&self, number: i32) -> Option<RunState> {
        self.house.is_due(day(number)).await;
        let mut ended = None;
        while let Some((state, _)) = self.house.work().await {
            ended = Some(state);
        }
        ended
    }

    async fn set_state(&self, state: ConsentState) {
        self.house.store.set_consent_state(self.house.account, &state).await.unwrap();
    }

    async fn preflight(&self, number: i32) {
        let (host, account) = (&self.house.host, self.house.account);
        let plugin = host.plugins.active(&"microsoft-csp".parse().unwrap()).unwrap();
        let connector = host.clouds.connector(plugin.descriptor(), "global").unwrap();
        let store = self.house.store.as_ref();
        purser_pipeline::health::test(store, &host.client, &connector, account, at(number, 12))
            .await
            .unwrap();
    }

    fn faults(&self, faults: Faults) {
        self.house.simulator.set_faults(faults);
    }

    async fn state(&self) -> ConsentState {
        self.house.store.account(self.house.account).await.unwrap().state
    }

    /// Somebody consents in the browser, to the real binary on this directory.
    async fn consented_by(&mut self, number: i32, user: &str) {
        let listen = format!("127.0.0.1:{}", self.base.port().unwrap());
        let log = std::fs::File::create(self.house.folder.path().join("server.log")).unwrap();
        let mut command = purser();
        command.env("PURSER_CLOCK", at(number, 12).to_string()).env("PURSER_CONFIG", &self.config);
        command.env("PURSER_DATA", self.house.folder.path()).args(["serve", "--listen", &listen]);
        let server = Server::of(command.stdout(std::process::Stdio::null()).stderr(log).spawn().unwrap());
        let mut visitor = Visitor::new().unwrap();
        let sign_in = self.base.join("sign-in").unwrap();
        let page = loop {
            if let Ok(page) = visitor.open(&sign_in).await {
                break page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        let form = page.form_with("password").unwrap().with("name", NAME).with("password", PASSWORD);
        visitor.send(form).await.unwrap();
        let start =
            format!("connectors/microsoft-csp/consent/start?cloud=global&renew={}", self.house.account);
        let choice = visitor.open(&self.base.join(&start).unwrap()).await.unwrap();
        let chosen = choice.form_with("user").unwrap().pressing("user", user);
        let Hop::To(callback) = visitor.send_once(chosen).await.unwrap() else { panic!("no redirect") };
        let confirm = visitor.open(&callback).await.unwrap();
        let done = visitor.send(confirm.form_to("/consent/confirm").unwrap()).await.unwrap();
        assert!(done.body.contains("Everything that daily runs need works"), "{}", done.body);
        server.kill();
    }
}

fn give_secret(house: &mut House, secret: &str, ends: i32) {
    let connector: ConnectorId = "microsoft-csp".parse().unwrap();
    let credential =
        Credential { expires: Some(at(ends, 12)), ..Credential::secret(Secret::new(secret.into())) };
    let configured = house.host.clouds.connectors.get_mut(&connector).unwrap();
    configured.client_auth = ClientAuth::new(vec![credential]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn season_of_120_days_loses_no_day_that_the_vendor_still_serves() {
    let mut season = Season::begin().await;
    for number in 0..=LAST {
        let ended = season.live(number).await;
        check(&season, number, ended).await;
    }
    assert_eq!(season.told, TOLD);
    nothing_is_missing(&season.house).await;
}

/// What happens at noon of a day.
async fn act(season: &mut Season, number: i32) {
    let none = Faults::default();
    match number {
        ROLE_LOST => season.faults(Faults { role_missing: true, ..none }),
        SECRET_ENDS => season.faults(Faults { secret_expired: true, ..none }),
        SECRET_REPLACED => {
            season.faults(none);
            give_secret(&mut season.house, &Config::default().client_secret, 400);
        }
        REVOKED => season.faults(Faults { revoked_grant: true, ..none }),
        OTHER_USER => {
            season.faults(none);
            season.consented_by(number, "billing").await;
        }
        PAUSED => season.set_state(ConsentState::Paused).await,
        RESUMED => {
            season.set_state(ConsentState::Verifying).await;
            season.preflight(number).await;
        }
        GIVEN_AGAIN => season.consented_by(number, "service").await,
        ROLE_BACK => season.faults(none),
        _ => {}
    }
}

/// How the day ended: the account's state, whether there was a run, and whether the grant was refreshed.
async fn check(season: &Season, number: i32, ended: Option<RunState>) {
    let (state, grant) =
        (season.state().await, season.house.store.grant(season.house.account).await.unwrap());
    let refreshed = grant.as_ref().unwrap().refreshed_at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let code = purser_pipeline::health::state::reason(&state).map(|reason| reason.code.as_str());
    let expected = match number {
        ROLE_LOST..ROLE_BACK => Some("CSP-PRE-203"),
        SECRET_ENDS..SECRET_REPLACED => Some("CON-OPERATOR-CREDENTIAL"),
        REVOKED..OTHER_USER => Some("CON-GRANT-REVOKED"),
        RESUMED..GIVEN_AGAIN => Some("CON-GRANT-EXPIRED"),
        _ => None,
    };
    assert_eq!(code, expected, "day {number}: {state:?}");
    let is_paused = (PAUSED..RESUMED).contains(&number);
    assert_eq!(state == ConsentState::Paused, is_paused, "day {number}");
    // A refused consent ends its own run; from then on none is tried until it is mended.
    let first_refused = [SECRET_ENDS, REVOKED].contains(&number);
    let asks_nobody = is_paused || (expected.is_some_and(|code| code.starts_with("CON-")) && !first_refused);
    assert_eq!(ended.is_none(), asks_nobody, "day {number}: {ended:?}");
    let brings = matches!(ended, Some(RunState::Succeeded | RunState::Warnings));
    assert_eq!(brings, expected.is_none() && !is_paused, "day {number}: {ended:?} {state:?}");
    if brings {
        assert_eq!(refreshed, day(number), "each run refreshes the grant");
    }
    if (ROLE_LOST..ROLE_BACK).contains(&number) {
        let ConsentState::Degraded(reason) = &state else { panic!("{state:?}") };
        assert!(reason.what.contains("a role was there and is not now"), "{}", reason.what);
        assert!(reason.remedy.contains("(PIM)"), "{}", reason.remedy);
    }
}

/// All usage of all days, also of those without a run, to the last digit; of licences the days there are.
async fn nothing_is_missing(house: &House) {
    let all = Filter { account: Some(house.account), ..Filter::default() };
    let mut bought = Side::default();
    let purchases = house.store.purchases(&all, None, u32::MAX).await.unwrap();
    assert!(purchases.len() > 1_400, "{} Purchases", purchases.len());
    purchases.iter().for_each(|purchase| bought.add_purchase(purchase));
    let mut served = Side::of_ledger(&house.simulator.ledger().lines).unwrap();
    served.add_legacy(&house.simulator.legacy_days(day(LAST), CURRENCY), CURRENCY).unwrap();
    served.add_charges(&house.simulator.billing_ledger(day(LAST))).unwrap();
    let differences = Side::differences(&served, &bought);
    let shown: Vec<String> = differences.iter().take(10).map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), shown.join("\n"));
}
