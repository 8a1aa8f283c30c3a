//! How far an export is: carried by its requests, since the plugin remembers nothing.

use purser_plugin_sdk::types::Problem;
use serde::{Deserialize, Serialize};

use crate::crawl::billing::Document;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// The list of invoices is read.
    Invoices { found: Vec<Document> },
    /// The export was ordered, for the how manieth time.
    Export { order: Order, exports: u32 },
    /// The operation is looked at, for the how manieth time.
    Operation { order: Order, exports: u32, polls: u32 },
    /// The manifest is read.
    Manifest { order: Order },
    /// A manifest is read anew, whose data must be those of the tag: for one blob whose address had run out, or for all
    /// where it waited for the manifests of the month's other invoices.
    Again { only: Option<String>, etag: String },
    /// A blob is downloaded.
    Blob { manifest: String, etag: String, name: String, is_second: bool },
}

/// What is exported for a partition. Invoices of one month are exported one after the other: only when the manifests of
/// all are known, it is known whether anything has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Order {
    /// The invoice; empty: what is unbilled.
    pub invoice: String,
    /// Those still to come.
    pub rest: Vec<String>,
    /// Manifests of those before.
    pub read: Vec<Read>,
}

/// A manifest that was read, and left until the others are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    pub invoice: String,
    pub manifest: String,
    pub etag: String,
}

impl Phase {
    pub fn read(state: &str) -> Result<Self, Problem> {
        serde_json::from_str(state)
            .map_err(|error| Problem::Bug(format!("the export's state cannot be read: {error}")))
    }

    pub fn write(&self) -> Result<String, Problem> {
        serde_json::to_string(self)
            .map_err(|error| Problem::Bug(format!("the export's state cannot be kept: {error}")))
    }
}

/// One name for the state of all these exports; empty where one of them has none.
pub fn version(read: &[Read]) -> String {
    if read.iter().any(|read| read.etag.is_empty()) {
        return String::new();
    }
    read.iter().map(|read| format!("{}={}", read.invoice, read.etag)).collect::<Vec<_>>().join(" ")
}
