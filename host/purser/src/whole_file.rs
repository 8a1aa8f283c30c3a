//! Files that are whole or not there: written beside their place, readable by their owner alone, named at the end.

use std::fs::File;
use std::path::{Path, PathBuf};

/// A file under way; without [`WholeFile::end`] nothing of it is left.
pub struct WholeFile {
    file: File,
    part: PathBuf,
    out: PathBuf,
}

impl WholeFile {
    /// Begins a file that will have this name.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn begin(out: &Path) -> std::io::Result<Self> {
        let mut part = out.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        Ok(Self { file: private(&part)?, part, out: out.to_path_buf() })
    }

    /// Where to write.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Names it, once all of it is on the disk.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn end(self) -> std::io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.part, &self.out)
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // Gone already where it has got its name.
        std::fs::remove_file(&self.part).ok();
    }
}

/// An empty file that its owner alone may read.
///
/// # Errors
/// Where it cannot be made.
pub fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
