//! The one trait of a connector, and the thin shell that exports it from a component.

use crate::bindings::exports::purser::connector as exports;
use crate::crawl::{Request, Response, Step};
use crate::localisation::Products;
use crate::manifest::Descriptor;
use crate::mapping::{Columns, Mapped, PageContext};
use crate::types::{Fact, Problem, RunContext};

/// A connector: all its roles as pure functions.
pub trait Connector {
    /// What the plugin is, and everything it may ever ask for.
    fn describe() -> Descriptor;

    /// The first requests of a feed, for one batch of the facts it needs.
    ///
    /// # Errors
    /// Where the settings or a fact make no sense.
    fn start(context: &RunContext, feed: &str, facts: &[Fact]) -> Result<Step, Problem>;

    /// What follows from an answer, also from one that tells of an error.
    ///
    /// # Errors
    /// Where the vendor asks for patience, refuses the grant, or answers what the feed does not promise.
    fn next(
        context: &RunContext,
        feed: &str,
        request: &Request,
        response: &Response,
    ) -> Result<Step, Problem>;

    /// Every record of a page to a Purchase, an ignored group or a rejection.
    ///
    /// # Errors
    /// Where the page cannot be read at all.
    fn map(context: &PageContext, page: &[u8]) -> Result<Mapped, Problem>;

    /// The texts and rates on a page of a catalogue.
    ///
    /// # Errors
    /// Where the page cannot be read at all.
    fn products(context: &PageContext, page: &[u8]) -> Result<Products, Problem>;
}

impl<C: Connector> exports::manifest::Guest for C {
    fn describe() -> Descriptor {
        C::describe()
    }
}

impl<C: Connector> exports::crawl::Guest for C {
    fn start(context: RunContext, feed: String, facts: Vec<Fact>) -> Result<Step, Problem> {
        C::start(&context, &feed, &facts)
    }

    fn next(
        context: RunContext,
        feed: String,
        request: Request,
        response: Response,
    ) -> Result<Step, Problem> {
        C::next(&context, &feed, &request, &response)
    }
}

impl<C: Connector> exports::mapping::Guest for C {
    fn map(context: PageContext, page: Vec<u8>) -> Result<Columns, Problem> {
        C::map(&context, &page).map(Mapped::pack)
    }
}

impl<C: Connector> exports::localisation::Guest for C {
    fn products(context: PageContext, page: Vec<u8>) -> Result<Products, Problem> {
        C::products(&context, &page)
    }
}

/// Exports a [`Connector`] as a component. Does nothing in a native build, so that the plugin can be tested there.
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, clippy::allow_attributes, reason = "generated: the component's exports")]
        const _: () = {
            type Exported = $connector;
    $crate::bindings::export_component!(Exported with_types_in $crate::bindings);
        };
    };
}
