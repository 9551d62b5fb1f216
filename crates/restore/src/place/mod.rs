//! Places that hold backups: directories here; discs and buckets elsewhere implement the same.

mod directory;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use redcedar_archive::Stored;

pub use directory::Directory;

/// Files in directories that can be looked at and read, whatever they lie on.
pub trait Place: fmt::Debug + Send + Sync {
    /// What it is called. The paths of all that is in it begin with it; nobody but the place gives them another meaning.
    fn root(&self) -> &Path;

    /// What is in a directory of it, in any order.
    ///
    /// # Errors
    /// When it cannot be looked at.
    fn entries(&self, directory: &Path) -> io::Result<Vec<Entry>>;

    /// Opens a regular file for reading at any place of it. The error names the file.
    ///
    /// # Errors
    /// When it cannot be opened, or is no regular file any more.
    fn open(&self, path: &Path) -> io::Result<Stored>;
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without the directory.
    pub name: OsString,
    /// What has the name.
    pub kind: EntryKind,
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// When it was written last: seconds since 1970, and nanoseconds.
        modified: (i64, i64),
    },
    /// Anything else, which is never opened: where others can write, a link or a pipe may be a trap.
    Other,
}

/// Several places that are looked at as one.
pub type Places = Vec<Arc<dyn Place>>;
