//! Months that close by themselves: some days after they ended, once a run has brought everything.

use jiff::ToSpan as _;
use jiff::civil::Date;
use purser_domain::Month;
use purser_store::people::AuditEntry;
use purser_store::periods::Period;
use purser_store::runs::RunState;
use purser_store::{Error, Result};

use crate::alarms::note;
use crate::progress::Progress;
use crate::work::Work;

/// Who closes.
const BY: &str = "schedule";

/// Closes what the account's settings say is due, where the run ended well.
///
/// # Errors
/// Where the store fails.
pub async fn close_due(work: &Work, progress: &Progress, state: RunState) -> Result<()> {
    if !brought_everything(state) {
        return Ok(());
    }
    let Some(days) = work.store.settings(work.account()).await?.host.close_after_days else { return Ok(()) };
    let today = work.run.order.local_date;
    let limit = limit(today, days);
    // Most runs have nothing to close, and the sums of all months are much to read.
    if work.store.last_closed(work.account()).await?.is_some_and(|last| last.next() >= limit) {
        return Ok(());
    }
    for month in due(&work.store.periods(work.account()).await?, &limit) {
        match work.store.close_period(work.account(), &month, today, BY, work.now()).await {
            Ok(()) => tell(work, progress, &month).await?,
            // Somebody was faster.
            Err(Error::NotClosable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether all that was asked for is in the ledger: what is closed before would be corrected tomorrow.
fn brought_everything(state: RunState) -> bool {
    matches!(state, RunState::Succeeded | RunState::Warnings)
}

async fn tell(work: &Work, progress: &Progress, month: &Month) -> Result<()> {
    progress.note(note("info", "LED-CLOSED", "", &format!("{month} was closed, as the settings ask")));
    let detail = serde_json::json!({
        "account": work.account(), "month": month, "run": work.run.id, "before": "open", "after": "closed",
    });
    let (who, what) = (BY.to_owned(), "period.closed".to_owned());
    work.store.audit(&AuditEntry { at: work.now(), who, what, detail }).await
}

/// The first month that has not ended so many days ago.
fn limit(today: Date, days: u32) -> Month {
    Month::of(today.saturating_sub(i64::from(days).days()))
}

/// The open months before a limit, in the order they must be closed.
fn due(periods: &[Period], limit: &Month) -> Vec<Month> {
    let last_closed =
        periods.iter().filter(|period| period.closed.is_some()).map(|period| &period.month).max();
    let first = match last_closed {
        Some(month) => Some(month.next()),
        None => periods.iter().map(|period| period.month.clone()).min(),
    };
    std::iter::successors(first, |month| Some(month.next())).take_while(|month| month < limit).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use jiff::civil::date;
    use purser_store::periods::Closing;

    use super::*;

    fn period(month: &str, is_closed: bool) -> Period {
        let closing = Closing { at: Timestamp::UNIX_EPOCH, by: BY.into() };
        let closed = is_closed.then_some(closing);
        Period {
            month: month.parse().unwrap(),
            closed,
            purchases: 1,
            sums: BTreeMap::new(),
            unmapped: 0,
            held: 0,
        }
    }

    #[test]
    fn no_month_is_closed_by_a_run_that_left_something_out() {
        use RunState as S;
        let states = [S::Succeeded, S::Warnings, S::Partial, S::Failed, S::Cancelled, S::Running, S::Queued];
        assert_eq!(states.map(brought_everything), [true, true, false, false, false, false, false]);
    }

    #[test]
    fn months_are_due_so_many_days_after_they_ended_and_in_order() {
        let open = [period("2026-09", false), period("2026-11", false)];
        let one_closed = [period("2026-09", true), period("2026-11", false)];
        let table = [
            (&open[..], date(2026, 12, 4), vec!["2026-09", "2026-10"]),
            (&open[..], date(2026, 12, 5), vec!["2026-09", "2026-10", "2026-11"]),
            (&one_closed[..], date(2026, 12, 5), vec!["2026-10", "2026-11"]),
            (&one_closed[..], date(2026, 10, 20), vec![]),
            (&[][..], date(2026, 12, 5), vec![]),
        ];
        for (periods, today, expected) in table {
            let told: Vec<String> = due(periods, &limit(today, 4)).iter().map(Month::to_string).collect();
            assert_eq!(told, expected, "{today}");
        }
    }
}
