//! Secrets stay secret: planted ones are looked for wherever Purser writes, with a control that the search finds.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use purser_domain::{AccountId, ConnectorId};
use purser_simulator::Config;
use purser_store::Accounts as _;
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{Chance, KeyRing, Vault};

use crate::journey::{Journey, PASSWORD};
use crate::support::{stderr, stdout};
use crate::world::{Data, World};

const CLIENT_SECRET: &str = "planted~client.secret-8Q~zEw7yqLr0";

/// A secret by name, and every form it might be written in.
struct Planted {
    name: &'static str,
    forms: Vec<String>,
}

impl Planted {
    fn new(name: &'static str, secret: &str) -> Self {
        assert!(secret.len() > 12, "{name} is too short to be looked for");
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let mut forms = vec![secret.to_owned(), encoded, hex::encode(secret)];
        // Base64 of a longer text shows a part of it in one of three shapes, by where in the text the part begins.
        for before in 0..3 {
            let text = [&vec![b'x'; before], secret.as_bytes()].concat();
            let whole = STANDARD_NO_PAD.encode(text);
            let inner = whole.get(4..whole.len() - 3).unwrap().to_owned();
            forms.push(inner.replace('+', "-").replace('/', "_"));
            forms.push(inner);
        }
        Self { name, forms }
    }

    /// Bytes that are no text in between do not hide what is.
    fn is_in(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form))
    }
}

/// Every file under a folder, the key file excepted.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            // What is compiled is the plugin's: long, and nothing of a run.
            if path.file_name().is_some_and(|name| name != "compiled") {
                found.extend(files(&path));
            }
        } else if path.extension().is_none_or(|extension| extension != "key") {
            found.push((
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(path).unwrap(),
            ));
        }
    }
    found
}

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

/// Where secrets must not be, by name.
type Places = Vec<(String, Vec<u8>)>;

fn found(planted: &[Planted], places: &Places) -> Vec<String> {
    let in_place = |(place, bytes): &(String, Vec<u8>)| {
        let text = String::from_utf8_lossy(bytes);
        planted.iter().filter(|one| one.is_in(&text)).map(|one| format!("{} in {place}", one.name)).collect()
    };
    places.iter().flat_map(|place| -> Vec<String> { in_place(place) }).collect()
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
        Planted::new("the client secret", CLIENT_SECRET),
        Planted::new("the administrator's password", PASSWORD),
        Planted::new("the first refresh token", &first),
        Planted::new("the last refresh token", &last),
        Planted::new("the one-time code", &code),
    ];
    let mut places = pages(&mut journey, &callback);
    places.extend(exports(&journey.world, &journey.data));
    places.extend(files(journey.data.path()));

    let log = &places.iter().find(|(place, _)| place == "server.log").expect("there is a log").1;
    let log = String::from_utf8_lossy(log);
    assert!(log.contains("TRACE") && log.contains("vendor request"), "the log is not at trace level");
    assert!(places.iter().any(|(place, _)| place == "purser.db"));
    assert_eq!(found(&planted, &places), Vec::<String>::new());

    control(&journey, &planted);
}

/// The same search finds each secret where it *is* written: in the database, in an export's neighbour, in a log.
fn control(journey: &Journey, planted: &[Planted]) {
    let data = journey.data.copy();
    let leaked = &planted[0].forms[0];
    journey.world.runtime.block_on(async {
        let store = SqliteStore::open(data.path().join("purser.db")).await.unwrap();
        store.rename_account(AccountId(1), leaked).await.unwrap();
        store.close().await;
    });
    let places = files(data.path());
    let leaks = found(planted, &places);
    assert!(leaks.iter().any(|leak| leak.starts_with("the client secret in purser.db")), "{leaks:?}");
    for one in planted {
        let secret = &one.forms[0];
        let basic = STANDARD_NO_PAD.encode(format!("client:{secret}"));
        let query =
            format!("?x={}", url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>());
        for text in [format!("{{\"token\":\"{secret}\"}}"), basic, query] {
            assert!(one.is_in(&text), "{} is not found in {text}", one.name);
        }
    }
}
