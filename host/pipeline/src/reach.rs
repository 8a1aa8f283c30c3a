//! How far back a run reads: its look-back before the last run that brought a feed, so that no day is lost which the
//! vendor still serves, however long consent or role were missing.

use jiff::Span;
use jiff::civil::Date;
use purser_store::runs::{Run, RunState, Trigger};
use serde::Deserialize as _;

use crate::report::Report;

/// Days a run reaches back at most beyond the look-back: longer than a grant lives unused, so that a consent renewed some
/// weeks after it ended loses nothing the vendor still serves.
pub const LONGEST_GAP_DAYS: i32 = 120;
/// Former runs that are looked at: more than there are days in [`LONGEST_GAP_DAYS`], by far.
pub const FORMER: u32 = 200;

/// The local date from which on nothing of a feed is missing, by the account's runs before this one, the newest first.
#[must_use]
pub fn since(feed: &str, former: &[Run], today: Date) -> Date {
    let earliest = today.saturating_sub(Span::new().days(LONGEST_GAP_DAYS));
    last_brought(feed, former).unwrap_or(today).clamp(earliest, today)
}

fn last_brought(feed: &str, former: &[Run]) -> Option<Date> {
    // Days that a person chose say nothing about those between them and now, and what is mapped again asks for none.
    let is_regular = |run: &&Run| !matches!(run.order.trigger, Trigger::Backfill | Trigger::Remap);
    let regular: Vec<&Run> = former.iter().filter(is_regular).collect();
    let is_good = |run: &&&Run| match run.state {
        RunState::Succeeded | RunState::Warnings => true,
        RunState::Partial => brought(feed, run),
        _ => false,
    };
    let good = regular.iter().find(is_good);
    // A feed that never brought anything misses nothing.
    let or_newest = || regular.iter().rfind(|run| brought(feed, run)).or(regular.first());
    good.or_else(or_newest).map(|run| run.order.local_date)
}

fn brought(feed: &str, run: &Run) -> bool {
    let report = Report::deserialize(&run.report).unwrap_or_default();
    report.feeds.iter().any(|row| row.name == feed && row.partitions + row.left_unchanged > 0)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use purser_domain::{AccountId, Cast, Digest, RunId};
    use purser_store::runs::Order;

    use super::*;
    use crate::report::Feed;

    const TODAY: Date = date(2026, 11, 27);

    fn run(day: Date, state: RunState, trigger: Trigger, partitions: u64) -> Run {
        let feed = Feed { name: "usage".into(), partitions, ..Feed::default() };
        let report = Report { feeds: vec![feed], ..Report::default() };
        Run {
            id: RunId(1),
            order: Order {
                account: AccountId(1),
                trigger,
                occurrence: None,
                as_of: jiff::Timestamp::UNIX_EPOCH,
                local_date: day,
                window_from: day,
                window_to: day,
                settings_revision: 1,
                cast: Cast::one(Digest::of(b"")),
            },
            state,
            attempt: 1,
            requested_at: jiff::Timestamp::UNIX_EPOCH,
            started_at: None,
            visible_at: None,
            finished_at: None,
            report: serde_json::to_value(&report).unwrap(),
        }
    }

    #[test]
    fn a_feed_is_read_again_from_the_last_run_that_brought_it() {
        use RunState::{Cancelled, Failed, Partial, Succeeded, Warnings};
        let of = |days: &[(i8, RunState, u64)]| -> Vec<Run> {
            let run = |(day, state, parts): &(i8, RunState, u64)| {
                run(date(2026, 11, *day), *state, Trigger::Schedule, *parts)
            };
            days.iter().map(run).collect()
        };
        let table = [
            (of(&[]), 27),
            (of(&[(26, Succeeded, 1), (25, Succeeded, 1)]), 26),
            // Nobody asked for days.
            (of(&[(20, Warnings, 1)]), 20),
            // Asked each day, and refused: the role was gone.
            (of(&[(26, Failed, 0), (25, Partial, 0), (24, Partial, 0), (23, Succeeded, 1)]), 23),
            (of(&[(26, Partial, 0), (25, Partial, 7), (24, Succeeded, 7)]), 25),
            // A whole run without data of the feed misses nothing of it.
            (of(&[(26, Failed, 0), (25, Succeeded, 0), (24, Succeeded, 1)]), 25),
            // One that was stopped or gave up half-way may lack any part.
            (of(&[(26, Cancelled, 3), (25, Failed, 3), (24, Succeeded, 3)]), 24),
            // Other feeds fail for good, and this one never had anything.
            (of(&[(26, Partial, 0), (25, Partial, 0), (1, Partial, 0)]), 26),
        ];
        for (former, expected) in table {
            let states: Vec<_> = former.iter().map(|run| (run.order.local_date, run.state)).collect();
            assert_eq!(since("usage", &former, TODAY), date(2026, 11, expected), "{states:?}");
        }
    }

    #[test]
    fn days_that_a_person_chose_hide_no_gap_and_the_reach_ends_somewhere() {
        use RunState::{Failed, Succeeded};
        let chosen = run(date(2026, 11, 26), Succeeded, Trigger::Backfill, 9);
        let mapped_again = run(date(2026, 11, 27), Succeeded, Trigger::Remap, 9);
        let failed = run(date(2026, 11, 26), Failed, Trigger::Schedule, 0);
        let good = run(date(2026, 11, 10), Succeeded, Trigger::Schedule, 9);
        assert_eq!(
            since("usage", &[mapped_again, chosen, failed.clone(), good.clone()], TODAY),
            date(2026, 11, 10)
        );
        let long_ago = run(date(2026, 1, 10), Succeeded, Trigger::Schedule, 9);
        assert_eq!(since("usage", &[failed, long_ago], TODAY), date(2026, 7, 30));
    }
}
