//! Time, waiting and chance, passed in by whoever builds the crate's services.
//!
//! Wall-clock time ([`Clock`]) decides what has expired; monotonic time and waiting ([`Pace`]) decide how fast requests
//! go out. They are apart because a test or a demo may move the calendar by a day without a day of rate limiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::{CryptoRng, RngCore as _, SeedableRng as _};
use uuid::Uuid;

/// The calendar.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Monotonic time, and waiting.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Time since some fixed start; never goes back.
    fn elapsed(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The pace of the real world.
pub struct TokioPace(tokio::time::Instant);

impl Default for TokioPace {
    fn default() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[async_trait]
impl Pace for TokioPace {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A source of unpredictable bytes that all services share.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<Box<dyn CryptoRng + Send>>>);

impl Chance {
    /// From any generator fit for secrets.
    pub fn new(generator: impl CryptoRng + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(generator))))
    }

    /// From the operating system: what the binary uses.
    #[must_use]
    pub fn from_os() -> Self {
        Self::new(rand::rngs::StdRng::from_os_rng())
    }

    /// Predictable: for tests only.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::new(rand::rngs::StdRng::seed_from_u64(seed))
    }

    /// Fresh random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// 256 random bits as URL-safe text.
    pub(crate) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A random identifier.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// Between nothing and `longest`, evenly.
    pub(crate) fn up_to(&self, longest: Duration) -> Duration {
        let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let drawn = u64::from_le_bytes(self.bytes());
        Duration::from_millis(drawn.checked_rem(millis.saturating_add(1)).unwrap_or(0))
    }
}

/// All that is passed in.
#[derive(Clone)]
pub struct Surroundings {
    /// The calendar.
    pub clock: Arc<dyn Clock>,
    /// Monotonic time, and waiting.
    pub pace: Arc<dyn Pace>,
    /// Randomness.
    pub chance: Chance,
}
