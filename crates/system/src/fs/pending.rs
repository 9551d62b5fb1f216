//! Files that appear under their final name only when they are complete.

use std::ffi::{OsStr, OsString};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, fchmod, fchown, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::account::Owner;

/// What the temporary names begin with. Such a file is left over from a run that was killed, and may go.
pub const TEMPORARY_PREFIX: &str = ".redcedar-";

/// A file being written under a temporary name in the directory where it will appear, or one that waits elsewhere to be moved
/// there. Dropped before [`PendingFile::publish`], it is gone.
#[derive(Debug)]
pub struct PendingFile {
    file: std::fs::File,
    directory: OwnedFd,
    /// Where it is until then, if not there.
    origin: Option<OwnedFd>,
    temporary: Option<OsString>,
    name: OsString,
    path: PathBuf,
}

impl PendingFile {
    /// Begins the file that will be `path`. It is created new (`O_EXCL`, `O_NOFOLLOW`), readable by us only, until
    /// [`PendingFile::publish`] sets its mode and owner. The directory is opened once; everything happens relative to it.
    ///
    /// # Errors
    /// When the directory cannot be opened or the file cannot be created; the message names the path.
    pub fn create(path: &Path) -> io::Result<Self> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} names no file", crate::escape::display(path)),
            )
        })?;
        let directory =
            rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|error| context(error, "cannot open directory", parent))?;
        Self::create_in(directory, name, path.to_owned())
    }

    /// As [`PendingFile::create`], in a directory that is open already; `path` is for messages.
    pub(super) fn create_in(directory: OwnedFd, name: &OsStr, path: PathBuf) -> io::Result<Self> {
        let temporary = temporary_name(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created = match openat(&directory, &temporary, flags, Mode::RUSR | Mode::WUSR) {
            // Left over from a killed process that had our process id.
            Err(rustix::io::Errno::EXIST) => {
                unlinkat(&directory, &temporary, AtFlags::empty())
                    .map_err(|error| context(error, "cannot replace the left-over of", &path))?;
                openat(&directory, &temporary, flags, Mode::RUSR | Mode::WUSR)
            }
            other => other,
        };
        let file = created.map_err(|error| context(error, "cannot create", &path))?;
        Ok(Self {
            file: std::fs::File::from(file),
            directory,
            origin: None,
            temporary: Some(temporary),
            name: name.to_owned(),
            path,
        })
    }

    /// The file `name` of the directory `origin`, to be moved; see [`super::Directory::adopt_file`].
    pub(super) fn adopt(
        file: std::fs::File,
        origin: OwnedFd,
        directory: OwnedFd,
        name: &OsStr,
        path: PathBuf,
    ) -> Self {
        let (origin, temporary) = (Some(origin), Some(name.to_owned()));
        Self { file, directory, origin, temporary, name: name.to_owned(), path }
    }

    fn origin(&self) -> &OwnedFd {
        self.origin.as_ref().unwrap_or(&self.directory)
    }

    /// The final path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file. Reading and seeking are allowed.
    pub fn file_mut(&mut self) -> &mut std::fs::File {
        &mut self.file
    }

    /// Another handle on the same open file.
    ///
    /// # Errors
    /// When the system has no handle left.
    pub fn try_clone_file(&self) -> io::Result<std::fs::File> {
        self.file.try_clone()
    }

    /// Sets mode and owner, brings the data to disk, gives the file its name and brings the directory to disk.
    /// What had the name before is replaced, a link by that name as well, never its target.
    ///
    /// # Errors
    /// When any of it fails; the temporary file is removed then and what had the name before is untouched. A refused
    /// change of owner is an error like any other.
    pub fn publish(self, mode: u32, owner: Option<Owner>) -> io::Result<()> {
        self.prepare(mode, owner)?;
        self.file.sync_all().map_err(|error| with_path(&error, "cannot bring to disk", &self.path))?;
        let (directory, path) = (self.directory.try_clone()?, self.path.clone());
        self.rename()?;
        fsync(directory).map_err(|error| context(error, "cannot bring to disk the directory of", &path))
    }

    /// The same for one of many files whose data is on disk already. The directory is left to who publishes the last of them.
    ///
    /// # Errors
    /// As [`PendingFile::publish`].
    pub fn publish_one_of_many(self, mode: u32, owner: Option<Owner>) -> io::Result<()> {
        self.prepare(mode, owner)?;
        self.rename()
    }

    fn prepare(&self, mode: u32, owner: Option<Owner>) -> io::Result<()> {
        if let Some(owner) = owner {
            let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
            fchown(&self.file, Some(uid), Some(gid))
                .map_err(|error| context(error, "cannot change the owner of", &self.path))?;
        }
        fchmod(&self.file, Mode::from_raw_mode(mode))
            .map_err(|error| context(error, "cannot change the mode of", &self.path))
    }

    fn rename(mut self) -> io::Result<()> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        renameat(self.origin(), temporary, &self.directory, &self.name)
            .map_err(|error| context(error, "cannot rename the finished", &self.path))?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // Nobody can be told here; a left-over is recognisable by its name and removed by the next run.
            let _ignored = unlinkat(self.origin(), &temporary, AtFlags::empty());
        }
    }
}

impl Write for PendingFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file.write(buffer).map_err(|error| with_path(&error, "cannot write", &self.path))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for PendingFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// Whether a file of this name is being written, or was by a process that is gone.
pub fn is_temporary(name: &OsStr) -> bool {
    writer(name).is_some()
}

/// Whether a file of this name is left over from a run that was killed: nobody is writing it any more.
pub fn is_left_over(name: &OsStr) -> bool {
    writer(name).is_some_and(|writer| test_kill_process(writer) == Err(Errno::SRCH))
}

/// Whose temporary name it is.
fn writer(name: &OsStr) -> Option<Pid> {
    use std::os::unix::ffi::OsStrExt;
    let rest = name.as_bytes().strip_prefix(TEMPORARY_PREFIX.as_bytes())?;
    let (digits, _) = rest.split_at(rest.iter().position(|byte| *byte == b'-')?);
    Pid::from_raw(std::str::from_utf8(digits).ok()?.parse().ok()?)
}

/// Writes a small file in one go, atomically. See [`PendingFile::publish`].
///
/// # Errors
/// As [`PendingFile::create`] and [`PendingFile::publish`].
pub fn write_atomically(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let mut pending = PendingFile::create(path)?;
    pending.write_all(content)?;
    pending.publish(mode, owner)
}

/// Brings the entries of a directory to disk.
///
/// # Errors
/// When it cannot be opened or synchronised.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    let directory =
        rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| context(error, "cannot open directory", path))?;
    fsync(&directory).map_err(|error| context(error, "cannot bring to disk", path))
}

/// `.redcedar-PID-NAME`, cut so that a name of 255 bytes still fits.
fn temporary_name(name: &OsStr) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut temporary = format!("{TEMPORARY_PREFIX}{}-", std::process::id()).into_bytes();
    let room = 255 - temporary.len();
    let bytes = name.as_bytes();
    temporary.extend_from_slice(&bytes[bytes.len().saturating_sub(room)..]);
    OsString::from_vec(temporary)
}

pub(super) fn context(error: rustix::io::Errno, intent: &str, path: &Path) -> io::Error {
    with_path(&error.into(), intent, path)
}

pub(super) fn with_path(error: &io::Error, intent: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{intent} {}: {error}", crate::escape::display(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_nobody_writes_any_more_is_told_from_what_somebody_does() {
        let own = temporary_name(OsStr::new("x"));
        assert!(is_temporary(&own) && !is_left_over(&own), "{}", own.display());
        // No process has the greatest number that there is.
        assert!(is_left_over(OsStr::new(".redcedar-2147483647-x")));
        for name in [".redcedar-x", ".redcedar--x", ".redcedar-12", "redcedar-2147483647-x", ".redcedar-0-x"]
        {
            assert!(!is_temporary(OsStr::new(name)) && !is_left_over(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn nothing_has_the_final_name_before_publish() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let mut pending = PendingFile::create(&path).unwrap();
        pending.write_all(b"abc").unwrap();
        assert!(!path.exists());
        pending.publish(0o640, None).unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"abc");
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn dropped_unpublished_it_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        drop(PendingFile::create(&directory.path().join("x")).unwrap());
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_planted_link_is_replaced_and_its_target_untouched() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        fs_err::write(&target, b"precious").unwrap();
        let path = directory.path().join("x");
        symlink(&target, &path).unwrap();
        write_atomically(&path, b"new", 0o600, None).unwrap();
        assert_eq!(fs_err::read(&target).unwrap(), b"precious");
        assert!(fs_err::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn a_name_of_255_bytes_fits() {
        let directory = tempfile::tempdir().unwrap();
        write_atomically(&directory.path().join("n".repeat(255)), b"", 0o600, None).unwrap();
    }

    #[test]
    fn an_error_names_the_path() {
        let error = PendingFile::create(Path::new("/nonexistent/dir/x")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/dir"), "{error}");
    }
}
