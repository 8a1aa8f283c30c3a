//! What somebody should look at although every request was answered: zero is suspicious.
//!
//! Each alarm is a note of the run, once, whatever the number of partitions it was seen in. The thresholds are the
//! account's; the decisions per partition are `purser-domain`'s.

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use jiff::civil::Date;
use purser_runtime::contract::manifest::{FeedKind, Partitioning};
use purser_store::Result;
use purser_store::runs::{Run, RunState, Trigger};
use serde::Deserialize as _;

use crate::progress::Progress;
use crate::report::{Feed, Note, Report};
use crate::work::Work;

/// Runs before this one that are looked at: more than a month of daily ones.
const FORMER: u32 = 40;
/// Days that are named in a note; more are counted.
const NAMED: usize = 7;

/// Looks for everything once the run is through.
///
/// # Errors
/// Where the store fails.
pub async fn look(work: &Work, progress: &Progress, drop_percent: u32) -> Result<()> {
    let report = progress.report();
    if report.committed == 0 && report.left_unchanged == 0 && report.notes.is_empty() {
        progress.note(note("error", "RUN-NOTHING", "", "the run brought nothing at all"));
    }
    let former = former(work).await?;
    for feed in work.feeds.iter().filter(|feed| feed.kind == FeedKind::Purchases) {
        let is_snapshot = feed.partitioning == Partitioning::CustomerLocalDate;
        let found = [
            zero(&report, &former, &feed.name),
            drop(&report, &former, &feed.name, drop_percent).filter(|_| is_snapshot),
            gap(&report, &former, &feed.name, work.run.order.local_date).filter(|_| is_snapshot),
        ];
        found.into_iter().flatten().for_each(|note| progress.note(note));
    }
    let found = [restating(&report), all_unmapped(&report)];
    found.into_iter().flatten().chain(parts(&report)).for_each(|note| progress.note(note));
    Ok(())
}

/// A run before this one, with what it brought. Reports are long, and mostly the newest tells enough.
struct Former {
    date: Date,
    report: serde_json::Value,
}

impl Former {
    fn row(&self, feed: &str) -> Feed {
        let report = Report::deserialize(&self.report).unwrap_or_default();
        row(&report, feed)
    }
}

/// Runs that ended and brought something, the newest first.
async fn former(work: &Work) -> Result<Vec<Former>> {
    let finished = |state| matches!(state, RunState::Succeeded | RunState::Warnings | RunState::Partial);
    let runs = work.store.runs(Some(work.account()), FORMER).await?.into_iter();
    let retrieved = |run: &Run| run.order.trigger != Trigger::Remap;
    let runs = runs.filter(|run| run.id < work.run.id && finished(run.state) && retrieved(run));
    Ok(runs.map(|run| Former { date: run.order.local_date, report: run.report }).collect())
}

fn row(report: &Report, feed: &str) -> Feed {
    report.feeds.iter().find(|row| row.name == feed).cloned().unwrap_or_default()
}

/// Data that are unchanged by the vendor's word are no silence.
fn is_silent(feed: &Feed) -> bool {
    feed.records == 0 && feed.left_unchanged == 0
}

/// A feed that brought nothing where the run before brought something.
fn zero(report: &Report, former: &[Former], feed: &str) -> Option<Note> {
    let mut rows = former.iter().map(|former| former.row(feed));
    let before = rows.find(|row| row.records > 0 || is_silent(row))?;
    let is_lost = is_silent(&row(report, feed)) && before.records > 0;
    let what = format!("no records, where the run before had {}", before.records);
    is_lost.then(|| note("warn", "RUN-ZERO", feed, &what))
}

/// A feed of which each run takes a whole picture, and which shows much less than the one before.
fn drop(report: &Report, former: &[Former], feed: &str, percent: u32) -> Option<Note> {
    let now = row(report, feed).records;
    let before = former.iter().map(|former| former.row(feed).records).find(|records| *records > 0)?;
    let lost = u128::from(before.saturating_sub(now)) * 100;
    let is_drop = now > 0 && lost > u128::from(before) * u128::from(percent);
    let what = format!("{now} records, where the run before had {before}");
    is_drop.then(|| note("warn", "LED-DROP", feed, &what))
}

/// Days of which no picture was taken, and never can be.
fn gap(report: &Report, former: &[Former], feed: &str, today: Date) -> Option<Note> {
    if row(report, feed).partitions == 0 {
        return None;
    }
    let last = former.iter().find(|former| former.row(feed).partitions > 0)?.date;
    let days: Vec<Date> = last.series(1.day()).skip(1).take_while(|day| *day < today).collect();
    let named: Vec<String> = days.iter().take(NAMED).map(Date::to_string).collect();
    let more = if days.len() > NAMED { ", …" } else { "" };
    let what = format!("{} days were not retrieved: {}{more}", days.len(), named.join(", "));
    (!days.is_empty()).then(|| note("warn", "LED-GAP", feed, &what))
}

/// Local dates, from the first of which there is a picture up to but without `before`, of which a feed has none. `runs`
/// are the account's, the oldest first.
#[must_use]
pub fn missed_days(runs: &[Run], feed: &str, before: Date) -> Vec<Date> {
    let is_taken = |run: &&Run| {
        run.order.trigger != Trigger::Remap
            && Report::deserialize(&run.report).is_ok_and(|report| row(&report, feed).partitions > 0)
    };
    let taken: BTreeSet<Date> = runs.iter().filter(is_taken).map(|run| run.order.local_date).collect();
    let Some(first) = taken.first() else { return Vec::new() };
    first.series(1.day()).take_while(|day| *day < before).filter(|day| !taken.contains(day)).collect()
}

/// Partitions that look like others of the same feed.
fn restating(report: &Report) -> Option<Note> {
    let Report { restating, repeated, .. } = report;
    let what = format!(
        "{restating} reported parts say again what others have said: {repeated} references with the same quantity"
    );
    (*restating > 0).then(|| note("warn", "LED-RESTATING", "", &what))
}

/// Nothing of what came has a customer: a mapping is missing, or the vendor has changed its ids.
fn all_unmapped(report: &Report) -> Option<Note> {
    let standing = report.added + report.changed + report.unchanged;
    let what = format!("none of the {} Purchases has a customer", report.unmapped);
    let is_all = report.unmapped > 0 && report.unmapped >= standing;
    is_all.then(|| note("warn", "LED-ALL-UNMAPPED", "", &what))
}

/// What the commits found suspicious, once for each feed and kind.
fn parts(report: &Report) -> impl Iterator<Item = Note> + '_ {
    report.alarms.iter().map(|seen| {
        let what = format!("{}: in {} parts, first in {}", seen.alarm.what(), seen.parts, seen.first);
        Note { remedy: sentence(seen.alarm.remedy()), ..note("warn", seen.alarm.code(), &seen.feed, &what) }
    })
}

fn sentence(remedy: &str) -> String {
    let mut letters = remedy.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// A note with the remedy of its code.
pub(crate) fn note(level: &str, code: &str, subject: &str, what: &str) -> Note {
    Note {
        level: level.into(),
        code: code.into(),
        subject: subject.into(),
        what: what.into(),
        remedy: crate::remedies::of(code).into(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn run(records: u64, left_unchanged: u64) -> Report {
        let partitions = u64::from(records > 0);
        let feed = Feed { name: "usage".into(), records, left_unchanged, partitions, ..Feed::default() };
        Report { feeds: vec![feed], left_unchanged, ..Report::default() }
    }

    fn former(runs: Vec<(i8, Report)>) -> Vec<Former> {
        let former = |(day, report)| Former {
            date: date(2026, 11, day),
            report: serde_json::to_value::<Report>(report).unwrap(),
        };
        runs.into_iter().map(former).collect()
    }

    #[test]
    fn data_left_unchanged_are_no_zero_and_hide_none() {
        let table = [
            (run(0, 1), vec![run(7, 0)], false),
            (run(0, 0), vec![run(7, 0)], true),
            (run(0, 0), vec![run(0, 1), run(0, 1), run(7, 0)], true),
            (run(0, 0), vec![run(0, 0), run(7, 0)], false),
            (run(3, 0), vec![run(7, 0)], false),
            (run(0, 0), vec![], false),
        ];
        for (report, before, expected) in table {
            let before = former(before.into_iter().map(|report| (1, report)).collect());
            assert_eq!(zero(&report, &before, "usage").is_some(), expected, "{report:?}");
        }
    }

    #[test]
    fn a_picture_that_shows_much_less_is_told_beyond_the_threshold_only() {
        let before = former(vec![(22, run(100, 0))]);
        for (now, expected) in [(100, false), (120, false), (80, false), (79, true), (1, true), (0, false)] {
            assert_eq!(drop(&run(now, 0), &before, "usage", 20).is_some(), expected, "{now}");
        }
        assert_eq!(drop(&run(1, 0), &[], "usage", 20), None);
    }

    #[test]
    fn each_day_without_a_picture_is_named() {
        let today = date(2026, 11, 23);
        let told = |before: Vec<(i8, Report)>| gap(&run(5, 0), &former(before), "usage", today);
        assert_eq!(told(vec![]), None, "the first picture");
        assert_eq!(told(vec![(22, run(5, 0))]), None);
        assert_eq!(told(vec![(23, run(5, 0)), (20, run(5, 0))]), None, "a second run of the day");
        let note = told(vec![(22, run(0, 0)), (20, run(5, 0))]).unwrap();
        assert_eq!(note.what, "2 days were not retrieved: 2026-11-21, 2026-11-22");
        assert!(told(vec![(1, run(5, 0))]).unwrap().what.ends_with("2026-11-08, …"));
        assert_eq!(
            gap(&run(0, 0), &former(vec![(20, run(5, 0))]), "usage", today),
            None,
            "told when one is taken"
        );
    }

    #[test]
    fn purchases_of_which_none_has_a_customer_are_told() {
        let report = |unmapped, unchanged| Report { unmapped, added: 1, unchanged, ..Report::default() };
        for (unmapped, unchanged, expected) in [(0, 0, false), (1, 0, true), (3, 2, true), (2, 2, false)] {
            assert_eq!(all_unmapped(&report(unmapped, unchanged)).is_some(), expected);
        }
    }
}
