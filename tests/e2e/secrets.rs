//! Secrets stay secret: planted ones are looked for wherever Purser writes — files with the database's log, every row,
//! exports, pages, logs at their loudest, backups, recordings — with a control that the search finds. What a plugin's memory holds is in
//! `egress.rs`, what a panic prints in the vendor crate. Whoever adds a command that writes a file adds the file here.

use purser_domain::{AccountId, ConnectorId};
use purser_simulator::{Action, Config, Faults, Rule};
use purser_store::{Accounts as _, People as _};
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{Chance, KeyRing, Vault};

use crate::file_server;
use crate::journey::{Journey, PASSWORD};
use crate::planted::{Places, Search, files, rows};
use crate::support::{stderr, stdout};
use crate::world::{Data, NOW, World};

const CLIENT_SECRET: &str = "planted~client.secret-8Q~zEw7yqLr0";

/// The refresh token as it is stored now.
fn refresh_token(world: &World, data: &Data) -> String {
    world.runtime.block_on(async {
        let store = SqliteStore::open(data.path().join("purser.db")).await.unwrap();
        let account = store.accounts().await.unwrap().remove(0);
        let grant = store.grant(account.id).await.unwrap().unwrap();
        let ring = KeyRing::load(&data.path().join("purser.key")).unwrap();
        let vault = Vault::new(ring, Chance::seeded(1));
        let connector: ConnectorId = "microsoft-csp".parse().unwrap();
        let identity = GrantIdentity { account: account.id, connector: &connector, tenant: &account.tenant };
        vault.open_grant(identity, Kind::RefreshToken, &grant.sealed).unwrap().expose().to_owned()
    })
}

fn exports(world: &World, data: &Data) -> Places {
    let export = |format: &str| {
        let output = world.purser(data).args(["export", "--format", format]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        [
            (format!("export as {format}"), stdout(&output).into_bytes()),
            (format!("{format} log"), output.stderr),
        ]
    };
    ["csv", "json"].into_iter().flat_map(export).collect()
}

/// Pages a person sees, the erring ones above all.
fn pages(journey: &mut Journey, callback: &url::Url) -> Places {
    let account = "/connectors/microsoft-csp/accounts/1";
    let mut addresses: Vec<url::Url> = [
        "/",
        "/connectors/microsoft-csp",
        "/connectors/microsoft-csp/settings",
        account,
        &format!("{account}/preflight"),
        "/purchases",
        "/activity",
        "/activity/1",
        "/activity/1/requests",
        "/audit",
        "/settings",
        "/no/such/page",
        "/activity/999",
        "/api/v1/purchases?limit=no",
        "/connectors/microsoft-csp/consent/callback/global?code=x&state=y",
    ]
    .iter()
    .map(|path| journey.at(path))
    .collect();
    addresses.push(callback.clone());
    addresses.iter().map(|url| (url.path().to_owned(), journey.follow(url).body.into_bytes())).collect()
}

#[test]
fn planted_secrets_are_in_no_file_log_export_or_page() {
    let config = Config {
        customers: 1,
        records: 4,
        rated_records: 4,
        client_secret: CLIENT_SECRET.into(),
        ..Config::default()
    };
    let world = World::new(config);
    let data = world.empty_data();
    // Leaves the plugin compiled: a compiler's own trace is gigabytes, and of nothing secret.
    world.purser(&data).args(["run", "1"]).output().unwrap();
    let mut journey = Journey::on(world, data, |server| {
        server.env("RUST_LOG", "trace");
    });
    let callback = journey.callback_as("service");
    let confirm = journey.follow(&callback);
    let table = journey.confirm(&confirm);
    let first = refresh_token(&journey.world, &journey.data);
    journey.press(&table, "/run");
    journey.world.wait_for_run(&journey.data);
    let last = refresh_token(&journey.world, &journey.data);
    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let planted = [
        ("the client secret", CLIENT_SECRET),
        ("the administrator's password", PASSWORD),
        ("the first refresh token", &first),
        ("the last refresh token", &last),
        ("the one-time code", &code),
        ("the key-encryption key", &key_of(&journey.data)),
    ];
    let tokens = journey.world.simulator.access_tokens();
    assert!(tokens.len() > 1, "no access token was given out");
    let search =
        Search::new(planted.into_iter().chain(tokens.iter().map(|it| ("an access token", it.as_str()))));
    let mut places = pages(&mut journey, &callback);
    places.extend(exports(&journey.world, &journey.data));
    places.extend(files(journey.data.path()));
    places.extend(journey.world.runtime.block_on(all_rows(&journey.data)));

    let log = &places.iter().find(|(place, _)| place == "server.log").expect("there is a log").1;
    let log = String::from_utf8_lossy(log);
    assert!(log.contains("TRACE") && log.contains("vendor request"), "the log is not at trace level");
    for expected in ["purser.db", "purser.db-wal", "pages.zstd", "sent.host", "audit.detail"] {
        assert!(places.iter().any(|(place, _)| place == expected), "{expected} was not looked at");
    }
    places.extend(backup(&journey.world, &journey.data));
    places.extend(recording(&journey.world, &journey.data, NOW));
    assert_eq!(search.found(&places), Vec::<String>::new());

    // A download's signature is needed until it is done, so that a killed run goes on; then nothing of it is left.
    let signatures = signatures(&journey);
    let search_signatures = Search::new(signatures.iter().map(|it| ("a signature", it.as_str())));
    places.retain(|(place, _)| !place.ends_with("-wal"));
    assert_eq!(search_signatures.found(&places), Vec::<String>::new());

    control(&journey, &search, planted[0].1);
}

/// The plain secret of an account that a person entered, as it is stored.
#[test]
fn a_secret_that_was_entered_is_in_no_file_log_export_or_page() {
    let (mut journey, files) = file_server::journey("trace");
    files.put("2026-11.csv", file_server::FOCUS);
    file_server::connect(&mut journey, "Exports", "focus-billed-cost", "{month}.csv");
    let told = file_server::run(&journey, "1", 2);
    assert!(told.contains("7 new"), "{told}");
    let changed = "planted~changed.secret-5Rt_x8";
    files.admit(changed);
    let change = ["account", "change-secret", "1", "--secret-file", "-"];
    let output = file_server::fed(&journey, &change, &format!("{changed}\n"));
    assert!(output.status.success(), "{}", stderr(&output));
    // Refused entries leave as little as taken ones.
    let refused = "planted~refused.secret-9\u{e9}";
    let output = file_server::fed(&journey, &change, &format!("{refused}\n"));
    assert!(stderr(&output).contains("ACC-SECRET"), "{}", stderr(&output));
    let page = journey.open("/connectors/focus-csv/accounts/1");
    let form = page.form_to("/accounts/1/secret").unwrap().with("secret", refused);
    let answer = journey.send(form);
    assert_eq!(answer.status, 400, "{}", answer.body);

    let search = Search::new([
        ("the secret", file_server::SECRET),
        ("the changed secret", changed),
        ("the refused secret", refused),
    ]);
    let account = "/connectors/focus-csv/accounts/1";
    let mut places: Places = [
        "/",
        "/connectors/focus-csv",
        "/connectors/focus-csv/settings",
        account,
        "/activity/1",
        "/activity/1/requests",
        "/audit",
        "/purchases",
    ]
    .map(|path| (path.to_owned(), journey.open(path).body.into_bytes()))
    .into();
    places.push(("the refusal".to_owned(), answer.body.into_bytes()));
    places.push(("the terminal".to_owned(), [output.stdout, output.stderr].concat()));
    places.extend(exports(&journey.world, &journey.data));
    places.extend(files_of(&journey));
    places.extend(backup(&journey.world, &journey.data));
    places.extend(recording(&journey.world, &journey.data, &file_server::later(4)));
    for expected in ["purser.db", "purser.db-wal", "server.log", "audit.detail", "grants.sealed"] {
        assert!(places.iter().any(|(place, _)| place == expected), "{expected} was not looked at");
    }
    assert_eq!(search.found(&places), Vec::<String>::new());
}

/// All files, and all rows of the database.
fn files_of(journey: &Journey) -> Places {
    let mut places = files(journey.data.path());
    places.extend(journey.world.runtime.block_on(all_rows(&journey.data)));
    places
}

/// What the addresses of downloads were signed with.
fn signatures(journey: &Journey) -> Vec<String> {
    let signature = |address: &str| {
        let signature = address.split("&sig=").nth(1)?.split('&').next()?;
        Some(signature.to_owned())
    };
    let asked = journey.world.simulator.requests();
    let found: Vec<String> = asked.iter().filter_map(|entry| signature(&entry.path_and_query)).collect();
    assert!(!found.is_empty(), "nothing was downloaded");
    found
}

/// A recording of another run: of a copy, since only who makes a run can record it and a server may hold the directory.
fn recording(world: &World, data: &Data, at: &str) -> Places {
    let (data, folder) = (&data.copy(), tempfile::tempdir().unwrap());
    let out = folder.path().join("run.jsonl");
    let mut command = world.purser(data);
    let output = command
        .env("PURSER_CLOCK", at)
        .args(["run", "1", "--record-names", "--record", out.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let recorded = std::fs::read(&out).unwrap();
    assert!(recorded.iter().filter(|byte| **byte == b'\n').count() > 1, "hardly anything was recorded");
    vec![
        ("recording".to_owned(), recorded),
        ("recording's words".to_owned(), [output.stdout, output.stderr].concat()),
    ]
}

/// A backup, as it is and as its parts.
fn backup(world: &World, data: &Data) -> Places {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("purser.backup");
    let output = world.purser(data).args(["backup", "--out", out.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    vec![
        ("backup".to_owned(), std::fs::read(&out).unwrap()),
        ("backup's words".to_owned(), [output.stdout, output.stderr].concat()),
    ]
}

async fn all_rows(data: &Data) -> Places {
    rows(&SqliteStore::open(data.path().join("purser.db")).await.unwrap()).await
}

/// The key that wraps all others, which only its file may hold.
fn key_of(data: &Data) -> String {
    let text = std::fs::read_to_string(data.path().join("purser.key")).unwrap();
    text.lines().last().unwrap().split(' ').nth(1).unwrap().to_owned()
}

/// A recording of a run whose vendor says the secret itself.
fn recording_with(journey: &Journey, data: &Data, leaked: &str) -> Places {
    let said =
        Action::ChangeField { pointer: "/items/0/companyProfile/companyName".into(), value: leaked.into() };
    journey.world.simulator.set_faults(Faults::default().with(Rule::new("/v1/customers", said)));
    let places = recording(&journey.world, data, NOW);
    journey.world.simulator.set_faults(Faults::default());
    places
}

/// The same search finds a secret where it *is* written: in the database's file or its log, and in its rows, packed too.
fn control(journey: &Journey, search: &Search, leaked: &str) {
    let data = journey.data.copy();
    let database = data.path().join("purser.db");
    let (places, rows) = journey.world.runtime.block_on(async {
        let store = SqliteStore::open(&database).await.unwrap();
        store.rename_account(AccountId(1), leaked).await.unwrap();
        let packed = zstd::encode_all(format!("{{\"token\":\"{leaked}\"}}").as_bytes(), 3).unwrap();
        store.save_session(&[9; 32], &packed, "2027-06-01T00:00:00Z".parse().unwrap()).await.unwrap();
        let places = files(data.path());
        let rows = rows(&store).await;
        store.close().await;
        (places, rows)
    });
    let leaks = search.found(&places);
    assert!(
        leaks.iter().any(|leak| leak.starts_with("the client secret as plain in purser.db")),
        "{leaks:?}"
    );
    let leaks = search.found(&recording_with(journey, &data, leaked));
    assert!(leaks.contains(&"the client secret as plain in recording".to_owned()), "{leaks:?}");
    let leaks = search.found(&backup(&journey.world, &data));
    assert!(leaks.iter().any(|leak| leak.starts_with("the client secret as plain in backup")), "{leaks:?}");
    let leaks = search.found(&rows);
    assert!(leaks.contains(&"the client secret as plain in accounts.title".to_owned()), "{leaks:?}");
    assert!(leaks.iter().any(|leak| leak.contains(", zstd at ")), "{leaks:?}");
}

/// A core file would be all of the memory: tokens, keys, passwords.
#[cfg(target_os = "linux")]
#[test]
fn a_crash_leaves_no_core_file() {
    let world = World::new(Config { customers: 1, ..Config::default() });
    let data = world.data();
    let server = world.serve(&data);
    let limits = format!("/proc/{}/limits", server.process());
    let core = crate::world::wait_for("the server's own limit", || {
        let limits = std::fs::read_to_string(&limits).ok()?;
        let core = limits.lines().find(|line| line.starts_with("Max core file size"))?.to_owned();
        (core.split_whitespace().filter(|word| *word == "0").count() == 2).then_some(core)
    });
    assert!(core.contains("bytes"), "{core}");
    server.kill();
}
