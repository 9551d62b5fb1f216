//! Program files that only root or we can change, run as they were when they were looked at.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;

use crate::escape;

/// A program that is held open: what runs is the file that was looked at, whatever its path leads to by then.
#[derive(Debug, Clone)]
pub struct Executable {
    path: PathBuf,
    file: Arc<File>,
    is_script: bool,
}

/// Why a program is not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutableError {
    /// It cannot be opened.
    #[error("cannot open {}: {source}", escape::display(.path))]
    Io {
        /// It, or a directory above it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody could put something else in its place, or it is nothing to be run.
    #[error("{} {reason}", escape::display(.path))]
    Refused {
        /// It, or a directory above it.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl ExecutableError {
    /// Whether there simply is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl Executable {
    /// Opens a program that belongs to root or to us, as all directories above it do, and that nobody else can write. No link
    /// is followed.
    ///
    /// # Errors
    /// When that is not so, and when it is no file that can be executed.
    pub fn open(path: &Path) -> Result<Self, ExecutableError> {
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::RootDir => {}
                Component::Normal(name) => names.push(name),
                _ => return Err(refused(path, "must be an absolute path without `..`")),
            }
        }
        let Some((name, above)) = names.split_last().filter(|_| path.is_absolute()) else {
            return Err(refused(path, "must be an absolute path of a file"));
        };
        let mut reached = PathBuf::from("/");
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut directory = open_at(CWD, &reached, &reached, flags)?;
        check(&directory, &reached)?;
        for name in above {
            reached.push(name);
            directory = open_at(&directory, Path::new(name), &reached, flags)?;
            check(&directory, &reached)?;
        }
        // NONBLOCK: a FIFO in the place of a file must not hang us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = open_at(&directory, Path::new(name), path, flags)?;
        let stat = check(&file, path)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(refused(path, "is no regular file"));
        }
        if stat.st_mode & 0o111 == 0 {
            return Err(refused(path, "is not executable"));
        }
        let file = File::from(file);
        let mut begin = [0; 2];
        let length = file.read_at(&mut begin, 0).map_err(|source| io_error(path, source))?;
        Ok(Self { path: path.to_owned(), is_script: &begin[..length] == b"#!", file: Arc::new(file) })
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// By which name the open file can be executed.
    pub(super) fn descriptor(&self) -> OsString {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// What has to stay open in the child: an interpreter opens its script itself.
    pub(super) fn inherited(&self) -> Option<Arc<File>> {
        self.is_script.then(|| Arc::clone(&self.file))
    }
}

/// The same open file.
impl PartialEq for Executable {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file)
    }
}

impl Eq for Executable {}

/// Refuses what somebody else can change.
fn check(file: &OwnedFd, path: &Path) -> Result<Stat, ExecutableError> {
    let stat = fstat(file).map_err(|error| io_error(path, error.into()))?;
    let us = rustix::process::geteuid().as_raw();
    if stat.st_uid != 0 && stat.st_uid != us {
        return Err(refused(path, format!("belongs to user {}, who could change it", stat.st_uid)));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(refused(path, "can be written by others than its owner"));
    }
    Ok(stat)
}

fn open_at(
    directory: impl AsFd,
    name: &Path,
    path: &Path,
    flags: OFlags,
) -> Result<OwnedFd, ExecutableError> {
    openat(directory, name, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => refused(path, "is a link"),
        Errno::NOTDIR => refused(path, "is a link or no directory"),
        error => io_error(path, error.into()),
    })
}

fn refused(path: &Path, reason: impl Into<String>) -> ExecutableError {
    ExecutableError::Refused { path: path.to_owned(), reason: reason.into() }
}

fn io_error(path: &Path, source: io::Error) -> ExecutableError {
    ExecutableError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(path: &Path) -> String {
        Executable::open(path).unwrap_err().to_string()
    }

    #[test]
    fn what_others_could_replace_is_refused() {
        let root = tempfile::tempdir_in("/tmp").unwrap();
        let program = root.path().join("program");
        fs_err::write(&program, "#!/bin/sh\n").unwrap();
        assert_eq!(reason(&program), "/tmp can be written by others than its owner");
    }

    #[test]
    fn what_is_no_program_at_its_own_path_is_refused() {
        assert_eq!(reason(Path::new("program")), "program must be an absolute path of a file");
        assert_eq!(reason(Path::new("/")), "/ must be an absolute path of a file");
        let dotted = Path::new("/usr/../usr/bin/env");
        assert_eq!(reason(dotted), "/usr/../usr/bin/env must be an absolute path without `..`");
        assert_eq!(reason(Path::new("/etc/passwd")), "/etc/passwd is not executable");
        assert_eq!(reason(Path::new("/usr/bin")), "/usr/bin is no regular file");
        assert_eq!(reason(Path::new("/proc/self/exe")), "/proc/self is a link or no directory");
        let missing = Executable::open(Path::new("/nonexistent/program")).unwrap_err();
        assert!(missing.is_missing(), "{missing}");
    }

    #[test]
    fn a_program_of_the_system_is_accepted() {
        let program = fs_err::canonicalize("/usr/bin/env").unwrap();
        let executable = Executable::open(&program).unwrap();
        assert_eq!(executable.path(), program);
        assert!(executable.inherited().is_none());
    }
}
