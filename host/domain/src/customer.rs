//! Whose customer is whose: the vendor's tenant → our customer code, valid from a date.
//!
//! The code is stamped on each revision of a Purchase. A Purchase whose customer is not mapped is kept and waits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::purchase::Description;

/// What a vendor's customer is to us, from a date.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// This customer code.
    Code(String),
    /// Nobody, and why: its Purchases stay without a customer, and are not shown as waiting.
    Ignored(String),
    /// Not known (any more): its Purchases wait for a mapping.
    Unmapped,
}

/// One row of the customer mapping.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mapping {
    /// The vendor's id of the customer; compared without case.
    pub vendor_customer: String,
    /// For Purchases that start on or after this UTC day.
    pub from: Date,
    /// What it is to us.
    pub target: Target,
}

/// The customer mapping of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Customers {
    by_vendor: BTreeMap<String, BTreeMap<Timestamp, Target>>,
    own_codes: bool,
}

impl Customers {
    /// A mapping in which a customer nobody has listed goes by the vendor's own id: what an account begins with, so
    /// that its Purchases can be billed before anybody has mapped a customer.
    #[must_use]
    pub fn by_vendor_id() -> Self {
        Self { own_codes: true, ..Self::default() }
    }

    /// With these rows too. Of two rows for the same customer and day, the later one counts.
    #[must_use]
    pub fn with(mut self, rows: impl IntoIterator<Item = Mapping>) -> Self {
        for row in rows {
            let vendor_customer = lower_case(&row.vendor_customer).into_owned();
            let from = self.by_vendor.entry(vendor_customer).or_default();
            from.insert(first_instant(row.from), row.target);
        }
        self
    }

    /// What a customer is to us at the start of a Purchase.
    #[must_use]
    pub fn target(&self, vendor_customer: &str, start: Timestamp) -> &Target {
        self.by_vendor
            .get(lower_case(vendor_customer).as_ref())
            .and_then(|from| from.range(..=start).next_back())
            .map_or(&Target::Unmapped, |(_, target)| target)
    }

    /// The customer code to stamp on a Purchase; none: it has none.
    #[must_use]
    pub fn code_of<'a>(&'a self, description: &'a Description) -> Option<&'a str> {
        let vendor_customer = description.vendor_customer.as_str();
        match self.target(vendor_customer, description.start) {
            Target::Code(code) => Some(code),
            Target::Unmapped if self.own_codes && !vendor_customer.is_empty() => Some(vendor_customer),
            Target::Ignored(_) | Target::Unmapped => None,
        }
    }
}

impl FromIterator<Mapping> for Customers {
    /// Of two rows for the same customer and day, the later one counts.
    fn from_iter<I: IntoIterator<Item = Mapping>>(rows: I) -> Self {
        Self::default().with(rows)
    }
}

/// The customer of a Purchase whose record names none: that of its subscription, where one is known.
#[must_use]
pub fn attributed<'a>(description: &'a Description, of_subscription: Option<&'a str>) -> &'a str {
    match description.vendor_customer.as_str() {
        "" => of_subscription.unwrap_or_default(),
        named => named,
    }
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn first_instant(date: Date) -> Timestamp {
    // Only dates at the very end of jiff's range have no such instant; nothing starts there.
    date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}
