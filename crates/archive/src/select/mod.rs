//! What goes into an archive: [`select_directory`] walks a tree and yields a [`Fileset`].
//!
//! `walk` decides what is listed and where to descend, `directory` asks the kernel, `barrier` knows the places nobody
//! means to back up, `exclude` and `pattern` know what the configuration leaves out.

mod barrier;
mod directory;
mod exclude;
mod fileset;
mod globs;
pub mod pattern;
#[cfg(test)]
mod tests;
mod walk;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_system::{Interrupt, Interrupted, escape};

use crate::Kind;
use directory::{Directory, Links};
pub use exclude::Exclude;
pub use fileset::{Fileset, Problem, Selected, compare_paths};
pub use globs::Globs;
pub use pattern::{Pattern, PatternError};

/// What to select below a directory.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// The directory. It may be a symbolic link to one; it is selected as a directory then.
    pub root: &'a Path,
    /// A directory that has an entry of this name contributes nothing, not even itself. The name may contain slashes.
    pub ignore_file: Option<&'a OsStr>,
    /// What is left out.
    pub exclude: &'a Exclude,
    /// Down to how many levels below the root links are followed: with 1 those directly inside it.
    pub link_depth: u64,
    /// What following a link means. Without: what a link to a directory leads to is selected below the path of the
    /// link, which becomes a directory; links to files stay links. With: the link stays, and the file or directory it
    /// leads to is selected under its own path.
    pub dereference: bool,
    /// Stay on the file system of the root. Where another begins, the directory is selected, its contents are not.
    pub one_file_system: bool,
    /// Of a directory with a valid `CACHEDIR.TAG`, select only itself and the tag.
    pub exclude_caches: bool,
    /// Directories that are selected empty (the program's own).
    pub never_enter: &'a [PathBuf],
}

/// What becomes of directories that are excluded or have the ignore file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excluded {
    /// They contribute nothing.
    Vanish,
    /// They are selected themselves, without what is in them.
    KeepPlaces,
}

/// Why nothing was selected.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The path is not there, or may not be read.
    #[error("cannot open {} to select from it: {source}", escape::display(path))]
    Unreadable {
        /// The path that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory was asked for.
    #[error("{} is not a directory", escape::display(path))]
    NotADirectory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A file was asked for.
    #[error("{} is not a regular file", escape::display(path))]
    NotAFile {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl SelectError {
    fn at(path: &Path, error: rustix::io::Errno) -> Self {
        match error {
            rustix::io::Errno::NOTDIR => Self::NotADirectory { path: path.to_owned() },
            error => Self::Unreadable { path: path.to_owned(), source: error.into() },
        }
    }
}

/// Selects what is in a directory, and the directory.
///
/// Whatever cannot be looked at on the way is a [`Problem`] of the fileset and does not end the walk.
///
/// # Errors
/// When the root cannot be opened, and on interrupt.
pub fn select_directory(selection: &Selection<'_>, interrupt: &Interrupt) -> Result<Fileset, SelectError> {
    walk::walk(selection, Excluded::Vanish, interrupt)
}

/// The same, but nothing goes that a tree needs to be complete: of what is excluded, directories are selected empty (see
/// [`Fileset::places`]) and links as they are; so are directories with the ignore file. The root is entered whatever is
/// excluded and whatever it holds.
///
/// # Errors
/// When the root cannot be opened, and on interrupt.
pub fn select_with_places(selection: &Selection<'_>, interrupt: &Interrupt) -> Result<Fileset, SelectError> {
    walk::walk(selection, Excluded::KeepPlaces, interrupt)
}

/// Selects one path, whatever it is, and nothing below it.
///
/// # Errors
/// When it is not there or cannot be looked at.
pub fn select_path(path: &Path) -> Result<Fileset, SelectError> {
    let metadata = directory::stat(path, Links::Keep).map_err(|error| SelectError::at(path, error))?;
    let mut fileset = fileset::Builder::default();
    fileset.push(path.as_os_str().as_bytes(), metadata);
    Ok(fileset.finish())
}

/// Selects one file, whatever is excluded elsewhere. A link to a file is selected as the link that it is.
///
/// # Errors
/// When the path does not lead to a regular file.
pub fn select_file(path: &Path) -> Result<Fileset, SelectError> {
    let found = directory::stat(path, Links::Follow).map_err(|error| SelectError::at(path, error))?;
    if found.kind != Kind::File {
        return Err(SelectError::NotAFile { path: path.to_owned() });
    }
    select_path(path)
}

/// The directories directly inside a directory that are not excluded, in order. Links to directories are not among them,
/// and ignore files are not looked for: that is done when a directory is selected.
///
/// # Errors
/// When the directory cannot be read.
pub fn subdirectories(root: &Path, exclude: &Exclude) -> Result<Vec<PathBuf>, SelectError> {
    let at_root = |error| SelectError::at(root, error);
    let directory = Directory::open_path(root, Links::Follow).map_err(at_root)?;
    let mut names = directory::Names::default();
    directory.list(&mut names).map_err(at_root)?;
    let mut found = Vec::new();
    for name in names.iter() {
        let path = root.join(OsStr::from_bytes(name.to_bytes()));
        if exclude.excludes(&path) {
            continue;
        }
        match directory.stat(name, Links::Keep) {
            Ok(metadata) if metadata.kind == Kind::Directory => found.push(path),
            Ok(_) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(SelectError::at(&path, error)),
        }
    }
    Ok(found)
}
