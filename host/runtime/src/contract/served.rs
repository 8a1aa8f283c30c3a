//! The versions that are served, and a component's functions by the one it was built for.
//!
//! **Invariant:** whatever the version, the functions take and give the newest types; what an older version does not know is
//! not told to it, and what it does not say is nothing. To serve another version, add its bindings to `contract.rs`, an arm
//! to each `match` here, and the conversions of what it changed ([`Seen`]).

use std::borrow::Cow;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::crawl::{Request, Response, Step};
use super::localisation::Products;
use super::manifest::Descriptor;
use super::mapping::{Columns, PageContext};
use super::types::{Fact, Problem, RunContext};
use crate::guest::Guest;

/// A version that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Released.
    V0_1,
    /// Only in this crate's unit tests.
    #[cfg(test)]
    V0_2,
}

impl Version {
    /// All, the newest last.
    pub(crate) const SERVED: &[Self] = &[
        Self::V0_1,
        #[cfg(test)]
        Self::V0_2,
    ];

    /// As a component's exports name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1.0",
            #[cfg(test)]
            Self::V0_2 => "0.2.0",
        }
    }

    /// Its text.
    pub(crate) fn wit(self) -> &'static str {
        match self {
            Self::V0_1 => include_str!("../../../../wit/v0.1/connector.wit"),
            #[cfg(test)]
            Self::V0_2 => include_str!("../../tests/contract/v0.2/connector.wit"),
        }
    }

    /// The version of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::SERVED.iter().copied().find(|version| version.name() == name)
    }

    /// What new plugins are built for.
    pub(crate) fn newest() -> Self {
        Self::SERVED.last().copied().unwrap_or(Self::V0_1)
    }

    /// The names of all, for people.
    pub(crate) fn names() -> String {
        Self::SERVED.iter().map(|version| version.name()).collect::<Vec<_>>().join(", ")
    }
}

/// A value of the newest version as another one has it, and back. The same where both are one, at no cost.
pub(crate) trait Seen<Other: Clone>: Sized {
    /// As the other version has it.
    fn seen(&self) -> Cow<'_, Other>;
    /// The same of several.
    fn all_seen(all: &[Self]) -> Cow<'_, [Other]>;
    /// What the other version said.
    fn of(other: Other) -> Self;
}

impl<T: Clone> Seen<T> for T {
    fn seen(&self) -> Cow<'_, T> {
        Cow::Borrowed(self)
    }

    fn all_seen(all: &[Self]) -> Cow<'_, [T]> {
        Cow::Borrowed(all)
    }

    fn of(other: T) -> Self {
        other
    }
}

/// What a function answers, in the newest types.
type Answer<T> = wasmtime::Result<Result<T, Problem>>;

fn answer<New: Seen<T>, T: Clone, P: Clone>(given: wasmtime::Result<Result<T, P>>) -> Answer<New>
where
    Problem: Seen<P>,
{
    Ok(given?.map(New::of).map_err(Problem::of))
}

/// An interface of each version: found in a component, then loaded from an instance of it.
macro_rules! interface {
    ($(#[$doc:meta])* $found:ident, $loaded:ident, $interface:ident) => {
        $(#[$doc])*
        pub(crate) enum $found {
            V0_1(super::v0_1::exports::purser::connector::$interface::GuestIndices),
            #[cfg(test)]
            V0_2(super::v0_2::exports::purser::connector::$interface::GuestIndices),
        }

        /// The same in one instance.
        pub(crate) enum $loaded {
            V0_1(super::v0_1::exports::purser::connector::$interface::Guest),
            #[cfg(test)]
            V0_2(super::v0_2::exports::purser::connector::$interface::Guest),
        }

        impl $found {
            /// Finds it in a component of this version.
            pub(crate) fn new(version: Version, instance: &InstancePre<Guest>) -> wasmtime::Result<Self> {
                Ok(match version {
                    Version::V0_1 => {
                        Self::V0_1(super::v0_1::exports::purser::connector::$interface::GuestIndices::new(instance)?)
                    }
                    #[cfg(test)]
                    Version::V0_2 => {
                        Self::V0_2(super::v0_2::exports::purser::connector::$interface::GuestIndices::new(instance)?)
                    }
                })
            }

            /// Looks its functions up in an instance, and checks their types.
            pub(crate) fn load(
                &self,
                store: &mut Store<Guest>,
                instance: &Instance,
            ) -> wasmtime::Result<$loaded> {
                Ok(match self {
                    Self::V0_1(found) => $loaded::V0_1(found.load(store, instance)?),
                    #[cfg(test)]
                    Self::V0_2(found) => $loaded::V0_2(found.load(store, instance)?),
                })
            }
        }
    };
}

interface! {
    /// What the plugin is.
    Manifest, LoadedManifest, manifest
}
interface! {
    /// What to ask, and how to page.
    Crawl, LoadedCrawl, crawl
}
interface! {
    /// From records to Purchases.
    Mapping, LoadedMapping, mapping
}
interface! {
    /// Names, units and rates.
    Localisation, LoadedLocalisation, localisation
}

/// The same call of whichever version, `$of` being its exports' types.
macro_rules! by_version {
    ($loaded:expr, $functions:ident, $of:ident => $call:expr) => {
        match $loaded {
            Self::V0_1($functions) => {
                use super::v0_1::exports::purser::connector as $of;
                $call
            }
            #[cfg(test)]
            Self::V0_2($functions) => {
                use super::v0_2::exports::purser::connector as $of;
                $call
            }
        }
    };
}

impl LoadedManifest {
    pub(crate) fn call_describe(&self, store: &mut Store<Guest>) -> wasmtime::Result<Descriptor> {
        by_version!(self, manifest, of => {
            let described: of::manifest::Descriptor = manifest.call_describe(store)?;
            Ok(Descriptor::of(described))
        })
    }
}

impl LoadedCrawl {
    pub(crate) fn call_start(
        &self,
        store: &mut Store<Guest>,
        ctx: &RunContext,
        feed: &str,
        facts: &[Fact],
    ) -> Answer<Step> {
        by_version!(self, crawl, of => {
            let ctx = Seen::<of::crawl::RunContext>::seen(ctx);
            let facts = Seen::<of::crawl::Fact>::all_seen(facts);
            answer(crawl.call_start(store, &ctx, feed, &facts))
        })
    }

    pub(crate) fn call_next(
        &self,
        store: &mut Store<Guest>,
        ctx: &RunContext,
        feed: &str,
        request: &Request,
        response: &Response,
    ) -> Answer<Step> {
        by_version!(self, crawl, of => {
            let ctx = Seen::<of::crawl::RunContext>::seen(ctx);
            let request = Seen::<of::crawl::Request>::seen(request);
            let response = Seen::<of::crawl::Response>::seen(response);
            answer(crawl.call_next(store, &ctx, feed, &request, &response))
        })
    }
}

impl LoadedMapping {
    pub(crate) fn call_map(
        &self,
        store: &mut Store<Guest>,
        ctx: &PageContext,
        page: &[u8],
    ) -> Answer<Columns> {
        by_version!(self, mapping, of => {
            let ctx = Seen::<of::mapping::PageContext>::seen(ctx);
            answer(mapping.call_map(store, &ctx, page))
        })
    }
}

impl LoadedLocalisation {
    pub(crate) fn call_products(
        &self,
        store: &mut Store<Guest>,
        ctx: &PageContext,
        page: &[u8],
    ) -> Answer<Products> {
        by_version!(self, texts, of => {
            let ctx = Seen::<of::localisation::PageContext>::seen(ctx);
            answer(texts.call_products(store, &ctx, page))
        })
    }
}
