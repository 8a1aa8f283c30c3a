//! Purser itself: the real host, pipeline, sandbox and store, with the bundled plugin.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use purser_domain::{AccountId, ConnectorId};
use purser_pipeline::connector::{CloudConfig, Clouds, ConnectorConfig};
use purser_pipeline::plugins::Plugins;
use purser_pipeline::ports::Grants;
use purser_pipeline::run::Execution;
use purser_pipeline::{Clock, Host, Limits};
use purser_runtime::Sandbox;
use purser_store::Accounts as _;
use purser_store::accounts::{ConsentState, Grant, HostSettings};
use purser_store_sqlite::SqliteStore;
use purser_vendor::vault::{GrantIdentity, Kind};
use purser_vendor::{
    Chance, Client, ClientAuth, HttpLimits, KeyRing, Secret, Surroundings, TokenSource, Transport, Vault,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::case::Outcome;
use crate::kept::Kept;
use crate::meter::Meter;
use crate::world::{FEED, World, clock, plugin_file};

/// What the feed needs, and the feed.
const FEEDS: [&str; 3] = ["customers", "licences", FEED];

/// The process.
pub async fn run(world: &World) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("purser.db");
    let store = Arc::new(SqliteStore::open(&database).await?);
    let clock = clock();
    let vault = Arc::new(Vault::new(KeyRing::generate(&Chance::seeded(1)), Chance::seeded(2)));
    let account = connect(&store, &vault, world, &clock).await?;
    let host = host(&store, vault, world, clock)?;
    let meter = Meter::start()?;
    let (from, to) = World::window();
    host.order_now(account, Some(from), Some(to)).await?;
    let done = host.work_once(&CancellationToken::new()).await?.context("the run was not claimed")?;
    store.close().await;
    let used = meter.stop()?;
    let Execution::Finished(state, report) = done.1 else { anyhow::bail!("the run was interrupted") };
    // There is no rate card, since the baseline prices nothing either.
    let unexpected: Vec<_> = report.notes.iter().filter(|note| note.code != "LED-TIER-NO-RATE").collect();
    ensure!(unexpected.is_empty(), "the run ended as {state:?}: {unexpected:?}");
    let feed = report.feeds.iter().find(|feed| feed.name == FEED).context("the feed is missing")?;
    Ok(Outcome { records: feed.records, used, kept: Kept::read(&database).await? })
}

/// The plugin, from its machine code where it was compiled before.
pub fn plugin(folder: &Path) -> anyhow::Result<Plugins> {
    let sandbox = Sandbox::new(purser_runtime::Limits::default(), Some(folder.join("compiled")))?;
    let plugins = Plugins::new(sandbox, None);
    plugins.activate(&std::fs::read(plugin_file(folder))?)?;
    Ok(plugins)
}

fn host(
    store: &Arc<SqliteStore>,
    vault: Arc<Vault>,
    world: &World,
    clock: Clock,
) -> anyhow::Result<Arc<Host>> {
    let surroundings = Surroundings {
        clock: Arc::new(VendorClock(clock.clone())),
        pace: Arc::new(purser_vendor::TokioPace::default()),
        chance: Chance::seeded(3),
    };
    let transport = Transport::new(HttpLimits::default())?;
    let grants = Arc::new(Grants::new(store.clone(), clock.clone()));
    let tokens = Arc::new(TokenSource::new(transport.clone(), grants, vault, surroundings.clone()));
    Ok(Arc::new(Host {
        store: store.clone(),
        plugins: Arc::new(plugin(&world.folder)?),
        clouds: clouds(world)?,
        client: Arc::new(Client::new(transport, tokens, surroundings)),
        clock,
        limits: Limits::default(),
        wake: Arc::default(),
        recorder: Default::default(),
    }))
}

/// An operator's configuration that leads to the simulated cloud.
fn clouds(world: &World) -> anyhow::Result<Clouds> {
    let part = |name: &str| format!("{}/{name}", world.base).parse::<Url>();
    let cloud = CloudConfig {
        authority: Some(part("entra")?),
        endpoints: BTreeMap::from([
            ("partner-center".to_owned(), part("partner-center")?),
            ("graph".to_owned(), part("graph")?),
        ]),
        download_hosts: Vec::new(),
    };
    let registration = purser_simulator::Config::default();
    let connector = ConnectorConfig {
        client_id: registration.client_id,
        client_auth: ClientAuth::secret(Secret::new(registration.client_secret)),
        clouds: BTreeMap::from([("global".to_owned(), cloud)]),
    };
    Ok(Clouds {
        public_url: "http://localhost".parse()?,
        connectors: BTreeMap::from([("microsoft-csp".parse()?, connector)]),
    })
}

/// A connected account with only the feeds that count.
async fn connect(
    store: &SqliteStore,
    vault: &Vault,
    world: &World,
    clock: &Clock,
) -> anyhow::Result<AccountId> {
    let now = clock();
    let connector: ConnectorId = "microsoft-csp".parse()?;
    let account = store.connect_account(&connector, "global", &world.tenant, "Benchmark", now).await?.id;
    let identity = GrantIdentity { account, connector: &connector, tenant: &world.tenant };
    let sealed = vault.seal_grant(identity, Kind::RefreshToken, &Secret::new(world.refresh_token.clone()))?;
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
    store.put_grant(account, None, &grant).await?;
    store.set_consent_state(account, &ConsentState::Active).await?;
    let feeds = FEEDS.map(str::to_owned).into();
    let settings = HostSettings { feeds, ..HostSettings::default() };
    store.save_settings(account, 0, &settings, &serde_json::json!({}), "benchmark", now).await?;
    Ok(account)
}

/// The host's clock as the vendor crate takes it.
struct VendorClock(Clock);

impl purser_vendor::Clock for VendorClock {
    fn now(&self) -> jiff::Timestamp {
        (self.0)()
    }
}
