//! What a plugin said of a page, in lines that can be compared and shown.

use std::collections::BTreeMap;

use purser_domain::{Contribution, Decimal};
use purser_store::runs::Page;

/// How much of a Purchase is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What is billed: reference, customer, product, amounts and dates.
    Billed,
    /// All of it, with texts and facts.
    All,
}

/// One line a Purchase, rejection, text and fact, sorted. `ordinal` gives a record its place before the page was changed.
pub fn said(page: &Page, depth: Depth, ordinal: &dyn Fn(u32) -> u32) -> Vec<String> {
    let purchases = page.contributions.iter().map(|one| {
        let mut records: Vec<u32> = one.evidence.iter().map(|evidence| ordinal(evidence.ordinal)).collect();
        records.sort_unstable();
        let all = if depth == Depth::All { format!("{:?}", one.description) } else { billed(one) };
        format!(
            "Purchase of record {records:?}: reference {:?}, quantity {}, cost {}, {all}",
            one.reference,
            one.quantity,
            cost(one)
        )
    });
    let rejections = page
        .rejections
        .iter()
        .map(|one| format!("record [{}] rejected: {}", ordinal(one.ordinal), one.reason));
    let mut lines: Vec<String> = purchases.chain(rejections).collect();
    if depth == Depth::All {
        lines.extend(page.texts.iter().map(|text| format!("text {text:?}")));
        lines
            .extend(page.facts.iter().map(|fact| format!("fact {} {}: {}", fact.kind, fact.key, fact.value)));
    }
    lines.sort_unstable();
    lines
}

/// As the page stands.
pub fn as_is(ordinal: u32) -> u32 {
    ordinal
}

fn billed(one: &Contribution) -> String {
    let said = &one.description;
    format!(
        "customer {:?}, product {:?}, {} to {}",
        said.vendor_customer, said.product_key, said.start, said.end
    )
}

fn cost(one: &Contribution) -> String {
    let currency = one.description.currency.as_ref().map_or("", |currency| currency.as_str());
    one.cost.as_ref().map_or_else(|| "none".to_owned(), |cost| format!("{cost} {currency}"))
}

/// The first difference between two readings, in words; none where they say the same.
pub fn difference(before: &[String], after: &[String]) -> Option<String> {
    let lost = before.iter().find(|line| !after.contains(line));
    let new = after.iter().find(|line| !before.contains(line));
    let short = |line: &String| line.chars().take(300).collect::<String>();
    match (lost, new) {
        (Some(lost), Some(new)) => Some(format!("{} became {}", short(lost), short(new))),
        (Some(lost), None) => Some(format!("{} is gone", short(lost))),
        (None, Some(new)) => Some(format!("{} came in addition", short(new))),
        (None, None) if before.len() != after.len() => {
            Some(format!("{} lines became {}", before.len(), after.len()))
        }
        (None, None) => None,
    }
}

/// Quantity and cost by reference, as the ledger sums them.
pub fn sums<'p>(pages: impl IntoIterator<Item = &'p Page>) -> BTreeMap<String, (Decimal, Decimal)> {
    let mut sums: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    for one in pages.into_iter().flat_map(|page| &page.contributions) {
        let sum = sums.entry(one.reference.clone()).or_default();
        sum.0 = &sum.0 + &one.quantity;
        sum.1 = &sum.1 + &one.cost.clone().unwrap_or_default();
    }
    sums
}
