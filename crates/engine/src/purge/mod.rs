//! Deletes what is old: looks, decides ([`plan`]), then deletes.
//!
//! All work is relative to open directories; no link is followed and no other file system entered.

mod plan;
mod walk;

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use redcedar_config::Config;
use redcedar_system::fs::Directory;
use redcedar_system::interrupt::Interrupted;
use redcedar_system::{System, checkpoint, escape};

use crate::outcome::Outcome;
use plan::{Identity, Removal};
use walk::Walk;

/// Why the purge is not done, or not completely.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// There is no purge section.
    #[error("Purge configuration is not properly filled in.")]
    NotConfigured,
    /// Some directories cannot be purged; the others were.
    #[error("{}", .0.join("; "))]
    Directories(Vec<String>),
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Purges all configured directories. What cannot be deleted is told at ERROR and in the outcome.
///
/// # Errors
/// When a configured directory is not to be had (after the others have been purged), or the run was interrupted.
pub fn purge(config: &Config, system: &System) -> Result<Outcome, PurgeError> {
    let section = config.purge.as_ref().ok_or(PurgeError::NotConfigured)?;
    system.monitor.debug("Executing the 'purge' action.");
    let mut outcome = Outcome::default();
    let mut unavailable = Vec::new();
    for dir in &section.dirs {
        let shown = escape::display(&*dir.abs_path);
        let opened = Directory::open(&dir.abs_path).and_then(|root| {
            let walk = Walk::new(config, &root, system)?;
            Ok((root, walk))
        });
        let (root, walk) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let message = format!("Unable to purge [{shown}]: {error}");
                system.monitor.error(&message);
                unavailable.push(message);
                continue;
            }
        };
        system.monitor.task(&format!("Purging {shown}"));
        let contents = walk.contents(&root, Path::new(""), &mut outcome)?;
        let removals = plan::removals(&contents, dir.retain_days);
        checkpoint::reach("purge-before-delete");
        let mut deletion = Deletion { system, outcome: &mut outcome, files: 0, directories: 0 };
        deletion.all(&root, &removals)?;
        let Deletion { files, directories, .. } = deletion;
        system.monitor.info(format!("Purged {files} files and {directories} directories in [{shown}]."));
    }
    if !unavailable.is_empty() {
        return Err(PurgeError::Directories(unavailable));
    }
    system.monitor.info("Executed the 'purge' action successfully.");
    Ok(outcome)
}

struct Deletion<'a> {
    system: &'a System,
    outcome: &'a mut Outcome,
    files: u64,
    directories: u64,
}

impl Deletion<'_> {
    fn all(&mut self, directory: &Directory, removals: &[Removal]) -> Result<(), Interrupted> {
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

#[cfg(test)]
mod tests;
