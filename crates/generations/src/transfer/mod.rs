//! A generation on another machine: `rsync` over `ssh`, into a directory that gets its name when it is complete.
//!
//! The name of a generation is that of the original, and so is the tree: generations of the original are continued. While it
//! is written it ends with `.incomplete`; one from which something is missing that could not be read ends with `.partial`.
//! Both serve the next run as a place where files are already, and go when a generation has become complete.

mod far;
mod lock;
mod manifest;
mod rsync;
mod store;

use std::path::Path;
use std::time::Duration;

use jiff::civil::DateTime;
use redcedar_archive::{Kind, Timestamp};
use redcedar_retention::{Moment, Policy, decide};
use redcedar_system::command::{CommandError, Finished};
use redcedar_system::{Interrupted, System, checkpoint, escape};

use crate::Name;
use crate::config::Remote;
use crate::select::{Choice, Entry, Fate};
use far::{Far, lost};
use lock::StoreLock;
use manifest::Making;
use rsync::{End, Listing};
use store::{PARTIAL, Store};

/// What is sent, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The machine it goes to.
    pub remote: &'a Remote,
    /// The directory of the generations there.
    pub directory: &'a Path,
    /// What was chosen.
    pub choice: &'a Choice,
    /// Which generations stay; none: all.
    pub keep: Option<&'a Policy>,
    /// Whether a generation counts from which something is missing.
    pub accept_errors: bool,
}

/// A generation that is complete, or nearly.
#[derive(Debug)]
pub struct Sent {
    /// Its name.
    pub name: Name,
    /// Whether something is missing that could not be read or written; the log has it.
    pub has_errors: bool,
    /// Generations that were removed.
    pub removed: Vec<Name>,
    /// Why fewer were removed than should have been.
    pub not_removed: Option<String>,
}

/// Why there is no new generation. Older ones are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// Something there did not work.
    #[error("cannot {intent} on {place}: {reason}")]
    Far {
        /// What was to be done.
        intent: &'static str,
        /// Where.
        place: String,
        /// What happened.
        reason: String,
    },
    /// Another run is using the store.
    #[error(
        "another run, perhaps of another machine, is writing to the same directory on {place}; wait for it or end it"
    )]
    Busy {
        /// Where.
        place: String,
    },
    /// A program could not be followed to its end.
    #[error("cannot {intent}: {source}")]
    Lost {
        /// What was to be done.
        intent: &'static str,
        /// What happened.
        source: CommandError,
    },
    /// Copying stopped somewhere.
    #[error(
        "copying failed: {reason}; what was copied is kept apart as {directory} and shortens the next run"
    )]
    Copy {
        /// How rsync ended.
        reason: String,
        /// Where the part is that was copied.
        directory: String,
    },
    /// Something could not be read or written.
    #[error(
        "something could not be copied (the lines above say what): {reason}; the rest is kept apart as {directory} and does \
         not count as a generation"
    )]
    Partial {
        /// How rsync ended.
        reason: String,
        /// Where the rest is.
        directory: String,
    },
    /// The machine here does not do what is needed.
    #[error("cannot prepare the connection: {0}")]
    Prepare(#[from] std::io::Error),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Sends a generation and removes those that are no longer wanted.
///
/// # Errors
/// When the generation did not become complete; nothing is removed then.
pub fn send(request: &Request<'_>, system: &System) -> Result<Sent, TransferError> {
    let far = Far::new(request.remote, system)?;
    let directory = request.directory;
    let before = Store::survey(&far, directory)?;
    std::thread::scope(|scope| {
        let lock = StoreLock::acquire(scope, &far, &before, system)?;
        // Another run may have ended in between.
        let store = Store::survey(&far, directory)?;
        Sending { request, far: &far, store: &store, is_alone: lock.is_held, system }.run()
    })
}

struct Sending<'a> {
    request: &'a Request<'a>,
    far: &'a Far<'a>,
    store: &'a Store,
    /// Whether nobody else can be at work in the store.
    is_alone: bool,
    system: &'a System,
}

impl Sending<'_> {
    fn run(&self) -> Result<Sent, TransferError> {
        let monitor = &self.system.monitor;
        match self.store.generations.last() {
            Some(last) => monitor.info(format!("Last backup: {last}")),
            None => monitor.info("There is no earlier backup"),
        }
        self.clean_up()?;
        let now = self.system.clock.now();
        let name = self.free_name(now.datetime());
        let directory = self.store.begin(self.far, &name)?;
        checkpoint::reach("snapshot-begun");
        let started = redcedar_system::clock::Stopwatch::start();
        let finished = self.copy(&directory)?;
        monitor.info(format!("Rsync finished. Time: {}", clock_time(started.elapsed())));
        checkpoint::reach("snapshot-copied");
        let has_errors = match End::of(finished.status) {
            End::Complete => false,
            End::Partial if self.request.accept_errors => true,
            End::Partial => return Err(self.keep_apart(&name, &directory, &finished)),
            End::Failed => return Err(TransferError::Copy { reason: finished.explain("rsync"), directory }),
        };
        let making = Making { name: &name, now: &now, is_by_root: self.store.is_root };
        let manifest = manifest::of(self.request.choice, &making)?;
        self.store.describe(self.far, &name, &manifest, self.system)?;
        checkpoint::reach("snapshot-described");
        self.store.finish(self.far, &directory, &name.to_string(), self.root())?;
        checkpoint::reach("snapshot-named");
        self.store.point_latest(self.far, &name)?;
        let (removed, not_removed) = self.rotate(&name, now.datetime());
        Ok(Sent { name, has_errors, removed, not_removed })
    }

    /// Ends deletions that were begun, and removes old leftovers but the newest, which is worth something.
    fn clean_up(&self) -> Result<(), TransferError> {
        if !self.is_alone {
            self.system.monitor.warning(format!(
                "There is no flock on {}: runs of other machines cannot be kept out, and what they left is not removed",
                self.far.place()
            ));
            return Ok(());
        }
        let old = self.store.incomplete.iter().rev().skip(1).map(|leftover| leftover.directory.clone());
        let useless: Vec<String> = self.store.trash.iter().cloned().chain(old).collect();
        self.store.remove(self.far, &useless)
    }

    fn free_name(&self, time: DateTime) -> Name {
        let is_taken = |name: &Name| {
            self.store.generations.contains(name)
                || self.store.incomplete.iter().any(|leftover| leftover.name == *name)
        };
        let mut number = 0;
        loop {
            let name = Name::new(time, number);
            if !is_taken(&name) {
                return name;
            }
            number += 1;
        }
    }

    fn copy(&self, directory: &str) -> Result<Finished, TransferError> {
        let newest = self.store.generations.last().map(ToString::to_string);
        let leftover = self.store.incomplete.last().map(|leftover| leftover.directory.clone());
        let bases: Vec<String> = newest.into_iter().chain(leftover).collect();
        let command = rsync::command(self.far, self.store, directory, &bases);
        self.system.monitor.debug(format!("Command: {command}"));
        // A socket is nothing without the program that made it.
        let is_sent =
            |entry: &Entry<'_>| matches!(entry.fate, Fate::Save(_)) && entry.metadata.kind != Kind::Socket;
        let saved = self.request.choice.iter().filter(is_sent);
        let mut listing = Listing::new(saved.map(|entry| entry.path));
        let runner = &self.system.runner;
        runner.feed(&command, &mut listing, &mut |_| {}).map_err(|error| lost("copy", error))
    }

    fn keep_apart(&self, name: &Name, directory: &str, finished: &Finished) -> TransferError {
        let apart = format!("{name}{PARTIAL}");
        match self.store.finish(self.far, directory, &apart, self.root()) {
            Ok(()) => TransferError::Partial { reason: finished.explain("rsync"), directory: apart },
            Err(error) => error,
        }
    }

    /// Mode and time of `/`, which a generation stands for.
    fn root(&self) -> (u16, Timestamp) {
        let root = self.request.choice.iter().next().filter(|entry| entry.path == Path::new("/"));
        root.map_or((0o755, Timestamp::default()), |entry| (entry.metadata.mode, entry.metadata.modified))
    }

    /// Removes what is no longer wanted, now that there is a new generation.
    fn rotate(&self, new: &Name, now: DateTime) -> (Vec<Name>, Option<String>) {
        let mut names = self.store.generations.clone();
        names.push(new.clone());
        let moments: Vec<Moment> =
            names.iter().map(|name| Moment { time: name.time(), is_protected: name == new }).collect();
        let Some(keep) = self.request.keep else { return (Vec::new(), None) };
        let reasons = match decide(keep, &moments, now) {
            Ok(reasons) => reasons,
            Err(error) => return (Vec::new(), Some(error.to_string())),
        };
        let unwanted = names.into_iter().zip(reasons).filter(|(_, reasons)| reasons.is_empty());
        let removed: Vec<Name> = unwanted.map(|(name, _)| name).collect();
        let mut directories: Vec<String> = removed.iter().map(ToString::to_string).collect();
        if !removed.is_empty() {
            self.system.monitor.info(format!("Removing {} old backup(s)", removed.len()));
        }
        if self.is_alone {
            directories.extend(self.store.incomplete.last().map(|leftover| leftover.directory.clone()));
        }
        match self.store.remove(self.far, &directories) {
            Ok(()) => (removed, None),
            Err(error) => (Vec::new(), Some(escape::display(&error.to_string()).to_string())),
        }
    }
}

/// A duration as the original's log has it.
fn clock_time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours}:{minutes:02}:{seconds:02}.{:06}", duration.subsec_micros())
}
