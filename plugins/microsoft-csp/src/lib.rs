//! The Microsoft CSP connector: crawl, mapping and localisation.
//!
//! Each feed has one file per role: `crawl/` says what to ask and what an answer means, `mapping/` turns records into
//! Purchases, `localisation.rs` reads the rate card, `manifest/` is everything the host must know beforehand. All of it
//! is plain Rust and is tested natively; this file is the shell a component is exported from.
//!
//! **Invariant:** a record ends as a Purchase, in an ignored group or rejected with its reason; an export without data
//! is never taken for one that is complete and empty.

mod charges;
mod crawl;
mod ids;
mod localisation;
mod manifest;
mod mapping;
mod settings;

use purser_plugin_sdk::Connector;
use purser_plugin_sdk::crawl::{Request, Response, Step};
use purser_plugin_sdk::localisation::Products;
use purser_plugin_sdk::manifest::Descriptor;
use purser_plugin_sdk::mapping::{Mapped, PageContext};
use purser_plugin_sdk::types::{Fact, Problem, RunContext};

/// The connector.
pub struct MicrosoftCsp;

impl Connector for MicrosoftCsp {
    fn describe() -> Descriptor {
        manifest::describe()
    }

    fn start(context: &RunContext, feed: &str, facts: &[Fact]) -> Result<Step, Problem> {
        crawl::start(context, feed, facts)
    }

    fn next(
        context: &RunContext,
        feed: &str,
        request: &Request,
        response: &Response,
    ) -> Result<Step, Problem> {
        crawl::next(context, feed, request, response)
    }

    fn map(context: &PageContext, page: &[u8]) -> Result<Mapped, Problem> {
        mapping::map(context, page)
    }

    fn products(context: &PageContext, page: &[u8]) -> Result<Products, Problem> {
        localisation::products(context, page)
    }
}

#[cfg(feature = "component")]
purser_plugin_sdk::export_connector!(MicrosoftCsp);
