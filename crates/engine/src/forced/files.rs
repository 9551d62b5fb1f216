//! Which files a request means. Plain files only: what a link or a directory leads to is not what was collected.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_system::escape;
use redcedar_system::fs::Directory;
use rustix::fs::FileType;

/// What `DIRECTORY/*` means: every plain file that is not hidden, in the order of names. When there is none, the pattern itself,
/// as a shell leaves it: `scp` then says that there is no such file.
pub(super) fn plain(directory: &Path) -> io::Result<Vec<OsString>> {
    let opened = match Directory::open(directory) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![below(directory, "*")]),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for name in opened.names()? {
        let is_hidden = name.as_bytes().starts_with(b".");
        if !is_hidden && opened.status(&name)?.is_some_and(|status| is_plain(status.st_mode)) {
            paths.push(below(directory, &name));
        }
    }
    if paths.is_empty() {
        paths.push(below(directory, "*"));
    }
    Ok(paths)
}

/// The path of an indicator, which is a plain file or not there.
pub(super) fn indicator(directory: &Path, name: &str) -> io::Result<OsString> {
    let path = below(directory, name);
    let status = match Directory::open(directory) {
        Ok(opened) => opened.status(OsStr::new(name))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // A directory of this name would take files of any name.
    if status.is_some_and(|status| !is_plain(status.st_mode)) {
        return Err(io::Error::other(format!("{} is no plain file", escape::display(&path))));
    }
    Ok(path)
}

fn below(directory: &Path, name: impl AsRef<OsStr>) -> OsString {
    directory.join(name.as_ref()).into_os_string()
}

fn is_plain(mode: rustix::fs::RawMode) -> bool {
    FileType::from_raw_mode(mode).is_file()
}
