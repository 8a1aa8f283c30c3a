//! The result: a table for people, and one line of JSON for whatever watches it.

use serde_json::{Value, json};

use crate::case::{Case, Outcome, Program};

/// What is aimed at: at most so much of Purser to one of the baseline, or of the other case.
const CPU_RATIO: f64 = 3.0;
const PEAK_RATIO: f64 = 1.1;
const LATENCY_RATIO: f64 = 1.3;

/// The median of each case over the rounds.
struct Median {
    case: Case,
    records: u64,
    cpu: f64,
    wall: f64,
    peak: f64,
    bytes: f64,
}

impl Median {
    fn of(case: Case, results: &[(Case, Outcome)]) -> Self {
        let outcomes: Vec<&Outcome> =
            results.iter().filter(|(of, _)| *of == case).map(|(_, outcome)| outcome).collect();
        let median = |value: fn(&Outcome) -> f64| {
            let mut values: Vec<f64> = outcomes.iter().map(|outcome| value(outcome)).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self {
            case,
            records: outcomes.first().map_or(0, |outcome| outcome.records),
            cpu: median(Outcome::cpu_a_record),
            wall: median(Outcome::wall_a_record),
            peak: median(Outcome::peak_mib),
            bytes: median(|outcome| outcome.kept.bytes as f64 / outcome.records as f64),
        }
    }

    fn as_json(&self) -> Value {
        json!({
            "case": self.case.to_string(),
            "records": self.records,
            "cpu_micros_a_record": rounded(self.cpu),
            "wall_micros_a_record": rounded(self.wall),
            "peak_mib": rounded(self.peak),
            "bytes_a_record": self.bytes.round(),
        })
    }
}

/// Prints both.
pub fn show(cases: &[Case], results: &[(Case, Outcome)]) -> anyhow::Result<()> {
    let medians: Vec<Median> = cases.iter().map(|case| Median::of(*case, results)).collect();
    println!(
        "\n{:<44} {:>9} {:>8} {:>8} {:>9} {:>8}",
        "case", "records", "CPU µs", "wall µs", "peak MiB", "bytes"
    );
    for median in &medians {
        let Median { case, records, cpu, wall, peak, bytes } = median;
        let case = case.to_string();
        println!("{case:<44} {records:>9} {cpu:>8.2} {wall:>8.2} {peak:>9.1} {bytes:>8.0}");
    }
    println!("CPU, wall and bytes on disk are a record's.\n");
    let ratios = ratios(&medians);
    for (name, ratio, most) in &ratios {
        let verdict = if ratio <= most { "met" } else { "not met" };
        println!("{name:<56} {ratio:>6.2}  at most {most}: {verdict}");
    }
    let ratios: serde_json::Map<String, Value> =
        ratios.iter().map(|(name, ratio, _)| ((*name).to_owned(), json!(rounded(*ratio)))).collect();
    let cases: Vec<Value> = medians.iter().map(Median::as_json).collect();
    println!("{}", json!({ "cases": cases, "ratios": ratios }));
    Ok(())
}

/// Name, ratio, and the most it should be.
fn ratios(medians: &[Median]) -> Vec<(&'static str, f64, f64)> {
    let most = medians.iter().map(|median| median.case.records).max().unwrap_or(0);
    let find = |program: Program, is_large: bool, has_latency: bool| {
        medians.iter().find(|median| {
            let Case { program: by, records, latency } = median.case;
            by == program && (records == most) == is_large && (latency > 0) == has_latency
        })
    };
    let purser = |is_large| find(Program::Purser, is_large, false);
    let native = |is_large| find(Program::Native, is_large, false);
    let of = |one: Option<&Median>, other: Option<&Median>, value: fn(&Median) -> f64| {
        Some(value(one?) / value(other?))
    };
    let named = [
        ("CPU: Purser to native", of(purser(true), native(true), |median| median.cpu), CPU_RATIO),
        ("CPU: Purser to native, a tenth", of(purser(false), native(false), |median| median.cpu), CPU_RATIO),
        ("peak memory: Purser to itself at a tenth", of(purser(true), purser(false), |m| m.peak), PEAK_RATIO),
        (
            "wall: Purser with latency to without",
            of(find(Program::Purser, true, true), purser(true), |median| median.wall),
            LATENCY_RATIO,
        ),
    ];
    named.into_iter().filter_map(|(name, ratio, most)| Some((name, ratio?, most))).collect()
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
