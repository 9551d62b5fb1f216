//! What is remembered about an item between runs, in the working directory.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;

use redcedar_engine::Ownership;
use redcedar_system::fs::{Directory, PendingFile};
use redcedar_system::{System, account, escape};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// State files longer than this are none of ours.
const LONGEST: u64 = 64 << 20;

/// The working directory, and whose the files in it shall be.
pub(crate) struct Memory<'a> {
    directory: Directory,
    ownership: &'a Ownership,
    system: &'a System,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(directory: Directory, ownership: &'a Ownership, system: &'a System) -> Self {
        Self { directory, ownership, system }
    }

    /// The content of a file, if there is one. A file of anybody but root, us or the backup user counts as an attempt to
    /// mislead.
    pub(crate) fn read(&self, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
        if self.directory.status(name)?.is_none() {
            return Ok(None);
        }
        let file = self.directory.open_file(name)?;
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
        let mut file = self.directory.create_file(name)?;
        file.write_all(content)?;
        self.ownership.apply(&mut file, &*self.system.monitor);
        file.publish(0o640, None)
    }

    /// What was remembered. What cannot be understood is told, and forgotten: then more than necessary is stored.
    pub(crate) fn recall<T: DeserializeOwned>(&self, name: &OsStr) -> Option<T> {
        let recall = || -> io::Result<Option<T>> {
            let content = self.read(name)?;
            content.map(|content| serde_json::from_slice(&content)).transpose().map_err(io::Error::other)
        };
        recall().unwrap_or_else(|error| {
            let path = self.directory.path().join(name);
            let path = escape::display(&path);
            self.system.monitor.warning(format!("{path} is of no use: {error}; going on without it."));
            None
        })
    }

    /// A file that has no name for others and goes when it is dropped.
    pub(crate) fn scratch(&self, name: &OsStr) -> io::Result<PendingFile> {
        self.directory.create_file(name)
    }

    /// Removes a file, if it is there.
    pub(crate) fn forget(&self, name: &OsStr) -> io::Result<()> {
        if self.directory.status(name)?.is_some() {
            self.directory.remove_file(name)?;
        }
        Ok(())
    }

    /// Remembers.
    pub(crate) fn remember<T: Serialize>(&self, name: &OsStr, what: &T) -> io::Result<()> {
        let mut content = serde_json::to_vec(what)?;
        content.push(b'\n');
        self.write(name, &content)
    }
}
