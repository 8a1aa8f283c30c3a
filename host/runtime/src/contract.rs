//! The contract as the host serves it: every released version side by side, and all of them in the types of the newest.
//!
//! Each version has bindings of its own, generated from its folder under `wit/`; [`served`] calls a component's functions by
//! the version it was built for. The types are what crosses into the sandbox and out of it, and what runs and pages are
//! stored with: hence serde. The pipeline and the vendor client read descriptors and steps through these names, and never
//! see an older version.
//!
//! The unit tests of this crate are a build with one version more ([`v0_2`]), which is the newest there: what is served
//! side by side here is served so in a release.

pub(crate) mod served;

#[cfg(test)]
mod adapted;
#[cfg(test)]
mod tests;

#[cfg(not(test))]
use v0_1 as newest;
#[cfg(test)]
use v0_2 as newest;

/// Version 0.1, released.
#[cfg_attr(not(test), expect(missing_docs, reason = "generated: the WIT is where these are documented"))]
pub(crate) mod v0_1 {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "connector",
        additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// A version that does not exist, with two records changed.
#[cfg(test)]
#[expect(missing_docs, reason = "generated: the WIT is where these are documented")]
pub(crate) mod v0_2 {
    wasmtime::component::bindgen!({
        path: "tests/contract/v0.2",
        world: "connector",
        additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// Words that several interfaces share.
pub mod types {
    pub use super::newest::purser::connector::types::{
        Fact, Framing, PageContext, Pair, Problem, RunContext,
    };
}

/// What the plugin is, and everything it may ever ask for.
pub mod manifest {
    pub use super::newest::exports::purser::connector::manifest::{
        AcceptedToken, AdminConsent, Answer, Audience, Auth, Call, Claims, Consent, CoverageRow, Descriptor,
        DownloadHost, Endpoint, ErrorClass, Feed, FeedKind, Framing, GrantEffect, Locale, Method,
        Partitioning, Probe, RoleSet, Verdict,
    };
}

/// What to ask, and how to page.
pub mod crawl {
    pub use super::newest::exports::purser::connector::crawl::{
        CallTarget, Incompleteness, Partition, Request, Response, Step, Target,
    };
}

/// From records to Purchases.
pub mod mapping {
    pub use super::newest::exports::purser::connector::mapping::{Columns, PageContext};
}

/// Names, units and rates of products in one language.
pub mod localisation {
    pub use super::newest::exports::purser::connector::localisation::{
        Localised as Products, ProductText, Rejection,
    };
}
