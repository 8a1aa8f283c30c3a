//! One case: a program, a number of records, a latency; and what came of it.

use std::fmt;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::kept::Kept;
use crate::meter::Used;
use crate::world::World;

/// Who retrieves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The plain baseline.
    Native,
    /// The host with its bundled plugin.
    Purser,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Who retrieves.
    pub program: Program,
    /// About how many records there are.
    pub records: usize,
    /// Before every answer of the cloud, in milliseconds.
    pub latency: u64,
}

/// What a program's process says at its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Records that came in.
    pub records: u64,
    /// What it took.
    pub used: Used,
    /// What is stored.
    pub kept: Kept,
}

impl Case {
    /// A case.
    pub fn new(program: Program, records: usize, latency: u64) -> Self {
        Self { program, records, latency }
    }
}

/// Runs a program in a process of its own.
pub fn run(program: Program, world: &World) -> anyhow::Result<Outcome> {
    let role = match program {
        Program::Native => "native",
        Program::Purser => "purser",
    };
    let output = Command::new(std::env::current_exe()?)
        .args([role, &serde_json::to_string(world)?])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the {role} case failed");
    serde_json::from_slice(&output.stdout).context("a case gave no result")
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = match self.program {
            Program::Native => "native",
            Program::Purser => "Purser",
        };
        write!(f, "{program}, {} records", self.records)?;
        if self.latency > 0 { write!(f, ", {} ms of latency", self.latency) } else { Ok(()) }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cpu, wall) = (self.cpu_a_record(), self.wall_a_record());
        write!(f, "{cpu:.2} µs CPU and {wall:.2} µs wall a record, peak {:.1} MiB", self.peak_mib())
    }
}

impl Outcome {
    /// Microseconds of processor time a record.
    pub fn cpu_a_record(&self) -> f64 {
        self.used.cpu_micros as f64 / self.records as f64
    }

    /// Microseconds a record.
    pub fn wall_a_record(&self) -> f64 {
        self.used.wall_micros as f64 / self.records as f64
    }

    /// The most memory it held.
    pub fn peak_mib(&self) -> f64 {
        self.used.peak_kib as f64 / 1024.0
    }
}
