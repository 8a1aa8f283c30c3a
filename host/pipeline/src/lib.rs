//! Runs: crawl, pages, map, commit; the daily schedule. Joins store, sandbox and vendor.
//!
//! A run is ordered ([`host::Host`]), claimed with a lease and a fencing number, and walked: the plugin describes
//! requests ([`crawl`]), the vendor client performs them ([`fetch`]), bodies are cut into pages ([`framing`]), mapped in
//! the sandbox ([`mapping`]) and committed by partition ([`commit`]).
//!
//! **Invariant:** what is needed to go on stands in the store; a worker holds nothing that a kill would lose.

pub mod alarms;
pub mod breaker;
mod closing;
pub mod commit;
pub mod conformance;
pub mod connector;
pub mod crawl;
pub mod effect;
pub mod egress;
pub mod export;
pub mod fate;
pub mod fetch;
pub mod framing;
pub mod health;
pub mod host;
mod json_tree;
pub mod keys;
pub mod limits;
pub mod mapping;
pub mod measure;
pub mod naming;
pub mod plugins;
pub mod ports;
mod pricing;
mod progress;
pub mod reach;
pub mod reconcile;
pub mod recording;
mod records;
pub mod remap;
pub mod remedies;
pub mod replay;
pub mod report;
pub mod rollout;
pub mod run;
pub mod secret;
pub mod sent;
pub mod trial;
pub mod trouble;
pub mod trust;
pub mod usage;
mod verdict;
mod wanted;
pub mod work;

pub use host::Host;
pub use limits::Limits;
pub use work::Clock;
