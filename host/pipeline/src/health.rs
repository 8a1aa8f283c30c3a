//! Whether an account's consent works, and what that makes of its state.
//!
//! Three know something of it: the token endpoint (gives a token, or says why not), the preflight table (asks each needed
//! interface live) and a run's calls. **Rules:** probes decide, role names only explain; what nobody knows blocks nothing
//! and mends nothing; a pause and a disconnect are a person's, and only a person ends them.

pub mod notices;
pub mod preflight;
pub mod state;
mod watch;

pub use preflight::{as_probes, explained, settle, test};
pub use watch::{keep, look};
