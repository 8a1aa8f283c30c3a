//! `[plugins]`: what plugins may use, by whose keys they must be signed, and as whom registries are asked for them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use purser_pipeline::trust::Trust;
use purser_vendor::Secret;
use purser_vendor::registry::{Login, Registries, RegistryLimits};
use serde::Deserialize;

use super::limits::PluginLimits;
use crate::failure::Failure;

/// What the operator says about plugins.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Plugins {
    /// What they may use.
    pub limits: PluginLimits,
    /// Whose signatures are wanted; without a key, none.
    pub trust: Trusted,
    /// As whom each registry is asked, by its name in an address; any other is asked without saying who.
    pub registries: BTreeMap<String, RegistryLogin>,
}

/// `[plugins.registries."registry.example.com"]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegistryLogin {
    /// User name.
    pub user: String,
    /// Password or access token; better in a file.
    pub password: Option<String>,
    /// File with it.
    pub password_file: Option<PathBuf>,
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

    /// The registries that may be asked: any, and these as somebody.
    ///
    /// # Errors
    /// Where a password is missing or cannot be read.
    pub fn registries(&self) -> Result<Registries, Failure> {
        let login =
            |(registry, login): (&String, &RegistryLogin)| Ok((registry.clone(), login.read(registry)?));
        let logins = self.registries.iter().map(login).collect::<Result<_, Failure>>()?;
        Ok(Registries { logins, limits: RegistryLimits::default() })
    }
}

impl RegistryLogin {
    fn read(&self, registry: &str) -> Result<Login, Failure> {
        let password = match (&self.password, &self.password_file) {
            (Some(password), None) => Secret::new(password.clone()),
            (None, Some(file)) => {
                let read = std::fs::read_to_string(file).map_err(|error| {
                    let what =
                        format!("the password-file of the registry {registry} cannot be read: {error}");
                    Failure::input("CFG-002", what, "name a file that Purser may read")
                })?;
                Secret::new(read.trim().to_owned())
            }
            _ => {
                let what = format!("the registry {registry} has not one password");
                return Err(Failure::input("CFG-008", what, "give either password or password-file"));
            }
        };
        Ok(Login { user: self.user.clone(), password })
    }
}
