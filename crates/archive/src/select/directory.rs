//! The few questions a walk asks the kernel, relative to an open directory.

use std::ffi::{CStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, StatxFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::{Kind, Metadata};

/// Whether a symbolic link as last component stands for itself or for what it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// It stands for itself.
    Keep,
    /// It stands for what it leads to.
    Follow,
}

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory(OwnedFd);

impl Directory {
    /// Opens a directory by its path.
    pub(super) fn open_path(path: impl Arg, links: Links) -> Result<Self, Errno> {
        open(CWD, path, links, OFlags::RDONLY | OFlags::DIRECTORY).map(Self)
    }

    /// Opens a directory in this one.
    pub(super) fn open(&self, name: &CStr, links: Links) -> Result<Self, Errno> {
        open(&self.0, name, links, OFlags::RDONLY | OFlags::DIRECTORY).map(Self)
    }

    /// Opens a directory in this one as a mere place: what would be mounted there on demand stays unmounted.
    pub(super) fn open_place(&self, name: &CStr, links: Links) -> Result<OwnedFd, Errno> {
        open(&self.0, name, links, OFlags::PATH)
    }

    /// What is under a name in this directory.
    pub(super) fn stat(&self, name: &CStr, links: Links) -> Result<Metadata, Errno> {
        stat_at(&self.0, name, links)
    }

    /// Where a symbolic link in this directory points to.
    pub(super) fn read_link(&self, name: &CStr) -> Result<OsString, Errno> {
        let target = rustix::fs::readlinkat(&self.0, name, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()))
    }

    /// What this directory is itself.
    pub(super) fn stat_self(&self) -> Result<Metadata, Errno> {
        let statx = rustix::fs::statx(&self.0, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        Metadata::from_statx(&statx).ok_or(Errno::NOTDIR)
    }

    /// Whether there is something under a path below this directory, links followed. What cannot be told is not there.
    pub(super) fn has(&self, path: impl Arg) -> bool {
        stat_at(&self.0, path, Links::Follow).is_ok()
    }

    /// Whether `name` is a regular file here that begins with `signature`.
    pub(super) fn has_file_beginning(&self, name: &CStr, signature: &[u8]) -> bool {
        let is_file = |metadata: Metadata| metadata.kind == Kind::File;
        if !self.stat(name, Links::Keep).is_ok_and(is_file) {
            return false;
        }
        // Should it have become a FIFO meanwhile, opening must not wait for a writer.
        let Ok(file) = open(&self.0, name, Links::Keep, OFlags::RDONLY | OFlags::NONBLOCK) else {
            return false;
        };
        let mut beginning = vec![0; signature.len()];
        let mut filled = 0;
        while filled < beginning.len() {
            match rustix::io::read(&file, &mut beginning[filled..]) {
                Ok(0) => return false,
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        beginning == signature
    }

    /// Puts the names in this directory, sorted, on top of `names`. On failure those read so far are there.
    pub(super) fn list(&self, names: &mut Names) -> Result<(), Errno> {
        let first = names.starts.len();
        let result = self.read_names(names);
        names.sort_from(first);
        result
    }

    fn read_names(&self, names: &mut Names) -> Result<(), Errno> {
        let Names { bytes, starts, buffer } = names;
        buffer.resize_with(64 * 1024, MaybeUninit::uninit);
        let mut entries = RawDir::new(&self.0, buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                starts.push(bytes.len());
                bytes.extend_from_slice(name.to_bytes_with_nul());
            }
        }
        Ok(())
    }
}

/// What is under a path.
pub(super) fn stat(path: impl Arg, links: Links) -> Result<Metadata, Errno> {
    stat_at(CWD, path, links)
}

fn stat_at(directory: impl AsFd, path: impl Arg, links: Links) -> Result<Metadata, Errno> {
    let flags = match links {
        Links::Keep => AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT,
        Links::Follow => AtFlags::NO_AUTOMOUNT,
    };
    let statx = rustix::fs::statx(directory, path, flags, StatxFlags::BASIC_STATS)?;
    Metadata::from_statx(&statx).ok_or(Errno::IO)
}

fn open(directory: impl AsFd, path: impl Arg, links: Links, flags: OFlags) -> Result<OwnedFd, Errno> {
    let no_follow = if links == Links::Keep { OFlags::NOFOLLOW } else { OFlags::empty() };
    rustix::fs::openat(directory, path, flags | no_follow | OFlags::CLOEXEC, Mode::empty())
}

/// A stack of names: those of a directory lie on those of its parent. No name has an allocation of its own.
#[derive(Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    starts: Vec<usize>,
    buffer: Vec<MaybeUninit<u8>>,
}

/// How high a stack of names was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Height {
    bytes: usize,
    names: usize,
}

impl Names {
    /// All names, from the bottom.
    pub(super) fn iter(&self) -> impl Iterator<Item = &CStr> {
        (0..self.len()).map(|index| self.name(index))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// One of them, counted from the bottom.
    pub(super) fn name(&self, index: usize) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes[self.starts[index]..]).unwrap_or_default()
    }

    /// The height to return to.
    pub(super) fn height(&self) -> Height {
        Height { bytes: self.bytes.len(), names: self.starts.len() }
    }

    /// Forgets what was put on top since.
    pub(super) fn truncate(&mut self, height: Height) {
        self.bytes.truncate(height.bytes);
        self.starts.truncate(height.names);
    }

    fn sort_from(&mut self, first: usize) {
        let bytes = &self.bytes;
        let name = |start: usize| CStr::from_bytes_until_nul(&bytes[start..]).unwrap_or_default();
        self.starts[first..].sort_unstable_by(|&a, &b| name(a).cmp(name(b)));
    }
}
