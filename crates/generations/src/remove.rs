//! Removing trees whose files other generations share.
//!
//! A file's attributes belong to all its names: only those of directories may be changed to get at what is in them.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use redcedar_system::fs::Directory;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fchmod, fstat, openat, unlinkat};
use rustix::io::Errno;

use crate::name::TRASH;
use crate::store::Store;

/// Takes a tree out of the store: at once, so that half a generation is never taken for a whole one. It is removed afterwards.
pub(crate) fn set_aside(store: &Store, name: &OsStr) -> io::Result<OsString> {
    let mut trash = OsString::from(TRASH);
    trash.push(name);
    let directory = store.directory();
    rustix::fs::renameat(directory, name, directory, &trash)?;
    directory.sync()?;
    Ok(trash)
}

/// Removes `name` of a directory, and everything below it if it is a directory itself.
pub(crate) fn remove_tree(parent: &Directory, name: &OsStr) -> io::Result<()> {
    let named = |error: Errno| {
        let error = io::Error::from(error);
        let path = parent.path().join(name);
        io::Error::new(
            error.kind(),
            format!("cannot remove {}: {error}", redcedar_system::escape::display(&path)),
        )
    };
    remove(parent, name).map_err(named)
}

fn remove(parent: impl AsFd, name: &OsStr) -> Result<(), Errno> {
    match unlinkat(&parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(()),
        other => return other,
    }
    let directory = enter(&parent, name)?;
    // Names are read before they are removed: what a directory shows while it changes is left open.
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push((OsStr::from_bytes(name).to_owned(), entry.file_type()));
        }
    }
    for (name, kind) in names {
        match kind {
            FileType::Directory | FileType::Unknown => remove(&directory, &name)?,
            _ => unlinkat(&directory, &name, AtFlags::empty())?,
        }
    }
    unlinkat(&parent, name, AtFlags::REMOVEDIR)
}

/// Opens a directory to empty it, and gives us the right to where we do not have it.
fn enter(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || openat(&parent, name, flags, Mode::empty());
    let directory = match open() {
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(&parent, name, Mode::RWXU, AtFlags::empty())?;
            open()?
        }
        other => other?,
    };
    let mode = Mode::from_raw_mode(fstat(&directory)?.st_mode);
    if !rustix::process::geteuid().is_root() && !mode.contains(Mode::RWXU) {
        fchmod(&directory, Mode::RWXU)?;
    }
    Ok(directory)
}
