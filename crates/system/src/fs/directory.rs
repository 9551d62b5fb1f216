//! An open directory. Work below it is relative to the open handle, so that nobody who may write there can lead us elsewhere
//! by putting a link in the way.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, fchmod, fchown, fsync, mkdirat, openat, statat,
    syncfs, unlinkat,
};
use rustix::io::Errno;

use super::pending::{PendingFile, context, with_path};
use crate::account::Owner;

/// How often a directory is emptied that does not stay empty.
const REMOVAL_TRIES: u32 = 100;

/// A directory that was opened once. Names given to its methods are single components; links by such a name are never
/// followed.
#[derive(Debug)]
pub struct Directory {
    handle: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory by its path, links followed: for paths that an administrator wrote down.
    ///
    /// # Errors
    /// When it cannot be opened or is no directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| context(error, "cannot open directory", path))?;
        Ok(Self { handle, path: path.to_owned() })
    }

    /// Opens the directory `name` in this one.
    ///
    /// # Errors
    /// When it cannot be opened, or is a link or no directory.
    pub fn open_directory(&self, name: &OsStr) -> io::Result<Self> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = openat(&self.handle, name, flags, Mode::empty())
            .map_err(|error| context(error, "cannot open directory", &path))?;
        Ok(Self { handle, path })
    }

    /// Opens the directory `name` in this one, and creates it if it is not there. Says whether it was created; mode and owner
    /// are those of a created one.
    ///
    /// # Errors
    /// When it can be neither opened nor created.
    pub fn create_directory(
        &self,
        name: &OsStr,
        mode: u32,
        owner: Option<Owner>,
    ) -> io::Result<(Self, bool)> {
        let path = self.path.join(name);
        let created = match mkdirat(&self.handle, name, Mode::from_raw_mode(mode)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(context(error, "cannot create directory", &path)),
        };
        let directory = self.open_directory(name)?;
        if let (true, Some(owner)) = (created, owner) {
            directory.set_owner(owner)?;
        }
        Ok((directory, created))
    }

    /// The names in this directory, in the order of their bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let read = || -> Result<Vec<OsString>, Errno> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.handle)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if name != b"." && name != b".." {
                    names.push(OsString::from_vec(name.to_owned()));
                }
            }
            names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
            Ok(names)
        };
        read().map_err(|error| context(error, "cannot read directory", &self.path))
    }

    /// What `name` is, a link itself rather than its target; `None` when it is not there.
    ///
    /// # Errors
    /// When the system refuses to say.
    pub fn status(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(context(error, "cannot look at", &self.path.join(name))),
        }
    }

    /// What this directory itself is.
    ///
    /// # Errors
    /// When the system refuses to say.
    pub fn own_status(&self) -> io::Result<Stat> {
        rustix::fs::fstat(&self.handle).map_err(|error| context(error, "cannot look at", &self.path))
    }

    /// Opens the regular file `name` for reading. Its time of access stays as it is where that is allowed: what is deleted by
    /// age must not become young by being looked at.
    ///
    /// # Errors
    /// When it cannot be opened, or is anything but a regular file.
    pub fn open_file(&self, name: &OsStr) -> io::Result<std::fs::File> {
        let path = self.path.join(name);
        // NONBLOCK: a FIFO put in the place of a file must not hang us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = match openat(&self.handle, name, flags | OFlags::NOATIME, Mode::empty()) {
            // Only the owner and root may leave the time of access alone.
            Err(Errno::PERM) => openat(&self.handle, name, flags, Mode::empty()),
            opened => opened,
        };
        let file = opened.map_err(|error| context(error, "cannot open", &path))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| context(error, "cannot look at", &path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(context(Errno::INVAL, "no regular file:", &path));
        }
        Ok(std::fs::File::from(file))
    }

    /// Begins the file that will be `name` in this directory. See [`PendingFile::create`].
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create_file(&self, name: &OsStr) -> io::Result<PendingFile> {
        let path = self.path.join(name);
        let directory = self.handle.try_clone().map_err(|error| with_path(&error, "cannot create", &path))?;
        PendingFile::create_in(directory, name, path)
    }

    /// Begins the file that will be `name` in this directory from the file of that name in `origin`, on the same file system:
    /// it is read where it is, and moved when it is published.
    ///
    /// # Errors
    /// When it cannot be opened or is anything but a regular file.
    pub fn adopt_file(&self, origin: &Self, name: &OsStr) -> io::Result<PendingFile> {
        let file = origin.open_file(name)?;
        let clone = |directory: &Self| {
            let handle = directory.handle.try_clone();
            handle.map_err(|error| with_path(&error, "cannot open", &directory.path))
        };
        Ok(PendingFile::adopt(file, clone(origin)?, clone(self)?, name, self.path.join(name)))
    }

    /// Gives this directory an owner and a mode.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn set_owner_and_mode(&self, owner: Option<Owner>, mode: u32) -> io::Result<()> {
        if let Some(owner) = owner {
            self.set_owner(owner)?;
        }
        fchmod(&self.handle, Mode::from_raw_mode(mode))
            .map_err(|error| context(error, "cannot change the mode of", &self.path))
    }

    fn set_owner(&self, owner: Owner) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        fchown(&self.handle, Some(uid), Some(gid))
            .map_err(|error| context(error, "cannot change the owner of", &self.path))
    }

    /// Removes `name` with everything below it, whatever it is. No link is followed. What somebody puts there meanwhile (a child of
    /// a run that was killed may still be writing) goes, too.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove_all(&self, name: &OsStr) -> io::Result<()> {
        let Some(stat) = self.status(name)? else { return Ok(()) };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return self.remove_file(name);
        }
        let directory = self.open_directory(name)?;
        let mut tries_left = REMOVAL_TRIES;
        loop {
            for below in directory.names()? {
                directory.remove_all(&below)?;
            }
            tries_left -= 1;
            match self.remove_directory(name) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && tries_left > 0 => {}
                removed => return removed,
            }
        }
    }

    /// Removes `name`, which is no directory.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        unlinkat(&self.handle, name, AtFlags::empty())
            .map_err(|error| context(error, "cannot remove", &self.path.join(name)))
    }

    /// Removes the empty directory `name`.
    ///
    /// # Errors
    /// When it cannot be removed, or is not empty.
    pub fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        unlinkat(&self.handle, name, AtFlags::REMOVEDIR)
            .map_err(|error| context(error, "cannot remove directory", &self.path.join(name)))
    }

    /// Brings the entries of this directory to disk.
    ///
    /// # Errors
    /// When the system cannot.
    pub fn sync(&self) -> io::Result<()> {
        fsync(&self.handle).map_err(|error| context(error, "cannot bring to disk", &self.path))
    }

    /// Brings everything to disk that was written to the file system of this directory: for many files, sooner done than
    /// for one after the other.
    ///
    /// # Errors
    /// When the system cannot.
    pub fn sync_file_system(&self) -> io::Result<()> {
        syncfs(&self.handle).map_err(|error| context(error, "cannot bring to disk", &self.path))
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_link_in_the_place_of_a_directory_or_file_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("elsewhere")).unwrap();
        fs_err::write(root.path().join("file"), "x").unwrap();
        symlink("elsewhere", root.path().join("planted")).unwrap();
        symlink("file", root.path().join("link")).unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let error = directory.create_directory(OsStr::new("planted"), 0o750, None).unwrap_err();
        assert!(error.to_string().contains("planted"), "{error}");
        assert!(directory.open_file(OsStr::new("link")).is_err());
        assert!(directory.open_file(OsStr::new("elsewhere")).is_err());
        assert!(directory.open_file(OsStr::new("file")).is_ok());
    }

    #[test]
    fn files_are_created_listed_and_removed_relative_to_the_handle() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let (below, created) = directory.create_directory(OsStr::new("below"), 0o750, None).unwrap();
        assert!(created);
        assert!(!directory.create_directory(OsStr::new("below"), 0o750, None).unwrap().1);
        fs_err::rename(root.path().join("below"), root.path().join("moved")).unwrap();
        let mut pending = below.create_file(OsStr::new("x")).unwrap();
        pending.write_all(b"abc").unwrap();
        pending.publish(0o640, None).unwrap();
        let path = root.path().join("moved/x");
        assert_eq!(fs_err::read(&path).unwrap(), b"abc");
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(below.names().unwrap(), ["x"]);
        assert!(below.status(OsStr::new("y")).unwrap().is_none());
        below.remove_file(OsStr::new("x")).unwrap();
        directory.remove_directory(OsStr::new("moved")).unwrap();
        assert!(directory.names().unwrap().is_empty());
    }

    #[test]
    fn an_adopted_file_is_read_where_it_is_and_moves_when_it_is_published() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let (from, _) = directory.create_directory(OsStr::new("from"), 0o700, None).unwrap();
        for name in ["kept", "dropped"] {
            fs_err::write(root.path().join("from").join(name), name).unwrap();
        }
        symlink("kept", root.path().join("from/link")).unwrap();
        let mut kept = directory.adopt_file(&from, OsStr::new("kept")).unwrap();
        let mut content = String::new();
        std::io::Read::read_to_string(kept.file_mut(), &mut content).unwrap();
        assert_eq!(content, "kept");
        assert!(!root.path().join("kept").exists());
        kept.publish(0o640, None).unwrap();
        assert_eq!(fs_err::metadata(root.path().join("kept")).unwrap().permissions().mode() & 0o7777, 0o640);
        drop(directory.adopt_file(&from, OsStr::new("dropped")).unwrap());
        assert!(directory.adopt_file(&from, OsStr::new("link")).is_err());
        assert_eq!(from.names().unwrap(), ["link"]);
    }

    #[test]
    fn everything_below_a_directory_is_removed_and_nothing_behind_a_link() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(root.path().join("gone/deep/er")).unwrap();
        fs_err::create_dir(root.path().join("precious")).unwrap();
        fs_err::write(root.path().join("precious/file"), "x").unwrap();
        fs_err::write(root.path().join("gone/deep/file"), "x").unwrap();
        symlink(root.path().join("precious"), root.path().join("gone/deep/link")).unwrap();
        symlink(root.path().join("precious"), root.path().join("link")).unwrap();
        let directory = Directory::open(root.path()).unwrap();
        for name in ["gone", "link", "absent"] {
            directory.remove_all(OsStr::new(name)).unwrap();
        }
        assert_eq!(directory.names().unwrap(), ["precious"]);
        assert!(root.path().join("precious/file").exists());
    }
}
