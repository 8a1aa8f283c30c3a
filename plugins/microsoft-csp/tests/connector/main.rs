//! The connector from outside: the functions its component exports, called natively.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod billing;
mod catalogue;
mod crawl;
mod errors;
mod expected;
mod manifest;
mod mapping;
mod properties;
mod reconciliation;
mod support;
