//! Places that hold backups: directories, discs; buckets elsewhere implement the same.

mod directory;
mod disc;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redcedar_archive::Stored;

pub use directory::Directory;
pub use disc::{Changer, Disc};

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

    /// Where it is, if it is a directory of this machine.
    fn directory(&self) -> Option<&Path> {
        None
    }

    /// What is wrong with what the files lie on, as far as that can tell by itself. It may take as long as reading everything.
    ///
    /// # Errors
    /// When it could not be found out.
    fn faults(&self) -> io::Result<Vec<PlaceFault>> {
        Ok(Vec::new())
    }
}

/// Something wrong with what files lie on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceFault {
    /// A file that is hit by it, or the place itself.
    pub path: PathBuf,
    /// What is wrong.
    pub message: String,
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
        /// Changes when it is written again, as far as the place can tell, though size and time may be the same.
        stamp: u64,
    },
    /// Anything else, which is never opened: where others can write, a link or a pipe may be a trap.
    Other,
}

/// Several places that are looked at as one.
pub type Places = Vec<Arc<dyn Place>>;
