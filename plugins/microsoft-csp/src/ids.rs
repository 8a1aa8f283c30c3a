//! Identifiers as Microsoft spells them, to the one spelling the ledger compares.

use std::borrow::Cow;

/// A tenant, subscription or meter id: without `org:`, without blanks, lower-case. Free text (`4core`) passes as well.
pub fn id(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let text = match text.split_at_checked(4) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("org:") => rest,
        _ => text,
    };
    lower(text)
}

/// Lower-case, borrowed where it is already.
pub fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

/// The subscription a resource lies in, by its address: `/subscriptions/{id}/…`.
pub fn subscription_of(resource_uri: &str) -> Option<&str> {
    let mut parts = resource_uri.split('/').skip_while(|part| !part.eq_ignore_ascii_case("subscriptions"));
    parts.nth(1).filter(|id| !id.is_empty())
}

/// A natural key out of parts: lower-case, one separator between them, which no part can fake.
pub fn reference(parts: &[&str]) -> String {
    let mut reference = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            reference.push('|');
        }
        let part = part.trim();
        if !part.contains(['|', '%']) {
            reference.push_str(part);
            continue;
        }
        for c in part.chars() {
            match c {
                '|' => reference.push_str("%7c"),
                '%' => reference.push_str("%25"),
                c => reference.push(c),
            }
        }
    }
    reference.make_ascii_lowercase();
    reference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_spelling() {
        for spelling in ["org:B44BB1FB-C595", " b44bb1fb-c595 ", "ORG:b44bb1fb-c595", "B44BB1FB-c595"] {
            assert_eq!(id(spelling), "b44bb1fb-c595");
        }
        assert_eq!(id("4core"), "4core");
        assert_eq!(id("org"), "org");
    }

    #[test]
    fn parts_of_a_reference_cannot_run_into_each_other() {
        assert_ne!(reference(&["a|b", "c"]), reference(&["a", "b|c"]));
        assert_ne!(reference(&["a%7cb"]), reference(&["a|b"]));
        assert_eq!(reference(&["A", "/Subscriptions/X"]), "a|/subscriptions/x");
    }

    #[test]
    fn the_subscription_is_found_in_a_resource_address() {
        assert_eq!(subscription_of("/subscriptions/ab7e/resourcegroups/x"), Some("ab7e"));
        assert_eq!(subscription_of("/Subscriptions/ab7e"), Some("ab7e"));
        assert_eq!(subscription_of("elsewhere"), None);
    }
}
