//! The keys that seal grants: wrong or missing ones stop everything, and rotation stops nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use purser_domain::{AccountId, ConnectorId};
use purser_pipeline::keys::{Keeper, KeyTrouble};
use purser_pipeline::ports::Grants;
use purser_simulator::Config;
use purser_store::Accounts as _;
use purser_store::accounts::ConsentState;
use purser_store::runs::RunState;
use purser_store_sqlite::SqliteStore;
use purser_vendor::client::Credentials as _;
use purser_vendor::connector::Claims;
use purser_vendor::roles::Roles;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{
    Audience, Chance, ClientAuth, Connector, ConsentRules, HttpLimits, KeyRing, KeySource, Surroundings,
    TokenSource, Transport, Vault,
};
use serde_json::json;
use url::Url;

use crate::ground::grant;
use crate::support::{stderr, stdout};
use crate::world::{Data, NOW, World};

fn small() -> World {
    World::new(Config { customers: 1, records: 4, rated_records: 4, ..Config::default() })
}

fn another_ring() -> KeyRing {
    KeyRing::generate(&Chance::seeded(77))
}

/// The database file with everything that was committed in it.
fn folded(world: &World, data: &Data) -> Vec<u8> {
    let file = data.path().join("purser.db");
    world.runtime.block_on(async { SqliteStore::open(&file).await.unwrap().close().await });
    std::fs::read(file).unwrap()
}

fn is_refused(output: &Output, code: &str) -> bool {
    let told = stderr(output);
    assert!(told.contains(code) && told.contains("version 1") && told.contains("put the key"), "{told}");
    output.status.code() == Some(1)
}

/// Starts every way there is to start; each is refused, and the database and the key file stay as they are.
fn refuses(world: &World, data: &Data, code: &str) {
    let key = data.path().join("purser.key");
    let before = (folded(world, data), std::fs::read(&key).ok());
    // Serving last: were it not refused, it would not end.
    for arguments in [&["run", "1"][..], &["keys", "rotate"], &["keys", "status"], &["serve"]] {
        let output = world.purser(data).args(arguments).output().unwrap();
        assert!(is_refused(&output, code), "{arguments:?}");
        let wal = std::fs::metadata(data.path().join("purser.db-wal")).map_or(0, |wal| wal.len());
        assert_eq!(wal, 0, "{arguments:?} wrote");
        let after = (std::fs::read(data.path().join("purser.db")).unwrap(), std::fs::read(&key).ok());
        assert!(before == after, "{arguments:?} changed something");
    }
}

#[test]
fn a_wrong_or_missing_key_refuses_to_start_and_overwrites_nothing() {
    let world = small();
    // Without any grant: the check value tells.
    let fresh = world.empty_data();
    world.purser(&fresh).args(["run", "1"]).output().unwrap();
    let key = fresh.path().join("purser.key");
    let right = KeyRing::load(&key).unwrap();
    another_ring().save(&key).unwrap();
    refuses(&world, &fresh, "KEY-WRONG");
    std::fs::remove_file(&key).unwrap();
    refuses(&world, &fresh, "KEY-MISSING");
    right.save(&key).unwrap();
    let status = world.purser(&fresh).args(["keys", "status"]).output().unwrap();
    assert!(stdout(&status).contains("version 1: seals, 0 grants"), "{}", stderr(&status));
    // With a grant and no check value yet: the grant itself tells.
    let stored = world.data();
    another_ring().save(&stored.path().join("purser.key")).unwrap();
    refuses(&world, &stored, "KEY-WRONG");
}

#[test]
fn with_keys_lost_for_good_accounts_can_consent_again() {
    let world = small();
    let data = world.data();
    keys(&world, &data, &["status"]);
    std::fs::remove_file(data.path().join("purser.key")).unwrap();
    let unsure = world.purser(&data).args(["keys", "abandon"]).output().unwrap();
    assert_eq!(unsure.status.code(), Some(2));
    assert!(keys(&world, &data, &["abandon", "--erase-consents"]).contains("1 consents were erased"));
    let status = keys(&world, &data, &["status"]);
    assert!(
        status.contains("version 1: retired") && status.contains("version 2: seals, 0 grants"),
        "{status}"
    );
    world.runtime.block_on(async {
        let store = SqliteStore::open(data.path().join("purser.db")).await.unwrap();
        let state = store.account(AccountId(1)).await.unwrap().state;
        assert!(
            matches!(&state, ConsentState::NeedsConsent(reason) if reason.code == "KEY-ABANDONED"),
            "{state:?}"
        );
    });
}

fn keys(world: &World, data: &Data, arguments: &[&str]) -> String {
    let output = world.purser(data).arg("keys").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

fn run_succeeds(world: &World, data: &Data) {
    let output = world.purser(data).args(["run", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let state = world.wait_for_run(data).state;
    assert!(matches!(state, RunState::Succeeded | RunState::Warnings), "{state:?}");
}

#[test]
fn keys_are_rotated_and_retired_while_a_server_serves() {
    let world = small();
    let data = world.data();
    let _server = world.serve(&data);
    crate::world::wait_for("the server", || data.path().join("lock").exists().then_some(()));
    run_succeeds(&world, &data);
    let told = keys(&world, &data, &["rotate"]);
    assert!(
        told.contains("version 2 seals") && told.contains("1 grants") && told.contains("retire 1"),
        "{told}"
    );
    keys(&world, &data, &["retire", "1"]);
    assert_eq!(KeyRing::load(&data.path().join("purser.key")).unwrap().versions(), [2]);
    run_succeeds(&world, &data);
    let status = keys(&world, &data, &["status"]);
    assert!(
        status.contains("version 1: retired") && status.contains("version 2: seals, 1 grants"),
        "{status}"
    );
}

#[test]
fn a_key_that_is_needed_stays_and_a_command_is_told_what_to_add() {
    let world = small();
    let data = world.data();
    let newest = world.purser(&data).args(["keys", "retire", "1"]).output().unwrap();
    assert!(stderr(&newest).contains("KEY-SEALS"), "{}", stderr(&newest));
    let elsewhere = data.path().join("elsewhere.txt");
    std::fs::rename(data.path().join("purser.key"), &elsewhere).unwrap();
    let config = data.path().join("keys.toml");
    let own = std::fs::read_to_string(world.config()).unwrap();
    let command = format!("{own}\n[keys]\ncommand = [\"cat\", \"{}\"]\n", elsewhere.display());
    std::fs::write(&config, command).unwrap();
    let with_command = |arguments: &[&str]| {
        let mut purser = world.purser(&data);
        let output = purser.env("PURSER_CONFIG", &config).arg("keys").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    let line = with_command(&["rotate"]);
    assert!(line.starts_with("2 ") && line.lines().count() == 1, "{line}");
    let ring = std::fs::read_to_string(&elsewhere).unwrap() + &line;
    std::fs::write(&elsewhere, ring).unwrap();
    assert!(with_command(&["rotate"]).contains("1 grants were wrapped"));
    assert!(with_command(&["retire", "1"]).contains("take it out of the key command"));
    assert!(!data.path().join("purser.key").exists());
}

/// A vendor that takes each refresh token once: what is lost is lost for good.
#[derive(Default)]
struct Strict {
    current: BTreeMap<String, u64>,
    refused: u64,
}

type Vendor = Arc<Mutex<Strict>>;

async fn token(State(vendor): State<Vendor>, body: String) -> Response {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let (account, number) = form["refresh_token"].split_once('/').unwrap();
    let mut vendor = vendor.lock().unwrap();
    let current = vendor.current.entry(account.to_owned()).or_default();
    if number.parse() != Ok(*current) {
        vendor.refused += 1;
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    }
    *current += 1;
    let next = format!("{account}/{current}");
    Json(json!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("a-{next}"), "refresh_token": next}))
        .into_response()
}

/// Moves on with each look, so that many exchanges are no loop.
struct Running(AtomicI64);

impl purser_vendor::Clock for Running {
    fn now(&self) -> Timestamp {
        let start: Timestamp = NOW.parse().unwrap();
        start + SignedDuration::from_secs(self.0.fetch_add(30, Ordering::SeqCst))
    }
}

/// Accounts with grants under a key file, and a process that refreshes them.
struct Refreshing {
    folder: tempfile::TempDir,
    vendor: Vendor,
    tokens: Arc<TokenSource>,
    connector: Connector,
    accounts: Vec<AccountId>,
}

impl Refreshing {
    async fn start(accounts: u32) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let vendor = Vendor::default();
        let router = Router::new().route("/t/token", post(token)).with_state(vendor.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        let (folder, chance, connector) = (tempfile::tempdir().unwrap(), Chance::seeded(5), connector(&base));
        let ring = KeyRing::generate(&chance);
        ring.save_new(&folder.path().join("keys")).unwrap();
        let vault = Arc::new(Vault::over(KeySource::File(folder.path().join("keys")), ring, chance.clone()));
        let store = Arc::new(SqliteStore::open(folder.path().join("purser.db")).await.unwrap());
        let mut ids = Vec::new();
        for number in 1..=accounts {
            ids.push(connect(&store, &vault, &connector.id, number).await);
        }
        let clock = Arc::new(Running(AtomicI64::new(0)));
        let surroundings =
            Surroundings { clock, pace: Arc::new(purser_vendor::TokioPace::default()), chance };
        let grants = Arc::new(Grants::new(store, now()));
        let transport = Transport::new(HttpLimits::default()).unwrap();
        let tokens = Arc::new(TokenSource::new(transport, grants, vault, surroundings));
        Self { folder, vendor, tokens, connector, accounts: ids }
    }

    /// Exchanges again and again until told to stop; how often.
    fn refresh(&self, account: AccountId, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<u64> {
        let (tokens, connector, stop) = (self.tokens.clone(), self.connector.clone(), stop.clone());
        tokio::spawn(async move {
            let (audience, mut times) = (audience(), 0);
            while !stop.load(Ordering::SeqCst) {
                let token = tokens.access(account, &connector, &audience).await.unwrap();
                tokens.forget(account, &audience, &token);
                times += 1;
            }
            times
        })
    }

    /// What `purser keys` does, as another process does it.
    async fn keeper(&self) -> Keeper {
        let path = self.folder.path().join("keys");
        let source = KeySource::File(path.clone());
        let vault = Vault::over(source.clone(), KeyRing::load(&path).unwrap(), Chance::seeded(6));
        let store = Arc::new(SqliteStore::open(self.folder.path().join("purser.db")).await.unwrap());
        Keeper { store, vault: Arc::new(vault), source, clock: now() }
    }
}

fn now() -> purser_pipeline::Clock {
    let now: Timestamp = NOW.parse().unwrap();
    Arc::new(move || now)
}

fn audience() -> Audience {
    Audience { name: "api".into(), scopes: vec!["read".into()], app_scopes: Vec::new() }
}

async fn connect(store: &SqliteStore, vault: &Vault, connector: &ConnectorId, number: u32) -> AccountId {
    let (now, tenant): (Timestamp, _) = (NOW.parse().unwrap(), "t");
    let account =
        store.connect_account(connector, &format!("cloud-{number}"), tenant, "Test", now).await.unwrap();
    let identity = GrantIdentity { account: account.id, connector, tenant };
    let grant = grant(vault, identity, Kind::RefreshToken, &format!("{number}/0"), now);
    store.put_grant(account.id, None, &grant).await.unwrap();
    account.id
}

async fn rotate_and_retire(keeper: &Keeper, path: &Path, round: u64) {
    let old = keeper.vault.newest_key();
    let ring = keeper.vault.keys().rotated(&Chance::seeded(1000 + round));
    ring.save(path).unwrap();
    keeper.vault.replace_ring(ring.clone());
    keeper.admit(&ring).await.unwrap();
    keeper.rewrap().await.unwrap();
    loop {
        match keeper.retire(old).await {
            Ok(()) => break,
            // An exchange that was under way has sealed by the old key.
            Err(KeyTrouble::Needed { .. } | KeyTrouble::Store(_)) => {
                keeper.rewrap().await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    let ring = ring.without(old).unwrap();
    ring.save(path).unwrap();
    keeper.vault.replace_ring(ring);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_grant_is_lost_while_keys_are_rotated_ten_times() {
    let world = Refreshing::start(4).await;
    let (keeper, path) = (world.keeper().await, world.folder.path().join("keys"));
    keeper.admit(&keeper.vault.keys()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = world.accounts.iter().map(|account| world.refresh(*account, &stop)).collect();
    for round in 0..10 {
        rotate_and_retire(&keeper, &path, round).await;
    }
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        assert!(task.await.unwrap() > 3, "there were hardly any exchanges");
    }
    let ring = KeyRing::load(&path).unwrap();
    assert_eq!(ring.versions(), [11]);
    let only_newest = Vault::new(ring, Chance::seeded(1));
    let refused = world.vendor.lock().unwrap().refused;
    assert_eq!(refused, 0, "a token that was used up was used again");
    for grant in keeper.store.sealed_grants().await.unwrap() {
        let identity =
            GrantIdentity { account: grant.account, connector: &grant.connector, tenant: &grant.tenant };
        let token = only_newest.open_grant(identity, Kind::RefreshToken, &grant.sealed).unwrap();
        let (number, current) = token.expose().split_once('/').unwrap();
        assert_eq!(world.vendor.lock().unwrap().current[number].to_string(), current);
    }
    let known = keeper.store.known_keys().await.unwrap();
    assert_eq!(known.iter().filter(|key| key.retired_at.is_some()).count(), 10);
}

/// Breaks the wrapped key of an account's grant.
async fn damage(store: &dyn purser_store::Store, account: AccountId) {
    let mut grant = store.grant(account).await.unwrap().unwrap();
    let wrapped = 3 + 1 + 4 + 24;
    grant.sealed[wrapped + 5] ^= 1;
    let former = grant.version;
    grant.version += 1;
    store.put_grant(account, Some(former), &grant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_stays_closed_stops_no_start_and_keeps_no_other_on_the_old_key() {
    let world = Refreshing::start(3).await;
    let (keeper, path) = (world.keeper().await, world.folder.path().join("keys"));
    damage(keeper.store.as_ref(), world.accounts[0]).await;
    keeper.admit(&keeper.vault.keys()).await.unwrap();
    let ring = keeper.vault.keys().rotated(&Chance::seeded(7));
    ring.save(&path).unwrap();
    keeper.vault.replace_ring(ring.clone());
    keeper.admit(&ring).await.unwrap();
    assert!(matches!(keeper.rewrap().await, Err(KeyTrouble::Wrong(1))), "it is told");
    let versions: Vec<_> =
        keeper.store.sealed_grants().await.unwrap().iter().map(|grant| grant.key_version).collect();
    assert_eq!(versions, [1, 2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_no_grant_at_all_is_the_wrong_one() {
    let world = Refreshing::start(2).await;
    let keeper = world.keeper().await;
    for account in &world.accounts {
        damage(keeper.store.as_ref(), *account).await;
    }
    let refused = keeper.admit(&keeper.vault.keys()).await;
    assert!(matches!(refused, Err(KeyTrouble::Wrong(1))), "{refused:?}");
    assert_eq!(keeper.store.known_keys().await.unwrap(), []);
}

fn connector(base: &Url) -> Connector {
    let text = str::to_owned;
    let rules = ConsentRules {
        authority: base.clone(),
        authority_by_operator: true,
        authorize_path: text("/{tenant}/authorize"),
        token_path: text("/{tenant}/token"),
        keys_path: text("/{tenant}/keys"),
        issuer: text("{authority}/{tenant}"),
        first_tenant: text("t"),
        scopes: Vec::new(),
        authorize_parameters: Vec::new(),
        claims: Claims {
            tenant: text("tid"),
            user: text("oid"),
            user_name: text("name"),
            guest: None,
            roles: None,
        },
        personal_tenants: [].into(),
        roles: Roles::default(),
        probes: Vec::new(),
        error_classes: Vec::new(),
        idle_days: 90,
        admin_consent: None,
        client_id: text("client"),
        client_auth: ClientAuth::default(),
        redirect_uri: text("http://127.0.0.1/callback"),
    };
    Connector {
        id: "sample".parse().unwrap(),
        cloud: text("global"),
        endpoints: BTreeMap::new(),
        calls: BTreeMap::new(),
        download_hosts: Vec::new(),
        consent: Some(rules),
    }
}
