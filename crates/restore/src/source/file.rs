//! One stored file. Everything that reads a source goes through here.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redcedar_archive::Compression;
use redcedar_archive::compress::read;
use redcedar_system::escape;
use rustix::fs::OFlags;

/// A file of a source: an archive, a manifest, a list of checksums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    path: PathBuf,
    size: u64,
    modified: (i64, i64),
}

impl StoredFile {
    /// Nothing when it is no regular file: where others can write, a link or a pipe may be a trap.
    pub(crate) fn look(path: PathBuf) -> io::Result<Option<Self>> {
        let metadata = fs_err::symlink_metadata(&path)?;
        Ok(metadata.is_file().then(|| Self {
            path,
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When it was written last: seconds since 1970, and nanoseconds.
    pub(crate) fn modified(&self) -> (i64, i64) {
        self.modified
    }

    /// Opens it for reading; no link is followed and no pipe waited for.
    ///
    /// # Errors
    /// When it cannot be opened. The message names it.
    pub fn open(&self) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path)
            .map_err(|error| self.error("cannot open", &error))
    }

    /// Opens it for reading what it holds, decompressed as its name says.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn unpacked(&self) -> io::Result<Box<dyn Read + Send>> {
        let (_, compression) = Compression::of_file(self.path.file_name().unwrap_or_default());
        read::stream(self.open()?, compression)
    }

    pub(crate) fn error(&self, intent: &str, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{intent} {}: {error}", escape::display(&self.path)))
    }
}
