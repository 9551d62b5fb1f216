//! Deletes what was decided.

use std::ffi::OsStr;
use std::io;

use redcedar_system::fs::Directory;
use redcedar_system::interrupt::Interrupted;
use redcedar_system::{System, checkpoint, escape};

use super::plan::{Identity, Removal};
use super::walk;
use crate::outcome::Outcome;

pub(super) struct Deletion<'a> {
    pub(super) system: &'a System,
    pub(super) outcome: &'a mut Outcome,
    pub(super) files: u64,
    pub(super) directories: u64,
}

impl Deletion<'_> {
    pub(super) fn all(&mut self, directory: &Directory, removals: &[Removal]) -> Result<(), Interrupted> {
        for removal in removals {
            self.system.interrupt.check()?;
            match removal {
                Removal::File(name, identity) => self.file(directory, name, *identity),
                Removal::Directory { name, below, itself } => {
                    match directory.open_directory(name) {
                        Ok(opened) => self.all(&opened, below)?,
                        Err(error) => {
                            self.fail(&error);
                            continue;
                        }
                    }
                    if *itself {
                        self.directory(directory, name);
                    }
                }
            }
        }
        Ok(())
    }

    /// Deletes a file, unless something else has its name by now.
    fn file(&mut self, directory: &Directory, name: &OsStr, identity: Identity) {
        let path = directory.path().join(name);
        let result = match directory.status(name) {
            Ok(Some(stat)) if walk::identity(&stat) == identity => directory.remove_file(name),
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                self.files += 1;
                self.system.monitor.debug(format!("Purged file [{}].", escape::display(&path)));
                checkpoint::reach("purge-after-file");
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Deletes an empty directory; one that got new content in the meantime stays.
    fn directory(&mut self, parent: &Directory, name: &OsStr) {
        let path = parent.path().join(name);
        match parent.remove_directory(name) {
            Ok(()) => {
                self.directories += 1;
                self.system.monitor.debug(format!("Purged empty directory [{}].", escape::display(&path)));
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &io::Error) {
        let message = format!("not purged: {error}");
        self.system.monitor.error(&message);
        self.outcome.failures.push(message);
    }
}
