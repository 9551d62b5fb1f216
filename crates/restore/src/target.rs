//! Directories below the target, entered without ever following a link.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, open, openat, unlinkat};
use rustix::io::Errno;

use crate::path::stripped;

/// Directories that we make stay closed to others until they are complete.
const PRIVATE: Mode = Mode::RWXU;
/// So many handles one walker keeps: a path may have more directories than a process may have handles.
const MOST_HANDLES: usize = 64;

/// Where everything is restored to.
pub struct Target {
    root: OwnedFd,
    /// How many leading names of a path are left out.
    strip: usize,
    created: Mutex<HashSet<PathBuf>>,
}

impl Target {
    /// Opens the target directory, which must exist.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { root, strip: 0, created: Mutex::default() })
    }

    /// Leaves out the first `names` of every path.
    #[must_use]
    pub fn stripping(self, names: usize) -> Self {
        Self { strip: names, ..self }
    }

    /// The path below the target that an absolute path becomes; empty for the target itself and what is above it.
    pub fn below<'p>(&self, path: &'p Path) -> &'p Path {
        stripped(path, self.strip)
    }

    /// The target directory itself.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Whether the directory was made by this restore.
    pub fn has_created(&self, relative: &Path) -> bool {
        self.created.lock().unwrap_or_else(PoisonError::into_inner).contains(relative)
    }

    fn note_created(&self, relative: &Path) {
        self.created.lock().unwrap_or_else(PoisonError::into_inner).insert(relative.to_owned());
    }
}

/// Goes from directory to directory and keeps handles of those it is in. Each step is one name below the directory before
/// it, `O_NOFOLLOW`: neither a link that is there, nor one that somebody plants meanwhile, leads anywhere else.
pub struct Walker<'t> {
    target: &'t Target,
    levels: Vec<Level>,
}

/// What happens where there is no directory to enter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// Nothing.
    Fail,
    /// It is made where nothing is.
    Make,
    /// It is made, in the place of what is there, too.
    Replace,
}

struct Level {
    name: OsString,
    /// None where there are too many below it.
    handle: Option<OwnedFd>,
}

impl<'t> Walker<'t> {
    /// Begins at the target itself.
    pub fn new(target: &'t Target) -> Self {
        Self { target, levels: Vec::new() }
    }

    /// Enters a directory; what is missing on the way is made.
    ///
    /// # Errors
    /// When something else is in its place, and when it cannot be entered or made.
    pub fn enter(&mut self, relative: &Path) -> io::Result<BorrowedFd<'_>> {
        self.go(relative, Otherwise::Make)
    }

    /// As [`Self::enter`]; whatever else has the last name of the path is removed.
    ///
    /// # Errors
    /// When it cannot be entered or made.
    pub fn replace(&mut self, relative: &Path) -> io::Result<BorrowedFd<'_>> {
        self.go(relative, Otherwise::Replace)
    }

    /// Enters a directory that is there, and makes none.
    ///
    /// # Errors
    /// When it is not there or cannot be entered.
    pub fn find(&mut self, relative: &Path) -> io::Result<BorrowedFd<'_>> {
        self.go(relative, Otherwise::Fail)
    }

    fn go(&mut self, relative: &Path, otherwise: Otherwise) -> io::Result<BorrowedFd<'_>> {
        let bytes = relative.as_os_str().as_bytes();
        let names: Vec<&OsStr> = bytes
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
            .map(OsStr::from_bytes)
            .collect();
        let common = self.levels.iter().zip(&names).take_while(|(level, name)| level.name == **name).count();
        self.levels.truncate(common);
        if self.levels.last().is_some_and(|level| level.handle.is_none()) {
            self.levels.clear();
        }
        while let Some(name) = names.get(self.levels.len()) {
            let is_last = self.levels.len() + 1 == names.len();
            let otherwise = match otherwise {
                Otherwise::Replace if !is_last => Otherwise::Make,
                otherwise => otherwise,
            };
            let handle = self.step(name, otherwise)?;
            self.levels.push(Level { name: (*name).to_owned(), handle: Some(handle) });
            if let Some(far) = self.levels.len().checked_sub(MOST_HANDLES + 1) {
                self.levels[far].handle = None;
            }
        }
        Ok(self.here())
    }

    fn here(&self) -> BorrowedFd<'_> {
        match self.levels.last() {
            Some(Level { handle: Some(handle), .. }) => handle.as_fd(),
            _ => self.target.root(),
        }
    }

    fn step(&self, name: &OsStr, otherwise: Otherwise) -> io::Result<OwnedFd> {
        let here = self.here();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(here, name, flags, Mode::empty()) {
            Err(Errno::NOENT) if otherwise != Otherwise::Fail => {}
            Err(Errno::NOTDIR | Errno::LOOP) if otherwise == Otherwise::Replace => {
                unlinkat(here, name, AtFlags::empty())?;
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{} is there and is no directory", redcedar_system::escape::display(name)),
                ));
            }
            other => return Ok(other?),
        }
        match mkdirat(here, name, PRIVATE) {
            Ok(()) => {
                let made: PathBuf =
                    self.levels.iter().map(|level| level.name.as_os_str()).chain([name]).collect();
                self.target.note_created(&made);
            }
            // Another thread was faster.
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(openat(here, name, flags, Mode::empty())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_directories_are_made_private_and_existing_ones_left() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::create_dir(dir.path().join("a")).unwrap();
        let target = Target::open(dir.path()).unwrap();
        Walker::new(&target).enter(Path::new("a/b/c")).unwrap();
        let mode = |path: &str| {
            use std::os::unix::fs::PermissionsExt;
            fs_err::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o7777
        };
        assert_eq!((mode("a/b"), mode("a/b/c")), (0o700, 0o700));
        assert_ne!(mode("a"), 0o700);
        assert!(target.has_created(Path::new("a/b")) && !target.has_created(Path::new("a")));
    }

    #[test]
    fn a_link_is_never_entered_and_only_replaced_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        let target = Target::open(dir.path()).unwrap();
        let mut walker = Walker::new(&target);
        assert_eq!(walker.enter(Path::new("link/x")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        walker.replace(Path::new("link")).unwrap();
        walker.enter(Path::new("link/x")).unwrap();
        assert_eq!(fs_err::read_dir(outside.path()).unwrap().count(), 0);
        assert!(dir.path().join("link/x").is_dir());
    }

    #[test]
    fn more_levels_than_handles_are_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let target = Target::open(dir.path()).unwrap();
        let mut walker = Walker::new(&target);
        let deep: PathBuf = std::iter::repeat_n("d", 300).collect();
        walker.enter(&deep).unwrap();
        walker.enter(&deep.ancestors().nth(100).unwrap().join("side")).unwrap();
        assert!(dir.path().join(deep.ancestors().nth(100).unwrap()).join("side").is_dir());
        assert!(dir.path().join(deep).is_dir());
    }
}
