//! The contract's types, generated from `wit/connector.wit`.
//!
//! They are what crosses into the sandbox and out of it, and what runs and pages are stored with: hence serde. The
//! pipeline and the vendor client read descriptors and steps through these names.

#[expect(missing_docs, reason = "generated: the WIT is where these are documented")]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit/connector.wit",
        world: "connector",
        additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// Words that several interfaces share.
pub mod types {
    pub use super::bindings::purser::connector::types::{
        Fact, Framing, PageContext, Pair, Problem, RunContext,
    };
}

/// What the plugin is, and everything it may ever ask for.
pub mod manifest {
    pub use super::bindings::exports::purser::connector::manifest::{
        AcceptedToken, AdminConsent, Answer, Audience, Auth, Call, Claims, Consent, CoverageRow, Descriptor,
        DownloadHost, Endpoint, ErrorClass, Feed, FeedKind, Framing, GrantEffect, Locale, Method,
        Partitioning, Probe, RoleSet, Verdict,
    };
}

/// What to ask, and how to page.
pub mod crawl {
    pub use super::bindings::exports::purser::connector::crawl::{
        CallTarget, Incompleteness, Partition, Request, Response, Step, Target,
    };
}

/// From records to Purchases.
pub mod mapping {
    pub use super::bindings::exports::purser::connector::mapping::{Columns, PageContext};
}

/// Names, units and rates of products in one language.
pub mod localisation {
    pub use super::bindings::exports::purser::connector::localisation::{
        Localised as Products, ProductText, Rejection,
    };
}
