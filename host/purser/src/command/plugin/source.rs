//! What `install` and `inspect` are given to bring: a bundled plugin, a file or a bundle with the signatures beside it, or an
//! address in a registry.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use purser_pipeline::rollout::Delivery;
use purser_vendor::registry::{Registries, SCHEME};

use super::{component, is_bundled};
use crate::failure::Failure;

/// What the minisign tool adds to the name of the file it has signed.
const SIGNATURE: &str = ".minisig";

/// Whether this brings a component, and is not the name of an installed version.
pub fn brings(plugin: &str) -> bool {
    is_bundled(plugin) || plugin.starts_with(SCHEME) || Path::new(plugin).is_file()
}

/// A component with the signatures named, and those that a bundle or a registry has; where there are neither, with the one
/// beside the file.
///
/// # Errors
/// Where it cannot be read or fetched.
pub async fn delivery(
    plugin: &str,
    signatures: &[PathBuf],
    registries: &Registries,
) -> anyhow::Result<Delivery> {
    let brought = match plugin.starts_with(SCHEME) {
        true => pulled(plugin, registries).await?,
        false => file(plugin)?,
    };
    let mut delivery = brought.opened()?;
    for file in signatures {
        delivery.signatures.push(text(file)?);
    }
    let beside = beside(Path::new(plugin));
    if delivery.signatures.is_empty() && beside.is_file() {
        delivery.signatures.push(text(&beside)?);
    }
    Ok(delivery)
}

async fn pulled(address: &str, registries: &Registries) -> anyhow::Result<Delivery> {
    let place = registries.place(address).await?;
    let pulled = registries.pull(&place).await?;
    Ok(Delivery { component: pulled.component, signatures: pulled.signatures, source: place.to_string() })
}

fn file(plugin: &str) -> anyhow::Result<Delivery> {
    let source = Path::new(plugin).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Delivery { component: component(plugin)?, signatures: Vec::new(), source })
}

fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(SIGNATURE);
    name.into()
}

fn text(file: &Path) -> Result<String, Failure> {
    // What is no text is no signature, and told as that where signatures are read.
    let bytes = std::fs::read(file).map_err(|error| {
        let what = format!("the signature file {} cannot be read: {error}", file.display());
        Failure::input("CLI-SIGNATURE", what, "name a file that `minisign -S` has written")
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
