//! Cost and usage files as CSV over HTTPS: FOCUS, the exports of AWS and Google, and others of one's own.
//!
//! An account is one *source*: whose columns the files have, and which of their costs is billed ([`sources`]). One file, or
//! several parts, hold one billing month; each retrieval replaces the month as a whole. `columns` finds what a row says,
//! `mapping` makes a Purchase of it, `crawl` asks for the files, `manifest` is what the host must know beforehand.
//!
//! **Invariant:** the cost is read from the very column the host sums for itself, so no setting can bill another than the
//! one that is counted; a row that belongs to another month is never billed with this one.

mod columns;
mod crawl;
mod files;
mod instant;
mod manifest;
mod mapping;
mod reference;
mod settings;
pub mod sources;

use purser_plugin_sdk::Connector;
use purser_plugin_sdk::crawl::{Request, Response, Step};
use purser_plugin_sdk::localisation::Products;
use purser_plugin_sdk::manifest::Descriptor;
use purser_plugin_sdk::mapping::{Mapped, PageContext};
use purser_plugin_sdk::types::{Fact, Problem, RunContext};

/// The connector.
pub struct FocusCsv;

impl Connector for FocusCsv {
    fn describe() -> Descriptor {
        manifest::describe()
    }

    fn start(context: &RunContext, feed: &str, _: &[Fact]) -> Result<Step, Problem> {
        crawl::start(context, feed)
    }

    fn next(context: &RunContext, _: &str, request: &Request, response: &Response) -> Result<Step, Problem> {
        crawl::next(context, request, response)
    }

    fn map(context: &PageContext, page: &[u8]) -> Result<Mapped, Problem> {
        mapping::map(context, page)
    }

    /// The files name their products themselves, in one language: there is no feed of names to read.
    fn products(_: &PageContext, _: &[u8]) -> Result<Products, Problem> {
        Err(Problem::Bug("these files have no names beside the words of their rows".to_owned()))
    }
}

purser_plugin_sdk::export_connector!(FocusCsv);
