//! C6: what a vendor restates must find the Purchase it restates.

use crate::conformance::bench::{Bench, Sample, pointed, purchase_of};
use crate::conformance::{Finding, Outcome};
use crate::json_tree::{Path, Tree};
use crate::records::{Record, Records};

/// Parts of the names vendors give to money.
const MONEY: [&str; 8] = ["price", "total", "cost", "amount", "tax", "charge", "rate", "invoice"];

const CHANGE: &str = "make the reference of what stays: ids of customer, subscription, product and day; \
                      no price, total, quantity or invoice number, and no place on the page";

/// C6.
pub fn references(bench: &Bench<'_>) -> Outcome {
    let mut checked = 0;
    let mut findings = Vec::new();
    for sample in bench.samples_with_money() {
        let Some(records) = sample.records() else { continue };
        for (ordinal, purchase) in sample.alone() {
            checked += 1;
            let moved = restated(bench, &sample, &records, ordinal, &purchase.reference);
            findings.extend(moved.or_else(|| twice(bench, &sample, &records, ordinal)));
        }
    }
    Outcome::of(checked, findings, "no recorded record became a Purchase by itself")
}

/// Each value that a vendor restates, changed by itself.
fn restated(
    bench: &Bench<'_>,
    sample: &Sample<'_>,
    records: &Records,
    ordinal: usize,
    reference: &str,
) -> Option<Finding> {
    let record = records.all.get(ordinal)?;
    restatable(sample, record).into_iter().find_map(|path| {
        let value = other(&path, record.tree()?.at(&path)?)?;
        let page =
            bench.map(sample.kept, records.page_with(ordinal, record.with(&path, value.clone())?)).ok()?;
        // A plugin may well set a record aside whose price does not fit its total.
        let after = &purchase_of(&page, ordinal)?.reference;
        let seen = format!(
            "with {} changed to {}, the reference {reference:?} became {after:?}",
            path.join("/"),
            value.json()
        );
        (after != reference).then(|| sample.finding_in(ordinal, seen, CHANGE))
    })
}

fn restatable(sample: &Sample<'_>, record: &Record) -> Vec<Path> {
    let feed = &sample.kept.feed;
    let mut paths: Vec<Path> = [&feed.amount, &feed.quantity]
        .into_iter()
        .filter_map(|pointers| Some(pointed(record, pointers)?.0))
        .collect();
    let leaves = record.tree().map(Tree::leaves).unwrap_or_default();
    let is_money = |path: &Path| {
        let name = name_of(path);
        MONEY.iter().any(|part| name.contains(part)) && !name.contains("currency") && !name.contains("date")
    };
    paths.extend(leaves.into_iter().filter(is_money));
    paths
}

fn name_of(path: &Path) -> String {
    path.last().map(|name| name.to_lowercase()).unwrap_or_default()
}

/// Another value of the same kind; none for words, unless they are an invoice's number.
fn other(path: &Path, value: &Tree) -> Option<Tree> {
    let text = value.scalar()?;
    let is_number = text.trim().parse::<purser_domain::Decimal>().is_ok();
    let more = format!("{}7", if text.contains('.') { text } else { "7." });
    match value {
        Tree::Literal(_) => Some(Tree::Literal(more)),
        _ if is_number => Some(Tree::Text(more)),
        _ => is_invoice_number(&name_of(path)).then(|| Tree::Text(format!("{text}7"))),
    }
}

fn is_invoice_number(name: &str) -> bool {
    name.contains("invoice") && ["invoice", "number", "id", "no"].iter().any(|end| name.ends_with(end))
}

/// The same record twice on its page.
fn twice(bench: &Bench<'_>, sample: &Sample<'_>, records: &Records, ordinal: usize) -> Option<Finding> {
    let record = records.all.get(ordinal)?.clone();
    let page = bench.map(sample.kept, records.page_of(&[record.clone(), record])).ok()?;
    let (first, second) = (purchase_of(&page, 0)?, purchase_of(&page, 1)?);
    let seen =
        format!("twice on a page, it has the references {:?} and {:?}", first.reference, second.reference);
    (first.reference != second.reference).then(|| sample.finding_in(ordinal, seen, CHANGE))
}
