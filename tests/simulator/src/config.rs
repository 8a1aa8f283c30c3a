//! What a simulated cloud is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::faults::Faults;

/// The only clock the simulator has; shared with the host in tests.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What to simulate. `Config { clock, ..Config::default() }` gives a small lively demo.
#[derive(Clone)]
pub struct Config {
    /// Everything generated follows from it and from the clock's day at the start.
    pub seed: u64,
    /// Customers of the partner.
    pub customers: usize,
    /// Legacy Azure (usage) subscriptions of each customer. Each has an Azure plan and five seat subscriptions besides.
    pub subscriptions: usize,
    /// Only the first so many customers have legacy Azure.
    pub legacy_customers: usize,
    /// Utilization records for each legacy Azure subscription and reported day.
    pub records: usize,
    /// Daily rated usage lines for each Azure plan and usage day; 0: the exports have no data.
    pub rated_records: usize,
    /// Invoices, reconciliation lines and a history of usage and seats. None: no invoice is ever out, reconciliation
    /// exports have no data, and seats have hardly a history.
    pub billing: Option<Billing>,
    /// Day of the month (1 to 28) on which a billing cycle of legacy Azure begins.
    pub legacy_billing_day: i8,
    /// What goes wrong.
    pub faults: Faults,
    /// The time the cloud lives in.
    pub clock: Clock,
    /// Waited before every answer.
    pub latency: Duration,
    /// For tests of a comparison: serves something else than the ledger says.
    pub alter: Alter,
    /// Registered redirect URIs, compared exactly.
    pub redirect_uris: Vec<String>,
    /// The registered application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Base of the URLs the cloud hands out; none: `http://` and the listener's address.
    pub public_url: Option<String>,
    /// Bodies kept so that they are prepared once, in bytes.
    pub cache_bytes: usize,
}

/// Billed months: from the first day of the month in which the history begins, every month gets an invoice for each
/// billing currency, and now and then a credit document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billing {
    /// Whole months before that of the start for which there is a history already.
    pub months_before: i32,
    /// Day of the next month (4 to 28) on which an invoice is out, from 00:00 UTC.
    pub invoice_day: i8,
    /// Day of the next month, not before the invoice's, on which a credit document is out.
    pub note_day: i8,
}

impl Default for Billing {
    fn default() -> Self {
        Self { months_before: 1, invoice_day: 6, note_day: 15 }
    }
}

/// One line served otherwise than the ledger has it. Lines are counted in the order of [`crate::Simulator::ledger`] at
/// the start, utilization and rated usage only, starting over at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alter {
    /// Nothing.
    #[default]
    None,
    /// The first record of this line is one more in its last digit: the quantity of a utilization record, the billed
    /// total of a rated line.
    ChangeLastDigit(usize),
    /// The first record of this line is not served.
    DropLine(usize),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            customers: 8,
            subscriptions: 1,
            legacy_customers: usize::MAX,
            records: 20,
            rated_records: 20,
            billing: None,
            legacy_billing_day: 1,
            faults: Faults::default(),
            clock: Arc::new(|| Timestamp::constant(1_795_456_800, 0)),
            latency: Duration::ZERO,
            alter: Alter::None,
            redirect_uris: Vec::new(),
            client_id: "5e1f0c1d-9d5b-4c55-8d0a-2f5f6f0a7b31".into(),
            client_secret: "simulated-client-secret".into(),
            public_url: None,
            cache_bytes: 64 << 20,
        }
    }
}

impl Config {
    /// A partner large enough for a year: 20 customers, of whom three still have legacy Azure.
    #[must_use]
    pub fn large() -> Self {
        Self {
            customers: 20,
            legacy_customers: 3,
            records: 1,
            rated_records: 1,
            billing: Some(Billing::default()),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("seed", &self.seed)
            .field("customers", &self.customers)
            .field("subscriptions", &self.subscriptions)
            .field("records", &self.records)
            .field("rated_records", &self.rated_records)
            .field("billing", &self.billing)
            .field("alter", &self.alter)
            .finish_non_exhaustive()
    }
}
