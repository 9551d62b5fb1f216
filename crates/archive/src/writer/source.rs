//! Looking at paths and opening them, in directories where others can change things under our hands.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat2, readlinkat, statx};
use rustix::io::Errno;

use super::AppendError;
use crate::tar::sparse::{SparseMap, WORTH_IT};
use crate::{Kind, Metadata};

/// An open regular file.
#[derive(Debug)]
pub struct Source {
    file: File,
    /// What the file system said of it, last time it was asked.
    pub metadata: Metadata,
    /// Bytes that it takes on disk.
    allocated: u64,
}

impl Source {
    /// Opens the regular file that `walked` describes. When another regular file has taken its place, that one is opened:
    /// editors save so.
    ///
    /// # Errors
    /// When it is gone or cannot be opened.
    pub fn open(path: &Path, walked: &Metadata) -> Result<Self, AppendError> {
        let source = Self::open_with(path, ResolveFlags::empty()).map_err(missing_or_unreadable)?;
        if source.metadata.identity() == walked.identity() {
            return source.regular();
        }
        // It is another file now. If a directory on the way has become a link, it may be any file of the machine, which
        // must not get into the backup of somebody else's directory.
        match Self::open_with(path, ResolveFlags::NO_SYMLINKS) {
            Ok(source) => source.regular(),
            // Somewhere on the way there has always been a link, or this kernel cannot exclude it.
            Err(Errno::LOOP | Errno::NOSYS) if source.metadata.uid == walked.uid && walked.uid != 0 => {
                source.regular()
            }
            Err(Errno::LOOP | Errno::NOSYS) => Err(AppendError::Vanished),
            Err(error) => Err(missing_or_unreadable(error)),
        }
    }

    fn open_with(path: &Path, resolve: ResolveFlags) -> Result<Self, Errno> {
        // Not to be stopped by a FIFO, not to get a terminal, not to leave traces where that is allowed.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |flags| {
            if resolve.is_empty() {
                rustix::fs::open(path, flags, Mode::empty())
            } else {
                openat2(CWD, path, flags, Mode::empty(), resolve)
            }
        };
        let file = match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => open(flags)?,
            other => other?,
        };
        Self::examine(file)
    }

    /// The regular file that is open already.
    ///
    /// # Errors
    /// When the system refuses to say what it is.
    pub fn of(file: File) -> io::Result<Self> {
        Ok(Self::examine(file.into())?)
    }

    fn examine(file: OwnedFd) -> Result<Self, Errno> {
        let statx = statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        let metadata = Metadata::from_statx(&statx).ok_or(Errno::IO)?;
        Ok(Self { file: File::from(file), metadata, allocated: statx.stx_blocks.saturating_mul(512) })
    }

    fn regular(self) -> Result<Self, AppendError> {
        if self.metadata.kind == Kind::File { Ok(self) } else { Err(AppendError::Vanished) }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// What the file system says of it now.
    ///
    /// # Errors
    /// When the system refuses to say.
    pub fn ask_again(&self) -> io::Result<Metadata> {
        let statx = statx(&self.file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        metadata(&statx)
    }

    /// Where its data is, if it has holes worth mentioning.
    pub(super) fn sparse_map(&self) -> io::Result<Option<SparseMap>> {
        if self.allocated + WORTH_IT > self.metadata.size {
            return Ok(None);
        }
        SparseMap::of(&self.file, self.metadata.size)
    }

    /// Where its data is, if it has holes worth mentioning: ascending, the last one may be empty.
    ///
    /// # Errors
    /// When the system refuses to say.
    pub fn stretches(&self) -> io::Result<Option<Vec<Range<u64>>>> {
        Ok(self.sparse_map()?.map(|map| map.stretches))
    }

    /// Reads at an offset.
    ///
    /// # Errors
    /// As every reading.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        #[cfg(test)]
        super::tests::before_read(offset)?;
        self.file.read_at(buffer, offset)
    }
}

/// Device and inode of an open file.
pub(super) fn identity_of(file: impl AsFd) -> io::Result<(u64, u64)> {
    let statx = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok(metadata(&statx)?.identity())
}

/// What is at a path, which must be of this kind.
pub(super) fn examine(path: &Path, kind: Kind) -> Result<Metadata, AppendError> {
    examine_with(path, AtFlags::SYMLINK_NOFOLLOW, |metadata| metadata.kind == kind)
}

/// What the link at a path leads to, which must be what was walked.
pub(super) fn examine_target(path: &Path, walked: &Metadata) -> Result<Metadata, AppendError> {
    examine_with(path, AtFlags::empty(), |metadata| {
        (metadata.kind, metadata.identity()) == (walked.kind, walked.identity())
    })
}

fn examine_with(
    path: &Path,
    flags: AtFlags,
    is_right: impl Fn(&Metadata) -> bool,
) -> Result<Metadata, AppendError> {
    let statx = statx(CWD, path, flags, StatxFlags::BASIC_STATS).map_err(missing_or_unreadable)?;
    let metadata = metadata(&statx).map_err(AppendError::Unreadable)?;
    if is_right(&metadata) { Ok(metadata) } else { Err(AppendError::Vanished) }
}

/// The target of the link at a path, byte for byte.
///
/// # Errors
/// When it is no link any more, or cannot be read.
pub fn link_target(path: &Path) -> Result<PathBuf, AppendError> {
    match readlinkat(CWD, path, Vec::new()) {
        Ok(target) => Ok(OsString::from_vec(target.into_bytes()).into()),
        Err(Errno::INVAL) => Err(AppendError::Vanished),
        Err(error) => Err(missing_or_unreadable(error)),
    }
}

fn metadata(statx: &Statx) -> io::Result<Metadata> {
    Metadata::from_statx(statx).ok_or_else(|| io::Error::other("it is of a type that does not exist"))
}

/// Gone, or replaced by something that cannot be opened for reading: a link, a socket, a device without driver.
fn missing_or_unreadable(error: Errno) -> AppendError {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::NODEV => AppendError::Vanished,
        other => AppendError::Unreadable(other.into()),
    }
}
