//! A directory of this machine.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redcedar_archive::Stored;
use redcedar_system::escape;
use rustix::fs::OFlags;

use super::{Entry, EntryKind, Place};

/// A directory with backups.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// The directory that `path` leads to.
    ///
    /// # Errors
    /// When it is not there.
    pub fn new(path: &Path) -> io::Result<Self> {
        path.canonicalize().map(Self)
    }
}

impl Place for Directory {
    fn root(&self) -> &Path {
        &self.0
    }

    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        let entry = |entry: io::Result<fs_err::DirEntry>| {
            let entry = entry?;
            let kind = entry.file_type()?;
            let kind = if kind.is_dir() {
                EntryKind::Directory
            } else if kind.is_file() {
                let metadata = entry.metadata()?;
                let modified = (metadata.mtime(), metadata.mtime_nsec());
                // No program can set when a file was changed.
                let changed =
                    metadata.ctime().wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec());
                let stamp = changed.cast_unsigned() ^ metadata.ino().rotate_left(32);
                EntryKind::File { size: metadata.size(), modified, stamp }
            } else {
                EntryKind::Other
            };
            Ok(Entry { name: entry.file_name(), kind })
        };
        fs_err::read_dir(directory)?.map(entry).collect()
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.0)
    }

    /// No link is followed and no pipe waited for.
    fn open(&self, path: &Path) -> io::Result<Stored> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
        opened.map(Stored::from).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot open {}: {error}", escape::display(path)))
        })
    }
}
