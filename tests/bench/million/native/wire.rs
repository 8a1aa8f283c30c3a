//! The answers, typed, borrowed from the body wherever that is possible.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of a collection.
#[derive(Deserialize)]
pub struct Collection<'a, T> {
    /// What it holds.
    pub items: Vec<T>,
    #[serde(borrow, default)]
    links: Links<'a>,
}

#[derive(Default, Deserialize)]
struct Links<'a> {
    #[serde(borrow)]
    next: Option<Link<'a>>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    headers: Vec<Header<'a>>,
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    value: Text<'a>,
}

/// A usage record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'a> {
    #[serde(borrow)]
    pub usage_start_time: Text<'a>,
    #[serde(borrow)]
    pub usage_end_time: Text<'a>,
    #[serde(borrow)]
    pub resource: Resource<'a>,
    /// A number, or a string with one: read by hand, so that no digit is lost.
    #[serde(borrow)]
    pub quantity: &'a RawValue,
    #[serde(borrow)]
    pub unit: Option<Text<'a>>,
    #[serde(borrow)]
    pub info_fields: Option<&'a RawValue>,
    #[serde(borrow)]
    pub instance_data: Instance<'a>,
}

/// What was used.
#[derive(Deserialize)]
pub struct Resource<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub category: Option<Text<'a>>,
    #[serde(borrow)]
    pub subcategory: Option<Text<'a>>,
    #[serde(borrow)]
    pub region: Option<Text<'a>>,
}

/// By what.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance<'a> {
    #[serde(borrow)]
    pub resource_uri: Text<'a>,
    #[serde(borrow)]
    pub location: Option<Text<'a>>,
    #[serde(borrow)]
    pub part_number: Option<Text<'a>>,
    #[serde(borrow)]
    pub order_number: Option<Text<'a>>,
    #[serde(borrow)]
    pub tags: Option<&'a RawValue>,
    #[serde(borrow)]
    pub additional_info: Option<&'a RawValue>,
}

/// A text, borrowed where it has no escapes.
#[derive(Deserialize)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<T> Collection<'_, T> {
    /// What to ask for the next page with; none: this was the last.
    pub fn next(&self) -> Option<String> {
        let header = self.links.next.as_ref()?.headers.first()?;
        Some(header.value.as_str().to_owned())
    }
}

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that may be missing.
pub fn text<'t>(text: &'t Option<Text<'_>>) -> &'t str {
    text.as_ref().map_or("", Text::as_str)
}
