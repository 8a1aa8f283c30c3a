//! A replay's report as the page shows it.

use purser_domain::diff::verdict::{Reason, Verdict};
use purser_domain::diff::{Change, Class, Fate, Row as Difference};
use purser_domain::{Contribution, Digest};
use purser_pipeline::replay::{Report, table};

use crate::format::{Number, NumberStyle, Pill};

/// Differences of each kind that are shown; the files have all that are listed.
const SHOWN: usize = 100;

/// A whole report.
pub(super) struct Shown {
    pub(super) pill: Pill,
    pub(super) digest: Digest,
    pub(super) reasons: Vec<(Pill, Reason)>,
    pub(super) compared: String,
    pub(super) counts: Vec<(&'static str, String)>,
    pub(super) totals: Vec<Sum>,
    pub(super) money: Vec<Sum>,
    pub(super) quantities: Vec<Sum>,
    pub(super) rows: Vec<Row>,
    pub(super) more_rows: usize,
    pub(super) moved: Vec<MovedRow>,
    pub(super) more_moved: usize,
    pub(super) cycles: Vec<CycleRow>,
    pub(super) fates: Vec<FateRow>,
    pub(super) texts: Vec<TextRow>,
    pub(super) more_texts: u64,
    pub(super) drift: Vec<String>,
    pub(super) drift_parts: u64,
}

/// Before, after and the change of one customer.
pub(super) struct Sum {
    pub(super) customer: String,
    pub(super) measure: String,
    pub(super) before: Number,
    pub(super) after: Number,
    pub(super) change: Number,
    pub(super) is_changed: bool,
}

/// A Purchase that differs.
pub(super) struct Row {
    pub(super) pill: Pill,
    pub(super) feed: String,
    pub(super) reference: String,
    /// The Purchase's page, where the ledger has it.
    pub(super) path: Option<String>,
    pub(super) before: Said,
    pub(super) after: Said,
    pub(super) fields: String,
}

/// What one version says of a Purchase.
pub(super) struct Said {
    pub(super) cost: Option<(Number, String)>,
    pub(super) quantity: Option<(Number, String)>,
}

/// References that were exchanged.
pub(super) struct MovedRow {
    pub(super) feed: String,
    pub(super) records: u64,
    pub(super) before: Vec<(String, Said)>,
    pub(super) after: Vec<(String, Said)>,
}

/// A billing cycle.
pub(super) struct CycleRow {
    pub(super) customer: String,
    pub(super) product: String,
    pub(super) group: String,
    pub(super) used: (Number, Number),
    pub(super) cost: Option<(Number, Number, String)>,
}

/// Records that another thing becomes of.
pub(super) struct FateRow {
    pub(super) records: u64,
    pub(super) sums: Vec<(Number, String)>,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) path: String,
}

/// A text.
pub(super) struct TextRow {
    pub(super) key: String,
    pub(super) locale: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) rates_differ: bool,
}

impl Shown {
    pub(super) fn of(report: &Report, numbers: NumberStyle) -> Self {
        let diff = &report.diff;
        let (money, quantities) = sums(report, numbers);
        let total = diff.sums.total();
        let text = |text: &Option<purser_store::texts::ProductText>| {
            text.as_ref().map_or_else(|| "nothing".to_owned(), |text| text.name.clone())
        };
        Self {
            pill: verdict(report.verdict),
            digest: report.digest,
            reasons: report.reasons.iter().map(|reason| (verdict(reason.verdict), reason.clone())).collect(),
            compared: compared(report, numbers),
            counts: counts(report, numbers),
            totals: total
                .iter()
                .map(|(currency, change)| {
                    sum("All customers".into(), currency.as_str(), change, numbers, true)
                })
                .collect(),
            money,
            quantities,
            rows: diff.rows.iter().take(SHOWN).map(|row| shown_row(row, numbers)).collect(),
            more_rows: diff.rows.len().saturating_sub(SHOWN),
            moved: diff.moved.iter().take(SHOWN).map(|moved| moved_row(moved, numbers)).collect(),
            more_moved: diff.moved.len().saturating_sub(SHOWN),
            cycles: diff.cycles.iter().take(SHOWN).map(|cycle| cycle_row(report, cycle, numbers)).collect(),
            fates: diff.fates.iter().map(|fate| fate_row(fate, numbers)).collect(),
            texts: report
                .texts
                .listed
                .iter()
                .take(SHOWN)
                .map(|change| TextRow {
                    key: change.key.clone(),
                    locale: change.locale.clone(),
                    before: text(&change.before),
                    after: text(&change.after),
                    rates_differ: change.rates_differ,
                })
                .collect(),
            more_texts: report.texts.changed.saturating_sub(SHOWN as u64),
            drift: report.drift.listed.iter().take(SHOWN).map(drift).collect(),
            drift_parts: report.drift.partitions,
        }
    }
}

fn verdict(verdict: Verdict) -> Pill {
    match verdict {
        Verdict::Clean => Pill::new("ok", "Clean"),
        Verdict::NeedsConfirmation => Pill::new("warn", "Needs confirmation"),
        Verdict::Blocked => Pill::new("bad", "Blocked"),
    }
}

fn compared(report: &Report, numbers: NumberStyle) -> String {
    let days = match (report.from, report.to) {
        (None, None) => "all days".to_owned(),
        (Some(from), None) => format!("days from {from} on"),
        (None, Some(to)) => format!("days before {to}"),
        (Some(from), Some(to)) => format!("days from {from} up to and without {to}"),
    };
    let count = |number| numbers.count(number);
    format!(
        "{} records on {} pages of {} parts, {days}",
        count(report.records),
        count(report.pages),
        count(report.partitions)
    )
}

fn counts(report: &Report, numbers: NumberStyle) -> Vec<(&'static str, String)> {
    let counts = &report.diff.counts;
    [
        ("The same", counts.same),
        ("New", counts.added),
        ("Taken out", counts.removed),
        ("Changed", counts.changed),
        ("Of those, in words only", counts.reworded),
        ("Under another reference", counts.moved),
        ("Texts changed", report.texts.changed),
    ]
    .map(|(name, count)| (name, numbers.count(count)))
    .to_vec()
}

fn sums(report: &Report, numbers: NumberStyle) -> (Vec<Sum>, Vec<Sum>) {
    let (mut money, mut quantities) = (Vec::new(), Vec::new());
    let several = report.accounts.len() > 1;
    for ((account, customer), of) in report.diff.sums.iter() {
        let name = match (report.name(customer), several) {
            ("", _) => "no customer named".to_owned(),
            (name, false) => name.to_owned(),
            (name, true) => format!("{name} (account {account})"),
        };
        let changed = of.money.iter().filter(|(_, change)| !change.is_none());
        money.extend(
            changed.map(|(currency, change)| sum(name.clone(), currency.as_str(), change, numbers, true)),
        );
        let changed = of.quantities.iter().filter(|(_, change)| !change.is_none());
        quantities.extend(changed.map(|(unit, change)| sum(name.clone(), unit, change, numbers, false)));
    }
    (money, quantities)
}

fn sum(customer: String, measure: &str, change: &Change, numbers: NumberStyle, is_money: bool) -> Sum {
    let number = |value| if is_money { numbers.money(value) } else { numbers.plain(value) };
    Sum {
        customer,
        measure: measure.to_owned(),
        before: number(&change.before),
        after: number(&change.after),
        change: number(&change.delta()),
        is_changed: !change.is_none(),
    }
}

fn said(said: Option<&Contribution>, numbers: NumberStyle) -> Said {
    let cost = said.and_then(|said| said.cost.as_ref().zip(said.description.currency.as_ref()));
    Said {
        cost: cost.map(|(cost, currency)| (numbers.money(cost), currency.to_string())),
        quantity: said.map(|said| (numbers.plain(&said.quantity), said.description.unit.clone())),
    }
}

fn shown_row(row: &Difference, numbers: NumberStyle) -> Row {
    let pill = match row.class {
        Class::Added => Pill::new("info", "New"),
        Class::Removed => Pill::new("bad", "Taken out"),
        Class::Changed => Pill::new("warn", "Changed"),
    };
    let fields: Vec<String> = row.fields.iter().map(|field| table::field_word(*field)).collect();
    Row {
        pill,
        feed: row.feed.clone(),
        reference: row.reference.clone(),
        path: (row.class != Class::Added).then(|| format!("/purchases/{}", row.key)),
        before: said(row.before.as_ref(), numbers),
        after: said(row.after.as_ref(), numbers),
        fields: fields.join(", "),
    }
}

fn moved_row(moved: &purser_domain::diff::Moved, numbers: NumberStyle) -> MovedRow {
    let named = |it: &Contribution| (it.reference.clone(), said(Some(it), numbers));
    MovedRow {
        feed: moved.feed.clone(),
        records: moved.records,
        before: moved.before.iter().map(named).collect(),
        after: moved.after.iter().map(named).collect(),
    }
}

fn cycle_row(report: &Report, cycle: &purser_domain::diff::CycleChange, numbers: NumberStyle) -> CycleRow {
    let cost = cycle.cost.as_ref().map(|(currency, cost)| {
        (numbers.money(&cost.before), numbers.money(&cost.after), currency.to_string())
    });
    CycleRow {
        customer: report.name(&cycle.customer).to_owned(),
        product: cycle.product.clone(),
        group: cycle.group.clone(),
        used: (numbers.plain(&cycle.used.before), numbers.plain(&cycle.used.after)),
        cost,
    }
}

fn fate_row(fate: &purser_domain::diff::FateChange, numbers: NumberStyle) -> FateRow {
    let sums = fate.tally.sums.iter();
    FateRow {
        records: fate.tally.records,
        sums: sums.map(|(measure, sum)| (numbers.plain(sum), measure.replace("quantity:", ""))).collect(),
        before: became(&fate.before),
        after: became(&fate.after),
        path: format!("/records/{}/{}/{}", fate.account, fate.example.page, fate.example.ordinal),
    }
}

fn became(fate: &Fate) -> String {
    match fate {
        Fate::Purchased => "a Purchase".to_owned(),
        Fate::Ignored(rule) => format!("ignored by {rule}"),
        Fate::Rejected(why) => format!("rejected: {why}"),
        Fate::Lost(why) => format!("lost: {why}"),
    }
}

fn drift(row: &purser_pipeline::replay::report::DriftRow) -> String {
    let measures: Vec<String> = row
        .measures
        .iter()
        .map(|(name, change)| format!("{name}: {} in the ledger, {} by replay", change.before, change.after))
        .collect();
    let (ledger, replay) = (row.only_ledger, row.only_replay);
    format!(
        "{} {} of run {}: {ledger} references only in the ledger, {replay} only by replay; {}",
        row.feed,
        row.partition,
        row.run,
        measures.join(", ")
    )
}
