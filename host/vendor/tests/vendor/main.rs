//! The vendor crate against a small vendor of our own, over real HTTP on loopback.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod client;
mod client_auth;
mod consent;
mod fake;
mod hardening;
mod operator;
mod preflight;
mod registry;
mod secrets;
mod tokens;
mod world;
