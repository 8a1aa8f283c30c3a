//! A whole host around the hostile plugin: store, client, pipeline, a vendor on loopback; one account that is attacked,
//! another of the same connector, and one of another connector. All three run at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use purser_domain::{AccountId, ConnectorId};
use purser_pipeline::connector::{CloudConfig, Clouds, ConnectorConfig};
use purser_pipeline::export::Rows;
use purser_pipeline::plugins::Plugins;
use purser_pipeline::ports::Grants;
use purser_pipeline::report::Report;
use purser_pipeline::usage::{Board, VersionUse};
use purser_pipeline::{Clock, Host};
use purser_runtime::{Limits, Sandbox};
use purser_store::accounts::{ConsentState, Grant, HostSettings};
use purser_store::ledger::Filter;
use purser_store::runs::RunState;
use purser_store::{Accounts as _, Runs as _};
use purser_store_sqlite::SqliteStore;
use purser_vendor::connector::Connector;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{
    Chance, Client, HttpLimits, KeyRing, Secret, Surroundings, TokenSource, Transport, Vault,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::components;
use crate::vendor::{ATTACKED, GOOD, NEIGHBOUR, Vendor};

/// How long all runs of a test may take together before the host counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the host may take to answer while an attack goes on.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

pub struct House {
    pub host: Arc<Host>,
    pub client: Arc<Client>,
    pub board: Arc<Board>,
    pub vendor: Vendor,
    pub attacked: AccountId,
    store: Arc<SqliteStore>,
    neighbours: [AccountId; 2],
    hours: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

/// What an attack came to.
pub struct Outcome {
    pub state: RunState,
    pub report: Report,
    /// The attacked account's Purchases: quantity, cost and currency.
    pub rows: Vec<String>,
    /// What the attacked account's plugin had sent.
    pub asked: Vec<String>,
}

impl Outcome {
    /// Every code the run tells, of what went wrong and of what was set aside.
    pub fn codes(&self) -> Vec<String> {
        let notes = self.report.notes.iter().map(|note| note.code.clone());
        let word = |text: &str| text.split([' ', ':']).next().unwrap_or_default().to_owned();
        notes.chain(self.report.balance.rejected.keys().map(|reason| word(reason))).collect()
    }

    /// Records set aside.
    pub fn rejected(&self) -> u64 {
        self.report.balance.rejected.values().map(|tally| tally.records).sum()
    }
}

/// What of the host is other than usual.
pub struct Plan {
    pub limits: Limits,
    pub requests: u64,
    pub feed: &'static str,
    pub wasi: bool,
}

impl Plan {
    pub fn of(feed: &'static str) -> Self {
        Self { limits: components::tight(), requests: 1_000, feed, wasi: false }
    }
}

impl House {
    pub async fn with(plan: Plan) -> Self {
        let vendor = Vendor::default();
        let base = serve(vendor.routes()).await;
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path().join("purser.db")).await.unwrap());
        let hours = Arc::new(AtomicI64::new(0));
        let (clock, chance) = (clock(hours.clone()), Chance::seeded(7));
        let vault = Arc::new(Vault::new(KeyRing::generate(&chance), chance.clone()));
        let connect = |connector, tenant, secret, feeds| {
            let (store, vault) = (store.clone(), vault.clone());
            async move { connect(&store, &vault, connector, tenant, secret, feeds).await }
        };
        let attacked = connect("hostile", "attacked", ATTACKED, vec![plan.feed]).await;
        let same = connect("hostile", "neighbour", NEIGHBOUR, vec!["records"]).await;
        let other = connect("meterhub", "neighbour", NEIGHBOUR, vec![]).await;
        let board = Arc::new(Board::new(clock.clone()));
        let sandbox = Sandbox::recorded(plan.limits, Some(components::compiled()), board.clone()).unwrap();
        let plugins = Plugins::new(sandbox, None);
        let hostile = if plan.wasi { components::with_wasi() } else { components::plain("hostile") };
        plugins.activate(&hostile).unwrap();
        plugins.activate(&components::plain("meterhub")).unwrap();
        let client = client(&store, vault, clock.clone(), chance);
        let host = Host {
            client: client.clone(),
            store: store.clone(),
            plugins: Arc::new(plugins),
            clouds: clouds(&base),
            clock,
            limits: purser_pipeline::Limits {
                requests_of_run: plan.requests,
                ..purser_pipeline::Limits::default()
            },
            wake: Arc::default(),
            recorder: Default::default(),
        };
        let host = Arc::new(host);
        Self {
            host,
            client,
            board,
            vendor,
            attacked,
            store,
            neighbours: [same, other],
            hours,
            _folder: folder,
        }
    }

    /// What the host grants the hostile plugin.
    pub fn granted(&self) -> Connector {
        let plugin = self.host.plugins.active(&"hostile".parse().unwrap()).unwrap();
        self.host.clouds.connector(plugin.descriptor(), "main").unwrap()
    }

    /// One run of the attacked account with this answer, while its neighbours run too. Everything but the attacked account
    /// must end as always, and the host must answer all the while.
    pub async fn attack(&self, body: &str) -> Outcome {
        self.vendor.answer(body);
        self.hours.fetch_add(1, Ordering::SeqCst);
        self.vendor.asked();
        let mut runs = Vec::new();
        for account in [self.attacked, self.neighbours[0], self.neighbours[1]] {
            runs.push(self.host.order_now(account, None, None).await.unwrap());
        }
        let stop = CancellationToken::new();
        let workers = [0, 1].map(|_| tokio::spawn(self.host.clone().work(stop.clone())));
        let waited = tokio::time::timeout(PATIENCE, self.wait_for(&runs)).await;
        stop.cancel();
        assert!(waited.is_ok(), "the host hangs");
        for worker in workers {
            worker.await.unwrap();
        }
        self.assert_untouched().await;
        let run = self.store.run(runs[0]).await.unwrap();
        Outcome {
            state: run.state,
            report: serde_json::from_value(run.report).unwrap(),
            rows: self.rows(self.attacked).await,
            asked: self.vendor.asked(),
        }
    }

    /// Until all have ended; meanwhile the host is asked, as `/readyz` does.
    async fn wait_for(&self, runs: &[purser_domain::RunId]) {
        let mut open = runs.to_vec();
        while !open.is_empty() {
            let answer = tokio::time::timeout(ANSWERS_WITHIN, self.store.run(open[0])).await;
            let run = answer.expect("the host does not answer").unwrap();
            match run.finished_at {
                Some(_) => drop(open.remove(0)),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn assert_untouched(&self) {
        assert_eq!(self.rows(self.neighbours[0]).await, ["3 3 EUR"]);
        let expected = ["10.125 2.0250000000000000000001 EUR", "3 0.3 EUR"];
        assert_eq!(self.rows(self.neighbours[1]).await, expected);
        for account in self.neighbours {
            let run = self.store.runs(Some(account), 1).await.unwrap().remove(0);
            let report: Report = serde_json::from_value(run.report).unwrap();
            // Nobody has mapped this vendor's customers; nothing else is to be said.
            let told: Vec<_> = report.notes.iter().filter(|note| note.code != "LED-ALL-UNMAPPED").collect();
            assert!(told.is_empty(), "{told:?}");
        }
    }

    async fn rows(&self, account: AccountId) -> Vec<String> {
        let filter = Filter { account: Some(account), ..Filter::default() };
        let mut rows = Rows::new(self.store.as_ref(), filter, "en-US");
        let mut all = Vec::new();
        while let Some(some) = rows.next().await.unwrap() {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            all.extend(
                some.iter()
                    .map(|row| format!("{} {} {}", row.quantity, text(&row.cost), text(&row.currency))),
            );
        }
        all.sort();
        all
    }

    /// What the hostile plugin used.
    pub fn used(&self) -> VersionUse {
        self.board.of_plugin("hostile").remove(0)
    }
}

/// A server on loopback; gives its address.
pub async fn serve(routes: axum::Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(axum::serve(listener, routes).into_future());
    base
}

fn clock(hours: Arc<AtomicI64>) -> Clock {
    let begin: Timestamp = "2026-11-15T17:00:00Z".parse().unwrap();
    Arc::new(move || begin + SignedDuration::from_hours(hours.load(Ordering::SeqCst)))
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

fn clouds(base: &Url) -> Clouds {
    let config = |endpoint: &str| {
        let cloud =
            CloudConfig { endpoints: [(endpoint.to_owned(), base.clone())].into(), ..CloudConfig::default() };
        ConnectorConfig { clouds: [("main".to_owned(), cloud)].into(), ..ConnectorConfig::default() }
    };
    let connectors = [("hostile", config("api")), ("meterhub", config("hub"))];
    let connectors = connectors.map(|(id, config)| (id.parse().unwrap(), config)).into();
    Clouds { public_url: base.clone(), connectors }
}

async fn connect(
    store: &SqliteStore,
    vault: &Vault,
    connector: &str,
    tenant: &str,
    secret: &str,
    feeds: Vec<&str>,
) -> AccountId {
    let connector: ConnectorId = connector.parse().unwrap();
    let now: Timestamp = "2026-11-15T17:00:00Z".parse().unwrap();
    let account = store.connect_account(&connector, "main", tenant, "Test", now).await.unwrap();
    let identity = GrantIdentity { account: account.id, connector: &connector, tenant };
    let sealed = vault.seal_grant(identity, Kind::ApiSecret, &Secret::new(secret.into())).unwrap();
    let grant = Grant {
        sealed: sealed.bytes,
        key_version: sealed.key_version,
        user_name: "test".into(),
        user_id: "test".into(),
        roles: None,
        consented_at: now,
        refreshed_at: now,
        version: 1,
    };
    store.put_grant(account.id, None, &grant).await.unwrap();
    store.set_consent_state(account.id, &ConsentState::Active).await.unwrap();
    let feeds = feeds.into_iter().map(str::to_owned).collect();
    let settings = HostSettings { feeds, ..HostSettings::default() };
    store.save_settings(account.id, 0, &settings, &serde_json::json!({}), "test", now).await.unwrap();
    account.id
}

/// What the attacked account has before an attack: three records of 1 EUR.
pub fn good() -> String {
    format!("{GOOD}\n{GOOD}\n{GOOD}\n")
}
