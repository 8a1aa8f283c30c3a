//! The ledger: the rules about money, as pure functions. No IO, no clock, no async.
//!
//! Vendor records become [`Contribution`]s — what one partition says about one reference. A [`Purchase`] is the sum of
//! the contributions to its reference. Everything that may change a Purchase is decided here and only carried out by
//! the store, so that each rule of the ledger can be read and tested without a database.
//!
//! Read in this order: [`purchase`] and [`ledgered`] (what is kept), [`sum`] (equal references), [`completeness`] (what
//! may vanish), [`replace`] (what a commit makes of one Purchase), [`correction`] (after a period has closed),
//! [`tiers`] (what the host prices), [`rollup`] (sums for lists and charts), [`conservation`] (whatever came in went
//! somewhere), [`diff`] (what another mapping would change).

pub mod completeness;
pub mod conservation;
pub mod correction;
pub mod customer;
pub mod decimal;
pub mod diff;
pub mod ids;
pub mod ledgered;
pub mod locale;
pub mod period;
pub mod plugin;
pub mod purchase;
pub mod reconciliation;
pub mod replace;
pub mod rollup;
pub mod schedule;
pub mod suggestion;
pub mod sum;
pub mod tiers;

pub use conservation::{Balance, Tally};
pub use decimal::Decimal;
pub use ids::{AccountId, ConnectorId, Currency, Digest, Locale, Month, RunId};
pub use ledgered::{Ledgered, PartitionNo, Share, Shares};
pub use plugin::{Cast, Role};
pub use purchase::{Contribution, Purchase};
