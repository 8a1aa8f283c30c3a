//! The board as Prometheus reads it: a registry made for each scrape and filled from what is counted.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text::encode};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;
use purser_domain::{Digest, Role};

use super::{FunctionUse, LATENCIES_MS, VersionUse};

/// What the text is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of these versions, and who plays which role.
#[must_use]
pub fn text(versions: Vec<VersionUse>, active: Vec<(String, Digest, Role)>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape { versions, active }));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Scrape {
    versions: Vec<VersionUse>,
    active: Vec<(String, Digest, Role)>,
}

/// Names and values of labels.
type Labels = Vec<(&'static str, String)>;

/// A number with its labels.
type Sample = (Labels, u64);

impl Collector for Scrape {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> Result<(), Error> {
        let active = self.active.iter().map(|(plugin, digest, role)| {
            let role = ("role", role.to_string());
            (labels(plugin, *digest).into_iter().chain([role]).collect(), 1)
        });
        gauge(&mut to, "purser_plugin_active", "The version that new runs take for a role", active)?;
        counter(&mut to, "purser_plugin_calls", "Calls by how they ended", self.outcomes())?;
        self.seconds(&mut to)?;
        counter(&mut to, "purser_plugin_input_bytes", "What was given", self.by(|used| used.input_bytes))?;
        counter(
            &mut to,
            "purser_plugin_output_bytes",
            "What was handed back",
            self.by(|used| used.output_bytes),
        )?;
        gauge(
            &mut to,
            "purser_plugin_memory_peak_bytes",
            "Memory of the call that came closest to its limit",
            self.by(|used| used.peaks.memory_bytes.used),
        )?;
        gauge(
            &mut to,
            "purser_plugin_memory_limit_bytes",
            "What that call was allowed",
            self.by(|used| used.peaks.memory_bytes.allowed),
        )?;
        counter(&mut to, "purser_plugin_records", "Records by what became of them", self.records())?;
        let unkept = self.versions.iter().map(|version| (of(version), version.unkept_prints));
        counter(&mut to, "purser_plugin_prints_unkept", "Prints that were not kept, being too many", unkept)
    }
}

impl Scrape {
    fn functions(&self) -> impl Iterator<Item = (Labels, &FunctionUse)> {
        self.versions.iter().flat_map(|version| {
            version.functions.iter().map(move |used| {
                let own = [("role", used.role.to_string()), ("function", used.function.name().to_owned())];
                (of(version).into_iter().chain(own).collect(), used)
            })
        })
    }

    fn by(&self, number: fn(&FunctionUse) -> u64) -> impl Iterator<Item = Sample> {
        self.functions().map(move |(labels, used)| (labels, number(used)))
    }

    fn outcomes(&self) -> impl Iterator<Item = Sample> {
        self.functions().flat_map(|(labels, used)| {
            used.outcomes.iter().map(move |(outcome, calls)| {
                let outcome = ("outcome", (*outcome).to_owned());
                (labels.iter().cloned().chain([outcome]).collect(), *calls)
            })
        })
    }

    fn records(&self) -> impl Iterator<Item = Sample> {
        self.versions.iter().flat_map(|version| {
            let records = version.records;
            let fates = [
                ("received", records.received),
                ("mapped", records.mapped),
                ("ignored", records.ignored),
                ("rejected", records.rejected),
            ];
            fates.into_iter().map(move |(fate, count)| {
                (of(version).into_iter().chain([("fate", fate.to_owned())]).collect(), count)
            })
        })
    }

    fn seconds(&self, to: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        let help = "Time of a call";
        let mut family =
            to.encode_descriptor("purser_plugin_call_seconds", help, None, MetricType::Histogram)?;
        for (labels, used) in self.functions() {
            let bounds = LATENCIES_MS.iter().map(|bound| seconds(*bound)).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(used.latencies).collect();
            let mut one = family.encode_family(&labels)?;
            one.encode_histogram::<NoLabelSet>(seconds(used.elapsed_ms), used.calls(), &buckets, None)?;
        }
        Ok(())
    }
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

fn labels(plugin: &str, digest: Digest) -> Labels {
    vec![("plugin", plugin.to_owned()), ("digest", digest.to_string())]
}

fn of(version: &VersionUse) -> Labels {
    labels(&version.plugin, version.digest)
}

fn counter(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl Iterator<Item = Sample>,
) -> Result<(), Error> {
    let write = |mut one: MetricEncoder<'_>, value: u64| {
        one.encode_counter(&value, None::<&Exemplar<NoLabelSet, u64>>)
    };
    family(to, name, help, MetricType::Counter, samples, write)
}

fn gauge(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl Iterator<Item = Sample>,
) -> Result<(), Error> {
    let write = |mut one: MetricEncoder<'_>, value: u64| one.encode_gauge(&value);
    family(to, name, help, MetricType::Gauge, samples, write)
}

fn family(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricType,
    samples: impl Iterator<Item = Sample>,
    write: impl Fn(MetricEncoder<'_>, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut family = to.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in samples {
        write(family.encode_family(&labels)?, value)?;
    }
    Ok(())
}
