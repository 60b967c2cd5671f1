//! [`Partial`]: the directory of an export until that is complete.

use std::{
    fs::{self, DirBuilder, File},
    io,
    path::{Path, PathBuf},
};

use crate::transfer::error::ExportError;

/// A directory beside the one that it becomes in the end, so that half an export is never taken for a whole one. It is
/// removed with this value, unless it has become that.
pub(super) struct Partial {
    path: PathBuf,
    target: PathBuf,
}

impl Partial {
    /// Makes it, for nobody but this user.
    pub(super) fn create(target: &Path) -> Result<Self, ExportError> {
        let target = std::path::absolute(target).map_err(|source| failed(target, source))?;
        let name = target
            .file_name()
            .filter(|_| is_free(&target))
            .ok_or_else(|| ExportError::Exists {
                directory: target.clone(),
            })?;
        let name = format!(".{}.partial-{:016x}", name.to_string_lossy(), fastrand::u64(..));
        let path = target.with_file_name(name);
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|source| failed(&path, source))?;
        Ok(Self { path, target })
    }

    /// Where a file of it is.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes it what it becomes, with what was written to these files.
    pub(super) fn complete(self, files: &[&str]) -> Result<(), ExportError> {
        for name in files {
            let path = self.file(name);
            let written = File::open(&path).and_then(|file| file.sync_all());
            written.map_err(|source| failed(&path, source))?;
        }
        // An empty directory is replaced, and one with something in it is not.
        let renamed = fs::rename(&self.path, &self.target);
        renamed.map_err(|source| match is_free(&self.target) {
            true => failed(&self.target, source),
            false => ExportError::Exists {
                directory: self.target.clone(),
            },
        })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It is not there any more where all went well. What is left otherwise has a name that says what it is.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Whether there is nothing, or an empty directory.
fn is_free(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()),
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

pub(super) fn failed(path: &Path, source: io::Error) -> ExportError {
    ExportError::File {
        path: path.to_owned(),
        source,
    }
}
