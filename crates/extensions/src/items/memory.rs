//! What is remembered about an item between runs, in the working directory.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use redcedar_engine::Ownership;
use redcedar_system::fs::{Directory, PendingFile};
use redcedar_system::{System, account, escape};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// State files longer than this are none of ours.
const LONGEST: u64 = 64 << 20;

/// The working directory, and whose the files in it shall be.
pub(crate) struct Memory<'a> {
    path: &'a Path,
    /// None while it cannot be used: then everything is backed up, and not being able to remember that is a failure.
    directory: Option<Directory>,
    ownership: &'a Ownership,
    system: &'a System,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(path: &'a Path, ownership: &'a Ownership, system: &'a System) -> Self {
        Self { path, directory: Directory::open(path).ok(), ownership, system }
    }

    /// The directory, or why it cannot be used.
    fn directory(&self) -> io::Result<&Directory> {
        match &self.directory {
            Some(directory) => Ok(directory),
            None => Err(Directory::open(self.path).err().unwrap_or(io::ErrorKind::NotFound.into())),
        }
    }

    /// The content of a file, if there is one. A file of anybody but root, us or the backup user counts as an attempt to
    /// mislead.
    pub(crate) fn read(&self, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
        let Some(directory) = &self.directory else { return Ok(None) };
        if directory.status(name)?.is_none() {
            return Ok(None);
        }
        let file = directory.open_file(name)?;
        let owner = file.metadata()?.uid();
        let trusted = [Some(0), Some(account::current().uid), self.ownership.owner().map(|owner| owner.uid)];
        if !trusted.contains(&Some(owner)) {
            return Err(io::Error::other(format!("it belongs to user {owner}, who has no business here")));
        }
        let mut content = Vec::new();
        file.take(LONGEST).read_to_end(&mut content)?;
        Ok(Some(content))
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &OsStr, content: &[u8]) -> io::Result<()> {
        let mut file = self.directory()?.create_file(name)?;
        file.write_all(content)?;
        self.ownership.publish(file, 0o640, &*self.system.monitor)
    }

    /// What was remembered. What cannot be understood is told, and forgotten: then more than necessary is stored.
    pub(crate) fn recall<T: DeserializeOwned>(&self, name: &OsStr) -> Option<T> {
        let recall = || -> io::Result<Option<T>> {
            let content = self.read(name)?;
            content.map(|content| serde_json::from_slice(&content)).transpose().map_err(io::Error::other)
        };
        recall().unwrap_or_else(|error| {
            let path = self.path.join(name);
            let path = escape::display(&path);
            self.system.monitor.warning(format!("{path} is of no use: {error}; going on without it."));
            None
        })
    }

    /// A file that has no name for others and goes when it is dropped.
    pub(crate) fn scratch(&self, name: &OsStr) -> io::Result<PendingFile> {
        self.directory()?.create_file(name)
    }

    /// Removes a file, if it is there.
    pub(crate) fn forget(&self, name: &OsStr) -> io::Result<()> {
        match &self.directory {
            Some(directory) if directory.status(name)?.is_some() => directory.remove_file(name),
            _ => Ok(()),
        }
    }

    /// Remembers.
    pub(crate) fn remember<T: Serialize>(&self, name: &OsStr, what: &T) -> io::Result<()> {
        let mut content = serde_json::to_vec(what)?;
        content.push(b'\n');
        self.write(name, &content)
    }
}
