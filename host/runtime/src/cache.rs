//! The folder of compiled plugins.
//!
//! Compiled code is trusted: the engine runs what it finds there. **Invariant:** nobody but the host's own user can
//! write into the folder (mode 0700), so only files the host wrote are ever loaded. The engine's cache names each file by the
//! component's bytes, its own version and everything in its configuration that changes code; a file that does not fit
//! is compiled anew.

use std::path::Path;

use wasmtime::{Cache, CacheConfig};

use crate::SandboxError;

/// Makes the folder where it is missing, closes it to others, and opens the engine's cache in it.
pub(crate) fn open(folder: &Path) -> Result<Cache, SandboxError> {
    make_private(folder).map_err(|error| SandboxError::Cache(error.to_string()))?;
    let folder = folder.canonicalize().map_err(|error| SandboxError::Cache(error.to_string()))?;
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).map_err(|error| SandboxError::Cache(format!("{error:#}")))
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_closed_to_others() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("compiled");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        open(&folder).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_is_a_file_is_said_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open(file.path()).unwrap_err().to_string();
        assert!(error.starts_with("PLG-002 the folder for compiled plugins cannot be used"), "{error}");
    }
}
