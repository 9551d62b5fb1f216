//! Writing one object — file, link, pipe, device, directory — below the target.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use redcedar_archive::Kind;
use redcedar_archive::manifest::Entry;
use redcedar_system::fs::TEMPORARY_PREFIX;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fstat, linkat, makedev, mknodat, openat, renameat, statat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;

use crate::content::Content;
use crate::intent::{Intent, is_directory, judge};
use crate::metadata::{Attributes, MetadataSetter};
use crate::notes::Notes;
use crate::owners::OwnerRule;
use crate::surplus::Surplus;
use crate::target::{Target, Walker};

/// What happens to what is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays as it is.
    Never,
    /// It is replaced unless it looks the same: kind, size, time of change, mode, owner.
    IfDifferent,
    /// It is replaced where it changed last before what is stored did. Directories stay as they are.
    IfOlder,
    /// It is replaced.
    Always,
}

impl Overwrite {
    /// Whether directories that are there get the mode, owner and times of those that are stored.
    pub fn changes_directories(self) -> bool {
        matches!(self, Self::IfDifferent | Self::Always)
    }
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was written; so many bytes of content.
    Restored(u64),
    /// It was there and the same.
    Unchanged,
    /// It was there and was left alone.
    Skipped,
}

/// Why an object was not written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The system refused.
    #[error("{intent}: {source}")]
    Io {
        /// What was to be done.
        intent: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The content is wrong.
    #[error("what is stored is not what was collected: its SHA-256 differs")]
    Digest,
    /// The content is not all there.
    #[error("only {there} of its {size} bytes are stored")]
    Short {
        /// How much there is.
        there: u64,
        /// How much there should be.
        size: u64,
    },
    /// Devices are for root.
    #[error("only root can make devices")]
    Device,
    /// Sockets are for programs.
    #[error("a socket cannot be brought back; the program that made it makes it again")]
    Socket,
}

pub(crate) fn io_error<E: Into<io::Error>>(intent: &'static str) -> impl Fn(E) -> ObjectError {
    move |source| ObjectError::Io { intent, source: source.into() }
}

/// Writes objects. One per thread.
pub struct ObjectWriter<'t> {
    pub(crate) target: &'t Target,
    pub(crate) overwrite: Overwrite,
    /// What goes where a directory is in the way that is not empty.
    surplus: Option<&'t Surplus>,
    pub(crate) walker: Walker<'t>,
    pub(crate) metadata: MetadataSetter<'t>,
}

impl<'t> ObjectWriter<'t> {
    /// For what is written below `target`.
    pub fn new(target: &'t Target, notes: &'t Notes, overwrite: Overwrite, numeric_owner: bool) -> Self {
        Self {
            target,
            overwrite,
            surplus: None,
            walker: Walker::new(target),
            metadata: MetadataSetter::new(notes, numeric_owner),
        }
    }

    /// Gives what was of one owner to another.
    #[must_use]
    pub(crate) fn mapping_owners(mut self, rules: &[OwnerRule]) -> Self {
        self.metadata.map_owners(rules);
        self
    }

    /// Removes surplus from a directory that is in the place of something else.
    #[must_use]
    pub(crate) fn clearing(self, surplus: &'t Surplus) -> Self {
        Self { surplus: Some(surplus), ..self }
    }

    /// Writes a regular file. What came out of the archive wrong (see [`ObjectError::Digest`], [`ObjectError::Short`]) is kept
    /// where nothing was before: it may be all there is.
    ///
    /// # Errors
    /// When it cannot be made, or not so.
    pub fn file(
        &mut self,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
        content: &mut Content<'_>,
    ) -> Result<Written, ObjectError> {
        self.file_with(path, entry, attributes, |file| content.write_to(file, entry.sha256.as_ref()))
    }

    /// As [`Self::file`], with content that `write` writes; it says how many bytes those are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file_with(
        &mut self,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
        mut write: impl FnMut(&mut File) -> Result<u64, ObjectError>,
    ) -> Result<Written, ObjectError> {
        // Nobody else can look into a directory that is being made, so a file can be made there with the mode that it will have.
        let directory = self.target.below(path).parent();
        let is_private = directory.is_some_and(|directory| self.target.has_created(directory));
        let mode = if is_private { Mode::from_raw_mode(entry.mode & 0o777) } else { Mode::RUSR | Mode::WUSR };
        self.place(path, entry, |metadata, directory, name| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = openat(directory, name, flags, mode);
            let mut file = File::from(opened.map_err(io_error("cannot create it"))?);
            let written = match write(&mut file) {
                Err(error @ ObjectError::Io { .. }) => Err(error),
                written => metadata.finish_file(&file, path, entry, attributes).and(written),
            };
            if matches!(written, Err(ObjectError::Io { .. })) {
                remove(directory, name);
            }
            written
        })
    }

    /// Makes a link, a pipe or a device.
    ///
    /// # Errors
    /// When it cannot be made, or not so.
    pub fn special(
        &mut self,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
    ) -> Result<Written, ObjectError> {
        self.place(path, entry, |metadata, directory, name| {
            make_special(directory, name, entry, metadata.is_root())?;
            let finished = metadata.finish_special(directory, name, path, entry, attributes);
            if finished.is_err() {
                remove(directory, name);
            }
            finished.map(|()| 0)
        })
    }

    /// Gives a file a further name.
    ///
    /// # Errors
    /// When it cannot be made, or not so.
    pub fn hard_link(&mut self, path: &Path, entry: &Entry, first: &Path) -> Result<Written, ObjectError> {
        let mut other = Walker::new(self.target);
        let (first_directory, first_name) = split(self.target.below(first));
        let first_directory =
            other.enter(first_directory).map_err(io_error("cannot enter the directory of its first name"))?;
        if self.is_link_to(path, first_directory, first_name)? {
            return Ok(Written::Unchanged);
        }
        self.place(path, entry, |_, directory, name| {
            linkat(first_directory, first_name, directory, name, AtFlags::empty())
                .map_err(io_error("cannot link it"))?;
            Ok(0)
        })
    }

    /// Whether both are names of one file already.
    pub(crate) fn is_link_to(
        &mut self,
        path: &Path,
        first_directory: BorrowedFd<'_>,
        first_name: &OsStr,
    ) -> Result<bool, ObjectError> {
        let (directory, name) = split(self.target.below(path));
        // Where there is no such directory, there is no such name.
        let Ok(directory) = self.walker.find(directory) else { return Ok(false) };
        let inode = |directory, name| match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((stat.st_dev, stat.st_ino))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(io_error("cannot look at it")(error)),
        };
        let ours = inode(directory, name)?;
        Ok(ours.is_some() && ours == inode(first_directory, first_name)?)
    }

    /// Makes sure that a directory is there. Its mode and the like come last: see [`Self::finish_directory`].
    ///
    /// # Errors
    /// When it cannot be made, or not so.
    pub fn directory(&mut self, path: &Path) -> Result<(), ObjectError> {
        let relative = self.target.below(path);
        let entered = match self.overwrite {
            Overwrite::Never | Overwrite::IfOlder => self.walker.enter(relative),
            Overwrite::IfDifferent | Overwrite::Always => self.walker.replace(relative),
        };
        entered.map(drop).map_err(io_error("cannot make it"))
    }

    /// Sets everything about a directory in which nothing changes any more.
    ///
    /// # Errors
    /// When it cannot be made, or not so.
    pub fn finish_directory(
        &mut self,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
    ) -> Result<(), ObjectError> {
        let directory = self.walker.enter(self.target.below(path)).map_err(io_error("cannot enter it"))?;
        self.metadata.finish_directory(directory, path, entry, attributes)
    }

    /// Gives a file that is there the mode, owner, time and attributes that it should have, if it has not.
    ///
    /// # Errors
    /// When they cannot be set.
    pub fn adjust_file(
        &mut self,
        file: &File,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
    ) -> Result<Written, ObjectError> {
        let stat = fstat(file).map_err(io_error("cannot look at it"))?;
        if self.metadata.is_same(&stat, entry, path) {
            return Ok(Written::Unchanged);
        }
        self.metadata.set_all(file, path, entry, attributes).map(|()| Written::Restored(0))
    }

    /// Gives a link that is there the owner and the time that it should have, if it has not.
    ///
    /// # Errors
    /// When they cannot be set.
    pub fn adjust_link(&mut self, path: &Path, entry: &Entry) -> Result<Written, ObjectError> {
        let (directory, name) = split(self.target.below(path));
        let directory = self.walker.find(directory).map_err(io_error("cannot enter its directory"))?;
        let stat =
            statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io_error("cannot look at it"))?;
        if self.metadata.is_same_link(&stat, entry, path) {
            return Ok(Written::Unchanged);
        }
        self.metadata.finish_special(directory, name, path, entry, &[]).map(|()| Written::Restored(0))
    }

    /// Makes an object under its name. Where something has the name, [`Overwrite`] decides; it is replaced by renaming, so
    /// that it is there until the new one is complete.
    fn place(
        &mut self,
        path: &Path,
        entry: &Entry,
        mut make: impl FnMut(&mut MetadataSetter<'t>, BorrowedFd<'_>, &OsStr) -> Result<u64, ObjectError>,
    ) -> Result<Written, ObjectError> {
        let (parent, name) = split(self.target.below(path));
        let directory = self.walker.enter(parent).map_err(io_error("cannot enter its directory"))?;
        match make(&mut self.metadata, directory, name) {
            Err(ObjectError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(Written::Restored),
        }
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(io_error("cannot look at what is in its place"))?;
        match judge(self.overwrite, &mut self.metadata, &stat, entry, path) {
            Intent::Keep => return Ok(Written::Skipped),
            Intent::Same => return Ok(Written::Unchanged),
            Intent::Create | Intent::Replace | Intent::Update => {}
        }
        let temporary = temporary_name();
        let result = make(&mut self.metadata, directory, &temporary).and_then(|bytes| {
            if let Some(surplus) = self.surplus.filter(|_| is_directory(&stat)) {
                // What stays is in the way, and said so by the next step.
                surplus.remove_below(self.target, self.target.below(path));
            }
            put_in_place(directory, &temporary, name).map(|()| Written::Restored(bytes))
        });
        if result.is_err() {
            remove(directory, &temporary);
        }
        result
    }
}

/// Directory and name, below the target.
pub(crate) fn split(path: &Path) -> (&Path, &OsStr) {
    (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default())
}

fn make_special(
    directory: BorrowedFd<'_>,
    name: &OsStr,
    entry: &Entry,
    is_root: bool,
) -> Result<(), ObjectError> {
    let private = Mode::RUSR | Mode::WUSR;
    let made = match entry.kind {
        Kind::Symlink => symlinkat(entry.link.as_deref().unwrap_or(Path::new("")), directory, name),
        Kind::Fifo => mknodat(directory, name, FileType::Fifo, private, 0),
        Kind::Character | Kind::Block if !is_root => return Err(ObjectError::Device),
        Kind::Character | Kind::Block => {
            let (major, minor) = entry.rdev.unwrap_or_default();
            let kind = match entry.kind {
                Kind::Block => FileType::BlockDevice,
                _ => FileType::CharacterDevice,
            };
            mknodat(directory, name, kind, private, makedev(major, minor))
        }
        Kind::File | Kind::Directory | Kind::Socket => return Err(ObjectError::Socket),
    };
    made.map_err(io_error("cannot make it"))
}

/// Gives the finished object its name. An empty directory in its place goes, a full one does not.
fn put_in_place(directory: BorrowedFd<'_>, temporary: &OsStr, name: &OsStr) -> Result<(), ObjectError> {
    match renameat(directory, temporary, directory, name) {
        Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) => {
            unlinkat(directory, name, AtFlags::REMOVEDIR)
                .map_err(io_error("cannot remove the directory in its place"))?;
            renameat(directory, temporary, directory, name)
        }
        renamed => renamed,
    }
    .map_err(io_error("cannot put it in its place"))
}

/// Removes what could not be completed. It is reported as failed already.
fn remove(directory: BorrowedFd<'_>, name: &OsStr) {
    let _ignored = unlinkat(directory, name, AtFlags::empty());
}

fn temporary_name() -> OsString {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY_PREFIX}{}-restore-{number}", std::process::id()).into()
}
