//! Who may come in, and what is written down of them, in front of the real binary.

use purser_simulator::{Config, Faults};
use purser_store::People as _;
use purser_store::trail::{Line, Wanted};
use purser_store_sqlite::SqliteStore;

use crate::journey::{Journey, NAME};
use crate::support::{stderr, stdout};
use crate::world::World;

impl Journey {
    fn purser(&self, args: &[&str]) -> std::process::Output {
        self.world.purser(&self.data).args(args).output().unwrap()
    }

    fn status_by(&self, token: &str) -> u16 {
        let asked = reqwest::Client::new().get(self.at("/api/v1/purchases")).bearer_auth(token);
        self.world.runtime.block_on(async { asked.send().await.unwrap().status().as_u16() })
    }

    /// The audit trail, the oldest first.
    fn trail(&self) -> Vec<Line> {
        let wanted = Wanted {
            who: String::new(),
            what: String::new(),
            account: None,
            from: None,
            until: None,
            before: None,
            limit: 1_000,
        };
        let mut lines = self.world.runtime.block_on(async {
            let store = SqliteStore::open(self.data.path().join("purser.db")).await.unwrap();
            store.audit_lines(&wanted).await.unwrap()
        });
        lines.reverse();
        lines
    }
}

#[test]
fn access_by_a_token_of_the_command_line_counts_at_once_until_it_is_revoked() {
    let journey = Journey::begin(Faults::default());
    let made = journey.purser(&["token", "create", "nightly", "--scope", "purchases:read", "--expires", "1"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let token = stdout(&made).trim().to_owned();
    assert!(token.starts_with("purser_") && token.len() == 71, "nothing but the token is printed");
    assert_eq!((journey.status_by(&token), journey.status_by("purser_wrong")), (200, 401));
    let list = stdout(&journey.purser(&["token", "list"]));
    assert!(list.contains("nightly\ta service\tpurchases:read\tgood") && !list.contains(&token), "{list}");
    let database = std::fs::read(journey.data.path().join("purser.db")).unwrap();
    let log = std::fs::read(journey.data.path().join("purser.db-wal")).unwrap_or_default();
    let is_in = |bytes: &[u8]| bytes.windows(token.len()).any(|window| window == token.as_bytes());
    assert!(!is_in(&database) && !is_in(&log), "only its hash is kept");
    assert!(journey.purser(&["token", "revoke", "1"]).status.success());
    assert_eq!(journey.status_by(&token), 401);
    let again = journey.purser(&["token", "revoke", "1"]);
    assert!(stderr(&again).contains("CLI-TOKEN"), "{}", stderr(&again));
    for wrong in
        [&["--expires", "367"][..], &["--role", "viewer", "--scope", "runs:order"], &["--for", "nobody"]]
    {
        let args = [&["token", "create", "x", "--scope", "runs:read"], wrong].concat();
        assert_eq!(journey.purser(&args).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn access_of_a_person_added_on_the_command_line_begins_by_a_link_and_ends_at_once() {
    let mut journey = Journey::begin(Faults::default());
    let added = journey.purser(&["user", "add", "olaf", "--role", "operator"]);
    assert!(added.status.success(), "{}", stderr(&added));
    let link: url::Url = stdout(&added).trim().parse().unwrap();
    let mut olaf = crate::visitor::Visitor::new().unwrap();
    let link = journey.at(link.path());
    let page = journey.world.runtime.block_on(olaf.open(&link)).unwrap();
    let form = page.form_with("repeated").unwrap();
    let form = form.with("password", "brand new password").with("repeated", "brand new password");
    let page = journey.world.runtime.block_on(olaf.send(form)).unwrap();
    let form =
        page.form_with("password").unwrap().with("name", "olaf").with("password", "brand new password");
    let home = journey.world.runtime.block_on(olaf.send(form)).unwrap();
    assert!(home.status == 200 && home.body.contains("olaf <small>operator"), "{}", home.body);
    assert!(stdout(&journey.purser(&["user", "list"])).contains("olaf\toperator\tenabled\tpassword"));
    assert!(journey.purser(&["user", "disable", "olaf"]).status.success());
    let url = journey.at("/");
    let after = journey.world.runtime.block_on(olaf.open(&url)).unwrap();
    assert_eq!(after.url.path(), "/sign-in", "the session has ended");
    let last = journey.purser(&["user", "disable", NAME]);
    assert!(stderr(&last).contains("CLI-LAST-ADMIN"), "{}", stderr(&last));
    assert_eq!(journey.open("/").status, 200);
    let by_command: Vec<_> =
        journey.trail().into_iter().filter(|line| line.means == "command line").collect();
    let told: Vec<&str> = by_command.iter().map(|line| line.entry.what.as_str()).collect();
    assert_eq!(told, ["user.added", "user.disabled"]);
}

#[test]
fn access_acts_of_the_host_are_written_down_once_with_before_and_after_and_where_from() {
    let mut journey = Journey::begin(Faults::default());
    let table = journey.connect_as("service");
    journey.press(&table, "/preflight");
    for act in ["/pause", "/resume", "/run", "/disconnect"] {
        let page = journey.open("/connectors/microsoft-csp/settings");
        let page = if page.form_to(act).is_ok() {
            page
        } else {
            journey.open("/connectors/microsoft-csp/accounts/1")
        };
        let done = journey.press(&page, act);
        assert_eq!(done.status, 200, "{act}: {}", done.body);
    }
    let lines = journey.trail();
    for what in [
        "consent.given",
        "consent.probed",
        "account.paused",
        "account.resumed",
        "run.ordered",
        "account.disconnected",
    ] {
        let found: Vec<&Line> = lines.iter().filter(|line| line.entry.what == what).collect();
        assert_eq!(found.len(), 1, "{what}");
        let (entry, detail) = (&found[0].entry, &found[0].entry.detail);
        assert_eq!((entry.who.as_str(), found[0].means.as_str()), (NAME, "session"), "{what}");
        assert_eq!(found[0].address, "127.0.0.1", "{what}");
        assert!(detail.get("before").is_some() && detail.get("after").is_some(), "{what}: {detail}");
        assert_eq!(detail["account"], 1, "{what}");
    }
    let paused = lines.iter().find(|line| line.entry.what == "account.paused").unwrap();
    assert_eq!(paused.entry.detail["before"]["state"], "active");
    assert_eq!(paused.entry.detail["after"]["state"], "paused");
}

/// Somebody goes to the simulated provider, signs in there, and comes back; the page that follows.
fn signed_in_elsewhere(groups: &str) -> (Journey, crate::visitor::Seen) {
    let world = World::new(Config { customers: 1, ..Config::default() });
    let Config { client_id, client_secret, .. } = Config::default();
    let (tenant, cloud) = (world.simulator.tenant().to_owned(), world.simulator.addr());
    let mut config = std::fs::read_to_string(world.config()).unwrap();
    config.push_str(&format!(
        "[access.oidc]\nissuer = \"http://{cloud}/entra/{tenant}/v2.0\"\nclient-id = \"{client_id}\"\n\
         client-secret = \"{client_secret}\"\ngroups-claim = \"tid\"\n{}\n",
        groups.replace("TENANT", &tenant)
    ));
    std::fs::write(world.config(), config).unwrap();
    let data = world.empty_data();
    let journey = Journey::on(world, data, |_| {});
    journey.world.simulator.register_redirect_uri(journey.at("/sign-in/elsewhere/callback").to_string());
    let mut visitor = crate::visitor::Visitor::new().unwrap();
    let start = journey.at("/sign-in/elsewhere?next=%2Factivity");
    let page = journey.world.runtime.block_on(visitor.open(&start)).unwrap();
    let form = page.form_with("user").unwrap().pressing("user", "service");
    let seen = journey.world.runtime.block_on(visitor.send(form)).unwrap();
    (journey, seen)
}

#[test]
fn access_by_a_provider_s_word_gives_the_role_of_the_group() {
    let (journey, seen) = signed_in_elsewhere("viewer-groups = [\"TENANT\"]\noperator-groups = [\"TENANT\"]");
    assert_eq!((seen.status, seen.url.path()), (200, "/activity"), "{}", seen.body);
    assert!(seen.body.contains("service@simulated-partner.example <small>operator"), "{}", seen.body);
    let line = journey.trail().pop().unwrap();
    assert_eq!((line.entry.what.as_str(), line.means.as_str()), ("sign-in", "web"));
    assert_eq!(line.entry.detail["after"]["role"], "operator");
}

#[test]
fn access_without_a_group_is_refused_with_the_groups_of_the_configuration() {
    let (journey, seen) = signed_in_elsewhere("admin-groups = [\"purser-admins\"]");
    assert_eq!(seen.status, 403);
    assert!(seen.body.contains("OIDC-NO-GROUP") && seen.body.contains("admin-groups: purser-admins"));
    assert!(!seen.body.contains("code=") && !seen.body.contains(journey.world.simulator.tenant()));
    assert!(!stdout(&journey.purser(&["user", "list"])).contains("service@"), "nobody was made");
}
