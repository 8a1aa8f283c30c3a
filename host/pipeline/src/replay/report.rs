//! What a replay tells: sums, rows, reasons and the verdict, under one digest.

use std::collections::BTreeMap;

use jiff::civil::Date;
use purser_domain::diff::verdict::{self, Reason, Terms, Verdict};
use purser_domain::diff::{Change, Diff};
use purser_domain::{AccountId, Currency, Digest, RunId};
use serde::{Deserialize, Serialize};

use super::page::FactCounts;
use super::texts::TextDiff;

/// Plugin versions by role; none: the role is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Versions {
    /// Records to Purchases.
    pub mapping: Option<Digest>,
    /// Pages to texts.
    pub localisation: Option<Digest>,
}

/// Something that is wrong with one page or partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code.
    pub code: String,
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// Which partition of it.
    pub partition: String,
    /// Which page; none: all of the partition.
    pub page: Option<Digest>,
    /// What happened.
    pub what: String,
}

/// Invoice lines that another feed bills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSum {
    /// Whose account.
    pub account: AccountId,
    /// The feed that bills them.
    pub billed_by: String,
    /// Of the sums.
    pub currency: Currency,
    /// Before and after.
    pub sum: Change,
}

/// A partition that the ledger holds otherwise than the versions in use would map it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftRow {
    /// Whose account.
    pub account: AccountId,
    /// Which feed.
    pub feed: String,
    /// Which partition of it.
    pub partition: String,
    /// The run that committed it.
    pub run: RunId,
    /// The version that mapped it then.
    pub mapping: Digest,
    /// References the ledger has and the replay does not.
    pub only_ledger: u64,
    /// References the replay has and the ledger does not.
    pub only_replay: u64,
    /// Records and sums that differ: in the ledger (before), and by the versions in use (after).
    pub measures: BTreeMap<String, Change>,
}

/// Where the ledger is not what the versions in use make of the same pages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drift {
    /// How many partitions, listed or not.
    pub partitions: u64,
    /// Those that are listed.
    pub listed: Vec<DriftRow>,
}

/// What a candidate would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Names exactly this report: whoever confirms it confirms nothing else.
    pub digest: Digest,
    /// What may be done with the candidate.
    pub verdict: Verdict,
    /// Why, the worse first.
    pub reasons: Vec<Reason>,
    /// Of these accounts.
    pub accounts: Vec<AccountId>,
    /// Purchases that begin on this UTC day or later.
    pub from: Option<Date>,
    /// Purchases that begin before this UTC day.
    pub to: Option<Date>,
    /// Instead, whatever stands in partitions with something in an open month, the first of which begins on `from`.
    #[serde(default)]
    pub open_months: bool,
    /// The versions in use.
    pub before: Versions,
    /// The candidate.
    pub after: Versions,
    /// By what it was judged.
    pub terms: Terms,
    /// Partitions that were replayed.
    pub partitions: u64,
    /// Their pages.
    pub pages: u64,
    /// The records of these.
    pub records: u64,
    /// What people call the vendor's customers in it, by id in lower case.
    pub names: BTreeMap<String, String>,
    /// Purchases.
    pub diff: Diff,
    /// Product texts.
    pub texts: TextDiff,
    /// Facts for later feeds, by kind.
    pub facts: BTreeMap<String, FactCounts>,
    /// Invoice lines that other feeds bill, where their sums differ.
    pub lines: Vec<LineSum>,
    /// Pages and partitions with something wrong.
    pub findings: Vec<Finding>,
    /// How many findings there are of each code, listed or not.
    pub faults: BTreeMap<String, u64>,
    /// Where the ledger differs already.
    pub drift: Drift,
}

const AUTHOR: &str = "correct the plugin, or tell its author, with the page";
const CONFIRM: &str = "look at what differs; confirm exactly this diff, or correct the plugin";

/// What each code of a finding means: whether it blocks, in words, and what to do.
const FINDINGS: [(&str, Verdict, &str, &str); 6] = [
    ("TRY-UNSTABLE", Verdict::Blocked, "pages that were mapped twice gave two different answers", AUTHOR),
    ("TRY-PAGE", Verdict::Blocked, "pages could not be mapped, or in parts only", AUTHOR),
    (
        "TRY-BALANCE",
        Verdict::Blocked,
        "partitions would not add up: what came in went nowhere, or went twice",
        AUTHOR,
    ),
    (
        "TRY-FEED",
        Verdict::NeedsConfirmation,
        "pages belong to feeds that the candidate does not have",
        CONFIRM,
    ),
    ("TRY-MISSING", Verdict::NeedsConfirmation, "pages could not be replayed", CONFIRM),
    (
        "TRY-BEFORE",
        Verdict::NeedsConfirmation,
        "pages could not be mapped by the version in use, so the difference they make is not known",
        CONFIRM,
    ),
];

impl Report {
    /// Works out reasons, verdict and digest.
    pub(super) fn judge(&mut self) {
        let mut reasons = self.of_findings();
        reasons.extend(verdict::reasons(&self.diff, &self.terms));
        reasons.extend(self.of_the_rest());
        // Stable: equal ones stay in their order.
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        self.verdict = reasons.iter().map(|reason| reason.verdict).max().unwrap_or_default();
        self.reasons = reasons;
        self.digest = Digest::of(b"");
        self.digest = Digest::of(&serde_json::to_vec(self).unwrap_or_default());
    }

    fn of_findings(&self) -> Vec<Reason> {
        let reason = |(code, verdict, words, remedy): &(&str, Verdict, &str, &str)| {
            let count = self.faults.get(*code)?;
            let first = self.findings.iter().find(|finding| finding.code == *code)?;
            let place = match first.page {
                Some(page) => format!("page {page}"),
                None => format!("partition {}", first.partition),
            };
            let what = format!("{count} {words}; the first is {place} of {}: {}", first.feed, first.what);
            let (code, remedy) = ((*code).to_owned(), (*remedy).to_owned());
            Some(Reason { verdict: *verdict, code, what, remedy })
        };
        FINDINGS.iter().filter_map(reason).collect()
    }

    fn of_the_rest(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut ask = |count: u64, code: &str, what: &str| {
            if count > 0 {
                reasons.push(Reason::asks(code, format!("{count} {what}"), CONFIRM));
            }
        };
        ask(
            self.texts.rates,
            "TRY-RATES",
            "products would be priced by other rates, from the next billing cycle on",
        );
        ask(self.texts.removed, "TRY-TEXT-LOST", "products would lose their text in a language");
        ask(self.texts.rejected, "TRY-TEXT-REJECTED", "records of texts would newly be rejected");
        let facts = self.facts.values().map(|it| it.added + it.removed + it.changed).sum();
        ask(facts, "TRY-FACTS", "facts would differ, and with them what is asked for later");
        ask(self.lines.len() as u64, "TRY-LINES", "sums of invoice lines that other feeds bill would differ");
        reasons
    }

    /// Whether somebody has confirmed exactly this report, or it needs nobody's yes.
    #[must_use]
    pub fn admits(&self, confirmed: Option<Digest>) -> bool {
        match self.verdict {
            Verdict::Clean => true,
            Verdict::NeedsConfirmation => confirmed == Some(self.digest),
            Verdict::Blocked => false,
        }
    }

    /// What people call a customer: the vendor's id where nobody does.
    #[must_use]
    pub fn name<'a>(&'a self, customer: &'a str) -> &'a str {
        self.names.get(&customer.to_lowercase()).map_or(customer, String::as_str)
    }
}
