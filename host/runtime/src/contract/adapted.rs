//! Version 0.1 beside the newest of this test build: what was added is not told to it, and it says nothing of it.
//!
//! A release writes these conversions field by field; here the two differ in two optional fields, and the words they are
//! stored in carry the rest over.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::served::Seen;
use super::v0_1::exports::purser::connector as older;
use super::v0_1::purser::connector::types as older_types;
use super::{crawl, localisation, manifest, mapping, types};

fn carried<A: Serialize, B: DeserializeOwned>(value: &A) -> B {
    serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap()
}

macro_rules! adapted {
    ($($newest:ty = $older:ty),* $(,)?) => {
        $(impl Seen<$older> for $newest {
            fn seen(&self) -> Cow<'_, $older> {
                Cow::Owned(carried(self))
            }

            fn all_seen(all: &[Self]) -> Cow<'_, [$older]> {
                Cow::Owned(all.iter().map(carried).collect())
            }

            fn of(older: $older) -> Self {
                carried(&older)
            }
        })*
    };
}

adapted! {
    types::RunContext = older_types::RunContext,
    types::PageContext = older_types::PageContext,
    types::Fact = older_types::Fact,
    types::Problem = older_types::Problem,
    manifest::Descriptor = older::manifest::Descriptor,
    crawl::Request = older::crawl::Request,
    crawl::Response = older::crawl::Response,
    crawl::Step = older::crawl::Step,
    mapping::Columns = older::mapping::Columns,
    localisation::Products = older::localisation::Localised,
}
