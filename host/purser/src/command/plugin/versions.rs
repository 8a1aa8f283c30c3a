//! `purser plugin install · list · inspect · remove`: which versions there are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use purser_domain::Digest;
use purser_pipeline::rollout::{self, Listed, Rollout, RolloutError, Shown, State, asks};
use purser_pipeline::trust::{self, Standing};
use purser_runtime::{Limits, Plugin, Sandbox};
use purser_store::plugins::Vouchers;
use serde_json::json;

use super::{source, version_of};
use crate::command::{COMMAND_LINE, DataArgs};
use crate::failure::Failure;
use crate::say::say;
use crate::wiring;

/// What to install.
#[derive(Debug, clap::Args)]
pub struct Install {
    /// A `.wasm` file; a bundle; `oci://registry/repository@sha256:…`; or a bundled plugin's id.
    plugin: String,
    /// A file with a minisign signature over the component; may be given several times. Unless given, the file beside it
    /// whose name ends in `.minisig`, where there is one.
    #[arg(long = "signature", value_name = "FILE")]
    signatures: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Take the bar away from a version that must not be activated any more.
    #[arg(long)]
    allow: bool,
}

/// Which versions to list.
#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    data: DataArgs,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What to look at.
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// A `.wasm` file, a bundle, an address in a registry, a bundled plugin's id, or the digest (or its beginning) of an
    /// installed version.
    plugin: String,
    #[command(flatten)]
    data: DataArgs,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What to remove.
#[derive(Debug, clap::Args)]
pub struct Remove {
    /// The version's digest or its beginning, or `id@version`.
    version: String,
    #[command(flatten)]
    data: DataArgs,
}

/// Checks a component and keeps it.
pub async fn install(args: &Install) -> anyhow::Result<ExitCode> {
    let registries = wiring::config(&args.data)?.plugins.registries()?;
    let delivery = source::delivery(&args.plugin, &args.signatures, &registries).await?;
    let rollout = wiring::open_rollout(&args.data).await?;
    let (version, _) = rollout.install(delivery, COMMAND_LINE).await?;
    if args.allow && version.barred.is_some() {
        rollout.allow(version.digest, COMMAND_LINE).await?;
    }
    say!("{} {} is installed: {}", version.plugin, version.version, version.digest);
    let standings = rollout.standings().await.map_err(Failure::from)?;
    say!("{}", told(&standings, version.digest));
    let beyond = rollout::beyond_grant(rollout.store.as_ref(), &version).await.map_err(Failure::from)?;
    if !beyond.is_empty() {
        say!("it may ask more than has been allowed:");
        beyond.iter().for_each(|ask| say!("  + {ask}"));
    }
    say!("see what it would change with: purser plugin try {}", version.digest);
    say!("let it work with:              purser plugin activate {}", version.digest);
    Ok(ExitCode::SUCCESS)
}

/// Installed versions and who plays what.
pub async fn list(args: &List) -> anyhow::Result<ExitCode> {
    let opened = wiring::open_rollout(&args.data).await?;
    let listed = rollout::list(opened.store.as_ref(), None).await.map_err(Failure::from)?;
    let standings = opened.standings().await.map_err(Failure::from)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&Shown::all(listed, &standings))?);
        return Ok(ExitCode::SUCCESS);
    }
    for listed in &listed {
        say!("{}\t{}", line(listed), told(&standings, listed.version.digest));
    }
    for (connector, given_up) in opened.plugins.given_up() {
        say!("nobody serves {connector}, since who should cannot be loaded: {}", given_up.because);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whose word a version is trusted on, or everything against it.
fn told(standings: &BTreeMap<Digest, Standing>, digest: Digest) -> String {
    standings.get(&digest).map(|standing| standing.told.join("; ")).unwrap_or_default()
}

fn line(listed: &Listed) -> String {
    let Listed { version, state, plays, open_runs, .. } = listed;
    let plays: Vec<&str> = plays.iter().map(|role| role.as_str()).collect();
    let state = match state {
        State::Staged => "staged".to_owned(),
        State::Active => format!("active: {}", plays.join(", ")),
        State::Draining => format!("draining: {open_runs} runs"),
        State::Retired => "retired".to_owned(),
        State::Rejected => format!("rejected: {}", version.barred.as_deref().unwrap_or_default()),
    };
    format!("{}\t{}\t{}\t{}\t{state}", version.connector, version.plugin, version.version, version.digest)
}

/// What a component says of itself and may ask.
pub async fn inspect(args: &Inspect) -> anyhow::Result<ExitCode> {
    let (plugin, signed) = looked_at(args).await?;
    let (admission, descriptor) = (plugin.admission(), plugin.descriptor());
    let asks = asks::of(descriptor);
    if args.json {
        let shown = json!({
            "id": descriptor.id, "version": descriptor.version, "title": descriptor.title,
            "publisher": descriptor.publisher, "extends": descriptor.extends, "admission": admission, "asks": asks,
            "signatures": signed,
        });
        say!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(ExitCode::SUCCESS);
    }
    say!("{} {} of {}", descriptor.title, descriptor.version, descriptor.publisher);
    say!("id       {}", descriptor.id);
    if let Some(connector) = &descriptor.extends {
        say!("extends  {connector}");
    }
    say!("digest   {}", admission.digest);
    say!("size     {} bytes", admission.bytes);
    say!("signed   {}", signed.told.join("\n         "));
    say!("world    {}", admission.world);
    let roles: Vec<&str> = admission.roles.iter().map(|role| role.as_str()).collect();
    say!("roles    {}", roles.join(", "));
    match admission.wasi.as_slice() {
        [] => say!("imports  none"),
        wasi => say!("imports  {} (answered with a standing clock and nothing else)", wasi.join(", ")),
    }
    say!("it may:");
    asks.iter().for_each(|ask| say!("  {ask}"));
    Ok(ExitCode::SUCCESS)
}

/// What is looked at, and what is told of its signatures.
async fn looked_at(args: &Inspect) -> anyhow::Result<(Plugin, Standing)> {
    if !source::brings(&args.plugin) {
        let rollout = wiring::open_rollout(&args.data).await?;
        let digest = version_of(&rollout, &args.plugin).await?.digest;
        let standing = rollout.standings().await.map_err(Failure::from)?.remove(&digest);
        return Ok((
            rollout.load_one(digest).await?,
            standing.ok_or(RolloutError::NotInstalled(digest.to_string()))?,
        ));
    }
    let configured = wiring::config(&args.data)?.plugins;
    let delivery = source::delivery(&args.plugin, &[], &configured.registries()?).await?;
    let sandbox = Sandbox::new(Limits::default(), crate::data::component_cache())?;
    let bundled = super::is_bundled(&args.plugin);
    let judged = trust::signatures(&delivery.signatures);
    let trust = configured.trust()?;
    let judged =
        judged.and_then(|signatures| trust.judge(&delivery.component, &Vouchers { bundled, signatures }));
    Ok((sandbox.admit(&delivery.component)?, judged.into()))
}

/// Forgets a version.
pub async fn remove(args: &Remove) -> anyhow::Result<ExitCode> {
    let rollout: Rollout = wiring::open_rollout(&args.data).await?;
    let version = version_of(&rollout, &args.version).await?;
    let needs = rollout.remove(version.digest, COMMAND_LINE).await?;
    say!("{} {} is no longer installed", version.plugin, version.version);
    if needs.runs > 0 {
        say!("its bytes are kept: {} runs have worked with it", needs.runs);
    }
    Ok(ExitCode::SUCCESS)
}
