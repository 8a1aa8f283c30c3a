//! `purser keys`: the keys that seal what is secret — how they stand, a new one, an old one that goes.

mod abandon;

use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use purser_pipeline::keys::{Keeper, KeyTrouble, Standing};
use purser_store::people::AuditEntry;
use purser_vendor::{Chance, KeyRing, KeySource};
use serde_json::json;

use super::DataArgs;
use crate::data::DataDir;
use crate::failure::Failure;
use crate::keys;
use crate::say::say;
use crate::wiring;

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show each key's version and what it seals.
    Status(DataArgs),
    /// Make a new key and wrap everything by it; a server goes on serving meanwhile.
    Rotate(DataArgs),
    /// When keys are lost for good: erase every consent, so that accounts can consent again under a new key.
    Abandon {
        /// Say that this is what you want.
        #[arg(long, required = true)]
        erase_consents: bool,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Let an old key go, once nothing is sealed by it.
    Retire {
        /// Its version.
        version: u32,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// One process at a time changes keys.
struct Desk {
    keeper: Keeper,
    chance: Chance,
    data: DataDir,
    _lock: File,
}

/// Does it.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Status(args) => status(&Desk::open(&args).await?).await?,
        Command::Rotate(args) => Desk::open(&args).await?.rotate().await?,
        // Without the flag the command line has been refused already.
        Command::Abandon { erase_consents: _, data } => abandon::abandon(&data).await?,
        Command::Retire { version, data } => Desk::open(&data).await?.retire(version).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Desk {
    async fn open(args: &DataArgs) -> anyhow::Result<Self> {
        let store = Arc::new(wiring::open_store(args).await?);
        let config = wiring::config(args)?;
        let data = DataDir::open(&config.data)?;
        let lock = data.lock_keys()?;
        let chance = Chance::from_os();
        let keeper = keys::keeper(&config.keys, &data, store, chance.clone(), Arc::new(wiring::now)).await?;
        Ok(Self { keeper, chance, data, _lock: lock })
    }

    fn failed(&self, error: KeyTrouble) -> anyhow::Error {
        keys::failure(error, &self.keeper.source)
    }

    async fn rotate(self) -> anyhow::Result<()> {
        let before = self.keeper.vault.keys();
        let source = self.keeper.source.clone();
        match &source {
            KeySource::File(path) => {
                let ring = before.rotated(&self.chance);
                ring.save(path).map_err(|error| self.failed(error.into()))?;
                self.keeper.vault.replace_ring(ring);
                self.wrap_anew(&before).await
            }
            _ if self.is_rotated().await? => self.wrap_anew(&before).await,
            source => {
                let line = before.rotated(&self.chance).newest_line();
                eprintln!(
                    "add this line to what the {} gives, keep the lines that are there, and run this again:",
                    source.kind()
                );
                say!("{}", line.as_str());
                Ok(())
            }
        }
    }

    /// Whether something is sealed by an older key than the source's newest, or nothing has been sealed by that yet.
    async fn is_rotated(&self) -> anyhow::Result<bool> {
        let standing = self.keeper.standing().await.map_err(|error| self.failed(error))?;
        let waits = |key: &Standing| {
            !key.seals && key.is_there && key.known.as_ref().is_none_or(|known| known.retired_at.is_none())
        };
        Ok(standing.iter().any(waits))
    }

    async fn wrap_anew(mut self, before: &KeyRing) -> anyhow::Result<()> {
        let newest = self.keeper.vault.newest_key();
        let is_served = !self.data.take()?;
        if is_served && matches!(self.keeper.source, KeySource::Environment(_)) {
            say!(
                "restart the server: it takes version {newest} from its environment and wraps everything by it"
            );
            return Ok(());
        }
        let rewrapped = async {
            self.keeper.admit(&self.keeper.vault.keys()).await?;
            self.keeper.rewrap().await
        };
        let rewrapped = rewrapped.await.map_err(|error| self.failed(error))?;
        let detail = json!({ "before": before.newest_version(), "after": newest, "grants": rewrapped });
        self.audit("keys.rotated", detail).await?;
        say!("version {newest} seals from now on; {rewrapped} grants were wrapped by it");
        for version in before.versions().into_iter().filter(|version| *version != newest) {
            say!("version {version} can go: purser keys retire {version}");
        }
        say!("keep a copy of the keys apart from the database");
        Ok(())
    }

    async fn retire(self, version: u32) -> anyhow::Result<()> {
        self.keeper.retire(version).await.map_err(|error| self.failed(error))?;
        self.audit("keys.retired", json!({ "version": version })).await?;
        match (&self.keeper.source, self.keeper.vault.keys().without(version)) {
            (KeySource::File(path), Some(ring)) => {
                ring.save(path).map_err(|error| self.failed(error.into()))?;
                say!("version {version} is retired and gone from the key file");
            }
            (source, Some(_)) => {
                say!("version {version} is retired: take it out of the {}", source.kind())
            }
            (_, None) => say!("version {version} is retired"),
        }
        Ok(())
    }

    async fn audit(&self, what: &str, detail: serde_json::Value) -> anyhow::Result<()> {
        let who = "command line".to_owned();
        let entry = AuditEntry { at: wiring::now(), who, what: what.to_owned(), detail };
        self.keeper.store.audit(&entry).await.map_err(|error| Failure::from(error).into())
    }
}

async fn status(desk: &Desk) -> anyhow::Result<()> {
    say!("keys from the {}", desk.keeper.source.kind());
    for key in desk.keeper.standing().await.map_err(|error| desk.failed(error))? {
        let since =
            key.known.as_ref().map_or_else(String::new, |known| format!(", since {}", known.first_used_at));
        say!("version {}: {}, {} grants{since}", key.version, word(&key), key.grants);
    }
    Ok(())
}

fn word(key: &Standing) -> &'static str {
    match key {
        Standing { known: Some(known), .. } if known.retired_at.is_some() => "retired",
        Standing { seals: true, .. } => "seals",
        Standing { is_there: true, .. } => "opens only",
        Standing { .. } => "missing",
    }
}
