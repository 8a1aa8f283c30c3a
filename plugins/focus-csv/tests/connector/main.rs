//! The connector from outside: the functions its component exports, called natively.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod crawl;
mod mapping;
mod properties;
mod samples;
mod support;
