//! The demo's world: a simulated Microsoft cloud and a Purser that uses it, on this machine, in one process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use purser_pipeline::Clock;
use purser_simulator::Simulator;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::command::serve;
use crate::config::{Cloud, Config, Connector};
use crate::data::DataDir;
use crate::wiring::{self, Purser};

pub mod author;
pub mod check;
pub mod compare;
mod recorded;
mod visitor;

/// A clock that goes at the usual pace and can be moved; host and simulator share it.
#[derive(Clone)]
pub struct MovedClock(Arc<AtomicI64>);

impl MovedClock {
    /// At the present.
    #[must_use]
    pub fn real() -> Self {
        Self(Arc::default())
    }

    /// Moves it, so that it now shows this instant.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.as_second() - wiring::now().as_second(), Ordering::SeqCst);
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let moved = SignedDuration::from_secs(self.0.load(Ordering::SeqCst));
        wiring::now().checked_add(moved).unwrap_or(Timestamp::MAX)
    }

    /// As others take it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// Name and password of the demo's administrator.
pub struct SignIn {
    /// The name.
    pub name: &'static str,
    /// Random, printed once.
    pub password: String,
}

/// Everything at work.
pub struct World {
    /// The vendor.
    pub simulator: Simulator,
    /// The host.
    pub purser: Arc<Purser>,
    /// Who may sign in.
    pub sign_in: SignIn,
    /// Where people go.
    pub url: url::Url,
    stop: CancellationToken,
    served: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// Starts simulator and host on this data directory.
    ///
    /// # Errors
    /// Where a port cannot be listened on or the directory cannot be used.
    pub async fn start(
        data: &DataDir,
        listen: SocketAddr,
        simulated: purser_simulator::Config,
        clock: Clock,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let listener = listener(listen).await?;
        let cloud = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let mut config = configuration(&simulated, cloud.local_addr()?)?;
        config.listen = listener.local_addr()?;
        let url = config.public_url()?;
        let redirect = format!("{}connectors/microsoft-csp/consent/callback/global", url);
        let simulated = purser_simulator::Config { redirect_uris: vec![redirect], ..simulated };
        let simulator = purser_simulator::serve(simulated, cloud).await?;
        let purser = Arc::new(Purser::open(&config, data, clock).await?);
        let sign_in = SignIn { name: "admin", password: purser.random_password() };
        purser.make_admin(sign_in.name, &sign_in.password).await?;
        let (serving, token) = (purser.clone(), stop.clone());
        let served = tokio::spawn(async move { serve::serve(&serving, listener, token).await });
        Ok(Self { simulator, purser, sign_in, url, stop, served })
    }

    /// Ends everything.
    ///
    /// # Errors
    /// Where serving had failed.
    pub async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.served.await??;
        self.simulator.shutdown().await;
        Ok(())
    }

    /// Waits until somebody stops the process.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

/// The usual port may be taken: any other will do for a demo.
async fn listener(listen: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(listen).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(SocketAddr::from((listen.ip(), 0))).await,
    }
}

/// The configuration that plugs the simulator in: base URLs, as for any other cloud.
fn configuration(simulated: &purser_simulator::Config, cloud: SocketAddr) -> anyhow::Result<Config> {
    let at = |path: &str| url::Url::parse(&format!("http://{cloud}{path}"));
    let endpoints =
        [("partner-center".to_owned(), at("/partner-center")?), ("graph".to_owned(), at("/graph")?)];
    let global =
        Cloud { authority: Some(at("/entra")?), endpoints: endpoints.into(), download_hosts: vec![at("")?] };
    let connector = Connector {
        client_id: simulated.client_id.clone(),
        client_secret: Some(simulated.client_secret.clone()),
        clouds: [("global".to_owned(), global)].into(),
        ..Connector::default()
    };
    Ok(Config { connectors: [("microsoft-csp".to_owned(), connector)].into(), ..Config::default() })
}
