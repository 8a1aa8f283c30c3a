//! Rules about what nobody expected: unknown members, U+0000, no records at all, records that are none.

use std::collections::BTreeSet;

use purser_runtime::contract::manifest::Framing;
use purser_store::runs::Page;

use crate::conformance::bench::{Bench, Sample};
use crate::conformance::said::{Depth, as_is, difference, said};
use crate::conformance::walk::Walk;
use crate::conformance::{Finding, Outcome};
use crate::json_tree::{Path, Tree};
use crate::records::{Record, Records};

/// No vendor has it.
const UNKNOWN: &str = "x-purser-unknown";

/// C4.
pub fn unknown(bench: &Bench<'_>) -> Outcome {
    let after = bench.walk_changed(&|body, framing| with_unknown(body, framing));
    let mut findings: Vec<Finding> = asked_otherwise(&bench.walk, &after).into_iter().collect();
    for (before, after) in bench.walk.pages.iter().zip(&after.pages) {
        let Ok(known) = &before.mapped else { continue };
        let seen = match &after.mapped {
            Ok(page) => difference(&said(known, Depth::Billed, &as_is), &said(page, Depth::Billed, &as_is)),
            Err(why) => Some(why.clone()),
        };
        findings.extend(seen.map(|seen| Finding {
            place: before.name.clone(),
            seen: format!("with members nobody knows, {seen}"),
            change: "read the members and columns you need by name, and pass over all others",
        }));
    }
    let checked = bench.walk.pages.iter().filter(|kept| kept.mapped.is_ok()).count();
    Outcome::of(checked, findings, "no recorded page could be mapped")
}

fn asked_otherwise(before: &Walk, after: &Walk) -> Option<Finding> {
    let changed = before.requests.iter().zip(&after.requests).find(|(before, after)| before != after);
    let (place, seen) = match changed {
        Some((before, after)) => (before.clone(), format!("{after} is asked instead")),
        None if before.requests.len() > after.requests.len() => {
            (before.requests.get(after.requests.len())?.clone(), "it is not asked any more".to_owned())
        }
        None if before.requests.len() < after.requests.len() => {
            (after.requests.get(before.requests.len())?.clone(), "it is asked in addition".to_owned())
        }
        None => return None,
    };
    let change = "read the members you need by name, in `next` too";
    Some(Finding { place, seen: format!("with members nobody knows, {seen}"), change })
}

fn with_unknown(body: Vec<u8>, framing: Option<&Framing>) -> Vec<u8> {
    let add = |members: &mut Vec<(String, Tree)>| {
        if is_map(members) {
            return;
        }
        let value = Tree::Object(vec![("a".to_owned(), Tree::Array(vec![Tree::Literal("1.50".to_owned())]))]);
        members.insert(0, (format!("{UNKNOWN}-first"), Tree::Text("?".to_owned())));
        members.push((UNKNOWN.to_owned(), value));
    };
    let each = |framing: &Framing| {
        let mut records = Records::of(framing, &body)?;
        for record in &mut records.all {
            match (record, framing) {
                (Record::Value(Tree::Object(cells)), Framing::Csv) => {
                    cells.push((UNKNOWN.to_owned(), Tree::Text("?".to_owned())));
                }
                (Record::Value(tree), _) => tree.each_object(&mut { add }),
                _ => {}
            }
        }
        Some(records.page_of(&records.all))
    };
    match framing {
        Some(framing @ (Framing::Csv | Framing::Lines)) => each(framing).unwrap_or(body),
        _ => match std::str::from_utf8(&body).ok().and_then(Tree::parse) {
            Some(mut tree) => {
                tree.each_object(&mut { add });
                tree.json().into_bytes()
            }
            None => body,
        },
    }
}

/// Whether the keys are data: tiers by quantity, prices by date. Who reads them reads each.
fn is_map(members: &[(String, Tree)]) -> bool {
    members.iter().any(|(name, _)| name.starts_with(|c: char| c.is_ascii_digit()))
}

/// C10. One text at a time, in all records: a date or currency with it may well be refused, a page never.
pub fn nul(bench: &Bench<'_>) -> Outcome {
    let mut checked = 0;
    let mut findings = Vec::new();
    for sample in bench.samples() {
        let Some(records) = sample.records() else { continue };
        for path in texts(&records) {
            checked += 1;
            let with = records.all.iter().map(|record| with_nul(record, &path)).collect::<Vec<_>>();
            let Some(why) = broken_by(bench.map(sample.kept, records.page_of(&with))) else { continue };
            findings.push(sample.finding(
                format!("with U+0000 in {}, {why}", path.join("/")),
                "replace U+0000 inside every value before the columns are packed; the kit's helpers do",
            ));
        }
    }
    Outcome::of(checked, findings, "no recorded record has a text")
}

/// A page that is no result, or a record the guest crashed on.
fn broken_by(mapped: Result<Page, String>) -> Option<String> {
    match mapped {
        Err(why) => Some(why),
        Ok(page) => {
            page.rejections.into_iter().map(|one| one.reason).find(|reason| reason.starts_with("PLG-2"))
        }
    }
}

/// Where strings stand in the records of a page.
fn texts(records: &Records) -> BTreeSet<Path> {
    let trees = records.all.iter().filter_map(Record::tree);
    let of_tree = |tree: &Tree| {
        let is_text = |path: &Path| matches!(tree.at(path), Some(Tree::Text(_)));
        tree.leaves().into_iter().filter(is_text).collect::<Vec<_>>()
    };
    trees.take(MOST_TREES).flat_map(of_tree).collect()
}

/// The records of one feed have the same members, as a rule.
const MOST_TREES: usize = 20;

fn with_nul(record: &Record, path: &Path) -> Record {
    let text = record.tree().and_then(|tree| tree.at(path)).and_then(Tree::scalar);
    let with = text.and_then(|text| record.with(path, Tree::Text(format!("{text}\0x"))));
    with.unwrap_or_else(|| record.clone())
}

/// C11. Facts may come from the envelope, which an empty page has, too.
pub fn empty(bench: &Bench<'_>) -> Outcome {
    let samples = bench.samples();
    let mut checked = 0;
    let mut findings = Vec::new();
    for sample in samples.iter().filter(|sample| sample.kept.context.framing != Framing::JsonWhole) {
        let Some(records) = sample.records() else { continue };
        checked += 1;
        let seen = match bench.map(sample.kept, records.page_of(&[])) {
            Err(why) => why,
            Ok(page) => {
                match said(&page, Depth::All, &as_is).iter().find(|line| !line.starts_with("fact ")) {
                    None => continue,
                    Some(line) => format!("{line} came of nothing"),
                }
            }
        };
        findings.push(sample.finding(
            format!("emptied of its records, {seen}"),
            "let a page without records be one: no first record, no error",
        ));
    }
    Outcome::of(checked, findings, "no page of several records was recorded")
}

/// C13.
pub fn broken(bench: &Bench<'_>) -> Outcome {
    let mut checked = 0;
    let mut findings = Vec::new();
    for sample in bench.samples() {
        let Some(records) = sample.records().filter(|records| !records.all.is_empty()) else { continue };
        let Some(broken) = records.broken() else { continue };
        checked += 1;
        let at = records.all.len() / 2;
        let mut all = records.all.clone();
        all.insert(at, broken);
        let seen = match bench.map(sample.kept, records.page_of(&all)) {
            Err(why) => Some(why),
            Ok(page) => not_alone(&sample, &page, at),
        };
        findings.extend(seen.map(|seen| {
            sample.finding_in(
                at,
                format!("with a record put in that is none, {seen}"),
                "reject a record that cannot be read, with a reason, and go on with the next",
            )
        }));
    }
    Outcome::of(checked, findings, "no page of several records was recorded")
}

fn not_alone(sample: &Sample<'_>, page: &Page, at: usize) -> Option<String> {
    let rejection = page.rejections.iter().find(|one| one.ordinal as usize == at);
    match rejection {
        None => return Some("it was taken for a record".to_owned()),
        Some(one) if one.reason.starts_with("PLG-2") => return Some(one.reason.clone()),
        Some(_) => {}
    }
    let place = |ordinal: u32| if ordinal as usize > at { ordinal - 1 } else { ordinal };
    let is_other = |line: &String| !line.starts_with(&format!("record [{at}] rejected"));
    let before: Vec<String> = said(sample.page, Depth::Billed, &as_is);
    let after: Vec<String> = said(page, Depth::Billed, &place);
    // The rejection itself has the place of the record behind it.
    let after: Vec<String> =
        after.into_iter().filter(|line| is_other(line) || before.contains(line)).collect();
    difference(&before, &after)
}
