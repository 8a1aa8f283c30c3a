//! Whether a run went well. Zero is suspicious: no records where there were some is no green run.

use purser_store::runs::RunState;

use crate::report::Report;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarms::note;

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
