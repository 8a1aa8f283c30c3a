//! Which of our customers one of the vendor's may be. A suggestion is shown, and never applied by itself.
//!
//! **Invariant:** the surest likeness decides — the vendor's id, then the domain, then the name — and where that one fits
//! several of our customers, nothing is suggested.

use serde::{Deserialize, Serialize};

/// One of our customers, as far as the billing system has told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct KnownCustomer {
    /// Our code.
    pub code: String,
    /// What people call it; may be empty.
    pub name: String,
    /// Its domain; may be empty.
    pub domain: String,
    /// The vendor's id of it; may be empty.
    pub vendor_customer: String,
}

/// One of the vendor's customers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate<'a> {
    /// The vendor's id.
    pub vendor_customer: &'a str,
    /// What the vendor calls it.
    pub name: &'a str,
    /// Its domain at the vendor; may be empty.
    pub domain: &'a str,
}

/// In what they are alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// The vendor's id.
    Id,
    /// The domain.
    Domain,
    /// The name.
    Name,
}

impl Likeness {
    /// In words: `same …`.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Id => "vendor's id",
            Self::Domain => "domain",
            Self::Name => "name",
        }
    }
}

/// One of ours that it may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suggestion {
    /// Our code.
    pub code: String,
    /// Why.
    pub by: Likeness,
}

/// Which of ours it may be; none: nothing is alike, or too much is.
#[must_use]
pub fn suggest(candidate: Candidate<'_>, known: &[KnownCustomer]) -> Option<Suggestion> {
    let id = folded(candidate.vendor_customer);
    let domain = bare_domain(candidate.domain);
    let name = bare_name(candidate.name);
    let alike = |by: Likeness, of: &KnownCustomer| match by {
        Likeness::Id => !id.is_empty() && folded(&of.vendor_customer) == id,
        Likeness::Domain => !domain.is_empty() && bare_domain(&of.domain) == domain,
        Likeness::Name => !name.is_empty() && bare_name(&of.name) == name,
    };
    for by in [Likeness::Id, Likeness::Domain, Likeness::Name] {
        let mut codes: Vec<&str> =
            known.iter().filter(|of| alike(by, of)).map(|of| of.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        match codes.as_slice() {
            [] => {}
            [code] => return Some(Suggestion { code: (*code).to_owned(), by }),
            _ => return None,
        }
    }
    None
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

fn bare_domain(domain: &str) -> String {
    let domain = folded(domain);
    domain.strip_prefix("www.").unwrap_or(&domain).trim_end_matches('.').to_owned()
}

/// Letters and digits alone: `Bakkerij Jansen B.V.` and `bakkerij jansen bv` are the same name.
fn bare_name(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(code: &str, name: &str, domain: &str, id: &str) -> KnownCustomer {
        let text = str::to_owned;
        KnownCustomer { code: text(code), name: text(name), domain: text(domain), vendor_customer: text(id) }
    }

    fn told(id: &str, name: &str, domain: &str, known: &[KnownCustomer]) -> Option<(String, Likeness)> {
        suggest(Candidate { vendor_customer: id, name, domain }, known).map(|it| (it.code, it.by))
    }

    #[test]
    fn the_surest_likeness_decides() {
        let known = [
            ours("K-1", "Other", "", "AB-1"),
            ours("K-2", "Else", "www.jansen.example", ""),
            ours("K-3", "Bakkerij Jansen B.V.", "", ""),
        ];
        let name = "bakkerij jansen BV";
        assert_eq!(told("ab-1", name, "jansen.example", &known), Some(("K-1".into(), Likeness::Id)));
        assert_eq!(told("x", name, "Jansen.example", &known), Some(("K-2".into(), Likeness::Domain)));
        assert_eq!(told("x", name, "other.example", &known), Some(("K-3".into(), Likeness::Name)));
        assert_eq!(told("x", "De Pedaal", "", &known), None);
    }

    #[test]
    fn what_fits_several_is_not_suggested_even_where_a_weaker_likeness_fits_one() {
        let known = [
            ours("K-1", "A", "jansen.example", ""),
            ours("K-2", "B", "jansen.example", ""),
            ours("K-3", "Jansen", "", ""),
        ];
        assert_eq!(told("x", "Jansen", "jansen.example", &known), None);
        let twice = [known[0].clone(), known[0].clone()];
        assert_eq!(told("x", "", "jansen.example", &twice), Some(("K-1".into(), Likeness::Domain)));
    }

    #[test]
    fn nothing_is_like_nothing() {
        assert_eq!(told("", "", "", &[ours("K-1", "", "", "")]), None);
    }
}
