//! A few values out of a record, by JSON pointers, without building the record.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Finds, for each slot, the value of the first pointer that is there. Member names are compared without case.
pub struct Picker {
    pointers: Vec<Pointer>,
    slots: usize,
}

struct Pointer {
    slot: usize,
    /// Position among the slot's pointers: a lower one wins.
    rank: usize,
    path: Vec<String>,
}

/// What was found for a slot so far, and by which rank.
type Found<'de> = Vec<Option<(usize, Cow<'de, str>)>>;

impl Picker {
    /// One list of pointers a slot.
    #[must_use]
    pub fn new(slots: &[&Vec<String>]) -> Self {
        let path = |pointer: &str| {
            pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
        };
        let pointers = slots.iter().enumerate().flat_map(|(slot, pointers)| {
            pointers.iter().enumerate().map(move |(rank, pointer)| Pointer {
                slot,
                rank,
                path: path(pointer),
            })
        });
        Self { pointers: pointers.collect(), slots: slots.len() }
    }

    /// Values of a JSON record: strings unescaped, numbers as they are spelt, nothing for null and for composites.
    #[must_use]
    pub fn json<'de>(&self, record: &'de [u8]) -> Vec<Option<Cow<'de, str>>> {
        let mut found: Found<'de> = vec![None; self.slots];
        let live: Vec<&Pointer> = self.pointers.iter().collect();
        let mut deserializer = serde_json::Deserializer::from_slice(record);
        let walked = Walk { live, depth: 0, found: &mut found }.deserialize(&mut deserializer);
        match walked.and_then(|()| deserializer.end()) {
            Ok(()) => found.into_iter().map(|value| value.map(|(_, text)| text)).collect(),
            Err(_) => vec![None; self.slots],
        }
    }

    /// Values of a CSV row.
    #[must_use]
    pub fn row<'r>(
        &self,
        header: &csv::StringRecord,
        row: &'r csv::StringRecord,
    ) -> Vec<Option<Cow<'r, str>>> {
        let mut found: Found<'r> = vec![None; self.slots];
        for pointer in &self.pointers {
            let [name] = pointer.path.as_slice() else { continue };
            let column = header.iter().position(|title| title.trim().eq_ignore_ascii_case(name));
            if let Some(text) = column.and_then(|column| row.get(column)).filter(|text| !text.is_empty()) {
                keep(&mut found, pointer, text.into());
            }
        }
        found.into_iter().map(|value| value.map(|(_, text)| text)).collect()
    }
}

fn keep<'de>(found: &mut Found<'de>, pointer: &Pointer, text: Cow<'de, str>) {
    if let Some(slot) = found.get_mut(pointer.slot)
        && slot.as_ref().is_none_or(|(rank, _)| pointer.rank < *rank)
    {
        *slot = Some((pointer.rank, text));
    }
}

/// Walks one object with the pointers that still match.
struct Walk<'p, 'f, 'de> {
    live: Vec<&'p Pointer>,
    depth: usize,
    found: &'f mut Found<'de>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let matches = |pointer: &&&Pointer| {
                pointer.path.get(self.depth).is_some_and(|part| part.eq_ignore_ascii_case(&name.0))
            };
            let live: Vec<&Pointer> = self.live.iter().filter(matches).copied().collect();
            if live.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let (ends, goes_on): (Vec<_>, Vec<_>) =
                live.into_iter().partition(|pointer| pointer.path.len() == self.depth + 1);
            if goes_on.is_empty() {
                let raw: &RawValue = map.next_value()?;
                if let Some(text) = scalar(raw) {
                    ends.into_iter().for_each(|pointer| keep(self.found, pointer, text.clone()));
                }
            } else {
                map.next_value_seed(Walk { live: goes_on, depth: self.depth + 1, found: self.found })?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str::<Name<'_>>(raw.get()).ok().map(|name| name.0),
        b'-' | b'0'..=b'9' => Some(raw.get().into()),
        _ => None,
    }
}
