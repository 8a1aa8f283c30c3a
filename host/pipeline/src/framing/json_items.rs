//! The items of an array inside a JSON document, as received.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Cut, FramingError};

/// Pages of the items the pointer leads to, and the document with the array emptied.
pub fn cut(body: &[u8], pointer: &str, page_size: usize) -> Result<(Vec<Cut>, String), FramingError> {
    if body.trim_ascii().is_empty() {
        return Ok((Vec::new(), String::new()));
    }
    let text = std::str::from_utf8(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
        .map_err(|_| FramingError::NotText)?;
    // What is read anyway tells that all is well; only where it is not, the document is looked at again for the reason.
    let fault = || match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => FramingError::NotJson(error.to_string()),
        Ok(_) => FramingError::NoArray(pointer.to_owned()),
    };
    let mut envelope = String::new();
    let array = find(text.trim_start(), pointer, &mut envelope).ok_or_else(fault)?;
    let items: Vec<&RawValue> = serde_json::from_str(array).map_err(|_| fault())?;
    Ok((pages(&items, page_size), envelope))
}

/// Where the items stand in a page.
pub fn ranges(page: &[u8]) -> Result<Vec<Range<usize>>, FramingError> {
    let text = std::str::from_utf8(page).map_err(|_| FramingError::NotText)?;
    let items: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|e| FramingError::NotJson(e.to_string()))?;
    let base = text.as_ptr().addr();
    let range = |item: &&RawValue| {
        let start = item.get().as_ptr().addr() - base;
        start..start + item.get().len()
    };
    Ok(items.iter().map(range).collect())
}

/// A JSON array of these items.
pub fn array_of<'a>(items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut page = vec![b'['];
    for (position, item) in items.enumerate() {
        if position > 0 {
            page.push(b',');
        }
        page.extend_from_slice(item);
    }
    page.push(b']');
    page
}

fn pages(items: &[&RawValue], page_size: usize) -> Vec<Cut> {
    let mut pages = Vec::new();
    let mut first = 0;
    let mut size = 0;
    for (position, item) in items.iter().enumerate() {
        size += item.get().len() + 1;
        if size >= page_size || position + 1 == items.len() {
            let slice = items.get(first..=position).unwrap_or_default();
            let bytes = array_of(slice.iter().map(|item| item.get().as_bytes()));
            pages.push(Cut { bytes: bytes.into(), records: u32::try_from(slice.len()).unwrap_or(u32::MAX) });
            first = position + 1;
            size = 0;
        }
    }
    pages
}

/// Follows the pointer; writes the document without what is there to `envelope`.
fn find<'a>(document: &'a str, pointer: &str, envelope: &mut String) -> Option<&'a str> {
    let Some(rest) = pointer.strip_prefix('/') else {
        envelope.push_str("[]");
        return document.starts_with('[').then_some(document);
    };
    let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let name = name.replace("~1", "/").replace("~0", "~");
    let mut found = None;
    envelope.push('{');
    for (position, (member, value)) in members(document)?.into_iter().enumerate() {
        if position > 0 {
            envelope.push(',');
        }
        envelope.push_str(&serde_json::Value::from(member.as_ref()).to_string());
        envelope.push(':');
        if member.eq_ignore_ascii_case(&name) && found.is_none() {
            found = Some(find(value.get(), rest, envelope)?);
        } else {
            envelope.push_str(value.get());
        }
    }
    envelope.push('}');
    found
}

/// None where the text is no JSON object.
fn members(document: &str) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(entry) = map.next_entry::<BorrowedText<'de>, &RawValue>()? {
                members.push((entry.0.0, entry.1));
            }
            Ok(members)
        }
    }
    #[derive(serde::Deserialize)]
    struct BorrowedText<'a>(#[serde(borrow)] Cow<'a, str>);
    let mut deserializer = serde_json::Deserializer::from_str(document);
    let members = deserializer.deserialize_map(Members).ok()?;
    deserializer.end().ok().map(|()| members)
}
