//! The partner's world: customers, subscriptions and meters, generated once from the seed.
//!
//! **Invariant:** nothing here depends on the time except `origin`, the day the simulation began; what changes with
//! the clock (usage, seats) is a function of the world and the clock.

pub(crate) mod licences;
pub(crate) mod meters;
pub(crate) mod offers;
pub(crate) mod others;
pub(crate) mod seat_life;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar::{local_day, month_start, shift, utc_day};
use crate::config::{Billing, Config};
use crate::random::{Seed, turn};
use licences::Seats;
use meters::{METERS, Meter};
use others::Other;

/// Reported days there are before the start: what the first run finds with a look-back of three days.
pub(crate) const REPORTED_DAYS: i32 = 3;
/// Seat subscriptions of each customer.
const SEATS: u64 = 5;

/// Everything that does not change.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: Seed,
    /// UTC day of the start.
    pub(crate) origin: Date,
    /// Local date of the start.
    pub(crate) local_origin: Date,
    /// The partner's own tenant.
    pub(crate) tenant: String,
    pub(crate) customers: Vec<Customer>,
    pub(crate) meters: Vec<Meter>,
    pub(crate) records: u64,
    pub(crate) rated_records: u64,
    /// Billed months; none where nothing is billed.
    pub(crate) billed: Option<Billed>,
    /// Day of the month on which legacy Azure's billing cycle begins.
    pub(crate) legacy_billing_day: i8,
}

/// When billed months begin and their invoices are out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Billed {
    /// First day of the first month with a history.
    pub(crate) begin: Date,
    pub(crate) terms: Billing,
}

/// A customer tenant.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) index: u64,
    /// Lower-case GUID, as the ledger has it.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) country: &'static str,
    /// What its Azure plan is billed in.
    pub(crate) currency: &'static str,
    pub(crate) subscriptions: Vec<Subscription>,
}

/// A subscription as Partner Center lists it.
#[derive(Debug)]
pub(crate) struct Subscription {
    /// Counted over all subscriptions of its kind.
    pub(crate) index: u64,
    /// Lower-case GUID, as the ledger has it.
    pub(crate) id: String,
    /// Azure's own id of it, lower-case.
    pub(crate) entitlement: String,
    pub(crate) kind: Kind,
}

/// What is sold.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Legacy Azure: utilization and rate card.
    Usage,
    /// Azure plan: unbilled exports.
    Plan,
    /// Licences.
    Seats(Seats),
    /// A legacy subscription whose billing type is `none`.
    Dormant,
    /// Bought once or for a term: reservations, savings plans, marketplace and software subscriptions.
    Other(Other),
}

const NAMES: [(&str, &str); 16] = [
    ("Vaartkade Bakkerij", "NL"),
    ("Zonnedijk Zorg", "NL"),
    ("Harborline Freight", "US"),
    ("Kiefernhof Energie", "DE"),
    ("Atelier Rivebelle", "FR"),
    ("Summit Ridge Dental", "US"),
    ("Noorderlicht Logistiek", "NL"),
    ("Bergblick Maschinenbau", "DE"),
    ("Molenpoort Notarissen", "NL"),
    ("Maison Clairval", "FR"),
    ("Steenveld Bouw", "BE"),
    ("Rheinufer Druck", "DE"),
    ("Cedar Fork Schools", "US"),
    ("Duinrand Hotels", "NL"),
    ("Lac Bleu Assurances", "FR"),
    ("Polderzicht Techniek", "NL"),
];

impl World {
    pub(crate) fn generate(config: &Config, now: Timestamp) -> Self {
        let seed = Seed(config.seed);
        let (usage, legacy) = (config.subscriptions as u64, config.legacy_customers as u64);
        let origin = utc_day(now);
        let billed =
            config.billing.map(|terms| Billed { begin: month_start(origin, -terms.months_before), terms });
        let customers = 0..config.customers as u64;
        Self {
            seed,
            origin,
            local_origin: local_day(now),
            tenant: seed.guid("partner tenant", 0),
            customers: customers
                .map(|i| Customer::generate(seed, i, if i < legacy { usage } else { 0 }, billed))
                .collect(),
            meters: (0..METERS).map(|i| Meter::generate(seed, i)).collect(),
            records: config.records as u64,
            rated_records: config.rated_records as u64,
            billed,
            legacy_billing_day: config.legacy_billing_day.clamp(1, 28),
        }
    }

    /// The first reported day there is: legacy usage is on none of these invoices, and a first run looks back no further.
    pub(crate) fn first_reported_day(&self) -> Date {
        shift(self.origin, -REPORTED_DAYS)
    }

    /// By id, in any case.
    pub(crate) fn customer(&self, id: &str) -> Option<&Customer> {
        self.customers.iter().find(|c| c.id.eq_ignore_ascii_case(id))
    }

    /// All subscriptions with their customers.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = (&Customer, &Subscription)> {
        self.customers.iter().flat_map(|c| c.subscriptions.iter().map(move |s| (c, s)))
    }

    pub(crate) fn meter(&self, index: u64) -> Option<&Meter> {
        self.meters.get((index % METERS) as usize)
    }
}

impl Customer {
    fn generate(seed: Seed, index: u64, usage: u64, billed: Option<Billed>) -> Self {
        let (name, country) = turn(&NAMES, index);
        let round = index / NAMES.len() as u64;
        let name = if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) };
        let host = name.to_lowercase().replace(' ', "-");
        let mut subscriptions = Vec::new();
        subscriptions
            .extend((0..usage).map(|i| Subscription::new(seed, "usage", index * usage + i, Kind::Usage)));
        subscriptions.push(Subscription::new(seed, "plan", index, Kind::Plan));
        subscriptions.extend((index * SEATS..(index + 1) * SEATS).map(|i| {
            let seats = Seats::generate(seed, i, billed.map(|b| b.begin));
            Subscription::new(seed, "seats", i, Kind::Seats(seats))
        }));
        if let Some(billed) = billed {
            let others = Other::all(seed, index, billed.begin);
            subscriptions.extend(
                others.map(|other| Subscription::new(seed, other.class.name(), index, Kind::Other(other))),
            );
        }
        if index.is_multiple_of(4) {
            subscriptions.push(Subscription::new(seed, "dormant", index, Kind::Dormant));
        }
        Self {
            index,
            id: seed.guid("customer", index),
            domain: format!("{host}.example"),
            name,
            country,
            currency: if country == "US" { "USD" } else { "EUR" },
            subscriptions,
        }
    }

    /// The id as the customer list writes it: one in four in upper case.
    pub(crate) fn listed_id(&self) -> String {
        if self.index % 4 == 1 { self.id.to_uppercase() } else { self.id.clone() }
    }

    /// By id, in any case.
    pub(crate) fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.id.eq_ignore_ascii_case(id))
    }
}

impl Subscription {
    fn new(seed: Seed, label: &str, index: u64, kind: Kind) -> Self {
        Self {
            index,
            id: seed.guid(label, index),
            entitlement: seed.guid(&format!("{label} entitlement"), index),
            kind,
        }
    }

    /// The id as the subscription list writes it: every other one in upper case.
    pub(crate) fn listed_id(&self) -> String {
        if self.index % 2 == 1 { self.id.to_uppercase() } else { self.id.clone() }
    }
}
