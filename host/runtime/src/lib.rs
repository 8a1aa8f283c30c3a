//! The sandbox: the only crate that names wasmtime.
//!
//! A [`Sandbox`] admits components and gives [`Plugin`]s. A plugin is a set of pure functions: each call runs in a
//! fresh instance that has no network, clock, files, randomness or secrets, under limits on memory, time, output and
//! log. **Invariant:** equal input gives equal output, whatever ran before and on whichever machine; a call that fails
//! changes nothing for the next one.
//!
//! Every call is synchronous and may take seconds: the pipeline makes them on blocking threads.

mod admission;
mod answers;
mod cache;
mod columns;
pub mod contract;
mod engine;
mod error;
mod guest;
mod knobs;
mod limits;
mod plugin;
mod record;
mod wasi;

pub use admission::{Admission, AdmissionError, Finding, Role};
pub use columns::{Covered, Mapped, MappedPurchase};
pub use engine::Sandbox;
pub use error::{CallError, Counted, LOG_CUT, SandboxError};
pub use knobs::{KNOBS, Knob, KnobError};
pub use limits::{Budget, Limits, Usage};
pub use plugin::Plugin;
pub use record::{Called, Function, Printed, Recorder, Records, Version};

/// The text of the newest contract, for plugin authors and for `purser plugin new`.
pub const WIT: &str = include_str!("../../../wit/v0.1/connector.wit");
