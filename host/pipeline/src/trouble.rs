//! Trouble that a person is told of: a code, what happened, what to do.

use purser_runtime::contract::crawl;

/// Why a request did not bring what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable code.
    pub code: String,
    /// What happened.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether the whole run must stop: the vendor no longer accepts the grant.
    pub stops_run: bool,
}

impl Trouble {
    /// Trouble with one request; its remedy is the table's.
    #[must_use]
    pub fn new(code: &str, what: impl std::fmt::Display) -> Self {
        Self {
            code: code.into(),
            what: what.to_string(),
            remedy: crate::remedies::of(code).into(),
            stops_run: false,
        }
    }

    /// What a plugin says is missing.
    pub(crate) fn of_gap(gap: crawl::Incompleteness) -> Self {
        match gap {
            crawl::Incompleteness::Nothing(what) => Self::new(NOTHING, what),
            crawl::Incompleteness::Broken(what) => Self::new("RUN-INCOMPLETE", what),
        }
    }

    /// The trouble a stored reason tells of: `CODE: what`, or `CODE what · what to do`.
    #[must_use]
    pub fn of_reason(reason: &str) -> Self {
        let is_code = |word: &&str| {
            word.contains('-')
                && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-')
        };
        let first = reason.split([':', ' ']).next().unwrap_or_default();
        let Some(code) = Some(first).filter(is_code) else { return Self::new("RUN-INCOMPLETE", reason) };
        let rest = reason.get(code.len()..).unwrap_or_default();
        match rest.strip_prefix(": ") {
            Some(what) => Self::new(code, what),
            None => Self::new(code, rest.split(" · ").next().unwrap_or_default().trim()),
        }
    }
}

/// The code of a partition the vendor has nothing for.
pub const NOTHING: &str = "RUN-NO-DATA";

/// The code of a refusal that only new consent mends.
pub const REFUSED: &str = "RUN-CONSENT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_reason_gives_its_code_back() {
        let table = [
            ("RUN-NO-PAGE: the body is no JSON", "RUN-NO-PAGE", "the body is no JSON"),
            ("RUN-REPEATED-PAGE the same page · run again", "RUN-REPEATED-PAGE", "the same page"),
            (
                "RUN-INCOMPLETE: CSP-401 not yet: wait · later",
                "RUN-INCOMPLETE",
                "CSP-401 not yet: wait · later",
            ),
            ("something: else", "RUN-INCOMPLETE", "something: else"),
            ("", "RUN-INCOMPLETE", ""),
        ];
        for (reason, code, what) in table {
            let trouble = Trouble::of_reason(reason);
            assert_eq!((trouble.code.as_str(), trouble.what.as_str()), (code, what), "{reason}");
            assert!(!trouble.remedy.is_empty());
        }
    }
}
