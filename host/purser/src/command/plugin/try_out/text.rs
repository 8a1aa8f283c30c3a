//! The difference as a person at a terminal reads it: what may be done and why, the money by customer, then examples.

use std::fmt::Write as _;

use purser_domain::Contribution;
use purser_domain::diff::{Change, Class, Fate, Row};
use purser_pipeline::replay::{Report, table};

/// Differences of each kind that are shown; all are in the JSON and CSV forms.
const SHOWN: usize = 10;

/// All of it.
pub fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text never fails.
    let _ = head(report, &mut text);
    let _ = money(report, &mut text);
    let _ = purchases(report, &mut text);
    let _ = records(report, &mut text);
    let _ = rest(report, &mut text);
    text
}

fn head(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "verdict: {}", report.verdict.words())?;
    for reason in &report.reasons {
        writeln!(out, "  {} {}: {} · {}", reason.code, reason.verdict.words(), reason.what, reason.remedy)?;
    }
    let day = |day: Option<jiff::civil::Date>| day.map_or("…".to_owned(), |day| day.to_string());
    let days = match report.from.filter(|_| report.open_months) {
        Some(first) => format!("all that reach into the months from {first} on"),
        None => format!("{} to {}", day(report.from), day(report.to)),
    };
    writeln!(
        out,
        "compared: {} records on {} pages of {} parts, {days}",
        report.records, report.pages, report.partitions
    )?;
    let counts = &report.diff.counts;
    writeln!(
        out,
        "Purchases: {} the same, {} new, {} taken out, {} changed ({} in words only), {} under another reference",
        counts.same, counts.added, counts.removed, counts.changed, counts.reworded, counts.moved
    )?;
    writeln!(out, "diff: {}", report.digest)
}

fn money(report: &Report, out: &mut String) -> std::fmt::Result {
    let mut rows = Vec::new();
    for ((account, customer), sum) in report.diff.sums.iter() {
        let changed = sum.money.iter().filter(|(_, change)| !change.is_none());
        rows.extend(changed.map(|(currency, change)| {
            amounts(format!("account {account}, {}", report.name(customer)), currency.as_str(), change)
        }));
    }
    let changed = rows.len();
    for (currency, change) in report.diff.sums.total() {
        rows.push(amounts("all customers".to_owned(), currency.as_str(), &change));
    }
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nmoney by customer{}", if changed == 0 { ": no sum changes" } else { "" })?;
    aligned(["customer", "currency", "before", "after", "change"], rows, out)?;
    let mut quantities = Vec::new();
    for ((account, customer), sum) in report.diff.sums.iter() {
        let changed = sum.quantities.iter().filter(|(_, change)| !change.is_none());
        quantities.extend(changed.map(|(unit, change)| {
            amounts(format!("account {account}, {}", report.name(customer)), unit, change)
        }));
    }
    if !quantities.is_empty() {
        let more = quantities.len().saturating_sub(2 * SHOWN);
        quantities.truncate(2 * SHOWN);
        writeln!(out, "\nquantities by customer")?;
        aligned(["customer", "unit", "before", "after", "change"], quantities, out)?;
        left_out(more, out)?;
    }
    Ok(())
}

fn amounts(name: String, measure: &str, change: &Change) -> [String; 5] {
    let delta = change.delta();
    let sign = if delta.is_zero() || delta.is_negative() { "" } else { "+" };
    [name, measure.to_owned(), change.before.canonical(), change.after.canonical(), format!("{sign}{delta}")]
}

/// Words to the left, numbers to the right.
fn aligned(heads: [&str; 5], rows: Vec<[String; 5]>, out: &mut String) -> std::fmt::Result {
    let all: Vec<[String; 5]> = std::iter::once(heads.map(str::to_owned)).chain(rows).collect();
    let width = |place: usize| {
        all.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for [name, measure, before, after, change] in &all {
        let (a, b, c, d, e) = (width(0), width(1), width(2), width(3), width(4));
        writeln!(out, "  {name:<a$}  {measure:<b$}  {before:>c$}  {after:>d$}  {change:>e$}")?;
    }
    Ok(())
}

fn purchases(report: &Report, out: &mut String) -> std::fmt::Result {
    for (class, title) in [(Class::Removed, "taken out"), (Class::Added, "new"), (Class::Changed, "changed")]
    {
        let rows: Vec<&Row> = report.diff.rows.iter().filter(|row| row.class == class).collect();
        if rows.is_empty() {
            continue;
        }
        writeln!(out, "\nPurchases {title}")?;
        for row in rows.iter().take(SHOWN) {
            let fields: Vec<String> = row.fields.iter().map(|field| table::field_word(*field)).collect();
            let (before, after) = (said(row.before.as_ref()), said(row.after.as_ref()));
            writeln!(out, "  {} {}: {before} -> {after} {}", row.feed, row.reference, fields.join(", "))?;
        }
        left_out(rows.len().saturating_sub(SHOWN), out)?;
    }
    if !report.diff.moved.is_empty() {
        writeln!(out, "\nthe same records under another reference")?;
        for moved in report.diff.moved.iter().take(SHOWN) {
            let names = |said: &[Contribution]| {
                let names: Vec<String> =
                    said.iter().map(|it| format!("{} ({})", it.reference, self::said(Some(it)))).collect();
                names.join(" + ")
            };
            writeln!(out, "  {} {} -> {}", moved.feed, names(&moved.before), names(&moved.after))?;
        }
        left_out(report.diff.moved.len().saturating_sub(SHOWN), out)?;
    }
    if !report.diff.cycles.is_empty() {
        writeln!(out, "\nbilling cycles that the host prices")?;
        for cycle in report.diff.cycles.iter().take(SHOWN) {
            let cost = match &cycle.cost {
                Some((currency, cost)) => {
                    format!("the cycle costs {} -> {} {currency}", cost.before, cost.after)
                }
                None => "it has no rates, so nobody knows what that costs".to_owned(),
            };
            writeln!(
                out,
                "  {} of {}: {} -> {}; {cost}",
                cycle.product, cycle.group, cycle.used.before, cycle.used.after
            )?;
        }
        left_out(report.diff.cycles.len().saturating_sub(SHOWN), out)?;
    }
    Ok(())
}

fn said(said: Option<&Contribution>) -> String {
    let Some(said) = said else { return "nothing".to_owned() };
    let unit = &said.description.unit;
    match (&said.cost, &said.description.currency) {
        (Some(cost), Some(currency)) => format!("{cost} {currency} for {} {unit}", said.quantity),
        _ => format!("{} {unit}", said.quantity),
    }
}

fn records(report: &Report, out: &mut String) -> std::fmt::Result {
    if !report.diff.fates.is_empty() {
        writeln!(out, "\nrecords that another thing becomes of")?;
    }
    for fate in report.diff.fates.iter().take(SHOWN) {
        let sums: Vec<String> =
            fate.tally.sums.iter().map(|(measure, sum)| format!("{sum} {measure}")).collect();
        let (before, after) = (became(&fate.before), became(&fate.after));
        let example = format!("{}#{}", fate.example.page, fate.example.ordinal);
        writeln!(
            out,
            "  {} records ({}): {before} -> {after}; one is {example}",
            fate.tally.records,
            sums.join(", ")
        )?;
    }
    left_out(report.diff.fates.len().saturating_sub(SHOWN), out)
}

fn became(fate: &Fate) -> String {
    match fate {
        Fate::Purchased => "a Purchase".to_owned(),
        Fate::Ignored(rule) => format!("ignored by {rule}"),
        Fate::Rejected(why) => format!("rejected: {why}"),
        Fate::Lost(why) => format!("lost: {why}"),
    }
}

fn rest(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.texts.changed > 0 {
        writeln!(
            out,
            "\nproduct texts: {} change, {} of them in their rates",
            report.texts.changed, report.texts.rates
        )?;
        for text in report.texts.listed.iter().take(SHOWN) {
            let name = |text: &Option<purser_store::texts::ProductText>| {
                text.as_ref().map_or("nothing".to_owned(), |text| text.name.clone())
            };
            writeln!(out, "  {} {}: {} -> {}", text.key, text.locale, name(&text.before), name(&text.after))?;
        }
        left_out(usize::try_from(report.texts.changed).unwrap_or(usize::MAX).saturating_sub(SHOWN), out)?;
    }
    for (kind, facts) in &report.facts {
        let (added, removed, changed) = (facts.added, facts.removed, facts.changed);
        writeln!(
            out,
            "facts of the kind {kind}: {added} new, {removed} gone, {changed} changed; one is {}",
            facts.example
        )?;
    }
    for line in &report.lines {
        let (before, after) = (&line.sum.before, &line.sum.after);
        writeln!(out, "invoice lines that {} bills: {before} -> {after} {}", line.billed_by, line.currency)?;
    }
    if report.drift.partitions > 0 {
        writeln!(
            out,
            "\nthe ledger differs already from what the versions in use make of the same pages, in {} parts:",
            report.drift.partitions
        )?;
        for row in report.drift.listed.iter().take(SHOWN) {
            let measures: Vec<String> = row
                .measures
                .iter()
                .map(|(name, change)| {
                    format!("{name} {} in the ledger, {} by replay", change.before, change.after)
                })
                .collect();
            writeln!(
                out,
                "  {} {}: run {}, mapped by {}; {} references only in the ledger, {} only by replay; {}",
                row.feed,
                row.partition,
                row.run,
                row.mapping,
                row.only_ledger,
                row.only_replay,
                measures.join(", ")
            )?;
        }
        left_out(row_count(report.drift.partitions).saturating_sub(SHOWN), out)?;
    }
    Ok(())
}

fn row_count(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn left_out(count: usize, out: &mut String) -> std::fmt::Result {
    if count > 0 { writeln!(out, "  … and {count} more") } else { Ok(()) }
}
