//! A report of the conformance suite, for people and for programs.

use std::io::Write as _;

use purser_pipeline::conformance::{Level, Line, Outcome, Report};

/// How the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line a rule, and what to change.
    Text,
    /// One JSON object.
    Json,
}

/// Shows it.
pub fn show(format: Format, report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer(&mut out, report)?;
            writeln!(out)?;
        }
        Format::Text => write!(out, "{}", text(report))?,
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let rules: String = report.rules.iter().map(line).collect();
    let broken = |line: &&Line| matches!(line.outcome, Outcome::Failed { .. });
    let broken: Vec<&str> = report.rules.iter().filter(broken).map(|line| line.rule.id).collect();
    let verdict = match (report.fails(), broken.as_slice()) {
        (_, []) => "every rule that could be looked at holds".to_owned(),
        (true, broken) => format!("broken: {}", broken.join(", ")),
        (false, broken) => format!("every MUST holds; broken: {}", broken.join(", ")),
    };
    let Report { pages, purchases, .. } = report;
    let records = report.balance.received.records;
    format!("{rules}\n{pages} pages, {records} records, {purchases} Purchases: {verdict}\n")
}

fn line(line: &Line) -> String {
    let level = match line.rule.level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
    };
    let (word, more) = match &line.outcome {
        Outcome::Passed { checked } => ("passed", format!(" ({checked} looked at)\n")),
        Outcome::NotApplicable { reason } => ("not applicable", format!(": {reason}\n")),
        Outcome::Failed { findings } => {
            ("FAILED", findings.iter().fold("\n".to_owned(), |all, one| format!("{all}       {one}\n")))
        }
    };
    format!("{:<4} {level:<7}{word:<15} {}{more}", line.rule.id, line.rule.title)
}
