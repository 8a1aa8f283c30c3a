//! The configuration: a file, over it the environment (`PURSER_LISTEN`, `PURSER_CONNECTORS__MICROSOFT_CSP__CLIENT_ID`
//! …), over it the command line. A key nobody knows is refused by name, with the keys there are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use purser_vendor::{ClientAuth, KeySource};
use serde::Deserialize;
use url::Url;

mod client;

pub use client::ClientCredential;

use crate::data::DataDir;
use crate::failure::Failure;

mod access;
mod limits;
mod plugins;

pub use access::{Access, Oidc};
pub use plugins::Plugins;

/// Everything an operator can say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Data directory.
    pub data: PathBuf,
    /// Address the web UI listens on.
    pub listen: SocketAddr,
    /// Address people use; redirect URIs begin with it. Unless given: http at `listen`.
    pub public_url: Option<Url>,
    /// Where the keys come from that seal what is secret.
    pub keys: KeysConfig,
    /// Connectors by id.
    pub connectors: BTreeMap<String, Connector>,
    /// Who may come in.
    pub access: Access,
    /// Whose plugins are let in, and what they may use.
    pub plugins: Plugins,
}

/// Where keys come from: one of these, or a file in the data directory.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KeysConfig {
    /// A key file.
    pub file: Option<PathBuf>,
    /// The name of an environment variable.
    pub environment: Option<String>,
    /// A program and its arguments; what it writes to standard output are the keys.
    pub command: Option<Vec<String>>,
    /// After so many seconds the command is stopped; unless given, 10.
    pub command_seconds: Option<u64>,
}

/// One connector's app registration and clouds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Connector {
    /// The app registration's id.
    pub client_id: String,
    /// Its secret; better in a file.
    pub client_secret: Option<String>,
    /// File with the secret.
    pub client_secret_file: Option<PathBuf>,
    /// The day (UTC) on which the secret ends.
    pub client_secret_expires: Option<Date>,
    /// In place of a secret: file with a certificate in PEM.
    pub client_certificate_file: Option<PathBuf>,
    /// File with its key in PEM.
    pub client_key_file: Option<PathBuf>,
    /// A second credential, while one is exchanged for another.
    pub next: Option<ClientCredential>,
    /// What differs from the plugin's defaults, by cloud.
    pub clouds: BTreeMap<String, Cloud>,
}

/// Base URLs in place of the plugin's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Cloud {
    /// Where users sign in.
    pub authority: Option<Url>,
    /// Base URLs by endpoint name.
    pub endpoints: BTreeMap<String, Url>,
    /// Hosts of downloads, as base URLs.
    pub download_hosts: Vec<Url>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("purser-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            keys: KeysConfig::default(),
            connectors: BTreeMap::new(),
            access: Access::default(),
            plugins: Plugins::default(),
        }
    }
}

impl Config {
    /// Reads the file (`purser.toml` here, where none is named and there is one) and the environment.
    ///
    /// # Errors
    /// [`Failure`] that names the wrong key and what is allowed.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let named = file.map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("purser.toml"));
        let source = config::File::from(named).required(file.is_some()).format(config::FileFormat::Toml);
        let environment = config::Environment::with_prefix("PURSER").prefix_separator("_").separator("__");
        // Some variables are the command line's own.
        let environment = environment.source(Some(own_variables()));
        let built = config::Config::builder().add_source(source).add_source(environment).build();
        let config: Self = built.and_then(config::Config::try_deserialize).map_err(|error| {
            Failure::input(
                "CFG-001",
                format!("the configuration cannot be used: {error}"),
                "correct it and start again",
            )
        })?;
        Ok(config)
    }

    /// The address people use.
    ///
    /// # Errors
    /// Never for an address that can be listened on.
    pub fn public_url(&self) -> Result<Url, url::ParseError> {
        self.public_url.clone().map_or_else(|| Url::parse(&format!("http://{}", self.listen)), Ok)
    }
}

impl KeysConfig {
    /// The one source.
    ///
    /// # Errors
    /// Where there are several.
    pub fn source(&self, data: &DataDir) -> Result<KeySource, Failure> {
        let deadline = Duration::from_secs(self.command_seconds.unwrap_or(10));
        match (&self.file, &self.environment, &self.command) {
            (None, None, None) => Ok(KeySource::File(data.key_file())),
            (Some(file), None, None) => Ok(KeySource::File(file.clone())),
            (None, Some(variable), None) => Ok(KeySource::Environment(variable.clone())),
            (None, None, Some(line)) => Ok(KeySource::Command { line: line.clone(), deadline }),
            _ => Err(Failure::input(
                "CFG-004",
                "the keys have more than one source in the configuration",
                "keep one of `file`, `environment` and `command` under [keys]",
            )),
        }
    }
}

impl Connector {
    /// How the app registration proves itself: the credential, then the next one.
    ///
    /// # Errors
    /// Where one cannot be used.
    pub fn client_auth(&self) -> Result<ClientAuth, Failure> {
        let first = ClientCredential {
            client_secret: self.client_secret.clone(),
            client_secret_file: self.client_secret_file.clone(),
            client_secret_expires: self.client_secret_expires,
            client_certificate_file: self.client_certificate_file.clone(),
            client_key_file: self.client_key_file.clone(),
        };
        let next = self.next.as_ref().map(ClientCredential::read).transpose()?.flatten();
        Ok(ClientAuth::new(first.read()?.into_iter().chain(next).collect()))
    }
}

/// A secret that stands in a file, or else in the configuration.
fn secret(text: Option<&str>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else { return Ok(text.map(str::to_owned)) };
    let secret = std::fs::read_to_string(file).map_err(|error| {
        let what = format!("the file of client-secret-file cannot be read: {error}");
        Failure::input("CFG-002", what, "name a file that Purser may read")
    })?;
    Ok(Some(secret.trim().to_owned()))
}

fn own_variables() -> config::Map<String, String> {
    const COMMAND_LINE: &[&str] = &[
        "PURSER_CONFIG",
        "PURSER_LOGS_JSON",
        "PURSER_CLOCK",
        "PURSER_SAMPLES",
        "PURSER_CI_CACHE",
        "PURSER_KEY_RING",
    ];
    std::env::vars()
        .filter(|(name, _)| name.starts_with("PURSER_") && !COMMAND_LINE.contains(&name.as_str()))
        .map(|(name, value)| {
            (name.replace("__", "\0").replace('_', "-").replace('\0', "__").replacen('-', "_", 1), value)
        })
        .collect()
}
