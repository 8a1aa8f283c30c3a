//! A replay's differences as lines of one table, for the CSV form.
//!
//! **Invariant:** what a vendor or a plugin has written never becomes a formula in somebody's spreadsheet; numbers stay
//! numbers.

use purser_domain::diff::{Change, Field, Row};
use purser_domain::{AccountId, Contribution, Decimal};

use super::report::Report;

/// Titles of the columns.
pub const COLUMNS: [&str; 14] = [
    "kind",
    "account",
    "feed",
    "customer",
    "reference",
    "product",
    "quantity_before",
    "quantity_after",
    "unit",
    "cost_before",
    "cost_after",
    "cost_change",
    "currency",
    "detail",
];

/// A line, in the order of [`COLUMNS`].
pub type Line = [String; 14];

/// All lines: the sums by customer first, then every difference that is listed, then what is wrong with pages.
#[must_use]
pub fn lines(report: &Report) -> Vec<Line> {
    let mut lines = vec![verdict(report)];
    lines.extend(report.reasons.iter().map(|reason| {
        told("reason", None, [reason.code.as_str(), &reason.what, &reason.remedy].join(" · "))
    }));
    sums(report, &mut lines);
    lines.extend(report.diff.rows.iter().map(row));
    for moved in &report.diff.moved {
        let side = |kind: &str, said: &Contribution, is_before: bool| {
            let (before, after) = if is_before { (Some(said), None) } else { (None, Some(said)) };
            both(
                kind,
                moved.account,
                &moved.feed,
                &said.reference,
                before,
                after,
                "the same records, another reference",
            )
        };
        lines.extend(moved.before.iter().map(|said| side("reference-before", said, true)));
        lines.extend(moved.after.iter().map(|said| side("reference-after", said, false)));
    }
    cycles(report, &mut lines);
    lines.extend(report.diff.fates.iter().map(|fate| {
        let words = |fate: &purser_domain::diff::Fate| serde_json::to_string(fate).unwrap_or_default();
        let sums: Vec<String> =
            fate.tally.sums.iter().map(|(measure, sum)| format!("{sum} {measure}")).collect();
        let (count, sums) = (fate.tally.records, sums.join(", "));
        let detail = format!("{count} records ({sums}): {} -> {}", words(&fate.before), words(&fate.after));
        told("records", None, format!("{detail}; one of them {}#{}", fate.example.page, fate.example.ordinal))
    }));
    lines.extend(report.texts.listed.iter().map(|text| {
        let name = |text: &Option<purser_store::texts::ProductText>| {
            text.as_ref().map(|it| it.name.clone()).unwrap_or_default()
        };
        let rates = if text.rates_differ { ", with other rates" } else { "" };
        let mut line = told(
            "text",
            Some(text.account),
            format!("{}: {:?} -> {:?}{rates}", text.locale, name(&text.before), name(&text.after)),
        );
        set(&mut line, 2, harmless(&text.feed));
        set(&mut line, 5, harmless(&text.key));
        line
    }));
    lines.extend(report.findings.iter().map(|finding| {
        let page = finding.page.map(|page| format!(" page {page}")).unwrap_or_default();
        let detail = format!("{} {}{page}: {}", finding.code, finding.partition, finding.what);
        let mut line = told("finding", Some(finding.account), detail);
        set(&mut line, 2, harmless(&finding.feed));
        line
    }));
    lines
}

fn verdict(report: &Report) -> Line {
    told("verdict", None, format!("{} · diff {}", report.verdict.words(), report.digest))
}

fn told(kind: &str, account: Option<AccountId>, detail: String) -> Line {
    let mut line = Line::default();
    set(&mut line, 0, kind.to_owned());
    set(&mut line, 1, account.map(|account| account.to_string()).unwrap_or_default());
    set(&mut line, 13, harmless(&detail));
    line
}

fn sums(report: &Report, lines: &mut Vec<Line>) {
    for ((account, customer), sum) in report.diff.sums.iter() {
        let mut line = |amounts: [usize; 2], change: &Change, word: (usize, &str)| {
            let mut line = told("sum", Some(account), report.name(customer).to_owned());
            set(&mut line, 3, harmless(customer));
            for (place, amount) in amounts.into_iter().zip([&change.before, &change.after]) {
                set(&mut line, place, amount.canonical());
            }
            set(&mut line, word.0, harmless(word.1));
            if word.0 == 12 {
                set(&mut line, 11, change.delta().canonical());
            }
            lines.push(line);
        };
        sum.money.iter().for_each(|(currency, change)| line([9, 10], change, (12, currency.as_str())));
        let changed = sum.quantities.iter().filter(|(_, change)| !change.is_none());
        changed.for_each(|(unit, change)| line([6, 7], change, (8, unit)));
    }
}

fn cycles(report: &Report, lines: &mut Vec<Line>) {
    for cycle in &report.diff.cycles {
        let mut line = told(
            "billing-cycle",
            Some(cycle.account),
            format!("what the host prices, in the cycle {}", cycle.group),
        );
        set(&mut line, 2, harmless(&cycle.feed));
        set(&mut line, 3, harmless(&cycle.customer));
        set(&mut line, 5, harmless(&cycle.product));
        set(&mut line, 6, cycle.used.before.canonical());
        set(&mut line, 7, cycle.used.after.canonical());
        if let Some((currency, cost)) = &cycle.cost {
            set(&mut line, 9, cost.before.canonical());
            set(&mut line, 10, cost.after.canonical());
            set(&mut line, 11, cost.delta().canonical());
            set(&mut line, 12, currency.to_string());
        }
        lines.push(line);
    }
}

fn row(row: &Row) -> Line {
    let words: Vec<String> = row.fields.iter().map(|field| field_word(*field)).collect();
    let kind = serde_json::to_value(row.class).ok().and_then(|it| it.as_str().map(str::to_owned));
    let (before, after) = (row.before.as_ref(), row.after.as_ref());
    both(&kind.unwrap_or_default(), row.account, &row.feed, &row.reference, before, after, &words.join(" "))
}

/// What of a Purchase differs, in a word.
#[must_use]
pub fn field_word(field: Field) -> String {
    serde_json::to_value(field).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}

fn both(
    kind: &str,
    account: AccountId,
    feed: &str,
    reference: &str,
    before: Option<&Contribution>,
    after: Option<&Contribution>,
    detail: &str,
) -> Line {
    let number = |number: Option<&Decimal>| number.map(Decimal::canonical).unwrap_or_default();
    let cost = |said: Option<&Contribution>| said.and_then(|said| said.cost.clone());
    let zero = Decimal::zero();
    let (old, new) = (cost(before), cost(after));
    let change = (old.is_some() || new.is_some())
        .then(|| new.as_ref().unwrap_or(&zero) - old.as_ref().unwrap_or(&zero));
    let said = after.or(before).map(|said| &said.description);
    let word = |word: Option<&str>| harmless(word.unwrap_or_default());
    [
        kind.to_owned(),
        account.to_string(),
        harmless(feed),
        word(said.map(|said| said.vendor_customer.as_str())),
        harmless(reference),
        word(said.map(|said| said.product_key.as_str())),
        number(before.map(|said| &said.quantity)),
        number(after.map(|said| &said.quantity)),
        word(said.map(|said| said.unit.as_str())),
        number(old.as_ref()),
        number(new.as_ref()),
        number(change.as_ref()),
        word(said.and_then(|said| said.currency.as_ref()).map(|currency| currency.as_str())),
        harmless(detail),
    ]
}

fn set(line: &mut Line, place: usize, text: String) {
    if let Some(cell) = line.get_mut(place) {
        *cell = text;
    }
}

fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

/// The whole table as a file.
///
/// # Errors
/// Never in memory; a writer's own otherwise.
pub fn write(report: &Report, out: impl std::io::Write) -> csv::Result<()> {
    let mut file = csv::Writer::from_writer(out);
    file.write_record(COLUMNS)?;
    for line in lines(report) {
        file.write_record(line)?;
    }
    Ok(file.flush()?)
}
