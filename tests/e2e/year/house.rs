//! A host and a simulated cloud in one process, on one clock that only the test moves: waiting moves it, too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use purser_domain::customer::Target;
use purser_domain::{AccountId, ConnectorId, Month};
use purser_pipeline::connector::{CloudConfig, Clouds, ConnectorConfig};
use purser_pipeline::plugins::Plugins;
use purser_pipeline::ports::Grants;
use purser_pipeline::reconcile::{FeedPart, Reconciled, feeds, reconcile};
use purser_pipeline::report::Report;
use purser_pipeline::run::Execution;
use purser_pipeline::{Host, Limits};
use purser_runtime::Sandbox;
use purser_simulator::{Config, Simulator};
use purser_store::accounts::{ConsentState, Grant, HostSettings, Settings, UnmappedCustomers};
use purser_store::customers::{Customers as _, MappingChange, Restamped};
use purser_store::ledger::CommitPolicy;
use purser_store::runs::RunState;
use purser_store::{Accounts as _, Runs as _};
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{
    Chance, Client, ClientAuth, HttpLimits, KeyRing, Pace, Secret, Surroundings, TokenSource, Transport,
    Vault,
};
use tokio_util::sync::CancellationToken;

/// All that bring money, and what they need; product titles would only take time.
const FEEDS: [&str; 7] =
    ["customers", "licences", "utilization", "rated-usage", "reconciliation", "invoices", "rate-card"];
const PLUGIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/microsoft-csp.wasm"));

/// What host and cloud take for the time.
#[derive(Clone)]
pub struct Time(Arc<Mutex<Timestamp>>);

impl Time {
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap() = now;
    }

    fn clock(&self) -> purser_pipeline::Clock {
        let time = self.clone();
        Arc::new(move || time.now())
    }
}

impl purser_vendor::Clock for Time {
    fn now(&self) -> Timestamp {
        self.now()
    }
}

#[async_trait]
impl Pace for Time {
    fn elapsed(&self) -> Duration {
        let since = self.now().duration_since(Timestamp::UNIX_EPOCH);
        Duration::try_from(since).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) {
        let now = self.now();
        self.set(now + SignedDuration::try_from(duration).unwrap());
        tokio::task::yield_now().await;
    }
}

/// Everything in one place.
pub struct House {
    pub time: Time,
    pub simulator: Simulator,
    pub store: Arc<SqliteStore>,
    pub account: AccountId,
    pub host: Host,
    /// A data directory as the binary makes it.
    pub folder: tempfile::TempDir,
    parts: Vec<FeedPart>,
}

impl House {
    /// A connected account whose customers wait until they are mapped.
    pub async fn open(config: Config, now: Timestamp) -> Self {
        let time = Time::at(now);
        let config = Config { clock: time.clock(), ..config };
        let registration = (config.client_id.clone(), config.client_secret.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = purser_simulator::serve(config, listener).await.unwrap();
        let folder = in_memory();
        let store = Arc::new(SqliteStore::open(folder.path().join("purser.db")).await.unwrap());
        let ring = KeyRing::generate(&Chance::seeded(1));
        ring.save_new(&folder.path().join("purser.key")).unwrap();
        let vault = Arc::new(Vault::new(ring, Chance::seeded(2)));
        let account = connect(&store, &vault, &simulator, now).await;
        let plugins = Plugins::new(Sandbox::new(purser_runtime::Limits::default(), None).unwrap(), None);
        plugins.activate(PLUGIN).unwrap();
        let connector: ConnectorId = "microsoft-csp".parse().unwrap();
        let parts = feeds(plugins.active(&connector).unwrap().descriptor());
        let host = Host {
            client: client(&store, vault, &time),
            store: store.clone(),
            plugins: Arc::new(plugins),
            clouds: clouds(&simulator, registration),
            clock: time.clock(),
            limits: Limits::default(),
            wake: Arc::default(),
            recorder: Default::default(),
        };
        Self { time, simulator, store, account, host, folder, parts }
    }

    /// The daily run of a local date, which must be due.
    pub async fn daily_run(&self, date: Date) -> (RunState, Report) {
        self.time.set(date.at(19, 0, 5, 0).in_tz("CET").unwrap().timestamp());
        assert_eq!(self.host.order_due().await.unwrap().len(), 1, "{date}");
        self.work().await.unwrap_or_else(|| panic!("{date}"))
    }

    /// Works on a run that waits.
    pub async fn work(&self) -> Option<(RunState, Report)> {
        match self.host.work_once(&CancellationToken::new()).await.unwrap()? {
            (_, Execution::Finished(state, report)) => Some((state, *report)),
            (_, other) => panic!("{other:?}"),
        }
    }

    /// Whether a daily run is due at its time of a local date.
    pub async fn is_due(&self, date: Date) -> bool {
        self.time.set(date.at(19, 0, 5, 0).in_tz("CET").unwrap().timestamp());
        !self.host.order_due().await.unwrap().is_empty()
    }

    /// Changes the settings.
    pub async fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.store.settings(self.account).await.unwrap();
        change(&mut settings);
        let Settings { revision, host, plugin, .. } = settings;
        self.store
            .save_settings(self.account, revision, &host, &plugin, "test", self.time.now())
            .await
            .unwrap();
    }

    /// Maps customers from the beginning.
    pub async fn map(&self, customers: &[(String, Target)]) -> Restamped {
        let change = |(customer, target): &(String, Target)| MappingChange {
            vendor_customer: customer.clone(),
            from: Date::constant(1970, 1, 1),
            target: Some(target.clone()),
        };
        let changes: Vec<_> = customers.iter().map(change).collect();
        let policy = CommitPolicy { now: self.time.now(), void_threshold_percent: 20, zone: "CET".into() };
        self.store.change_mapping(self.account, &changes, "test", &policy).await.unwrap()
    }

    /// The vendor's ids of the customers.
    pub async fn customers(&self) -> Vec<String> {
        let facts = self.store.facts_of_kind(self.account, "customer").await.unwrap();
        facts.into_iter().map(|fact| fact.key).collect()
    }

    pub async fn reconcile(&self, month: &Month) -> Reconciled {
        reconcile(self.store.as_ref(), self.account, month, &self.parts).await.unwrap()
    }
}

/// A folder that costs no waiting for a disk, where the system has one: whether a commit reached it is others' test.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn client(store: &Arc<SqliteStore>, vault: Arc<Vault>, time: &Time) -> Arc<Client> {
    let surroundings = Surroundings {
        clock: Arc::new(time.clone()),
        pace: Arc::new(time.clone()),
        chance: Chance::seeded(3),
    };
    let transport = Transport::new(HttpLimits::default()).unwrap();
    let grants = Arc::new(Grants::new(store.clone(), time.clock()));
    let tokens = TokenSource::new(transport.clone(), grants, vault, surroundings.clone());
    Arc::new(Client::new(transport, Arc::new(tokens), surroundings))
}

fn clouds(simulator: &Simulator, (client_id, secret): (String, String)) -> Clouds {
    let base = simulator.public_base_urls();
    let url = |text: &str| text.parse().unwrap();
    let cloud = CloudConfig {
        authority: Some(url(&base.entra)),
        endpoints: BTreeMap::from([
            ("partner-center".to_owned(), url(&base.partner_center)),
            ("graph".to_owned(), url(&base.graph)),
        ]),
        download_hosts: vec![url(&format!("http://{}", simulator.addr()))],
    };
    let connector = ConnectorConfig {
        client_id,
        client_auth: ClientAuth::secret(Secret::new(secret)),
        clouds: BTreeMap::from([("global".to_owned(), cloud)]),
    };
    Clouds {
        public_url: url("http://localhost"),
        connectors: BTreeMap::from([("microsoft-csp".parse().unwrap(), connector)]),
    }
}

async fn connect(store: &SqliteStore, vault: &Vault, simulator: &Simulator, now: Timestamp) -> AccountId {
    let connector: ConnectorId = "microsoft-csp".parse().unwrap();
    let tenant = simulator.tenant();
    let account = store.connect_account(&connector, "global", tenant, "Year", now).await.unwrap().id;
    let identity = GrantIdentity { account, connector: &connector, tenant };
    let token = Secret::new(simulator.grant("service").unwrap().refresh);
    let sealed = vault.seal_grant(identity, Kind::RefreshToken, &token).unwrap();
    let grant = Grant {
        sealed: sealed.bytes,
        key_version: sealed.key_version,
        user_name: "service".into(),
        user_id: "service".into(),
        roles: None,
        consented_at: now,
        refreshed_at: now,
        version: 1,
    };
    store.put_grant(account, None, &grant).await.unwrap();
    store.set_consent_state(account, &ConsentState::Active).await.unwrap();
    let settings = HostSettings {
        unmapped_customers: UnmappedCustomers::Wait,
        close_after_days: Some(12),
        feeds: FEEDS.map(str::to_owned).into(),
        ..HostSettings::default()
    };
    store.save_settings(account, 0, &settings, &serde_json::json!({}), "test", now).await.unwrap();
    account
}
