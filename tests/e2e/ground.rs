//! What a host stands on in a test: a vendor on loopback, a store, a client, and accounts that retrieve by a secret.

use std::sync::Arc;

use axum::Router;
use jiff::Timestamp;
use purser_domain::ConnectorId;
use purser_pipeline::connector::{CloudConfig, Clouds, ConnectorConfig};
use purser_pipeline::plugins::Plugins;
use purser_pipeline::ports::Grants;
use purser_pipeline::{Clock, Host, Limits};
use purser_store::Accounts as _;
use purser_store::accounts::{Account, ConsentState, Grant, HostSettings};
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{
    Chance, Client, HttpLimits, KeyRing, Secret, Surroundings, TokenSource, Transport, Vault,
};
use url::Url;

pub struct Ground {
    pub store: Arc<SqliteStore>,
    client: Arc<Client>,
    base: Url,
    clock: Clock,
    vault: Arc<Vault>,
    _folder: tempfile::TempDir,
}

/// A connector in one cloud, all of which the vendor on loopback answers.
pub struct Served<'a> {
    pub connector: &'a str,
    pub cloud: &'a str,
    pub endpoint: &'a str,
}

/// An account of a connector, by its secret.
pub struct NewAccount<'a> {
    pub connector: &'a str,
    pub cloud: &'a str,
    pub tenant: &'a str,
    pub secret: &'a str,
    /// None: all.
    pub feeds: &'a [&'a str],
}

impl Ground {
    pub async fn of(vendor: Router, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path().join("purser.db")).await.unwrap());
        let chance = Chance::seeded(7);
        let vault = Arc::new(Vault::new(KeyRing::generate(&chance), chance.clone()));
        let client = client(&store, vault.clone(), clock.clone(), chance);
        Self { store, client, base: serve(vendor).await, clock, vault, _folder: folder }
    }

    pub fn host(&self, plugins: Plugins, served: &[Served<'_>], limits: Limits) -> Host {
        let connectors = served.iter().map(|it| (it.connector.parse().unwrap(), self.config(it))).collect();
        Host {
            client: self.client.clone(),
            store: self.store.clone(),
            plugins: Arc::new(plugins),
            clouds: Clouds { public_url: self.base.clone(), connectors },
            clock: self.clock.clone(),
            limits,
            wake: Arc::default(),
            recorder: Default::default(),
        }
    }

    fn config(&self, served: &Served<'_>) -> ConnectorConfig {
        let endpoints = [(served.endpoint.to_owned(), self.base.clone())].into();
        let cloud = CloudConfig { endpoints, ..CloudConfig::default() };
        ConnectorConfig { clouds: [(served.cloud.to_owned(), cloud)].into(), ..ConnectorConfig::default() }
    }

    /// Connected and active.
    pub async fn connect(&self, new: &NewAccount<'_>) -> Account {
        let (store, now) = (&self.store, (self.clock)());
        let connector: ConnectorId = new.connector.parse().unwrap();
        let account = store.connect_account(&connector, new.cloud, new.tenant, "Test", now).await.unwrap();
        let identity = GrantIdentity { account: account.id, connector: &connector, tenant: new.tenant };
        let grant = grant(&self.vault, identity, Kind::ApiSecret, new.secret, now);
        store.put_grant(account.id, None, &grant).await.unwrap();
        store.set_consent_state(account.id, &ConsentState::Active).await.unwrap();
        let feeds = new.feeds.iter().map(|&feed| feed.to_owned()).collect();
        let settings = HostSettings { feeds, ..HostSettings::default() };
        store.save_settings(account.id, 0, &settings, &serde_json::json!({}), "test", now).await.unwrap();
        account
    }
}

/// A first grant.
pub fn grant(vault: &Vault, of: GrantIdentity<'_>, kind: Kind, secret: &str, now: Timestamp) -> Grant {
    let sealed = vault.seal_grant(of, kind, &Secret::new(secret.to_owned())).unwrap();
    Grant {
        sealed: sealed.bytes,
        key_version: sealed.key_version,
        user_name: "test".into(),
        user_id: "test".into(),
        roles: None,
        consented_at: now,
        refreshed_at: now,
        version: 1,
    }
}

/// A server on loopback; gives its address.
pub async fn serve(routes: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(axum::serve(listener, routes).into_future());
    base
}

struct VendorClock(Clock);

impl purser_vendor::Clock for VendorClock {
    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

fn client(store: &Arc<SqliteStore>, vault: Arc<Vault>, clock: Clock, chance: Chance) -> Arc<Client> {
    let surroundings = Surroundings {
        clock: Arc::new(VendorClock(clock.clone())),
        pace: Arc::new(purser_vendor::TokioPace::default()),
        chance,
    };
    let transport = Transport::new(HttpLimits::default()).unwrap();
    let grants = Arc::new(Grants::new(store.clone(), clock));
    let tokens = TokenSource::new(transport.clone(), grants, vault, surroundings.clone());
    Arc::new(Client::new(transport, Arc::new(tokens), surroundings))
}
