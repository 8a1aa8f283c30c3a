//! The rules. A number is never used for another rule; a rule that goes leaves its number empty.

mod crawl;
mod exact;
mod pages;
mod stable;
mod tolerant;

use super::Level::{Must, Should};
use super::bench::Bench;
use super::{Outcome, Rule};

/// How a rule is looked at.
pub type Check = fn(&Bench<'_>) -> Outcome;

/// The rule that is looked at before the others can be.
pub const ADMISSION: Rule = Rule {
    id: "C8",
    level: Must,
    title: "Admission lets the component in, with everything its descriptor says",
};

/// All rules.
pub const ALL: [(Rule, Check); 14] = [
    (
        rule("C1", "A page gives the same result each time, and in a later run: a mapping has no clock"),
        pages::deterministic,
    ),
    (
        rule(
            "C2",
            "Every record stands in exactly one Purchase, ignored group or rejection, with all its money",
        ),
        pages::accounted,
    ),
    (rule("C3", "The order of records, and how they fall on pages, changes no Purchase"), pages::order),
    (rule("C4", "Members and columns that nobody knew of change nothing"), tolerant::unknown),
    (
        rule("C5", "Every digit of an amount or quantity arrives, whether it is a number or a string"),
        exact::decimals,
    ),
    (
        rule(
            "C6",
            "A reference changes with no price, total or invoice number, and is the same for the same record",
        ),
        stable::references,
    ),
    (
        rule("C7", "Only listed calls are made, and downloads only from addresses the vendor sent"),
        crawl::listed,
    ),
    (ADMISSION, |_| Outcome::Passed { checked: 1 }),
    (
        rule("C9", "Over the recorded answers the crawl comes to its end, and every page is mapped"),
        crawl::ends,
    ),
    (rule("C10", "A U+0000 in a text breaks no result and shifts no field"), tolerant::nul),
    (
        Rule {
            id: "C11",
            level: Should,
            title: "A page without records gives nothing, and fails of nothing",
        },
        tolerant::empty,
    ),
    (rule("C12", "Every fact is of a kind its feed gives, and of the shape the host reads"), crawl::facts),
    (rule("C13", "A record that cannot be read is set aside alone, with a reason"), tolerant::broken),
    (rule("C14", "Texts name the language that was asked, and the one that was answered"), pages::language),
];

const fn rule(id: &'static str, title: &'static str) -> Rule {
    Rule { id, level: Must, title }
}
