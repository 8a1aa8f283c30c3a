//! Names and values: headers, parameters, settings.

use crate::types::Pair;

/// A pair.
#[must_use]
pub fn pair(name: &str, value: impl Into<String>) -> Pair {
    Pair { name: name.to_owned(), value: value.into() }
}

/// Pairs from names and values.
#[must_use]
pub fn pairs<const N: usize, V: AsRef<str>>(entries: [(&str, V); N]) -> Vec<Pair> {
    entries.into_iter().map(|(name, value)| pair(name, value.as_ref())).collect()
}

/// The value of a name, compared without case; none where it is missing or blank.
#[must_use]
pub fn get<'p>(pairs: &'p [Pair], name: &str) -> Option<&'p str> {
    let found = pairs.iter().find(|pair| pair.name.eq_ignore_ascii_case(name))?;
    Some(found.value.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_blank_values_count_as_missing() {
        let headers = pairs([("Retry-After", " 57 "), ("X-Empty", " ")]);
        assert_eq!(get(&headers, "retry-after"), Some("57"));
        assert_eq!(get(&headers, "x-empty"), None);
        assert_eq!(get(&headers, "other"), None);
    }
}
