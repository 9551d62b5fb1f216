//! One file on disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redcedar_system::escape;
use rustix::fs::OFlags;

/// A regular file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// Seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, i64),
}

impl Piece {
    /// Nothing when it is no regular file: where others can write, a link or a pipe may be a trap.
    pub(crate) fn look(path: PathBuf) -> io::Result<Option<Self>> {
        let metadata = fs_err::symlink_metadata(&path)?;
        Ok(metadata.is_file().then(|| Self {
            path,
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }))
    }

    /// Opens it; no link is followed and no pipe waited for.
    pub(crate) fn open(&self) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path)
            .map_err(|error| with_path(&self.path, "cannot open", &error))
    }
}

pub(crate) fn with_path(path: &Path, intent: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{intent} {}: {error}", escape::display(path)))
}
