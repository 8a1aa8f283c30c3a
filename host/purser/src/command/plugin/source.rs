//! What `install` and `inspect` are given to bring: a bundled plugin, or a file with the signatures beside it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use purser_pipeline::rollout::Delivery;

use super::component;
use crate::failure::Failure;

/// What the minisign tool adds to the name of the file it has signed.
const SIGNATURE: &str = ".minisig";

/// A component with the signatures named, or else the one beside it.
///
/// # Errors
/// Where a file cannot be read.
pub fn delivery(plugin: &str, signatures: &[PathBuf]) -> anyhow::Result<Delivery> {
    let component = component(plugin)?;
    let beside = beside(Path::new(plugin));
    let files = match signatures {
        [] if beside.is_file() => vec![beside],
        named => named.to_vec(),
    };
    let signatures = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let source = Path::new(plugin).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Delivery { component, signatures, source })
}

fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(SIGNATURE);
    name.into()
}

fn read(file: &Path) -> Result<String, Failure> {
    // What is no text is no signature, and told as that where signatures are read.
    let bytes = std::fs::read(file).map_err(|error| {
        let what = format!("the signature file {} cannot be read: {error}", file.display());
        Failure::input("CLI-SIGNATURE", what, "name a file that `minisign -S` has written")
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
