//! Builders of contributions and rules.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use purser_domain::completeness::{Hold, Voids};
use purser_domain::customer::{Customers, Mapping, Target};
use purser_domain::period::Closed;
use purser_domain::purchase::{Amount, Description, Evidence};
use purser_domain::replace::{Commit, Rules};
use purser_domain::{AccountId, Contribution, Decimal, Digest, Ledgered, Month, PartitionNo};

pub static TAKE: Voids = Voids::Take;
pub static HOLD: Voids = Voids::Hold(Hold::Incomplete);
static CET: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("CET").unwrap());

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A contribution of 24 September 2026 with this quantity and cost in EUR.
pub fn contribution(name: &str, quantity: &str, cost: &str) -> Contribution {
    let description = Description {
        vendor_customer: "tenant-1".into(),
        vendor_subscription: "subscription-1".into(),
        product_key: "meter-1".into(),
        product_text: "Virtual machine".into(),
        category: "Compute".into(),
        unit: "Hours".into(),
        unit_price: Some(decimal("0.5")),
        unit_price_currency: Some("USD".parse().unwrap()),
        currency: Some("EUR".parse().unwrap()),
        exchange_rate: None,
        start: instant("2026-09-24T00:00:00Z"),
        end: instant("2026-09-25T00:00:00Z"),
        amount: Amount::Given,
        metadata: std::collections::BTreeMap::new(),
    };
    Contribution {
        reference: description.reference(name),
        description,
        quantity: decimal(quantity),
        cost: Some(decimal(cost)),
        evidence: vec![Evidence { page: Digest::of(name.as_bytes()), ordinal: 0 }],
    }
}

/// The customer mapping: `tenant-1` is this code.
pub fn mapped_to(code: Option<&str>) -> Customers {
    let target = code.map_or(Target::Unmapped, |code| Target::Code(code.into()));
    let from = "2026-01-01".parse().unwrap();
    [Mapping { vendor_customer: "TENANT-1".into(), from, target }].into_iter().collect()
}

/// What holds at a time; a test changes what it is about.
pub struct World {
    pub now: Timestamp,
    pub closed: Closed,
    pub customers: Customers,
}

impl World {
    pub fn new() -> Self {
        Self {
            now: instant("2026-09-30T17:00:00Z"),
            closed: Closed::none(),
            customers: mapped_to(Some("C-1")),
        }
    }

    pub fn rules(&self) -> Rules<'_> {
        Rules { now: self.now, zone: &CET, closed: &self.closed, customers: &self.customers }
    }

    pub fn commit<'a>(&'a self, partition: i64, voids: &'a Voids) -> Commit<'a> {
        Commit {
            account: AccountId(1),
            feed: "usage",
            partition: PartitionNo(partition),
            withdraws: &[],
            month: None,
            voids,
            rules: self.rules(),
        }
    }
}

/// What a row shows of its money: quantity, cost, revision.
pub fn money(row: &Ledgered) -> (String, String, u32) {
    let cost = row.purchase.cost.as_ref().map(Decimal::canonical).unwrap_or_default();
    (row.purchase.quantity.canonical(), cost, row.purchase.revision)
}
