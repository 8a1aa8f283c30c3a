//! Joins the crates: one [`Purser`] is a whole host on one data directory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp, civil::Date};
use purser_domain::{AccountId, ConnectorId, RunId};
use purser_pipeline::connector::{CloudConfig, Clouds, ConnectorConfig};
use purser_pipeline::host::OrderError;
use purser_pipeline::keys::Keeper;
use purser_pipeline::plugins::Plugins;
use purser_pipeline::ports::{Flows, Grants};
use purser_pipeline::rollout::Rollout;
use purser_pipeline::usage::Board;
use purser_pipeline::{Clock, Host, Limits};
use purser_runtime::Sandbox;
use purser_store::people::{AuditEntry, Role, User};
use purser_store::{People as _, Runs as _};
use purser_store_sqlite::SqliteStore;
use purser_vendor::consent::Consent;
use purser_vendor::operator::OperatorSignIn;
use purser_vendor::{Chance, Client, HttpLimits, Surroundings, TokenSource, Transport};
use purser_web::{AccessRules, Acts, OutsideSignIn, WebState};
use sha2::Digest as _;
use url::Url;

use crate::acts::{HostActs, Outside, Tries};
use crate::command::DataArgs;
use crate::config::Config;
use crate::data::DataDir;
use crate::failure::Failure;
use crate::keys;

/// The last step of every locale fallback where no plugin says another.
pub const DEFAULT_LOCALE: &str = "en-US";
/// Runs worked on at once.
pub const WORKERS: usize = 2;
/// How long open connections are waited for at the end.
pub const GRACE: Duration = Duration::from_secs(2);
/// How long a set-up link is good.
const SETUP_LINK_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Seconds this process's clock is moved by; only tests move it.
static MOVED_SECONDS: AtomicI64 = AtomicI64::new(0);

/// Moves this process's clock, so that it now shows an instant and goes on from there.
pub fn begin_clock_at(instant: Timestamp) {
    MOVED_SECONDS.store(instant.as_second() - now().as_second(), Ordering::SeqCst);
}

/// The only place that asks the machine for the time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the clock that is passed in comes from")]
pub fn now() -> Timestamp {
    let moved = SignedDuration::from_secs(MOVED_SECONDS.load(Ordering::SeqCst));
    Timestamp::now().saturating_add(moved).unwrap_or(Timestamp::MAX)
}

/// Configuration and command line, the latter over the former.
///
/// # Errors
/// Where the configuration cannot be used.
pub fn config(args: &DataArgs) -> anyhow::Result<Config> {
    let mut config = Config::load(args.config.as_deref())?;
    if let Some(data) = &args.data {
        config.data.clone_from(data);
    }
    Ok(config)
}

/// The store alone, for commands that only read.
///
/// # Errors
/// Where there is none.
pub async fn open_store(args: &DataArgs) -> anyhow::Result<SqliteStore> {
    let config = config(args)?;
    let database = DataDir::open(&config.data)?.database();
    if !database.exists() {
        let remedy = "name the directory of a Purser that has run, with --data or in the configuration";
        return Err(Failure::new("CLI-EMPTY", "there is no database in the data directory", remedy).into());
    }
    store(&database).await
}

async fn store(database: &Path) -> anyhow::Result<SqliteStore> {
    SqliteStore::open(database).await.map_err(|error| {
        let remedy = "check that the disk is not full, and that this Purser is not older than the one that wrote the database";
        Failure::new("CLI-DATABASE", format!("the database cannot be opened: {error}"), remedy).into()
    })
}

/// A whole host.
pub struct Purser {
    /// Where everything is kept.
    pub store: Arc<SqliteStore>,
    /// Runs.
    pub host: Arc<Host>,
    /// The keys.
    pub keeper: Arc<Keeper>,
    acts: Arc<HostActs>,
    chance: Chance,
    clock: Clock,
    public_url: Url,
    rules: AccessRules,
    outside: Option<Arc<dyn OutsideSignIn>>,
    usage: Arc<Board>,
}

impl Purser {
    /// Opens everything in a data directory.
    ///
    /// # Errors
    /// Where something cannot be opened; stored grants without their key refuse to start.
    pub async fn open(config: &Config, data: &DataDir, clock: Clock) -> anyhow::Result<Self> {
        let store = Arc::new(store(&data.database()).await?);
        let chance = Chance::from_os();
        // Before anything is written: keys of another database must change nothing.
        let keeper = keys::keeper(&config.keys, data, store.clone(), chance.clone(), clock.clone());
        let keeper = Arc::new(keeper.await?);
        let vault = keeper.vault.clone();
        if data.is_taken() {
            store.end_leases().await?;
        }
        let usage = Arc::new(Board::new(clock.clone()));
        let rollout = rollout(config, store.clone(), data, usage.clone(), clock.clone()).await?;
        let surroundings = Surroundings {
            clock: Arc::new(VendorClock(clock.clone())),
            pace: Arc::new(purser_vendor::TokioPace::default()),
            chance: chance.clone(),
        };
        let transport = Transport::new(HttpLimits::default())?;
        let grants = Arc::new(Grants::new(store.clone(), clock.clone()));
        let tokens =
            Arc::new(TokenSource::new(transport.clone(), grants, vault.clone(), surroundings.clone()));
        let client = Arc::new(Client::new(transport.clone(), tokens.clone(), surroundings.clone()));
        let flows = Arc::new(Flows::new(store.clone(), clock.clone()));
        let trials =
            purser_vendor::tokens::Trials::new(transport.clone(), vault.clone(), surroundings.clone());
        let public_url = config.public_url()?;
        let (rules, outside) =
            (config.access.rules()?, outside(config, &public_url, &transport, &surroundings)?);
        let consent = Consent::new(transport, flows, vault.clone(), surroundings);
        let host = Arc::new(Host {
            store: store.clone(),
            plugins: rollout.plugins,
            clouds: clouds(config, public_url.clone())?,
            client: client.clone(),
            clock: clock.clone(),
            limits: Limits::default(),
            wake: Arc::default(),
            recorder: Default::default(),
        });
        let acts = HostActs {
            host: host.clone(),
            consent,
            trials,
            tokens,
            vault,
            client,
            chance: chance.clone(),
            tries: Tries::default(),
        };
        let acts = Arc::new(acts);
        Ok(Self { store, host, keeper, acts, chance, clock, public_url, rules, outside, usage })
    }

    /// The web UI and API.
    pub fn router(&self) -> axum::Router {
        let state = WebState::new(self.store.clone(), self.acts.clone(), self.public_url.clone());
        let state = state.with_usage(self.usage.clone());
        purser_web::router(state.with_access(self.rules.clone(), self.outside.clone()))
    }

    /// What pages and commands may make happen.
    #[must_use]
    pub fn acts(&self) -> &dyn Acts {
        self.acts.as_ref()
    }

    /// Orders a run by hand.
    ///
    /// # Errors
    /// With what to do about it.
    pub async fn order(
        &self,
        account: AccountId,
        from: Option<Date>,
        to: Option<Date>,
    ) -> anyhow::Result<RunId> {
        let ordered = self.host.order_now(account, from, to).await;
        let run = ordered.map_err(order_failure)?;
        let after = serde_json::json!({ "run": run, "from": from, "to": to });
        let detail = serde_json::json!({ "account": account, "before": null, "after": after });
        let (at, who) = ((self.clock)(), crate::command::COMMAND_LINE.to_owned());
        let entry = AuditEntry { at, who, what: "run.ordered".to_owned(), detail };
        self.store.audit(&entry).await.map_err(Failure::from)?;
        Ok(run)
    }

    /// A one-time link to make the first administrator; none where there is one.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn setup_link(&self) -> anyhow::Result<Option<Url>> {
        if !self.store.users().await?.is_empty() {
            return Ok(None);
        }
        let token = hex::encode(self.chance.bytes::<32>());
        let expires = (self.clock)().checked_add(SETUP_LINK_LIFE)?;
        let hash = sha2::Sha256::digest(token.as_bytes()).into();
        self.store.put_setup_token(&hash, expires).await?;
        Ok(Some(self.public_url.join(&format!("setup/{token}"))?))
    }

    /// Makes an administrator, or gives the one of this name a new password.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn make_admin(&self, name: &str, password: &str) -> anyhow::Result<()> {
        let password_hash = purser_web::hash_password(password).context("the password cannot be hashed")?;
        let user = User::new(name, password_hash, Role::Admin);
        self.store.add_user(&user).await?;
        let detail = serde_json::json!({ "user": name, "before": null, "after": { "role": Role::Admin } });
        let (at, who) = ((self.clock)(), crate::command::COMMAND_LINE.to_owned());
        Ok(self.store.audit(&AuditEntry { at, who, what: "user.added".to_owned(), detail }).await?)
    }

    /// A key nobody can guess, used once.
    #[must_use]
    pub fn random_key(&self) -> [u8; 32] {
        self.chance.bytes()
    }

    /// A password nobody can guess, easy to type.
    #[must_use]
    pub fn random_password(&self) -> String {
        const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
        let bytes = self.chance.bytes::<16>();
        let letter =
            |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().map_or('x', char::from);
        bytes.iter().map(letter).collect()
    }
}

fn order_failure(error: OrderError) -> anyhow::Error {
    match error {
        OrderError::Store(purser_store::Error::NotFound(_)) => {
            let remedy = "see the web UI for the accounts there are";
            Failure::input("CLI-ACCOUNT", "there is no such account", remedy).into()
        }
        OrderError::Store(error) => Failure::from(error).into(),
        error => anyhow::Error::new(error),
    }
}

/// Where people sign in at a provider, if the configuration names one.
fn outside(
    config: &Config,
    public_url: &Url,
    transport: &Transport,
    surroundings: &Surroundings,
) -> anyhow::Result<Option<Arc<dyn OutsideSignIn>>> {
    let Some(oidc) = config.access.oidc.clone() else { return Ok(None) };
    let provider = oidc.provider(public_url.join(purser_web::OUTSIDE_CALLBACK)?)?;
    let sign_in = OperatorSignIn::new(transport.clone(), surroundings.clone(), provider);
    Ok(Some(Arc::new(Outside { sign_in, oidc })))
}

/// The host's clock as the vendor crate takes it.
struct VendorClock(Clock);

impl purser_vendor::Clock for VendorClock {
    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// Plugin versions and roles, for commands that change them; a directory that holds nothing yet is made.
///
/// # Errors
/// Where something cannot be opened.
pub async fn open_rollout(args: &DataArgs) -> anyhow::Result<Rollout> {
    let config = config(args)?;
    let data = DataDir::open(&config.data)?;
    let clock: Clock = Arc::new(now);
    let usage = Arc::new(Board::new(clock.clone()));
    rollout(&config, Arc::new(store(&data.database()).await?), &data, usage, clock).await
}

/// With what is bundled installed, and who plays what loaded.
async fn rollout(
    config: &Config,
    store: Arc<SqliteStore>,
    data: &DataDir,
    usage: Arc<Board>,
    clock: Clock,
) -> anyhow::Result<Rollout> {
    let sandbox = Sandbox::recorded(config.plugins.limits.read()?, Some(data.compiled()), usage)?;
    let plugins = Arc::new(Plugins::new(sandbox, Some(data.plugins())).trusting(config.plugins.trust()?));
    let rollout = Rollout { store, plugins, clock };
    for (_, component) in crate::bundled::PLUGINS {
        rollout.settle_bundled(component).await?;
    }
    rollout.begin().await.map_err(Failure::from)?;
    Ok(rollout)
}

fn clouds(config: &Config, public_url: Url) -> anyhow::Result<Clouds> {
    let mut connectors = std::collections::BTreeMap::new();
    for (id, connector) in &config.connectors {
        let unknown = |error| {
            let remedy = "use the id of a plugin, such as microsoft-csp";
            Failure::input(
                "CFG-003",
                format!("a connector of the configuration has a wrong name: {error}"),
                remedy,
            )
        };
        let id: ConnectorId = id.parse().map_err(unknown)?;
        let clouds = connector.clouds.iter().map(|(cloud, own)| (cloud.clone(), cloud_config(own))).collect();
        let (client_id, client_auth) = (connector.client_id.clone(), connector.client_auth()?);
        connectors.insert(id, ConnectorConfig { client_id, client_auth, clouds });
    }
    Ok(Clouds { public_url, connectors })
}

fn cloud_config(own: &crate::config::Cloud) -> CloudConfig {
    CloudConfig {
        authority: own.authority.clone(),
        endpoints: own.endpoints.clone(),
        download_hosts: own.download_hosts.clone(),
    }
}
