//! The limits as the operator sets them: under `[plugins.limits]` in the configuration, in one table.
//!
//! **Invariant:** no knob can be turned beyond its ceiling, and none is without effect (`tests/hostile` turns each).

use crate::Limits;

/// One limit that can be set.
pub struct Knob {
    /// As it stands in the configuration; it ends with its unit, where it has one.
    pub name: &'static str,
    /// What it bounds.
    pub about: &'static str,
    /// The least it can be set to.
    pub least: u64,
    /// The most.
    pub ceiling: u64,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

impl Knob {
    /// What it is set to.
    #[must_use]
    pub fn get(&self, limits: &Limits) -> u64 {
        (self.get)(limits)
    }
}

/// Why a limit cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KnobError {
    /// There is none of this name.
    #[error("there is no limit {0:?}; there are: {names}", names = names())]
    Unknown(String),
    /// Too little, or beyond the ceiling.
    #[error("{name} = {value} is not between {least} and {ceiling}")]
    Range {
        /// The knob.
        name: &'static str,
        /// What was given.
        value: u64,
        /// The least.
        least: u64,
        /// The most.
        ceiling: u64,
    },
}

fn names() -> String {
    KNOBS.iter().map(|knob| knob.name).collect::<Vec<_>>().join(", ")
}

impl Limits {
    /// Sets one limit by its knob.
    ///
    /// # Errors
    /// Where there is no such knob, or the value is beyond its bounds.
    pub fn set(&mut self, name: &str, value: u64) -> Result<(), KnobError> {
        let knob = KNOBS.iter().find(|knob| knob.name == name);
        let knob = knob.ok_or_else(|| KnobError::Unknown(name.to_owned()))?;
        let (least, ceiling) = (knob.least, knob.ceiling);
        if !(least..=ceiling).contains(&value) {
            return Err(KnobError::Range { name: knob.name, value, least, ceiling });
        }
        (knob.set)(self, value);
        Ok(())
    }
}

/// A knob of a field; a unit of the knob is so many of the field's.
macro_rules! knob {
    ($name:literal, $field:ident * $unit:literal as $type:ty, $least:literal ..= $ceiling:literal, $about:literal) => {
        Knob {
            name: $name,
            about: $about,
            least: $least,
            ceiling: $ceiling,
            get: |limits| u64::from(limits.$field) / $unit,
            set: |limits, value| {
                limits.$field = <$type>::try_from(value.saturating_mul($unit)).unwrap_or(<$type>::MAX);
            },
        }
    };
}

/// All there are.
pub const KNOBS: &[Knob] = &[
    knob!("memory-mib", memory_bytes * 0x10_0000 as u64, 1..=1024, "memory of one call on a page of 4 MiB"),
    knob!("deadline-base-ms", deadline_base_ms * 1 as u64, 10..=60_000, "time of any call"),
    knob!(
        "deadline-per-mib-ms",
        deadline_per_mib_ms * 1 as u64,
        0..=60_000,
        "time beyond that for each MiB of a page"
    ),
    knob!(
        "output-mib",
        output_bytes * 0x10_0000 as u64,
        1..=256,
        "what a call may hand back for a page of 4 MiB"
    ),
    knob!("log-kib", log_bytes * 0x400 as u64, 0..=1024, "what is kept of what a call prints"),
    knob!("component-mib", component_bytes * 0x10_0000 as u64, 1..=256, "size of a component"),
    knob!("pool-instances", pool_instances * 1 as u32, 1..=64, "calls at the same time"),
    knob!("records-per-page", records * 1 as u32, 1..=2_000_000, "records of a page"),
    knob!(
        "crashes-per-page",
        crashes * 1 as u32,
        0..=10_000,
        "records of a page that may be set aside for a crash"
    ),
    knob!("requests-per-step", requests * 1 as u32, 1..=1_000_000, "requests asked for in one step"),
    knob!("facts-per-answer", facts * 1 as u32, 1..=1_000_000, "facts of one answer"),
    knob!(
        "texts-per-record",
        texts_per_record * 1 as u32,
        1..=10_000,
        "product texts for each record of a page"
    ),
    knob!(
        "string-kib",
        string_bytes * 0x400 as u64,
        1..=4096,
        "a string; a fact's value may be 16 times as long"
    ),
    knob!("number-digits", number_digits * 1 as u32, 10..=1_000, "digits of a number"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_knob_turns_its_own_limit_and_stops_at_its_bounds() {
        let before = Limits::default();
        for knob in KNOBS {
            let mut limits = before.clone();
            limits.set(knob.name, knob.ceiling).unwrap();
            assert_eq!(knob.get(&limits), knob.ceiling, "{}", knob.name);
            let moved = KNOBS.iter().filter(|other| other.get(&limits) != other.get(&before));
            assert!(moved.map(|other| other.name).all(|name| name == knob.name), "{}", knob.name);
            assert!((knob.least..=knob.ceiling).contains(&knob.get(&before)), "{}", knob.name);
            let error = limits.set(knob.name, knob.ceiling + 1).unwrap_err().to_string();
            assert!(error.starts_with(knob.name) && error.contains(&knob.ceiling.to_string()), "{error}");
            if knob.least > 0 {
                limits.set(knob.name, knob.least - 1).unwrap_err();
            }
        }
    }

    #[test]
    fn an_unknown_limit_is_told_the_ones_there_are() {
        let error = Limits::default().set("memory-bytes", 1).unwrap_err().to_string();
        assert!(error.starts_with("there is no limit \"memory-bytes\"; there are: memory-mib, "), "{error}");
    }
}
