//! What this process uses between two moments, as the kernel counts it.

use std::time::Instant;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// The kernel counts processor time in hundredths of a second, on every architecture.
const MICROS_A_TICK: u64 = 10_000;

/// Processor time, time, and memory.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Used {
    /// Processor time of all threads, the kernel's on their behalf included.
    pub cpu_micros: u64,
    /// Time.
    pub wall_micros: u64,
    /// The most memory held at once since the start.
    pub peak_kib: u64,
}

/// Measures from here on.
pub struct Meter {
    cpu_micros: u64,
    begun: Instant,
}

impl Meter {
    /// Begins. What setting up took does not count.
    pub fn start() -> anyhow::Result<Self> {
        // Sets the peak to what is held now; where the kernel lacks it, the peak is that of the whole process.
        std::fs::write("/proc/self/clear_refs", "5").ok();
        Ok(Self { cpu_micros: cpu_micros()?, begun: Instant::now() })
    }

    /// Ends.
    pub fn stop(self) -> anyhow::Result<Used> {
        Ok(Used {
            cpu_micros: cpu_micros()? - self.cpu_micros,
            wall_micros: u64::try_from(self.begun.elapsed().as_micros())?,
            peak_kib: peak_kib()?,
        })
    }
}

fn cpu_micros() -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The process's name stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(") ").context("the kernel's table of the process is not as known")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? * MICROS_A_TICK)
}

fn peak_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.split_whitespace().next());
    Ok(kib.context("the kernel does not tell the peak of memory")?.parse()?)
}
