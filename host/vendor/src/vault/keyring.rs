//! The key file: versioned key-encryption keys, outside the database.
//!
//! One line a key: its version, a blank, 32 bytes in base64. The highest version seals; the others only open, until
//! every grant has been wrapped anew. The file is written with mode 0600, completely or not at all.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::surroundings::Chance;

/// Versioned key-encryption keys.
#[derive(Clone)]
pub struct KeyRing {
    newest: (u32, Zeroizing<[u8; 32]>),
    older: BTreeMap<u32, Zeroizing<[u8; 32]>>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("newest", &self.newest.0).finish_non_exhaustive()
    }
}

/// What is wrong with a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// A line that is no key.
    #[error("line {0} of the key file is no key: a version, a blank, 32 bytes in base64")]
    Line(usize),
    /// The same version twice.
    #[error("the key file has version {0} twice")]
    Twice(u32),
    /// No key at all.
    #[error("the key file holds no key")]
    Empty,
    /// A version that was another key before.
    #[error("version {0} of the key source is another key than before")]
    Changed(u32),
    /// The environment variable is not set.
    #[error("the environment variable of the keys is not set")]
    NotSet,
    /// The command failed. What it wrote is not shown: it may be a key.
    #[error("the key command failed: {0}")]
    Command(&'static str),
    /// It can not be read or written.
    #[error("the key file can not be read or written")]
    Io(#[from] io::Error),
}

const HEADING: &str = "\
# Purser's key file. Keep it secret and keep a copy: without it, stored grants can not be opened.
# Version, blank, key. The highest version seals.
";

impl KeyRing {
    /// One fresh key.
    #[must_use]
    pub fn generate(chance: &Chance) -> Self {
        Self::numbered(1, chance)
    }

    /// One fresh key of this version.
    #[must_use]
    pub fn numbered(version: u32, chance: &Chance) -> Self {
        Self { newest: (version, Zeroizing::new(chance.bytes())), older: BTreeMap::new() }
    }

    /// The same keys and a fresh one, which seals from now on.
    #[must_use]
    pub fn rotated(&self, chance: &Chance) -> Self {
        let mut older = self.older.clone();
        older.insert(self.newest.0, self.newest.1.clone());
        Self { newest: (self.newest.0.saturating_add(1), Zeroizing::new(chance.bytes())), older }
    }

    /// The same keys but one, once nothing needs it; the sealing key stays.
    #[must_use]
    pub fn without(&self, version: u32) -> Option<Self> {
        let mut ring = self.clone();
        ring.older.remove(&version).map(|_| ring)
    }

    /// Reads a key file's text.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let mut keys = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (version, key) = parse_line(line).ok_or(KeyFault::Line(index + 1))?;
            if keys.insert(version, key).is_some() {
                return Err(KeyFault::Twice(version));
            }
        }
        let newest = keys.pop_last().ok_or(KeyFault::Empty)?;
        Ok(Self { newest, older: keys })
    }

    /// The key file's text.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(HEADING.to_owned());
        let newest = std::iter::once((&self.newest.0, &self.newest.1));
        for (version, key) in self.older.iter().chain(newest) {
            let encoded = Zeroizing::new(STANDARD.encode(key.as_slice()));
            text.push_str(&format!("{version} "));
            text.push_str(&encoded);
            text.push('\n');
        }
        text
    }

    /// Reads a key file.
    pub fn load(path: &Path) -> Result<Self, KeyFault> {
        Self::parse(&Zeroizing::new(std::fs::read_to_string(path)?))
    }

    /// Writes a key file where there is none yet.
    pub fn save_new(&self, path: &Path) -> Result<(), KeyFault> {
        let mut file = private_file(path)?;
        file.write_all(self.to_text().as_bytes())?;
        Ok(file.sync_all()?)
    }

    /// Replaces a key file, completely or not at all.
    pub fn save(&self, path: &Path) -> Result<(), KeyFault> {
        let beside = path.with_extension("new");
        if let Err(error) = std::fs::remove_file(&beside)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error.into());
        }
        self.save_new(&beside)?;
        std::fs::rename(&beside, path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// The version that seals.
    #[must_use]
    pub fn newest_version(&self) -> u32 {
        self.newest.0
    }

    /// All versions, the oldest first.
    #[must_use]
    pub fn versions(&self) -> Vec<u32> {
        self.older.keys().copied().chain([self.newest.0]).collect()
    }

    /// The line that stands for the newest key in a key source.
    #[must_use]
    pub fn newest_line(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(STANDARD.encode(self.newest.1.as_slice()));
        Zeroizing::new(format!("{} {}", self.newest.0, encoded.as_str()))
    }

    /// These keys and another ring's; the version that is another key there, where there is one.
    pub fn joined(&self, other: &Self) -> Result<Self, KeyFault> {
        let mut keys = self.older.clone();
        keys.insert(self.newest.0, self.newest.1.clone());
        for (version, key) in other.older.iter().chain([(&other.newest.0, &other.newest.1)]) {
            let known = keys.entry(*version).or_insert_with(|| key.clone());
            if **known != **key {
                return Err(KeyFault::Changed(*version));
            }
        }
        let newest = keys.pop_last().ok_or(KeyFault::Empty)?;
        Ok(Self { newest, older: keys })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&*self.newest.1).chain(self.older.values().map(|key| &**key))
    }

    pub(crate) fn newest(&self) -> (u32, &[u8; 32]) {
        (self.newest.0, &self.newest.1)
    }

    pub(crate) fn key(&self, version: u32) -> Option<&[u8; 32]> {
        if version == self.newest.0 {
            return Some(&self.newest.1);
        }
        self.older.get(&version).map(|key| &**key)
    }
}

fn parse_line(line: &str) -> Option<(u32, Zeroizing<[u8; 32]>)> {
    let (version, key) = line.split_once(' ')?;
    let bytes = Zeroizing::new(STANDARD.decode(key.trim()).ok()?);
    Some((version.parse().ok()?, Zeroizing::new(bytes.as_slice().try_into().ok()?)))
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_reads_back_as_written() {
        let chance = Chance::seeded(3);
        let ring = KeyRing::generate(&chance).rotated(&chance);
        let read = KeyRing::parse(&ring.to_text()).unwrap();
        assert_eq!(read.newest(), ring.newest());
        assert_eq!(read.key(1), ring.key(1));
    }

    #[test]
    fn what_is_no_key_file_is_named_by_its_line() {
        assert!(matches!(KeyRing::parse("# nothing\n"), Err(KeyFault::Empty)));
        assert!(matches!(KeyRing::parse("# x\n1 short\n"), Err(KeyFault::Line(2))));
        let text = KeyRing::generate(&Chance::seeded(1)).to_text();
        let key_line = text.lines().last().unwrap();
        assert!(matches!(KeyRing::parse(&format!("{key_line}\n{key_line}\n")), Err(KeyFault::Twice(1))));
    }

    #[test]
    fn debug_shows_no_key() {
        let ring = KeyRing::generate(&Chance::seeded(1));
        let text = ring.to_text();
        let encoded = text.lines().last().unwrap().split_once(' ').unwrap().1.to_owned();
        assert!(text.contains(&encoded));
        assert_eq!(format!("{ring:?}"), "KeyRing { newest: 1, .. }");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_and_never_overwritten_by_a_new_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let ring = KeyRing::generate(&Chance::seeded(1));
        ring.save_new(&path).unwrap();
        assert!(ring.save_new(&path).is_err());
        ring.rotated(&Chance::seeded(2)).save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(KeyRing::load(&path).unwrap().newest().0, 2);
    }
}
