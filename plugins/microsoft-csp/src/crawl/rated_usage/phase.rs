//! How far an export is: carried by its requests, since the plugin remembers nothing.

use purser_plugin_sdk::types::Problem;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// The export was ordered, for the how manieth time.
    Export { exports: u32 },
    /// The operation is looked at, for the how manieth time.
    Operation { exports: u32, polls: u32 },
    /// The manifest is read; for one blob alone where its address had run out, whose data must be those of the tag.
    Manifest { only: Option<String>, etag: Option<String> },
    /// A blob is downloaded.
    Blob { manifest: String, etag: String, name: String, is_second: bool },
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
