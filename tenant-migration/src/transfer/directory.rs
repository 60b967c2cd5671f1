//! [`PartialDirectory`]: the temporary directory of an export.

use std::{
    fs::{self, DirBuilder, File},
    io,
    path::{Path, PathBuf},
};

use crate::transfer::error::TransferError;

/// A temporary directory beside the export's directory. It gets the export's name when it is complete, so a partial export
/// is never mistaken for a complete one. Dropping this value removes the directory, unless it is complete.
pub(super) struct PartialDirectory {
    path: PathBuf,
    target: PathBuf,
}

impl PartialDirectory {
    /// Creates the directory, which only this user can read.
    pub(super) fn create(target: &Path) -> Result<Self, TransferError> {
        let target = std::path::absolute(target).map_err(|source| TransferError::file(target, source))?;
        let name = target
            .file_name()
            .filter(|_| is_free(&target))
            .ok_or_else(|| TransferError::Exists {
                directory: target.clone(),
            })?;
        let name = format!(".{}.partial-{:016x}", name.to_string_lossy(), fastrand::u64(..));
        let path = target.with_file_name(name);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&path)
            .map_err(|source| TransferError::file(&path, source))?;
        Ok(Self { path, target })
    }

    /// Returns the path of a file in the directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Flushes the files to the disk, and gives the directory its final name.
    pub(super) fn complete(self, files: &[&str]) -> Result<(), TransferError> {
        for name in files {
            let path = self.file(name);
            let written = File::open(&path).and_then(|file| file.sync_all());
            written.map_err(|source| TransferError::file(&path, source))?;
        }
        // `rename` replaces an empty directory, and fails if the directory has files.
        let renamed = fs::rename(&self.path, &self.target);
        renamed.map_err(|source| match is_free(&self.target) {
            true => TransferError::file(&self.target, source),
            false => TransferError::Exists {
                directory: self.target.clone(),
            },
        })
    }
}

impl Drop for PartialDirectory {
    fn drop(&mut self) {
        // It fails for a complete export, whose directory was renamed. If it fails otherwise, the remaining directory's name
        // says that it is partial.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// True if the path does not exist, or is an empty directory.
fn is_free(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()),
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
