//! The state all parts share: world, clock, faults, request log, bodies prepared once.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::billing::Books;
use crate::billing::ledger::BillingLedger;
use crate::billing::legacy::{self, LegacyDay};
use crate::calendar::{local_day, utc_day};
use crate::config::Config;
use crate::entra::Entra;
use crate::faults::{Faults, Rule};
use crate::http::graph::Operation;
use crate::ledger::{Altered, Ledger, ledger};
use crate::world::World;

/// One simulated cloud.
pub(crate) struct Cloud {
    pub(crate) config: Config,
    /// `http://127.0.0.1:4711`, without a slash at the end.
    pub(crate) base: String,
    pub(crate) world: World,
    pub(crate) bodies: Bodies,
    pub(crate) books: Books,
    pub(crate) entra: Entra,
    pub(crate) operations: Mutex<HashMap<String, Operation>>,
    /// The line served otherwise than the ledger says.
    pub(crate) altered: Altered,
    faults: Mutex<Armed>,
    log: Mutex<Vec<RequestLogEntry>>,
    /// Local dates for which a licence snapshot was served.
    snapshots: Mutex<BTreeSet<Date>>,
    /// Subscriptions whose utilization was already said to be not ready, with the day.
    not_ready: Mutex<HashSet<(u64, Date)>>,
}

/// One request the cloud answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestLogEntry {
    /// HTTP method.
    pub method: String,
    /// As received.
    pub path_and_query: String,
    /// Status of the answer.
    pub status: u16,
    /// By the cloud's clock.
    pub at: Timestamp,
}

#[derive(Default)]
struct Armed {
    faults: Faults,
    /// Requests seen by rule, and by rule and path.
    counts: HashMap<(usize, String), u32>,
    transient_left: u32,
}

impl Cloud {
    pub(crate) fn new(config: Config, base: String) -> Self {
        let now = (config.clock)();
        let world = World::generate(&config, now);
        let entra = Entra::new(&config, &world);
        let bodies = Bodies::new(config.cache_bytes);
        let altered = Altered::new(&world, config.alter, config.faults.late_usage);
        let cloud = Self {
            base,
            altered,
            world,
            bodies,
            books: Books::default(),
            entra,
            operations: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
            snapshots: Mutex::default(),
            not_ready: Mutex::default(),
            config,
        };
        cloud.set_faults(cloud.config.faults.clone());
        cloud
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }

    pub(crate) fn today(&self) -> Date {
        utc_day(self.now())
    }

    pub(crate) fn faults(&self) -> Faults {
        lock(&self.faults).faults.clone()
    }

    /// Reads one switch without copying the rules.
    pub(crate) fn fault<T>(&self, switch: impl FnOnce(&Faults) -> T) -> T {
        switch(&lock(&self.faults).faults)
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        let transient_left = faults.transient_token_errors;
        *lock(&self.faults) = Armed { faults, counts: HashMap::new(), transient_left };
    }

    /// Whether this token request is one of the transient failures.
    pub(crate) fn takes_transient_error(&self) -> bool {
        let mut armed = lock(&self.faults);
        let due = armed.transient_left > 0;
        armed.transient_left = armed.transient_left.saturating_sub(1);
        due
    }

    /// The rule that acts on this request, if any. Every matching rule counts it.
    pub(crate) fn rule_for(&self, method: &str, path_and_query: &str) -> Option<Rule> {
        let mut armed = lock(&self.faults);
        let Armed { faults, counts, .. } = &mut *armed;
        let lower = path_and_query.to_lowercase();
        let mut acting = None;
        for (position, rule) in faults.rules.iter().enumerate() {
            let fits = lower.contains(&rule.path.to_lowercase())
                && rule.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(method));
            if !fits {
                continue;
            }
            let scope = if rule.each_path { lower.clone() } else { String::new() };
            let count = counts.entry((position, scope)).or_insert(0);
            *count += 1;
            if acting.is_none() && rule.due(*count) {
                acting = Some(rule.clone());
            }
        }
        acting
    }

    pub(crate) fn record(&self, entry: RequestLogEntry) {
        lock(&self.log).push(entry);
    }

    pub(crate) fn requests(&self) -> Vec<RequestLogEntry> {
        lock(&self.log).clone()
    }

    /// Remembers that licences were served today, and says which local date that is.
    pub(crate) fn note_snapshot(&self) -> Date {
        let day = local_day(self.now());
        lock(&self.snapshots).insert(day);
        day
    }

    /// Whether this is the first time today that the subscription's utilization is asked for.
    pub(crate) fn first_ask_today(&self, subscription: u64) -> bool {
        lock(&self.not_ready).insert((subscription, self.today()))
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let snapshots = lock(&self.snapshots).clone();
        ledger(&self.world, self.today(), &snapshots, self.fault(|f| f.late_usage))
    }

    /// The ledger as of the end of an earlier day.
    pub(crate) fn ledger_on(&self, day: Date) -> Ledger {
        let snapshots = lock(&self.snapshots).iter().copied().filter(|local| *local <= day).collect();
        ledger(&self.world, day, &snapshots, self.fault(|f| f.late_usage))
    }

    pub(crate) fn billing_ledger(&self, day: Date) -> BillingLedger {
        crate::billing::ledger::ledger(&self.world, &self.books, day, self.fault(|f| f.late_usage))
    }

    pub(crate) fn legacy_days(&self, day: Date, currency: &str) -> Vec<LegacyDay> {
        legacy::days(&self.world, day, self.fault(|f| f.late_usage), currency)
    }
}

/// Locks, also after another holder panicked: the data is only ever replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bodies prepared once, the oldest forgotten when there are too many bytes.
pub(crate) struct Bodies {
    kept: Mutex<Kept>,
    limit: usize,
}

#[derive(Default)]
struct Kept {
    bodies: HashMap<String, Bytes>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Bodies {
    fn new(limit: usize) -> Self {
        Self { kept: Mutex::default(), limit }
    }

    /// The body under this key, made now if it is not there. The key says everything the body depends on.
    pub(crate) fn get(&self, key: String, make: impl FnOnce() -> Bytes) -> Bytes {
        if let Some(body) = lock(&self.kept).bodies.get(&key) {
            return body.clone();
        }
        let body = make();
        let mut kept = lock(&self.kept);
        if kept.bodies.insert(key.clone(), body.clone()).is_none() {
            kept.bytes += body.len();
            kept.order.push_back(key);
        }
        while kept.bytes > self.limit {
            let Some(oldest) = kept.order.pop_front() else { break };
            let freed = kept.bodies.remove(&oldest).map_or(0, |b| b.len());
            kept.bytes -= freed;
        }
        body
    }
}
