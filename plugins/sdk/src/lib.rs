//! What a plugin author links: the contract's types, column packing, JSON with exact numbers.
//!
//! A plugin is a type that implements [`Connector`] and is exported with [`export_connector!`]. Its functions are
//! plain Rust: they compile and are tested natively; only the export exists in the sandbox alone.
//!
//! What most plugins need is short: [`mapping::Mapped::each`] reads records one by one and accounts for each,
//! [`json::Fields`] finds members by any spelling with every digit of their numbers, [`page::records`] and [`page::rows`]
//! take a page apart, and the types of the contract have constructors for what is usual. `purser plugin new` writes a
//! project that uses all of them. [`mapping::Mapped::changed`] is for a plugin that plays the mapping of another's connector.
//!
//! **Invariant:** no number ever becomes a binary float here. Numbers travel as the text the vendor sent.

#[expect(missing_docs, reason = "generated: the WIT is where these are documented")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        world: "connector",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "purser_plugin_sdk::bindings",
        additional_derives: [PartialEq, Eq],
    });
}

/// Words that several interfaces share.
pub mod types {
    pub use crate::bindings::purser::connector::types::{Fact, Pair, Problem, RunContext};
}

/// What the plugin is, and everything it may ever ask for.
pub mod manifest {
    pub use crate::bindings::exports::purser::connector::manifest::{
        AcceptedToken, AdminConsent, Answer, Audience, Auth, Call, Claims, Consent, CoverageRow, Descriptor,
        DownloadHost, Endpoint, ErrorClass, Feed, FeedKind, Framing, GrantEffect, Locale, Method,
        Partitioning, Probe, RoleSet, Verdict,
    };
}

/// What to ask, and how to page.
pub mod crawl {
    pub use crate::bindings::exports::purser::connector::crawl::{
        CallTarget, Incompleteness, Partition, Request, Response, Step, Target,
    };
}

impl crawl::Incompleteness {
    /// The text for the administrator.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Nothing(words) | Self::Broken(words) => words,
        }
    }
}

/// From records to Purchases.
pub mod mapping {
    pub use crate::bindings::exports::purser::connector::mapping::{Columns, PageContext};
    pub use crate::mapped::{Amount, Mapped, Purchase};
}

/// Names, units and rates of products in one language.
pub mod localisation {
    pub use crate::bindings::exports::purser::connector::localisation::{
        Localised as Products, ProductText, Rejection,
    };
}

mod changed;
mod connector;
pub mod date;
pub mod json;
mod mapped;
pub mod number;
pub mod page;
pub mod pairs;
mod shorthand;
pub mod unpack;

pub use connector::Connector;
pub use shorthand::{Became, no_feed};
