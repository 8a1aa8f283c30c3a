//! Whether a run went well. Zero is suspicious: no records where there were some is no green run.

use purser_runtime::contract::manifest::FeedKind;
use purser_store::runs::RunState;

use crate::progress::Progress;
use crate::report::{Feed, Note, Report};
use crate::work::Work;

/// The state a walked run ends in, from its report.
#[must_use]
pub fn of(report: &Report) -> RunState {
    let has = |levels: &[&str]| {
        report.notes.iter().any(|note| levels.contains(&note.level.as_str()) && note.code != "RUN-ZERO")
    };
    let incomplete = report
        .notes
        .iter()
        .any(|note| note.level != "info" && !IS_COMMITTED.iter().any(|c| note.code.starts_with(c)));
    match () {
        () if report.committed == 0 && report.left_unchanged == 0 => RunState::Failed,
        () if incomplete => RunState::Partial,
        () if has(&["warn", "error"]) || !report.balance.rejected.is_empty() => RunState::Warnings,
        () if report.notes.iter().any(|note| note.code == "RUN-ZERO") => RunState::Warnings,
        () => RunState::Succeeded,
    }
}

/// Notes about partitions that were committed all the same.
const IS_COMMITTED: &[&str] = &["LED-", "RUN-ZERO", "RUN-STALE"];

/// Notes partitions that look like others of the same feed, once for the run.
pub fn look_for_repeats(progress: &Progress) {
    let Report { restating, repeated, .. } = progress.report();
    if restating > 0 {
        let what = format!(
            "{restating} reported parts say again what others have said: {repeated} references with the same quantity"
        );
        progress.note(note("warn", "LED-RESTATING", "", &what));
    }
}

/// Notes feeds that brought nothing although the run before brought something. Data that are unchanged by the vendor's
/// word are no nothing: neither today, nor in the run that today is compared with.
pub async fn look_for_zero(work: &Work, progress: &Progress) -> purser_store::Result<()> {
    let report = progress.report();
    if report.committed == 0 && report.left_unchanged == 0 && report.notes.is_empty() {
        progress.note(note("error", "RUN-NOTHING", "", "the run brought nothing at all"));
    }
    let former = work.store.runs(Some(work.account()), 20).await?;
    let finished = |state| matches!(state, RunState::Succeeded | RunState::Warnings | RunState::Partial);
    let former = former.into_iter().filter(|run| run.id < work.run.id && finished(run.state));
    let former: Vec<Report> = former.filter_map(|run| serde_json::from_value(run.report).ok()).collect();
    for feed in work.feeds.iter().filter(|feed| feed.kind == FeedKind::Purchases) {
        if let Some(records) = lost(&report, &former, &feed.name) {
            let what = format!("no records, where the run before had {records}");
            progress.note(note("warn", "RUN-ZERO", &feed.name, &what));
        }
    }
    Ok(())
}

/// How many records a feed had when it was last read, where it has none now; `former` newest first.
fn lost(report: &Report, former: &[Report], feed: &str) -> Option<u64> {
    let row = |report: &Report| report.feeds.iter().find(|row| row.name == feed).cloned().unwrap_or_default();
    let is_silent = |row: &Feed| row.records == 0 && row.left_unchanged == 0;
    let before = former.iter().map(row).find(|row| row.records > 0 || is_silent(row))?;
    (is_silent(&row(report)) && before.records > 0).then_some(before.records)
}

fn note(level: &str, code: &str, subject: &str, what: &str) -> Note {
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
    use super::*;

    #[test]
    fn the_verdict_follows_the_worst_note() {
        let committed = |notes: &[(&str, &str)]| Report {
            committed: 3,
            notes: notes.iter().map(|(level, code)| note(level, code, "", "")).collect(),
            ..Report::default()
        };
        let table = [
            (Report::default(), RunState::Failed),
            (committed(&[]), RunState::Succeeded),
            (committed(&[("info", "RUN-REJECTED")]), RunState::Succeeded),
            (committed(&[("warn", "RUN-ZERO")]), RunState::Warnings),
            (committed(&[("warn", "LED-VOID-DROP")]), RunState::Warnings),
            (committed(&[("warn", "LED-VOID-DROP"), ("warn", "RUN-INCOMPLETE")]), RunState::Partial),
            (committed(&[("warn", "RUN-CONSERVATION")]), RunState::Partial),
        ];
        for (report, expected) in table {
            assert_eq!(of(&report), expected, "{:?}", report.notes);
        }
    }

    #[test]
    fn data_left_unchanged_are_no_alarm_and_hide_none() {
        let run = |records: u64, left_unchanged: u64| Report {
            feeds: vec![Feed { name: "usage".into(), records, left_unchanged, ..Feed::default() }],
            left_unchanged,
            ..Report::default()
        };
        let table = [
            (run(0, 1), vec![run(7, 0)], None),
            (run(0, 0), vec![run(7, 0)], Some(7)),
            (run(0, 0), vec![run(0, 1), run(0, 1), run(7, 0)], Some(7)),
            (run(0, 0), vec![run(0, 0), run(7, 0)], None),
            (run(3, 0), vec![run(7, 0)], None),
            (run(0, 0), vec![], None),
        ];
        for (report, former, expected) in table {
            assert_eq!(lost(&report, &former, "usage"), expected, "{report:?} {former:?}");
        }
        assert_eq!(of(&run(0, 1)), RunState::Succeeded);
    }

    #[test]
    fn rejected_records_are_no_green_run() {
        let mut report = Report { committed: 1, ..Report::default() };
        report.balance.rejected.insert("unreadable".into(), purser_domain::Tally::default());
        assert_eq!(of(&report), RunState::Warnings);
    }
}
