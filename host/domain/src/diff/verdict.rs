//! Whether what differs may be activated: at once, after somebody has seen it, or not at all.
//!
//! **Invariant:** nothing that moves money, loses a record or renames a Purchase passes by itself; an exchanged reference
//! is accepted only by name, and a lost record never.

use serde::{Deserialize, Serialize};

use super::{Diff, Fate, FateChange, Field, Row};
use crate::Decimal;

/// What may be done with a candidate. The worse is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It may be activated.
    #[default]
    Clean,
    /// It may be activated once somebody has said yes to exactly this diff.
    NeedsConfirmation,
    /// It must not be activated.
    Blocked,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::NeedsConfirmation => "needs confirmation",
            Self::Blocked => "blocked",
        }
    }
}

/// Why a candidate is not clean.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// What follows from it.
    pub verdict: Verdict,
    /// Stable code.
    pub code: String,
    /// What was found.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Reason {
    /// One that blocks.
    #[must_use]
    pub fn blocks(code: &str, what: impl Into<String>, remedy: &str) -> Self {
        Self { verdict: Verdict::Blocked, code: code.into(), what: what.into(), remedy: remedy.into() }
    }

    /// One that asks.
    #[must_use]
    pub fn asks(code: &str, what: impl Into<String>, remedy: &str) -> Self {
        Self { verdict: Verdict::NeedsConfirmation, ..Self::blocks(code, what, remedy) }
    }
}

/// By what a diff is judged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Terms {
    /// Changes of money that need no confirmation: as much of each currency, all changes without their signs. 0: every
    /// change asks.
    pub threshold: Decimal,
    /// Exchanged references are accepted; they still ask.
    pub accept_references: bool,
}

const LOOK: &str = "look at the rows; confirm exactly this diff, or correct the mapping";

/// Why a diff is not clean; empty: it is.
#[must_use]
pub fn reasons(diff: &Diff, terms: &Terms) -> Vec<Reason> {
    let mut reasons = Vec::new();
    reasons.extend(lost(diff));
    reasons.extend(references(diff, terms));
    reasons.extend(money(diff, terms));
    let counts = &diff.counts;
    let mut ask = |count: u64, code: &str, what: &str| {
        if count > 0 {
            reasons.push(Reason::asks(code, format!("{count} {what}"), LOOK));
        }
    };
    ask(counts.removed, "TRY-REMOVED", "Purchases would be taken out");
    ask(counts.added, "TRY-ADDED", "Purchases would be new");
    ask(
        diff.quantities_changed,
        "TRY-QUANTITY",
        "Purchases, or billing cycles, would count another quantity",
    );
    ask(
        diff.rows.iter().filter(|row| tells_otherwise(row)).count() as u64,
        "TRY-DETAIL",
        "Purchases would name another customer, product, price, time or pricing",
    );
    ask(
        newly(diff, |fate| matches!(fate, Fate::Rejected(_))),
        "TRY-REJECTED",
        "records would newly be rejected, or for another reason",
    );
    ask(
        newly(diff, |fate| matches!(fate, Fate::Ignored(_))),
        "TRY-IGNORED",
        "records would newly be ignored, or by another rule",
    );
    let unpriced = diff.cycles.iter().filter(|cycle| cycle.cost.is_none()).count() as u64;
    ask(
        unpriced,
        "TRY-UNPRICED",
        "billing cycles would count otherwise and have no rates, so what that costs is not known",
    );
    ask(
        counts.unlisted,
        "TRY-UNLISTED",
        "differences are summed and counted but not listed, for want of room",
    );
    reasons
}

fn lost(diff: &Diff) -> Option<Reason> {
    let lost = newly(diff, |fate| matches!(fate, Fate::Lost(_)));
    let remedy =
        "correct the mapping: every record must become a Purchase, or be ignored or rejected by name";
    (lost > 0).then(|| Reason::blocks("TRY-DROPPED", format!("{lost} records would be lost"), remedy))
}

fn references(diff: &Diff, terms: &Terms) -> Option<Reason> {
    let count = diff.counts.moved;
    let records: u64 = diff.moved.iter().map(|moved| moved.records).sum();
    let what = format!(
        "the references of {records} records would change, in {count} groups: their Purchases would be voided and made anew under other names"
    );
    match (count, terms.accept_references) {
        (0, _) => None,
        (_, true) => Some(Reason::asks("TRY-REFERENCE", what, LOOK)),
        (_, false) => Some(Reason::blocks(
            "TRY-REFERENCE",
            what,
            "keep the references as they were; where they must change, accept that expressly",
        )),
    }
}

fn money(diff: &Diff, terms: &Terms) -> Option<Reason> {
    let above: Vec<String> = diff
        .turnover
        .iter()
        .filter(|(_, changed)| **changed > terms.threshold)
        .map(|(currency, changed)| format!("{changed} {currency}"))
        .collect();
    let what = || format!("changes of money add up, without their signs, to {}", above.join(" and "));
    (!above.is_empty()).then(|| Reason::asks("TRY-AMOUNT", what(), LOOK))
}

/// Whether something beside amounts, quantities and words differs.
fn tells_otherwise(row: &Row) -> bool {
    let harmless = [Field::Cost, Field::Quantity, Field::Words];
    row.fields.iter().any(|field| !harmless.contains(field))
}

fn newly(diff: &Diff, is: impl Fn(&Fate) -> bool) -> u64 {
    let records = |change: &FateChange| if is(&change.after) { change.tally.records } else { 0 };
    diff.fates.iter().map(records).sum()
}
