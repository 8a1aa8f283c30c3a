//! Changes one place of a JSON text and leaves every other byte of its values as it is: numbers keep all their digits.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text with another value at the pointer (none: without it); none where there is no such place. The last member
/// may be new.
pub(crate) fn put(text: &str, pointer: &str, value: Option<&serde_json::Value>) -> Option<String> {
    let tokens: Vec<String> =
        pointer.strip_prefix('/')?.split('/').map(|t| t.replace("~1", "/").replace("~0", "~")).collect();
    replaced(text, &tokens, value)
}

fn replaced(text: &str, tokens: &[String], value: Option<&serde_json::Value>) -> Option<String> {
    let (token, rest) = tokens.split_first()?;
    if text.trim_start().starts_with('[') {
        let items: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
        let mut items: Vec<String> = items.iter().map(|i| i.get().to_owned()).collect();
        let place = items.get_mut(token.parse::<usize>().ok()?)?;
        match (rest.is_empty(), value) {
            (true, Some(value)) => *place = value.to_string(),
            (true, None) => place.clear(),
            (false, _) => *place = replaced(place, rest, value)?,
        }
        items.retain(|i| !i.is_empty());
        return Some(format!("[{}]", items.join(",")));
    }
    let mut members = serde_json::from_str::<Members>(text).ok()?.0;
    let position = members.iter().position(|(name, _)| name == token);
    match (rest.is_empty(), position, value) {
        (false, Some(at), _) => {
            let member = members.get_mut(at)?;
            member.1 = replaced(&member.1, rest, value)?;
        }
        (false, None, _) => return None,
        (true, Some(at), Some(value)) => members.get_mut(at)?.1 = value.to_string(),
        (true, None, Some(value)) => members.push((token.clone(), value.to_string())),
        (true, Some(at), None) => drop(members.remove(at)),
        (true, None, None) => return None,
    }
    let members: Vec<_> =
        members.iter().map(|(n, v)| format!("{}:{v}", serde_json::Value::from(n.as_str()))).collect();
    Some(format!("{{{}}}", members.join(",")))
}

/// Members of an object in their order, values as they are written.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_changes_adds_and_removes_and_keeps_other_digits() {
        let text = r#"{"items":[{"id":"a","n":1.2345678901234567890123}]}"#;
        let with = |pointer, value: Option<serde_json::Value>| put(text, pointer, value.as_ref());
        assert_eq!(
            with("/items/0/id", Some(json!(7))).unwrap(),
            r#"{"items":[{"id":7,"n":1.2345678901234567890123}]}"#
        );
        assert_eq!(
            with("/items/0/new", Some(json!(null))).unwrap(),
            r#"{"items":[{"id":"a","n":1.2345678901234567890123,"new":null}]}"#
        );
        assert_eq!(with("/items/0/id", None).unwrap(), r#"{"items":[{"n":1.2345678901234567890123}]}"#);
        assert_eq!(with("/items/0", None).unwrap(), r#"{"items":[]}"#);
        assert!(with("/nothing/here", Some(json!(1))).is_none());
    }
}
