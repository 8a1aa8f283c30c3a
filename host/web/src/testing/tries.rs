//! Tries that are only noted, and whose report is written by hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use purser_domain::Digest;
use purser_domain::diff::verdict::Verdict;
use purser_pipeline::replay::{Report, Wanted};
use serde_json::json;

use super::{ACCOUNT, FakeActs, connector};
use crate::{Acts as _, Problem, Try, TryActs, TryState};

impl FakeActs {
    /// A try of the next version, which somebody has to say yes to.
    fn confirmable(&self) -> Try {
        let report = Report { verdict: Verdict::NeedsConfirmation, ..report(&"00".repeat(32)) };
        let (connector, digest, state) =
            (connector().id, Digest::of(b"next"), TryState::Done(Arc::new(report)));
        Try { connector, digest, began_at: self.now(), who: "olaf".into(), state }
    }

    /// From now on a try stays at work.
    pub(crate) fn tries_take_long(&self) {
        self.is_trying.store(true, Ordering::Relaxed);
    }
}

fn said(reference: &str, cost: &str) -> serde_json::Value {
    json!({
        "reference": reference, "quantity": "1", "cost": cost, "evidence": [],
        "description": {
            "vendor_customer": "c-1", "vendor_subscription": "s-1", "product_key": "vm", "product_text": "VM",
            "category": "", "unit": "1 Hour", "unit_price": null, "unit_price_currency": null,
            "currency": "EUR", "exchange_rate": null, "start": "2026-11-20T00:00:00Z",
            "end": "2026-11-21T00:00:00Z", "amount": "given", "metadata": {},
        },
    })
}

/// One rounded cost, one exchanged reference, one lost record.
fn report(key: &str) -> Report {
    let page = Digest::of(b"page");
    let tally = json!({ "records": 1, "sums": { "EUR": "7" } });
    let reference = json!({
        "verdict": "blocked", "code": "TRY-REFERENCE", "what": "the references would change",
        "remedy": "keep the references as they were",
    });
    let row = json!({
        "class": "changed", "key": key, "account": 1, "feed": "usage", "reference": "=HYPERLINK(\"x\")",
        "fields": ["cost"], "before": said("r", "1.255"), "after": said("r", "1.25"),
    });
    let moved = json!({
        "account": 1, "feed": "usage", "records": 1,
        "before": [said("under/one", "3")], "after": [said("under/other", "3")],
    });
    let fate = json!({
        "before": { "became": "purchased" }, "after": { "became": "lost", "why": "PLG-205 it stands nowhere" },
        "tally": tally, "account": 1, "example": { "page": page, "ordinal": 0 },
    });
    let counts = json!({
        "same": 10, "added": 0, "removed": 0, "changed": 1, "reworded": 0, "moved": 1, "unlisted": 0,
    });
    let sums = json!({ "1": { "c-1": {
        "money": { "EUR": { "before": "1.255", "after": "1.25" } }, "quantities": {},
    } } });
    let report = json!({
        "digest": page, "verdict": "blocked", "reasons": [reference], "accounts": [ACCOUNT], "from": null, "to": null,
        "before": { "mapping": page, "localisation": null }, "after": { "mapping": page, "localisation": null },
        "terms": { "threshold": "0", "accept_references": false }, "partitions": 1, "pages": 1, "records": 12,
        "names": { "c-1": "Bakery Jansen" },
        "diff": {
            "counts": counts, "sums": sums, "turnover": { "EUR": "0.005" }, "quantities_changed": 0, "rows": [row],
            "moved": [moved], "fates": [fate], "cycles": [],
        },
        "texts": { "same": 0, "changed": 0, "removed": 0, "rates": 0, "rejected": 0, "listed": [] },
        "facts": {}, "lines": [], "findings": [], "faults": {}, "drift": { "partitions": 0, "listed": [] },
    });
    serde_json::from_value(report).unwrap()
}

#[async_trait]
impl TryActs for FakeActs {
    async fn begin_try(&self, digest: Digest, wanted: Wanted, who: &str) -> Result<u64, Problem> {
        let Wanted { accounts, from, to, terms, .. } = wanted;
        let (threshold, accepts) = (terms.threshold, terms.accept_references);
        let asked = format!("accounts {accounts:?} from {from:?} to {to:?} threshold {threshold} {accepts}");
        self.note(format!("try {digest} {asked}"), who).await?;
        Ok(1)
    }

    fn try_of(&self, number: u64) -> Option<Try> {
        let state = match self.is_trying.load(Ordering::Relaxed) {
            true => TryState::Working(3, 7),
            false => TryState::Done(Arc::new(report(&"00".repeat(32)))),
        };
        if number == 2 {
            return Some(self.confirmable());
        }
        (number == 1).then(|| Try {
            connector: connector().id,
            digest: connector().digest,
            began_at: self.now(),
            who: "olaf".into(),
            state,
        })
    }

    async fn stop_try(&self, number: u64, who: &str) -> Result<(), Problem> {
        self.note(format!("stop-try {number}"), who).await
    }
}
