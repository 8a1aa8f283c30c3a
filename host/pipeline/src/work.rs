//! What everything in one run works with.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use jiff::civil::Date;
use purser_domain::{AccountId, Cast, Role};
use purser_runtime::Plugin;
use purser_runtime::contract::manifest::{Feed, FeedKind};
use purser_runtime::contract::mapping::PageContext;
use purser_runtime::contract::types::RunContext;
use purser_store::Store;
use purser_store::runs::{Fact, Fence, Page, Run, Trigger};
use purser_vendor::client::Client;
use purser_vendor::connector::Connector;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::breaker::Crashes;
use crate::framing::Cut;
use crate::limits::Limits;
use crate::mapping::{PageError, map_page};
use crate::recording::Recorder;
use crate::secret::SecretWatch;
use crate::usage::RunUse;

/// The present instant; passed in, so that tests and the demo can move it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One run's tools. Shared by its tasks.
pub struct Work {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The plugin versions the run is pinned to.
    pub cast: Cast<Plugin>,
    /// What that plugin may ask.
    pub connector: Arc<Connector>,
    /// Who asks.
    pub client: Arc<Client>,
    /// The present instant.
    pub clock: Clock,
    /// All bounds.
    pub limits: Limits,
    /// The run as it was ordered.
    pub run: Run,
    /// The right to write.
    pub fence: Fence,
    /// What the plugin is told of the run; see [`Work::context_of`].
    pub context: RunContext,
    /// Where each feed begins inside the run's window; without one, at its beginning.
    pub first_days: BTreeMap<String, Date>,
    /// Whether a refused grant ends the run. Not where the application has a permission of its own: what it may read goes
    /// on.
    pub needs_grant: bool,
    /// What the vendor thinks of the account's plain secret, where it has one.
    pub secret: SecretWatch,
    /// How often the run's plugins crashed.
    pub crashes: Crashes,
    /// Feeds that are retrieved, in the connector's order.
    pub feeds: Vec<Feed>,
    /// Whose subscription is whose.
    pub customers: Arc<Customers>,
    /// One permit a page in the sandbox.
    pub sandbox: Arc<Semaphore>,
    /// Room for mapped pages that wait to be written.
    pub room: Room,
    /// How close the plugin came to its limits.
    pub used: Arc<RunUse>,
    /// Who records the run; mostly nobody.
    pub recorder: Option<Arc<dyn Recorder>>,
}

impl Work {
    /// Whose run it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.fence.account
    }

    /// Whether it maps again what is kept, and asks the vendor nothing.
    #[must_use]
    pub fn is_remap(&self) -> bool {
        self.run.order.trigger == Trigger::Remap
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What the plugin is told of the run where it works for this feed.
    #[must_use]
    pub fn context_of(&self, feed: &str) -> RunContext {
        let window_from = self.first_days.get(feed).map(Date::to_string);
        let window_from = window_from.unwrap_or_else(|| self.context.window_from.clone());
        RunContext { window_from, ..self.context.clone() }
    }

    /// A feed by name.
    #[must_use]
    pub fn feed(&self, name: &str) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.name == name)
    }

    /// The same for the same request of the same run, also after a restart: vendors recognise a repeated request by it.
    #[must_use]
    pub fn request_id(&self, request: u64) -> uuid::Uuid {
        let name = format!("{}/{}/{request}", self.account(), self.run.id);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes())
    }

    /// Maps one page in the sandbox, and counts where the plugin crashed.
    ///
    /// # Errors
    /// See [`map_page`].
    pub async fn map(&self, feed: Feed, context: PageContext, cut: Cut) -> Result<Page, PageError> {
        let role = if feed.kind == FeedKind::Texts { Role::Localisation } else { Role::Mapping };
        let (cast, customers) = (self.cast.clone(), self.customers.clone());
        let of_subscription = move |subscription: &str| customers.of_subscription(subscription);
        let mapped = self.in_sandbox(move || map_page(&cast, &feed, &context, &cut, &of_subscription)).await;
        match &mapped {
            Ok(page) => self.crashes.mapped(page),
            Err(PageError::Call(error)) => self.crashes.failed(role, error),
            Err(_) => {}
        }
        mapped
    }

    /// Runs a sandboxed call on a thread that may block, at most as many at once as the limits say.
    ///
    /// # Panics
    /// Never by itself: a panic of `call` is carried on.
    pub async fn in_sandbox<T: Send + 'static>(&self, call: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = self.sandbox.clone().acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let result = call();
            drop(permit);
            result
        });
        match done.await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Room for mapped pages that wait to be written: fast vendors would else fill the memory while the store is busy.
#[derive(Clone)]
pub struct Room {
    kibibytes: Arc<Semaphore>,
    size: u32,
}

/// A part of the [`Room`], free again when it is dropped.
pub type Place = OwnedSemaphorePermit;

impl Room {
    /// Room for so many bytes.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        let size = kibibytes(bytes);
        Self { kibibytes: Arc::new(Semaphore::new(size as usize)), size }
    }

    /// A place for so many bytes, where there is one now. What is larger than the room takes all of it.
    #[must_use]
    pub fn try_take(&self, bytes: usize) -> Option<Place> {
        self.kibibytes.clone().try_acquire_many_owned(kibibytes(bytes).min(self.size)).ok()
    }

    /// A place for so many bytes, as soon as there is one. None: never, the room is closed.
    pub async fn take(&self, bytes: usize) -> Option<Place> {
        self.kibibytes.clone().acquire_many_owned(kibibytes(bytes).min(self.size)).await.ok()
    }
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, 1 << 24)
}

/// Whose subscription is whose, from the facts of kind `subscription`: for records that name no customer.
#[derive(Default)]
pub struct Customers(RwLock<HashMap<String, String>>);

/// The kind of fact that says whose a subscription is.
pub const SUBSCRIPTION: &str = "subscription";

impl Customers {
    /// Learns from facts.
    pub fn learn<'a>(&self, facts: impl IntoIterator<Item = &'a Fact>) {
        let owner = |fact: &Fact| {
            let value: serde_json::Value = serde_json::from_str(&fact.value).ok()?;
            Some((fact.key.to_lowercase(), value.get("customer")?.as_str()?.to_owned()))
        };
        let owners = facts.into_iter().filter(|fact| fact.kind == SUBSCRIPTION).filter_map(owner);
        if let Ok(mut known) = self.0.write() {
            known.extend(owners);
        }
    }

    /// The customer of a subscription.
    #[must_use]
    pub fn of_subscription(&self, subscription: &str) -> Option<String> {
        self.0.read().ok()?.get(&subscription.to_lowercase()).cloned()
    }
}
