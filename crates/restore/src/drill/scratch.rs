//! A directory that is private, and gone at the end whatever was put into it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use redcedar_system::account::{self, Account};
use redcedar_system::escape;
use tempfile::TempDir;

/// Why there is no scratch directory, or why it is still there.
#[derive(Debug, thiserror::Error)]
#[error("{intent} {}: {source}", escape::display(.path))]
pub struct ScratchError {
    intent: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// The directory.
pub(super) struct Scratch(Option<TempDir>);

impl Scratch {
    /// Makes one in `parent`, or among the temporary files.
    pub(super) fn new(parent: Option<&Path>) -> Result<Self, ScratchError> {
        // A server that is somebody else has to get through it to its own.
        let passable = Permissions::from_mode(0o711);
        let mut builder = tempfile::Builder::new();
        builder.prefix("redcedar-drill-").permissions(passable);
        let made = match parent {
            Some(parent) => builder.tempdir_in(parent),
            None => builder.tempdir(),
        };
        // The system also names the directory that there is not, and which nobody knows.
        let error = |source: io::Error| ScratchError {
            intent: "cannot make a scratch directory in",
            path: parent.unwrap_or(Path::new("the directory of temporary files")).to_owned(),
            source: source.kind().into(),
        };
        made.map(|dir| Self(Some(dir))).map_err(error)
    }

    pub(super) fn path(&self) -> &Path {
        // It is there until it is closed.
        self.0.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// Makes a directory in it that nobody but `owner` enters.
    pub(super) fn directory(&self, name: &str, owner: Option<&Account>) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        fs_err::create_dir(&path)?;
        fs_err::set_permissions(&path, Permissions::from_mode(0o700))?;
        if let Some(Account { owner, .. }) = owner {
            fs_err::os::unix::fs::chown(&path, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(path)
    }

    /// Bytes that are free.
    pub(super) fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::statvfs(self.path())?;
        Ok(found.f_bavail * found.f_frsize)
    }

    /// Removes it, and says so if that fails.
    pub(super) fn close(mut self) -> Result<(), ScratchError> {
        let Some(dir) = self.0.take() else { return Ok(()) };
        let path = dir.path().to_owned();
        let removed = open_up(&path).and_then(|()| dir.close());
        removed.map_err(|source| ScratchError { intent: "cannot remove the scratch directory", path, source })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(dir) = &self.0 {
            // The drill has failed already; as much as can be is removed.
            let _ignored = open_up(dir.path());
        }
    }
}

/// Restored directories may forbid their owner to remove what is in them.
fn open_up(directory: &Path) -> io::Result<()> {
    if account::is_root() {
        return Ok(());
    }
    fs_err::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs_err::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}
