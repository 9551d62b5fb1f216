//! What is remembered between runs: the digest state of the originals (`.sha`), read and written compatibly, and our own
//! side file with what that format has no room for.

pub mod pickle;
pub mod side_file;

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{File, OpenOptions};
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use redcedar_system::{System, escape};
use rustix::fs::OFlags;
use sha2::Digest;

/// SHA-1 of a file's content, as the originals remember it.
pub type Sha1 = [u8; 20];

/// Opens a regular file to read it, never through a link and never waiting for the other end of a pipe.
pub(crate) fn open_no_follow(path: &Path) -> io::Result<File> {
    open_no_follow_with(path, OpenOptions::new().read(true))
}

/// As [`open_no_follow`], for other ways of access.
pub(crate) fn open_no_follow_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = options.custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// The digest of all that a file still has to give.
pub(crate) fn digest<D: Digest>(file: &mut impl Read) -> io::Result<D> {
    let mut digest = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(digest),
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes files that a killed run left under temporary names. Nobody else may be writing into the directory.
pub(crate) fn remove_left_overs(directory: &Directory, system: &System) -> io::Result<()> {
    for name in directory.names()? {
        if name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            let path = directory.path().join(&name);
            let path = escape::display(&path);
            match directory.remove_file(&name) {
                Ok(()) => system.monitor.debug(format!("Removed [{path}], left over from an earlier run.")),
                Err(error) => system
                    .monitor
                    .warning(format!("Cannot remove [{path}], left over from an earlier run: {error}")),
            }
        }
    }
    Ok(())
}
