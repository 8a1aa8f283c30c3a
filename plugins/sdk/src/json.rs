//! Members of JSON records, found without regard to case and read without losing a digit.
//!
//! Vendors send the same member under several spellings, numbers as strings and strings as numbers, and `null`, `""`
//! and nothing at all for the same thing. [`Fields`] takes all of it, and says which member it could not read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::date::{self, Moment};
use crate::number;

/// The members a record is read for: for each, its names, the usual one first. Best in the order of the wire.
pub type Names<const N: usize> = [&'static [&'static str]; N];

/// The members of one record, by their position in the [`Names`].
#[derive(Debug)]
pub struct Fields<'r, const N: usize> {
    names: &'static Names<N>,
    values: [Option<&'r RawValue>; N],
}

impl<'r, const N: usize> Fields<'r, N> {
    /// Reads an object. Members without a name in the list are passed over.
    ///
    /// # Errors
    /// Where the text is no JSON object.
    pub fn read(names: &'static Names<N>, record: &'r str) -> Result<Self, String> {
        let mut deserializer = serde_json::Deserializer::from_str(record);
        let values =
            deserializer.deserialize_map(Members { names }).map_err(|_| "not a JSON object".to_owned())?;
        deserializer.end().map_err(|_| "not a JSON object".to_owned())?;
        Ok(Self { names, values })
    }

    /// The members of an object inside this one; all empty where it is missing.
    ///
    /// # Errors
    /// Where the member is no object.
    pub fn object<const M: usize>(
        &self,
        at: usize,
        names: &'static Names<M>,
    ) -> Result<Fields<'r, M>, String> {
        match self.raw(at) {
            Some(value) => Fields::read(names, value).map_err(|_| self.trouble(at, value, "is no object")),
            None => Ok(Fields { names, values: [None; M] }),
        }
    }

    /// The value as it is spelt; none where it is missing or `null`.
    #[must_use]
    pub fn raw(&self, at: usize) -> Option<&'r str> {
        self.values.get(at).copied().flatten().map(RawValue::get)
    }

    /// A text; numbers and booleans as they are spelt, composites as compact JSON, empty where there is nothing.
    ///
    /// # Errors
    /// Where a string is not valid.
    pub fn text(&self, at: usize) -> Result<Cow<'r, str>, String> {
        let raw = self.raw(at).unwrap_or_default();
        text(raw).ok_or_else(|| self.trouble(at, raw, "is no text"))
    }

    /// An exact decimal from a number or from a string that holds one; empty where there is nothing.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn decimal(&self, at: usize) -> Result<Cow<'r, str>, String> {
        let text = trim(self.text(at)?);
        if text.is_empty() || number::is_decimal(&text) {
            Ok(text)
        } else {
            Err(self.trouble(at, &text, "is no number"))
        }
    }

    /// An exact decimal that must be there.
    ///
    /// # Errors
    /// Where it is missing or something else.
    pub fn required_decimal(&self, at: usize) -> Result<Cow<'r, str>, String> {
        let text = self.decimal(at)?;
        if text.is_empty() { Err(format!("{} is missing", self.name(at))) } else { Ok(text) }
    }

    /// A date in any of the vendors' forms.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn moment(&self, at: usize) -> Result<Moment, String> {
        let text = self.text(at)?;
        date::parse(&text).map_err(|_| self.trouble(at, &text, "is no date"))
    }

    /// A composite as compact JSON, or a text that may hold JSON; empty where there is nothing in it.
    ///
    /// # Errors
    /// Where a string is not valid.
    pub fn json(&self, at: usize) -> Result<Cow<'r, str>, String> {
        let text = self.text(at)?;
        Ok(if matches!(&*text, "{}" | "[]") { Cow::Borrowed("") } else { text })
    }

    fn name(&self, at: usize) -> &'static str {
        self.names.get(at).and_then(|names| names.first()).copied().unwrap_or("a member")
    }

    fn trouble(&self, at: usize, value: &str, what: &str) -> String {
        let shown: String = value.chars().take(40).collect();
        format!("{} {shown:?} {what}", self.name(at))
    }
}

/// The value at a JSON pointer, as it is spelt; member names are compared without case.
///
/// # Errors
/// Where the document is no JSON.
pub fn find<'d>(document: &'d str, pointer: &str) -> Result<Option<&'d str>, String> {
    let whole: &RawValue = serde_json::from_str(document).map_err(|error| format!("not JSON: {error}"))?;
    let mut found = Some(whole.get());
    for name in pointer.split('/').skip(1) {
        found = found.and_then(|object| member(object, &name.replace("~1", "/").replace("~0", "~")));
    }
    Ok(found.filter(|value| *value != "null"))
}

/// The text at a JSON pointer; empty where there is none, or where the document is no JSON.
#[must_use]
pub fn find_text<'d>(document: &'d str, pointer: &str) -> Cow<'d, str> {
    find(document, pointer).ok().flatten().and_then(text).unwrap_or_default()
}

/// The members of an object in the order of the wire, with their values as they are spelt.
///
/// # Errors
/// Where the text is no JSON object.
pub fn members(object: &str) -> Result<Vec<(String, &str)>, String> {
    struct All;
    impl<'de> Visitor<'de> for All {
        type Value = Vec<(String, &'de str)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(name) = map.next_key::<String>()? {
                members.push((name, map.next_value::<&'de RawValue>()?.get()));
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(object)
        .deserialize_map(All)
        .map_err(|_| "not a JSON object".to_owned())
}

/// The values of an array as they are spelt.
///
/// # Errors
/// Where the text is no JSON array.
pub fn items(array: &str) -> Result<Vec<&str>, String> {
    let items: Vec<&RawValue> =
        serde_json::from_str(array).map_err(|error| format!("not a JSON array: {error}"))?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

/// The text of a value: a string without its escapes, anything else compact as it is spelt, nothing for `null`.
#[must_use]
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first() {
        Some(b'"') if raw.contains('\\') => serde_json::from_str::<String>(raw).ok().map(Cow::Owned),
        Some(b'"') => raw.get(1..raw.len().checked_sub(1)?).map(Cow::Borrowed),
        Some(b'{' | b'[') => Some(compact(raw)),
        Some(b'n') | None => Some(Cow::Borrowed("")),
        Some(_) => Some(Cow::Borrowed(raw)),
    }
}

/// Valid JSON without the blanks between its tokens; every token as it is spelt.
#[must_use]
pub fn compact(json: &str) -> Cow<'_, str> {
    if !json.contains([' ', '\n', '\t', '\r']) {
        return Cow::Borrowed(json);
    }
    let (mut in_string, mut escaped) = (false, false);
    let kept = json.chars().filter(|c| {
        let blank = !in_string && c.is_ascii_whitespace();
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        !blank
    });
    Cow::Owned(kept.collect())
}

/// A borrowed text stays borrowed.
pub fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn member<'d>(object: &'d str, name: &str) -> Option<&'d str> {
    let members = members(object).ok()?;
    members.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

struct Members<const N: usize> {
    names: &'static Names<N>,
}

impl<const N: usize> Members<N> {
    /// Where a name stands. The search begins behind the last hit, since vendors keep their order.
    fn position(&self, name: &str, after: usize) -> Option<usize> {
        let hit =
            |names: &&'static [&'static str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let behind = self.names.iter().skip(after).position(&hit).map(|position| position + after);
        behind.or_else(|| self.names.iter().take(after).position(hit))
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [None; N];
        let mut after = 0;
        while let Some(name) = map.next_key_seed(Key)? {
            let Some(position) = self.position(&name, after) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            after = position + 1;
            let value: &'de RawValue = map.next_value()?;
            match values.get_mut(position) {
                // Of two spellings of one member the first that says something counts.
                Some(slot @ None) if value.get() != "null" => *slot = Some(value),
                _ => {}
            }
        }
        Ok(values)
    }
}

/// A member's name, borrowed where it has no escapes.
struct Key;

impl<'de> serde::de::DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }
    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<4> = [&["usageDate"], &["Unit", "unitOfMeasure"], &["Quantity"], &["inner"]];

    fn read(record: &str) -> Fields<'_, 4> {
        Fields::read(&NAMES, record).unwrap()
    }

    #[test]
    fn members_are_found_by_any_spelling_in_any_order() {
        let record =
            read(r#"{"x":[1,{"a":2}],"QUANTITY":"1.10","UNITOFMEASURE":"1 Hour","usageDATE":"2019-01-01"}"#);
        assert_eq!(record.text(1).unwrap(), "1 Hour");
        assert_eq!(record.decimal(2).unwrap(), "1.10");
        assert_eq!(record.moment(0).unwrap().text(), "2019-01-01T00:00:00Z");
    }

    #[test]
    fn numbers_keep_every_digit_whether_number_or_string() {
        for (wire, text) in [
            ("0.055193985123456789", "0.055193985123456789"),
            ("\" 9223372036854780000 \"", "9223372036854780000"),
            ("24.0", "24.0"),
            ("1E-15", "1E-15"),
            ("null", ""),
            ("\"\"", ""),
        ] {
            assert_eq!(read(&format!(r#"{{"Quantity":{wire}}}"#)).decimal(2).unwrap(), text);
        }
        for bad in ["\"1,5\"", "true", "[1]", "\"NaN\""] {
            let reason = read(&format!(r#"{{"Quantity":{bad}}}"#)).decimal(2).unwrap_err();
            assert!(reason.starts_with("Quantity ") && reason.ends_with(" is no number"), "{reason}");
        }
        assert_eq!(read("{}").required_decimal(2).unwrap_err(), "Quantity is missing");
    }

    #[test]
    fn null_empty_and_missing_are_alike_and_a_second_spelling_fills_in() {
        assert_eq!(read(r#"{"Unit":null,"unitOfMeasure":"GB"}"#).text(1).unwrap(), "GB");
        assert_eq!(read(r#"{"Unit":"A","unitOfMeasure":"B"}"#).text(1).unwrap(), "A");
        assert_eq!(read(r#"{"Unit":null}"#).text(1).unwrap(), read("{}").text(1).unwrap());
    }

    #[test]
    fn composites_are_compact_and_strings_are_unescaped() {
        let record = read(r#"{"inner": { "a b" : "c \" d" , "n" : 1.50 }, "Unit":"1\u002fDay"}"#);
        assert_eq!(record.json(3).unwrap(), r#"{"a b":"c \" d","n":1.50}"#);
        assert_eq!(record.text(1).unwrap(), "1/Day");
        assert_eq!(read(r#"{"inner":{ }}"#).json(3).unwrap(), "");
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for bad in ["", "null", "[1]", "1", "{\"a\":1", "{\"a\":1} x"] {
            assert!(Fields::read(&NAMES, bad).is_err(), "{bad}");
        }
        assert!(read(r#"{"inner":3}"#).object(3, &NAMES).is_err());
        assert!(read("{}").object(3, &NAMES).is_ok());
    }

    #[test]
    fn pointers_find_values_in_documents() {
        let body = r#"{"Links":{"next":{"headers":[1]}},"a/b":null}"#;
        assert_eq!(find(body, "/links/next/headers").unwrap(), Some("[1]"));
        assert_eq!(find(body, "/links/other").unwrap(), None);
        assert_eq!(find(body, "/a~1b").unwrap(), None);
        assert!(find("<html>", "/x").is_err());
    }
}
