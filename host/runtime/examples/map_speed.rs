//! How fast a plugin maps: microseconds a record on a page of 4 MiB.
//!
//! ```text
//! cargo run --release -p purser-runtime --example map_speed -- PLUGIN.wasm FEED PAGE [ROUNDS]
//! ```
//!
//! `PAGE` holds sample records, a JSON array or one JSON value a line; they are repeated until the page is full. Where
//! the mapping needs parameters, give them as `name=value` after the rounds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use purser_runtime::contract::types::{Framing, PageContext, Pair, RunContext};
use purser_runtime::{Limits, Plugin, Sandbox};

const PAGE_BYTES: usize = 4 * 1024 * 1024;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plugin, feed, page, options @ ..] = arguments.as_slice() else {
        bail!("give PLUGIN.wasm FEED PAGE [ROUNDS] [name=value]…");
    };
    let rounds: usize = options.first().map_or(Ok(20), |rounds| rounds.parse())?;
    let parameters = options.iter().skip(1).filter_map(|option| option.split_once('='));
    let component = std::fs::read(plugin).with_context(|| format!("reading {plugin}"))?;
    let sample = std::fs::read_to_string(page).with_context(|| format!("reading {page}"))?;
    let (framing, page, records) = fill(&sample)?;
    let started = Instant::now();
    let plugin = Sandbox::new(Limits::default(), None)?.admit(&component)?;
    println!("admitted in {:?}, {} records in {} bytes", started.elapsed(), records, page.len());
    measure(&plugin, &context(feed, framing, parameters), &page, records, rounds)
}

/// Repeats the sample's records until the page is full.
fn fill(sample: &str) -> Result<(Framing, Vec<u8>, u32)> {
    let array: Result<Vec<Box<serde_json::value::RawValue>>, _> = serde_json::from_str(sample);
    let (framing, items): (_, Vec<&str>) = match &array {
        Ok(items) => (Framing::JsonItems(String::new()), items.iter().map(|item| item.get()).collect()),
        Err(_) => (Framing::Lines, sample.lines().filter(|line| !line.trim().is_empty()).collect()),
    };
    let mut taken = Vec::new();
    let mut bytes = 0;
    for item in items.iter().cycle() {
        taken.push(*item);
        bytes += item.len() + 1;
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    let records = u32::try_from(taken.len())?;
    match framing {
        Framing::JsonItems(_) => Ok((framing, format!("[{}]", taken.join(",")).into_bytes(), records)),
        _ => Ok((framing, taken.join("\n").into_bytes(), records)),
    }
}

fn context<'a>(
    feed: &str,
    framing: Framing,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
) -> PageContext {
    let run = RunContext {
        settings: "{}".to_owned(),
        as_of: "2026-11-23T18:00:00Z".to_owned(),
        local_date: "2026-11-23".to_owned(),
        window_from: "2026-11-20".to_owned(),
        window_to: "2026-11-23".to_owned(),
        cloud: "global".to_owned(),
        locale: "en-US".to_owned(),
    };
    PageContext {
        run,
        feed: feed.to_owned(),
        partition_key: "sample".to_owned(),
        month: "2026-11".to_owned(),
        currency: "EUR".to_owned(),
        stage: 0,
        parameters: parameters
            .map(|(name, value)| Pair { name: name.to_owned(), value: value.to_owned() })
            .collect(),
        framing,
        envelope: String::new(),
        page: 0,
    }
}

fn measure(plugin: &Plugin, context: &PageContext, page: &[u8], records: u32, rounds: usize) -> Result<()> {
    let mut guest = Vec::new();
    let mut host = Vec::new();
    let mut cpu = Vec::new();
    for _ in 0..rounds.max(1) {
        let (started, cpu_before) = (Instant::now(), cpu_time());
        let mapped = plugin.map(context, page, records)?;
        let total = started.elapsed();
        cpu.push(cpu_time().saturating_sub(cpu_before));
        guest.push(mapped.usage.elapsed);
        host.push(total.saturating_sub(mapped.usage.elapsed));
        if guest.len() == 1 {
            println!(
                "{} purchases, {} ignored groups, {} rejected; {} KiB memory, {} KiB output",
                mapped.purchases.len(),
                mapped.ignored.len(),
                mapped.rejected.len(),
                mapped.usage.memory_peak_bytes / 1024,
                mapped.usage.output_bytes / 1024
            );
        }
    }
    println!(
        "guest  {} ns a record (median of {rounds} rounds, fresh instance each)",
        median(guest, records)
    );
    println!("decode {} ns a record", median(host, records));
    println!("both   {} ns of CPU a record", median(cpu, records));
    Ok(())
}

fn median(mut times: Vec<Duration>, records: u32) -> u128 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0, Duration::as_nanos) / u128::from(records.max(1))
}

/// CPU time of this thread, which a busy machine does not lengthen; zero where the system does not tell.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}
