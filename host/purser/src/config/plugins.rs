//! `[plugins.trust]`: by whose keys plugins must be signed.

use std::collections::BTreeMap;

use purser_pipeline::trust::Trust;
use serde::Deserialize;

use crate::failure::Failure;

/// What the operator says about plugins.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Plugins {
    /// Whose signatures are wanted; without a key, none.
    pub trust: Trusted,
}

/// Pinned keys and which of them must have signed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Trusted {
    /// Public keys of minisign's, by a name for each.
    pub keys: BTreeMap<String, String>,
    /// Names of those that must all have signed.
    pub all_of: Vec<String>,
    /// Names of those of which one must have signed.
    pub any_of: Vec<String>,
}

impl Plugins {
    /// The keys that hold.
    ///
    /// # Errors
    /// Where one cannot be used, or a rule names one that is not there.
    pub fn trust(&self) -> Result<Trust, Failure> {
        let Trusted { keys, all_of, any_of } = &self.trust;
        Trust::new(keys, all_of, any_of).map_err(|error| {
            let what = format!("[plugins.trust] cannot be used: {error}");
            let remedy = "copy each key from its minisign.pub, name it once, and name only such keys in all-of and any-of";
            Failure::input("CFG-007", what, remedy)
        })
    }
}
