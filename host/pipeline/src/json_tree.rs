//! A JSON document that can be looked through and changed, its numbers as they are spelt.
//!
//! For recordings and for the conformance suite, which change a record in one place and must leave every other digit as
//! it came. **Invariant:** what is read and written again differs in the blanks between tokens alone.

use std::fmt::Write as _;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A document, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Members in the order of the wire.
    Object(Vec<(String, Tree)>),
    /// Items.
    Array(Vec<Tree>),
    /// A string, unescaped.
    Text(String),
    /// A number, `true`, `false` or `null`, as it is spelt.
    Literal(String),
}

/// The way to a value: names of members, positions of items.
pub type Path = Vec<String>;

impl Tree {
    /// Reads a document; none where it is no JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let whole: &RawValue = serde_json::from_str(text).ok()?;
        Self::read(whole.get())
    }

    fn read(raw: &str) -> Option<Self> {
        Some(match raw.as_bytes().first()? {
            b'{' => Self::Object(members(raw)?),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
                Self::Array(items.into_iter().map(|item| Self::read(item.get())).collect::<Option<_>>()?)
            }
            b'"' => Self::Text(serde_json::from_str(raw).ok()?),
            _ => Self::Literal(raw.to_owned()),
        })
    }

    /// Compact JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Object(members) => {
                out.push('{');
                for (position, (name, value)) in members.iter().enumerate() {
                    out.push_str(if position > 0 { "," } else { "" });
                    // Writing to a String does not fail.
                    let _ = write!(out, "{}:", serde_json::Value::from(name.as_str()));
                    value.write(out);
                }
                out.push('}');
            }
            Self::Array(items) => {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    out.push_str(if position > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Text(text) => {
                let _ = write!(out, "{}", serde_json::Value::from(text.as_str()));
            }
            Self::Literal(text) => out.push_str(text),
        }
    }

    /// The text of a string, or the spelling of a number; none for anything else.
    #[must_use]
    pub fn scalar(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Literal(text) if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Some(text),
            _ => None,
        }
    }

    /// The value at a path.
    #[must_use]
    pub fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |tree, step| match tree {
            Self::Object(members) => members.iter().find(|(name, _)| name == step).map(|(_, value)| value),
            Self::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The value at a path, to change it.
    pub fn at_mut(&mut self, path: &[String]) -> Option<&mut Self> {
        path.iter().try_fold(self, |tree, step| match tree {
            Self::Object(members) => {
                members.iter_mut().find(|(name, _)| name == step).map(|(_, value)| value)
            }
            Self::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The path a JSON pointer leads to, member names compared without case.
    #[must_use]
    pub fn path_of(&self, pointer: &str) -> Option<Path> {
        let mut here = self;
        let mut path = Path::new();
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let (name, value) = match here {
                Self::Object(members) => {
                    let found = members.iter().find(|(name, _)| name.trim().eq_ignore_ascii_case(&step))?;
                    (found.0.clone(), &found.1)
                }
                Self::Array(items) => (step.clone(), items.get(step.parse::<usize>().ok()?)?),
                _ => return None,
            };
            path.push(name);
            here = value;
        }
        Some(path)
    }

    /// The paths of all strings and numbers.
    #[must_use]
    pub fn leaves(&self) -> Vec<Path> {
        let mut found = Vec::new();
        self.collect_leaves(&mut Path::new(), &mut found);
        found
    }

    fn collect_leaves(&self, here: &mut Path, found: &mut Vec<Path>) {
        let mut below = |step: String, value: &Self| {
            here.push(step);
            value.collect_leaves(here, found);
            here.pop();
        };
        match self {
            Self::Object(members) => members.iter().for_each(|(name, value)| below(name.clone(), value)),
            Self::Array(items) => {
                items.iter().enumerate().for_each(|(position, item)| below(position.to_string(), item));
            }
            _ if self.scalar().is_some() => found.push(here.clone()),
            _ => {}
        }
    }

    /// Does something to every object, inner ones first.
    pub fn each_object(&mut self, act: &mut impl FnMut(&mut Vec<(String, Self)>)) {
        match self {
            Self::Object(members) => {
                members.iter_mut().for_each(|(_, value)| value.each_object(act));
                act(members);
            }
            Self::Array(items) => items.iter_mut().for_each(|item| item.each_object(act)),
            _ => {}
        }
    }

    /// Does something to every string, with the name of the member it stands under (an item: of its array).
    pub fn each_text(&mut self, name: &str, act: &mut impl FnMut(&str, &mut String)) {
        match self {
            Self::Object(members) => members.iter_mut().for_each(|(name, value)| value.each_text(name, act)),
            Self::Array(items) => items.iter_mut().for_each(|item| item.each_text(name, act)),
            Self::Text(text) => act(name, text),
            Self::Literal(_) => {}
        }
    }
}

/// None where the text is no JSON object.
fn members(object: &str) -> Option<Vec<(String, Tree)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(entry) = map.next_entry()? {
                members.push(entry);
            }
            Ok(members)
        }
    }
    let members = serde_json::Deserializer::from_str(object).deserialize_map(Members).ok()?;
    members.into_iter().map(|(name, raw)| Some((name, Tree::read(raw.get())?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{ "n": [1.50, -2e3, {"b": "x\"\u0000"}], "N2": null, "deep": {"a": "1"} }"#;

    #[test]
    fn every_digit_and_every_member_stays_as_it_came() {
        let tree = Tree::parse(DOCUMENT).unwrap();
        assert_eq!(tree.json(), r#"{"n":[1.50,-2e3,{"b":"x\"\u0000"}],"N2":null,"deep":{"a":"1"}}"#);
        assert_eq!(Tree::parse(&tree.json()).unwrap(), tree);
        assert!(Tree::parse("{\"a\":1} x").is_none() && Tree::parse("").is_none());
    }

    #[test]
    fn a_value_is_found_and_changed_by_its_path() {
        let mut tree = Tree::parse(DOCUMENT).unwrap();
        let path = tree.path_of("/DEEP/A").unwrap();
        *tree.at_mut(&path).unwrap() = Tree::Literal("7".into());
        assert_eq!(tree.at(&path).unwrap().scalar(), Some("7"));
        let leaves: Vec<String> = tree.leaves().iter().map(|path| path.join("/")).collect();
        assert_eq!(leaves, ["n/0", "n/1", "n/2/b", "deep/a"]);
        let mut objects = 0;
        tree.each_object(&mut |_| objects += 1);
        assert_eq!(objects, 3);
    }
}
