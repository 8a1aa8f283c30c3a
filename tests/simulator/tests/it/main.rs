//! The simulated cloud as a client sees it: over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod client;
mod faults;
mod ledger;
mod refusals;
mod registration;
mod sign_in;
mod traps;
