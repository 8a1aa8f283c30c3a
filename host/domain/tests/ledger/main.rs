//! The rules of the ledger, as tables of cases and as properties of any history.
#![expect(clippy::unwrap_used, reason = "tests")]

mod completeness;
mod conservation;
mod corrections;
mod customers;
mod decimal;
mod diff;
mod histories;
mod ids;
mod ledger;
mod locale;
mod period;
mod replace;
mod rollup;
mod schedule;
mod sums;
mod support;
mod tiers;
