//! The sandbox from outside: what it lets in, what it withstands, what a guest can see.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod admission;
mod containment;
mod support;
mod wasi;
