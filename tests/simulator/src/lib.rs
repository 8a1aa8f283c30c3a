//! A Microsoft cloud to try against: Entra sign-in, Partner Center, Graph exports, rate cards; faults on demand.
//!
//! It knows nothing of the host or of any plugin. It generates its own ledger first, from a seed and a clock, and
//! speaks that ledger through the vendor's protocols, with their oddities ([`TRAPS`]) in the default data. Everything is
//! on one listener: `/entra`, `/partner-center`, `/graph`, `/blobs`, and `/_simulator` for other processes.
//!
//! **Invariant:** same seed, same clock, same requests — same bytes (signing keys excepted); and
//! [`Simulator::ledger`] never looks at what was served, except for the dates of licence snapshots.

mod amount;
mod billing;
mod calendar;
mod cloud;
mod config;
mod entra;
pub mod faults;
mod http;
mod ledger;
mod random;
mod rated;
mod rated_json;
mod traps;
mod usage;
mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use jiff::civil::Date;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use billing::class::Class;
pub use billing::ledger::{BillingLedger, BillingLine, InvoiceLine};
pub use billing::legacy::LegacyDay;
use cloud::Cloud;
pub use cloud::RequestLogEntry;
pub use config::{Alter, Billing, Clock, Config};
pub use entra::users::{Role, User};
pub use entra::{Audience, Grant, Registration};
pub use faults::{Action, Faults, Rule, TokenRefusal};
pub use ledger::{LICENCES, Ledger, LedgerLine, RATED_USAGE, UTILIZATION};
pub use traps::TRAPS;

/// Connections get this long to end by themselves.
const PATIENCE: Duration = Duration::from_millis(500);

/// A running cloud. Dropping it stops it too.
pub struct Simulator {
    cloud: Arc<Cloud>,
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Where each part answers, without a slash at the end: what a host is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrls {
    /// The authority: `{entra}/{tenant}/oauth2/v2.0/authorize`; issuer `{entra}/{tid}/v2.0`.
    pub entra: String,
    /// `{partner_center}/v1/customers`
    pub partner_center: String,
    /// `{graph}/v1.0/reports/partners/billing/…`
    pub graph: String,
    /// Blob URLs in manifests begin with it.
    pub blobs: String,
}

/// Serves a cloud on the listener until it is shut down.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(config: Config, listener: TcpListener) -> anyhow::Result<Simulator> {
    let addr = listener.local_addr()?;
    let base = config.public_url.clone().unwrap_or_else(|| format!("http://{addr}"));
    let cloud = Arc::new(Cloud::new(config, base));
    let router = http::router(Arc::clone(&cloud));
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let task = tokio::spawn(async move {
        let ended = async move { drop(stopped.await) };
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
            tracing::warn!(%error, "the simulator stopped");
        }
    });
    Ok(Simulator { cloud, addr, stop: Some(stop), task })
}

impl Simulator {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where each part answers.
    #[must_use]
    pub fn public_base_urls(&self) -> BaseUrls {
        let part = |name: &str| format!("{}/{name}", self.cloud.base);
        BaseUrls {
            entra: part("entra"),
            partner_center: part("partner-center"),
            graph: part("graph"),
            blobs: part("blobs"),
        }
    }

    /// What a perfect client must hold that has run every day until now, with a look-back of three days.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.cloud.ledger()
    }

    /// What a reader held at the end of an earlier UTC day; licences up to the local date of the same name.
    #[must_use]
    pub fn ledger_on(&self, day: Date) -> Ledger {
        self.cloud.ledger_on(day)
    }

    /// Charges and invoices that a reader could have seen by the end of a UTC day.
    #[must_use]
    pub fn billing_ledger(&self, day: Date) -> BillingLedger {
        self.cloud.billing_ledger(day)
    }

    /// What legacy Azure costs by day as of a UTC day, in the currency (EUR or USD) of a rate card.
    #[must_use]
    pub fn legacy_days(&self, day: Date, currency: &str) -> Vec<LegacyDay> {
        self.cloud.legacy_days(day, currency)
    }

    /// Other faults from now on; rules count from the beginning.
    pub fn set_faults(&self, faults: Faults) {
        self.cloud.set_faults(faults);
    }

    /// The faults as they are.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.cloud.faults()
    }

    /// Every request answered so far, those to `/_simulator` excepted.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestLogEntry> {
        self.cloud.requests()
    }

    /// One more redirect URI of the registered application, compared exactly.
    pub fn register_redirect_uri(&self, uri: impl Into<String>) {
        cloud::lock(&self.cloud.entra.redirect_uris).push(uri.into());
    }

    /// What the registered application may prove itself by from now on.
    pub fn register(&self, registration: Registration) {
        self.cloud.entra.register(registration);
    }

    /// The partner's own tenant.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.cloud.world.tenant
    }

    /// Everybody on the sign-in page.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.cloud.entra.users
    }

    /// Tokens of a user, by the id on the sign-in page, without the sign-in; none for an unknown user.
    #[must_use]
    pub fn grant(&self, user: &str) -> Option<Grant> {
        self.cloud.entra.grant(user, self.cloud.now())
    }

    /// Every access token given out so far.
    #[must_use]
    pub fn access_tokens(&self) -> Vec<String> {
        self.cloud.entra.access_tokens()
    }

    /// Stops listening and waits a moment for open connections.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap_or_default();
        }
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
