//! C5: numbers of forty digits, put in the place of the recorded ones, arrive to the last digit.

use purser_domain::{Contribution, Decimal};

use crate::conformance::bench::{Bench, Sample, pointed, purchase_of};
use crate::conformance::{Finding, Outcome};
use crate::json_tree::{Path, Tree};
use crate::records::{Record, Records};

/// A number no binary float holds, and no eighteen digits.
const LONG: &str = "1234567890123456789012.345678901234567891";

/// C5.
pub fn decimals(bench: &Bench<'_>) -> Outcome {
    let mut checked = 0;
    let mut findings = Vec::new();
    for sample in bench.samples_with_money() {
        let Some(records) = sample.records() else { continue };
        for (ordinal, purchase) in sample.alone() {
            for number in numbers(&sample, &records, ordinal, purchase) {
                checked += 1;
                findings.extend(lost(bench, &sample, &records, ordinal, &number));
            }
        }
    }
    Outcome::of(
        checked,
        findings,
        "no recorded record has a number, where the feed's pointers say, that a Purchase takes as it is",
    )
}

/// A number of a record that its Purchase takes as it is.
struct Number {
    name: &'static str,
    path: Path,
    record: Record,
    is_negated: bool,
    of: fn(&Contribution) -> Option<&Decimal>,
}

fn numbers(sample: &Sample<'_>, records: &Records, ordinal: usize, purchase: &Contribution) -> Vec<Number> {
    let feed = &sample.kept.feed;
    let Some(record) = records.all.get(ordinal) else { return Vec::new() };
    let cost = number("cost", record, &feed.amount, purchase, |one| one.cost.as_ref());
    let quantity = number("quantity", record, &feed.quantity, purchase, |one| Some(&one.quantity));
    cost.into_iter().chain(quantity).collect()
}

/// None where the Purchase has another number than the record: then the plugin works it out, and there is nothing to compare.
fn number(
    name: &'static str,
    record: &Record,
    pointers: &[String],
    purchase: &Contribution,
    of: fn(&Contribution) -> Option<&Decimal>,
) -> Option<Number> {
    let (path, value) = pointed(record, pointers)?;
    let recorded: Decimal = value.scalar()?.trim().parse().ok()?;
    let taken = of(purchase)?;
    let is_negated = recorded != *taken && -&recorded == *taken;
    let is_taken = recorded == *taken || is_negated;
    is_taken.then(|| Number { name, path, record: record.clone(), is_negated, of })
}

/// The long number as a number and as a string; in a table all is text.
fn lost(
    bench: &Bench<'_>,
    sample: &Sample<'_>,
    records: &Records,
    ordinal: usize,
    number: &Number,
) -> Option<Finding> {
    let is_table = matches!(sample.kept.context.framing, purser_runtime::contract::manifest::Framing::Csv);
    let literal = (!is_table).then(|| Tree::Literal(LONG.to_owned()));
    let sign = if number.is_negated { "-" } else { "" };
    let expected: Decimal = format!("{sign}{LONG}").parse().ok()?;
    let spellings = literal.into_iter().chain([Tree::Text(LONG.to_owned())]);
    spellings.into_iter().find_map(|spelling| {
        let spelt = spelling.json();
        let page = records.page_with(ordinal, number.record.with(&number.path, spelling)?);
        let seen = match bench.map(sample.kept, page) {
            Err(why) => why,
            Ok(page) => match purchase_of(&page, ordinal).and_then(number.of) {
                Some(taken) if *taken == expected => return None,
                Some(taken) => format!("became {taken}"),
                // Whoever has strings alone may refuse a number, and the other way round, only where it was not so.
                None => format!("became no {} at all", number.name),
            },
        };
        Some(sample.finding_in(
            ordinal,
            format!("{} {spelt} {seen}", number.path.join("/")),
            "take the number's text as the vendor spelt it, as a number or as a string; never through a float",
        ))
    })
}
