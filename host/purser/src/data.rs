//! The data directory: one database, one key file, plugin bytes, and a lock that says whether a server is at work.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// An opened data directory.
pub struct DataDir {
    folder: PathBuf,
    /// Held for the life of the process by whoever works on runs.
    lock: Option<File>,
}

impl DataDir {
    /// Opens it, making it where there is none, readable by its owner alone.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let unusable = |error: std::io::Error| {
            let what = format!("the data directory cannot be used: {error}");
            Failure::new("CLI-DATA", what, "name a directory that Purser may write with --data or `data`")
        };
        make_private(folder).map_err(unusable)?;
        make_private(&folder.join("plugins")).map_err(unusable)?;
        Ok(Self { folder: folder.to_path_buf(), lock: None })
    }

    /// Takes the directory for this process; false where another holds it.
    ///
    /// # Errors
    /// Where the lock file cannot be made.
    pub fn take(&mut self) -> anyhow::Result<bool> {
        let file = File::options().create(true).truncate(false).write(true).open(self.folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(file);
                Ok(true)
            }
            Err(std::fs::TryLockError::WouldBlock) => Ok(false),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Whether this process holds the directory.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.lock.is_some()
    }

    /// Keeps other processes from changing keys until it is dropped.
    ///
    /// # Errors
    /// Where another one does, or the lock file cannot be made.
    pub fn lock_keys(&self) -> anyhow::Result<File> {
        let path = self.folder.join("keys.lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                let remedy = "wait for it to end, and try again";
                Err(Failure::new("KEY-HELD", "another process works on the keys", remedy).into())
            }
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join("purser.db")
    }

    /// The key file; beside the database, never inside.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.folder.join("purser.key")
    }

    /// Plugin bytes by digest.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.folder.join("plugins")
    }

    /// Compiled plugins.
    #[must_use]
    pub fn compiled(&self) -> PathBuf {
        self.folder.join("compiled")
    }
}

/// Where commands without a data directory keep compiled plugins; none: they compile each time.
#[must_use]
pub fn component_cache() -> Option<PathBuf> {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?.join("purser");
    make_private(&cache).ok().map(|()| cache)
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
