//! A backup: one tar file with the database, the plugin versions, and first of all a list of both with their hashes.
//!
//! **Invariants:** the keys are never in it, so that it is worthless to whoever finds it alone; a file under its final name
//! is whole; nothing is put back that the list does not name, or that differs from it in a byte.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek as _, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;
use crate::whole_file::{self, WholeFile};

/// The list's name in the archive.
const LIST: &str = "purser-backup.json";
/// The database's.
pub const DATABASE: &str = "purser.db";
const PLUGINS: &str = "plugins";
/// Grows where an older Purser could not put a backup back.
const FORMAT: u32 = 1;
/// A longer list is none of ours.
const LONGEST_LIST: u64 = 4 << 20;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    format: u32,
    /// The version of Purser that made it.
    pub purser: String,
    /// When it was begun.
    pub made_at: Timestamp,
    /// Versions of the keys that open what is sealed in it.
    pub keys: Vec<u32>,
    files: Vec<Listed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    path: String,
    bytes: u64,
    sha256: String,
}

impl Contents {
    /// Of these files, each with its name in the backup.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn list(files: &[(String, PathBuf)], made_at: Timestamp, keys: Vec<u32>) -> anyhow::Result<Self> {
        let listed = |(path, file): &(String, PathBuf)| {
            let (bytes, sha256) = measured(File::open(file)?, std::io::sink())?;
            anyhow::Ok(Listed { path: path.clone(), bytes, sha256 })
        };
        let files = files.iter().map(listed).collect::<Result<_, _>>()?;
        Ok(Self { format: FORMAT, purser: env!("CARGO_PKG_VERSION").to_owned(), made_at, keys, files })
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The plugin versions of a data directory, each with its name in the backup.
///
/// # Errors
/// Where the folder cannot be read.
pub fn plugins(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string()) {
            found.push((format!("{PLUGINS}/{name}"), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a backup, and gives it its name only when all of it is on the disk.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(out: &Path, contents: &Contents, files: &[(String, PathBuf)]) -> anyhow::Result<()> {
    let unwritable = |error: std::io::Error| {
        let what = format!("the backup cannot be written: {error}");
        Failure::new(
            "BAK-OUT",
            what,
            "name a file that may be written with --out, where there is room for it",
        )
    };
    let written = WholeFile::begin(out).and_then(|part| {
        pack(part.file(), contents, files)?;
        part.end()
    });
    Ok(written.map_err(unwritable)?)
}

fn pack(out: &File, contents: &Contents, files: &[(String, PathBuf)]) -> std::io::Result<()> {
    let mut archive = tar::Builder::new(out);
    let list = serde_json::to_vec_pretty(contents)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(list.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, LIST, list.as_slice())?;
    for (name, file) in files {
        archive.append_file(name, &mut File::open(file)?)?;
    }
    archive.finish()
}

/// Unpacks a backup into a folder: its list, once every file in it is there and as it was.
///
/// # Errors
/// Where it is no backup, a newer one, or damaged.
pub fn unpack(backup: &Path, folder: &Path) -> anyhow::Result<Contents> {
    let mut file = File::open(backup).map_err(|error| {
        Failure::input(
            "BAK-FILE",
            format!("the backup cannot be read: {error}"),
            "name a file of `purser backup`",
        )
    })?;
    let contents = read_list(&file)?;
    file.rewind()?;
    std::fs::create_dir_all(folder.join(PLUGINS))?;
    let mut left: BTreeSet<&str> = contents.files.iter().map(|file| file.path.as_str()).collect();
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries().map_err(|_| damaged())?.skip(1) {
        let mut entry = entry.map_err(|_| damaged())?;
        let path = entry.path().ok().and_then(|path| path.to_str().map(str::to_owned)).ok_or_else(damaged)?;
        let listed = contents.files.iter().find(|file| file.path == path).ok_or_else(damaged)?;
        if !left.remove(listed.path.as_str()) {
            return Err(damaged().into());
        }
        let found = measured(&mut entry, whole_file::private(&folder.join(inner(&path)?))?);
        if found.map_err(|_| damaged())? != (listed.bytes, listed.sha256.clone()) {
            return Err(damaged().into());
        }
    }
    if left.is_empty() { Ok(contents) } else { Err(damaged().into()) }
}

fn read_list(file: &File) -> anyhow::Result<Contents> {
    let mut archive = tar::Archive::new(file);
    let first = archive.entries().ok().and_then(|mut entries| entries.next()?.ok());
    let first = first.filter(|entry| entry.path().is_ok_and(|path| path == Path::new(LIST)));
    let mut text = Vec::new();
    first.ok_or_else(foreign)?.take(LONGEST_LIST).read_to_end(&mut text).map_err(|_| damaged())?;
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let format = value.get("format").and_then(serde_json::Value::as_u64);
    if format.is_some_and(|format| format > u64::from(FORMAT)) {
        let remedy = "put it back with that version of Purser, or a newer one";
        return Err(Failure::input("BAK-NEWER", "the backup was made by a newer Purser", remedy).into());
    }
    Ok(serde_json::from_value(value).map_err(|_| damaged())?)
}

/// A path that stays inside: the database, or a plugin version.
fn inner(path: &str) -> anyhow::Result<PathBuf> {
    let parts: Vec<_> = Path::new(path).components().collect();
    match parts.as_slice() {
        [Component::Normal(name)] if *name == DATABASE => Ok(PathBuf::from(path)),
        [Component::Normal(folder), Component::Normal(_)] if *folder == PLUGINS => Ok(PathBuf::from(path)),
        _ => Err(damaged().into()),
    }
}

/// Copies; how many bytes, and their hash.
fn measured(mut from: impl Read, mut to: impl Write) -> anyhow::Result<(u64, String)> {
    let (mut hasher, mut total, mut chunk) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let count = from.read(&mut chunk)?;
        let bytes = chunk.get(..count).context("a reader gave more than there was room for")?;
        if bytes.is_empty() {
            to.flush()?;
            return Ok((total, hex::encode(hasher.finalize())));
        }
        hasher.update(bytes);
        to.write_all(bytes)?;
        total += count as u64;
    }
}

fn foreign() -> Failure {
    Failure::input("BAK-FILE", "the file is no backup of Purser", "name a file of `purser backup`")
}

fn damaged() -> Failure {
    let what = "the backup is damaged, or was changed; nothing was put back";
    Failure::new("BAK-DAMAGED", what, "fetch the file again, or take another backup")
}
