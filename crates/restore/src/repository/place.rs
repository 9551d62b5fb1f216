//! Where a repository comes back: it is made beside its place, and moved there when it is complete.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use redcedar_system::fs::TEMPORARY_PREFIX;
use tempfile::{NamedTempFile, TempDir};

use super::RepositoryError;

/// The place.
pub(super) struct Place {
    target: PathBuf,
    scratch: TempDir,
}

impl Place {
    /// Makes sure that there is nothing in the place.
    pub(super) fn prepare(target: &Path) -> Result<Self, RepositoryError> {
        let occupied = || RepositoryError::Occupied { target: target.to_owned() };
        let io = || RepositoryError::io("cannot prepare the place of the repository");
        match fs_err::symlink_metadata(target) {
            Ok(metadata) if !metadata.is_dir() => return Err(occupied()),
            Ok(_) if fs_err::read_dir(target).map_err(io())?.next().is_some() => return Err(occupied()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io()(error)),
        }
        let parent =
            target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(io())?;
        let scratch = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(parent).map_err(io())?;
        Ok(Self { target: target.to_owned(), scratch })
    }

    /// Where the repository is made. It is not there yet.
    pub(super) fn repository(&self) -> PathBuf {
        self.scratch.path().join("repository")
    }

    /// A file that goes when it is dropped.
    pub(super) fn file(&self) -> Result<NamedTempFile, RepositoryError> {
        NamedTempFile::new_in(self.scratch.path())
            .map_err(RepositoryError::io("cannot make a temporary file"))
    }

    /// Gives the repository its place, when all of it is on disk.
    pub(super) fn publish(self) -> Result<(), RepositoryError> {
        let io = || RepositoryError::io("cannot give the repository its place");
        let directory = fs_err::File::open(self.repository()).map_err(io())?;
        rustix::fs::syncfs(&directory).map_err(std::io::Error::from).map_err(io())?;
        fs_err::rename(self.repository(), &self.target).map_err(io())
    }
}
