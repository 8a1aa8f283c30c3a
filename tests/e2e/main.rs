//! End-to-end tests of the real binary and of the house as a whole.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod access;
mod admin_consent;
mod application;
mod arrows;
mod backup;
mod beginning;
mod breaker;
mod clouds;
mod command_line;
#[path = "../../host/purser/src/demo/compare.rs"]
mod compare;
mod conformance;
mod consent;
mod credentials;
mod demo;
mod disk;
mod egress;
mod faults;
mod file_server;
#[expect(dead_code, reason = "shared with the hostile tests, which use all of it")]
mod fixtures;
mod focus_csv;
mod gate;
mod ground;
mod hand_over;
mod journey;
mod keys;
mod kill;
mod look_back;
mod names;
mod partner_mapping;
mod planted;
mod plugin_sources;
mod plugin_try;
mod plugin_versions;
mod points;
mod preflight;
mod recording;
mod refusals;
mod refused_secret;
mod remap;
mod renewal;
mod rollout;
mod season;
mod second_connector;
mod secrets;
mod signatures;
mod states;
mod support;
mod tiers;
mod token_errors;
mod traps;
#[expect(dead_code, reason = "shared with the demo, which uses all of it")]
#[path = "../../host/purser/src/demo/visitor.rs"]
mod visitor;
mod worked;
mod world;
mod year;
