//! Owner, mode, attributes and times of what was written.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_archive::Kind;
use redcedar_archive::manifest::Entry;
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags, chmod, chownat,
    fchmod, fchown, fsetxattr, fstat, futimens, openat, utimensat,
};

use crate::notes::Notes;
use crate::object::{ObjectError, io_error};
use crate::owners::{OwnerRule, Owners};

/// Extended attributes: names and values.
pub type Attributes<'a> = &'a [(Vec<u8>, Vec<u8>)];

/// Sets what the manifest or the archive says about an object.
pub(crate) struct MetadataSetter<'t> {
    owners: Owners,
    notes: &'t Notes,
    is_root: bool,
    ours: (u32, u32),
}

impl<'t> MetadataSetter<'t> {
    /// What cannot be done is noted.
    pub(crate) fn new(notes: &'t Notes, numeric_owner: bool) -> Self {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        Self {
            owners: Owners::new(numeric_owner),
            notes,
            is_root: user.is_root(),
            ours: (user.as_raw(), group.as_raw()),
        }
    }

    /// Gives what was of one owner to another.
    pub(crate) fn map_owners(&mut self, rules: &[OwnerRule]) {
        self.owners.map(rules);
    }

    /// Whether we may do everything.
    pub(crate) fn is_root(&self) -> bool {
        self.is_root
    }

    /// A file just created. Most have owner and mode already, and to ask costs less than to set.
    pub(crate) fn finish_file(
        &mut self,
        file: &File,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
    ) -> Result<(), ObjectError> {
        let found = fstat(file).map_err(io_error("cannot look at it"))?;
        if let Some((uid, gid)) =
            self.owner(entry, path).filter(|owner| *owner != (found.st_uid, found.st_gid))
        {
            fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .map_err(io_error("cannot set its owner"))?;
        }
        let mode = self.mode(entry, path);
        if mode != found.st_mode & 0o7777 {
            fchmod(file, Mode::from_raw_mode(mode)).map_err(io_error("cannot set its mode"))?;
        }
        self.set_attributes(file, path, attributes);
        futimens(file, &times(entry)).map_err(io_error("cannot set its time"))
    }

    /// A link, pipe or device just created.
    pub(crate) fn finish_special(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &OsStr,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
    ) -> Result<(), ObjectError> {
        if !attributes.is_empty() {
            self.notes.add("extended attributes of links, pipes and devices are not restored", path);
        }
        if let Some((uid, gid)) = self.owner(entry, path) {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            chownat(directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(io_error("cannot set its owner"))?;
        }
        if entry.kind != Kind::Symlink {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let handle = openat(directory, name, flags, Mode::empty()).map_err(io_error("cannot open it"))?;
            let mode = Mode::from_raw_mode(self.mode(entry, path));
            // A handle of a pipe or device that was not opened for use has no other way to its mode.
            chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), mode)
                .map_err(io_error("cannot set its mode"))?;
        }
        utimensat(directory, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(io_error("cannot set its time"))
    }

    /// A directory in which nothing changes any more.
    pub(crate) fn finish_directory(
        &mut self,
        directory: BorrowedFd<'_>,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
    ) -> Result<(), ObjectError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = openat(directory, ".", flags, Mode::empty()).map_err(io_error("cannot open it"))?;
        self.set_all(handle, path, entry, attributes)
    }

    /// A file or directory that has been there.
    pub(crate) fn set_all(
        &mut self,
        handle: impl AsFd,
        path: &Path,
        entry: &Entry,
        attributes: Attributes<'_>,
    ) -> Result<(), ObjectError> {
        if let Some((uid, gid)) = self.owner(entry, path) {
            fchown(&handle, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .map_err(io_error("cannot set its owner"))?;
        }
        let mode = Mode::from_raw_mode(self.mode(entry, path));
        fchmod(&handle, mode).map_err(io_error("cannot set its mode"))?;
        self.set_attributes(&handle, path, attributes);
        futimens(&handle, &times(entry)).map_err(io_error("cannot set its time"))
    }

    /// Whether a file that is there looks as `entry` says.
    pub(crate) fn is_same(&mut self, stat: &Stat, entry: &Entry, path: &Path) -> bool {
        let owner = self.owner(entry, path);
        // Archives of the originals know whole seconds only.
        let same_time = stat.st_mtime == entry.modified.seconds
            && (entry.modified.nanoseconds == 0
                || stat.st_mtime_nsec == u64::from(entry.modified.nanoseconds));
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && entry.kind == Kind::File
            && u64::try_from(stat.st_size) == Ok(entry.size)
            && same_time
            && stat.st_mode & 0o7777 == self.mode(entry, path)
            && owner.is_none_or(|owner| owner == (stat.st_uid, stat.st_gid))
    }

    /// Whether a link that is there has owner and time as `entry` says.
    pub(crate) fn is_same_link(&mut self, stat: &Stat, entry: &Entry, path: &Path) -> bool {
        let owner = self.owner(entry, path);
        let time = (stat.st_mtime, stat.st_mtime_nsec);
        time == (entry.modified.seconds, u64::from(entry.modified.nanoseconds))
            && owner.is_none_or(|owner| owner == (stat.st_uid, stat.st_gid))
    }

    /// The owner to set, if owners can be set at all.
    fn owner(&mut self, entry: &Entry, path: &Path) -> Option<(u32, u32)> {
        let owner = self.owners.of(entry);
        if self.is_root {
            return Some(owner);
        }
        if owner != self.ours {
            self.notes.add("only root can restore owners", path);
        }
        None
    }

    fn mode(&self, entry: &Entry, path: &Path) -> u32 {
        if !self.is_root && entry.mode & 0o6000 != 0 {
            self.notes.add("only root can restore set-user-id and set-group-id", path);
            return entry.mode & 0o1777;
        }
        entry.mode & 0o7777
    }

    fn set_attributes(&self, handle: impl AsFd, path: &Path, attributes: Attributes<'_>) {
        for (name, value) in attributes {
            if fsetxattr(&handle, OsStr::from_bytes(name), value, XattrFlags::empty()).is_err() {
                self.notes.add("extended attributes or access control lists were refused", path);
            }
        }
    }
}

/// The access time is not stored anywhere; the time of change is the better guess than now.
fn times(entry: &Entry) -> Timestamps {
    let modified =
        Timespec { tv_sec: entry.modified.seconds, tv_nsec: i64::from(entry.modified.nanoseconds) };
    Timestamps { last_access: modified, last_modification: modified }
}
