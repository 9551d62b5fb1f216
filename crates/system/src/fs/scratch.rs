//! A private directory for what is only needed for a moment.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;

use super::Directory;
use crate::account::Owner;

/// A directory of mode 0700 among the temporary files, gone with all that is in it when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    place: tempfile::TempDir,
    directory: Directory,
}

impl Scratch {
    /// Makes it, for `owner` where it is not for ourselves.
    ///
    /// # Errors
    /// When it cannot be made or given away.
    pub fn new(owner: Option<Owner>) -> io::Result<Self> {
        let private = Permissions::from_mode(0o700);
        let place = tempfile::Builder::new().prefix("redcedar-").permissions(private).tempdir()?;
        // Opened before it is given away: its new owner could put something else in its place.
        let directory = Directory::open(place.path())?;
        if let Some(owner) = owner {
            fs_err::os::unix::fs::chown(place.path(), Some(owner.uid), Some(owner.gid))?;
        }
        Ok(Self { place, directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// The directory itself, whatever is at its path by now.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Makes a file in it that only we can read. Only for a directory that is ours.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        let mut file = fs_err::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(content)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_gone_at_the_end() {
        let scratch = Scratch::new(None).unwrap();
        let file = scratch.file("x", b"content").unwrap();
        let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(scratch.path()), mode(&file)), (0o700, 0o600));
        assert_eq!(scratch.directory().names().unwrap(), ["x"]);
        drop(scratch);
        assert!(!file.parent().unwrap().exists());
    }
}
