//! Whether a run went well. Zero is suspicious: no records where there were some is no green run.

use purser_runtime::contract::manifest::FeedKind;
use purser_store::runs::RunState;

use crate::progress::Progress;
use crate::report::{Note, Report};
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
        () if report.committed == 0 => RunState::Failed,
        () if incomplete => RunState::Partial,
        () if has(&["warn", "error"]) || !report.balance.rejected.is_empty() => RunState::Warnings,
        () if report.notes.iter().any(|note| note.code == "RUN-ZERO") => RunState::Warnings,
        () => RunState::Succeeded,
    }
}

/// Notes about partitions that were committed all the same.
const IS_COMMITTED: &[&str] = &["LED-", "RUN-ZERO", "RUN-STALE"];

/// Notes feeds that brought nothing although the run before brought something.
pub async fn look_for_zero(work: &Work, progress: &Progress) -> purser_store::Result<()> {
    let report = progress.report();
    if report.committed == 0 && report.notes.is_empty() {
        progress.note(note("error", "RUN-NOTHING", "", "the run brought nothing at all"));
    }
    let former = work.store.runs(Some(work.account()), 20).await?;
    let finished = |state| matches!(state, RunState::Succeeded | RunState::Warnings | RunState::Partial);
    let former = former.into_iter().find(|run| run.id < work.run.id && finished(run.state));
    let former: Report = former.and_then(|run| serde_json::from_value(run.report).ok()).unwrap_or_default();
    for feed in work.feeds.iter().filter(|feed| feed.kind == FeedKind::Purchases) {
        let records = |report: &Report| {
            report.feeds.iter().find(|row| row.name == feed.name).map_or(0, |row| row.records)
        };
        if records(&report) == 0 && records(&former) > 0 {
            let what = format!("no records, where the run before had {}", records(&former));
            progress.note(note("warn", "RUN-ZERO", &feed.name, &what));
        }
    }
    Ok(())
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
    fn rejected_records_are_no_green_run() {
        let mut report = Report { committed: 1, ..Report::default() };
        report.balance.rejected.insert("unreadable".into(), purser_domain::Tally::default());
        assert_eq!(of(&report), RunState::Warnings);
    }
}
