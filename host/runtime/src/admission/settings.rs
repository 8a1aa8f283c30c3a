//! The settings schema of a descriptor: a JSON Schema that the UI can draw a form from.
//!
//! **Invariant:** flat; each property is a string, integer, boolean or array of strings, with a title, a description
//! and a default of its type, so that a form can be drawn and an account needs no settings to start with.

use serde_json::{Map, Value};

use super::Finding;
use crate::columns::shorten;

/// Checks the schema's text.
pub(super) fn check(schema: &str, findings: &mut Vec<Finding>) {
    match serde_json::from_str::<Value>(schema) {
        Err(error) => findings.push(finding(format!("the settings schema is not JSON: {error}"))),
        Ok(schema) => match properties(&schema) {
            None => findings.push(finding("the settings schema is no object with `properties`".to_owned())),
            Some(properties) => {
                let wrong = properties.iter().filter_map(|(name, property)| wrong_with(name, property));
                findings.extend(wrong.map(finding));
            }
        },
    }
}

fn finding(sentence: String) -> Finding {
    Finding::new(
        "PLG-128",
        sentence,
        "give a flat JSON Schema: properties of type string, integer, boolean or array of strings, each with `title`, \
         `description` and `default`",
    )
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.as_object()?.get("properties")?.as_object()
}

fn wrong_with(name: &str, property: &Value) -> Option<String> {
    let name = shorten(name);
    let kind = property.get("type").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "string" | "integer" | "boolean" | "array") {
        return Some(format!("the setting {name:?} has the type {:?}", shorten(kind)));
    }
    let word = |word: &str| property.get(word).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if let Some(absent) = ["title", "description"].into_iter().find(|text| !word(text)) {
        return Some(format!("the setting {name:?} has no `{absent}`"));
    }
    if let Some(effect) = property.get("x-purser-takes-effect") {
        let is_known = effect.as_str() == Some("next-period");
        let default = property.get("default").and_then(Value::as_str);
        if !is_known || kind != "string" || default != Some("") {
            return Some(format!(
                "the setting {name:?} takes effect at another time than `next-period`, or is no string that begins empty"
            ));
        }
    }
    let items = property.get("items").and_then(|items| items.get("type")).and_then(Value::as_str);
    if kind == "array" && items != Some("string") {
        return Some(format!("the setting {name:?} is an array of something else than strings"));
    }
    match property.get("default") {
        None => Some(format!("the setting {name:?} has no `default`")),
        Some(default) if !fits(kind, default) => {
            Some(format!("the default of the setting {name:?} is no {kind}"))
        }
        Some(default) => not_among(property, default)
            .then(|| format!("the default of the setting {name:?} is none of its `enum`")),
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        _ => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
    }
}

fn not_among(property: &Value, default: &Value) -> bool {
    property.get("enum").and_then(Value::as_array).is_some_and(|allowed| !allowed.contains(default))
}
