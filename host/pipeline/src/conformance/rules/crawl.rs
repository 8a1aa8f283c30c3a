//! Rules about the crawl: what it asks, that it ends, and what its feeds tell each other.

use serde_json::Value;

use crate::conformance::bench::Bench;
use crate::conformance::walk::Fault;
use crate::conformance::{Finding, Outcome};

/// C7.
pub fn listed(bench: &Bench<'_>) -> Outcome {
    let refused = bench.walk.faults.iter().filter_map(|fault| match fault {
        Fault::Refused { request, why } => Some(Finding {
            place: request.clone(),
            seen: why.clone(),
            change: "list the call with its query and headers in the descriptor; take a download's address from the answer",
        }),
        _ => None,
    });
    Outcome::of(bench.walk.requests.len(), refused.collect(), "the crawl made no request")
}

/// C9.
pub fn ends(bench: &Bench<'_>) -> Outcome {
    let of_fault = |fault: &Fault| {
        let (place, seen, change) = match fault {
            Fault::Refused { .. } => return None,
            Fault::Unanswered(request) => (
                request.clone(),
                "the recording has no answer to this request".to_owned(),
                "record again, or write the answer into the recording; ask for nothing that depends on chance",
            ),
            Fault::Failed { place, why } => (
                place.clone(),
                why.clone(),
                "answer what was recorded with a step, or with an incomplete partition",
            ),
            Fault::Endless(feed) => (
                format!("feed {feed}"),
                "it asks without end".to_owned(),
                "stop when the vendor says that there is no next page",
            ),
        };
        Some(Finding { place, seen, change })
    };
    let unmapped = bench.walk.pages.iter().filter_map(|kept| {
        let why = kept.mapped.as_ref().err().filter(|why| !why.starts_with("PLG-205"))?;
        let change = "map the page: what cannot be read of it is a record to reject";
        Some(Finding { place: kept.name.clone(), seen: why.clone(), change })
    });
    let findings = bench.walk.faults.iter().filter_map(of_fault).chain(unmapped).collect();
    Outcome::of(bench.walk.requests.len(), findings, "the crawl made no request")
}

/// Kinds the host reads itself, and what their values must hold as text.
const READ_BY_HOST: [(&str, &[&str]); 3] =
    [("customer", &["name", "domain"]), ("subscription", &["customer"]), ("product", &[])];

/// C12.
pub fn facts(bench: &Bench<'_>) -> Outcome {
    let gives = |feed: &str, kind: &String| {
        let feeds = bench.feeds().iter();
        feeds.filter(|other| other.name == feed).any(|feed| feed.gives.contains(kind))
    };
    let mut findings = Vec::new();
    for (feed, fact) in &bench.walk.facts {
        let missing = missing(&fact.kind, &fact.value);
        let seen = match (gives(feed, &fact.kind), missing) {
            (false, _) => format!(
                "the feed gives a fact of the kind {:?}, which its descriptor does not list",
                fact.kind
            ),
            (true, Some(member)) => {
                format!("the fact of the kind {:?} says no {member:?} as text", fact.kind)
            }
            (true, None) => continue,
        };
        findings.push(Finding {
            place: format!("feed {feed}, fact {}", fact.key),
            seen,
            change: "list the kind in the feed's `gives`; give a customer `name` and `domain`, a subscription `customer`",
        });
    }
    Outcome::of(bench.walk.facts.len(), findings, "no fact was given")
}

fn missing(kind: &str, value: &str) -> Option<&'static str> {
    let (_, members) = READ_BY_HOST.iter().find(|(read, _)| *read == kind)?;
    let value: Value = serde_json::from_str(value).unwrap_or_default();
    members.iter().find(|member| value.get(**member).and_then(Value::as_str).is_none()).copied()
}
