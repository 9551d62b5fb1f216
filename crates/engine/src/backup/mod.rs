//! Backup without a configuration: directories of this machine into `DEST/YYYY/MM/DD/HOST`, a full backup each week and
//! increments between.
//!
//! The layout is that of a staging directory, so whatever reads one reads the other. What a day holds changes in one step
//! ([`day`]): killed at any point, it is what it was before or what it was to become. Memory is below `DEST/.redcedar`;
//! before an increment builds on an earlier day, that day must still hold what memory says. In a store such as a bucket the
//! layout is the same ([`stored`]).

mod day;
mod stored;
mod target;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use redcedar_archive::Compression;
use redcedar_archive::naming::{self, Dialect};
use redcedar_archive::select::{Exclude, PatternError, Selection};
use redcedar_config::value::CollectMode;
use redcedar_system::fs::LockError;
use redcedar_system::{Accounts, Interrupted, System, checkpoint, escape};

use self::stored::StoredDays;
use self::target::{Place, Target, destination, lock};
use crate::indicator::Indicator;
use crate::item::memory::{Memory, StateFiles, last_full, peek};
use crate::item::ownership::Ownership;
use crate::item::plan::Extent;
use crate::item::remember::{Draft, PendingState};
use crate::item::{Content, Item, ItemState, Run, Wanted, collect_item, new_run_id, preview_item, rfc3339};
use crate::outcome::Outcome;
use crate::schedule::{Due, Reason, Today, due};
use crate::state::side_file::{self, Header};

pub use self::stored::Store;

/// Where memory is, below the destination. Nothing that reads backups looks there.
const STATE_DIR: &str = ".redcedar";

/// What is backed up, and where to.
#[expect(clippy::struct_excessive_bools, reason = "independent switches of one command")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRequest {
    /// Directories and files. Links are resolved: what a path leads to is backed up under its real path.
    pub dirs: Vec<PathBuf>,
    /// The directory that gets the backups, or in which they are put together for a store. It is created if it is not there.
    pub destination: PathBuf,
    /// Shell globs of what is left out.
    pub exclude: Vec<String>,
    /// Whether other file systems mounted below are left out.
    pub one_file_system: bool,
    /// Whether the contents of directories with a `CACHEDIR.TAG` are left out.
    pub exclude_caches: bool,
    /// How archives are compressed.
    pub compression: Compression,
    /// The name of this machine, which becomes the name of a directory.
    pub host: String,
    /// Whether everything is stored, whatever is remembered.
    pub full: bool,
    /// How many threads compress.
    pub threads: usize,
    /// Whether to say what would be done, and write nothing.
    pub dry_run: bool,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The name of the machine cannot be that of a directory.
    #[error("[{0}] cannot be the name of a directory for this machine's backups")]
    HostName(String),
    /// Nothing is to be backed up.
    #[error("there is nothing to back up: no directory is named")]
    NothingNamed,
    /// A glob is malformed.
    #[error(transparent)]
    Exclude(#[from] PatternError),
    /// Another backup into the same destination is running.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The destination cannot be written.
    #[error("cannot write the backup to {}: {source}", escape::display(path))]
    Destination {
        /// What cannot be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Backs up. A directory that fails is told at ERROR and in the outcome, and does not keep the others from being backed up; an
/// earlier backup of it on the same day stays.
///
/// # Errors
/// When nothing can be backed up at all, and on interrupt: then the day is as it was before.
pub fn backup(request: &BackupRequest, system: &System) -> Result<Outcome, BackupError> {
    run(request, None, system)
}

/// The same into a store: what an item comes to is there before the next one begins, so that no more room is needed here than
/// the largest one takes.
///
/// # Errors
/// As [`backup`]; an interrupted run leaves a day that nobody takes for complete, and the next run stores what is missing.
pub fn backup_to(
    store: &dyn Store,
    request: &BackupRequest,
    system: &System,
) -> Result<Outcome, BackupError> {
    run(request, Some(store), system)
}

fn run(request: &BackupRequest, store: Option<&dyn Store>, system: &System) -> Result<Outcome, BackupError> {
    check(request)?;
    let globs: Vec<_> = request.exclude.iter().map(String::as_str).collect();
    let exclude = Exclude::new(Vec::new(), &[], &globs)?;
    let destination = destination(request)?;
    let state_dir = destination.join(STATE_DIR).join(&request.host);
    let writes = !request.dry_run || store.is_some();
    let _lock = if writes { Some(lock(&state_dir, system)?) } else { None };
    let target: Box<dyn Target + '_> = match store {
        Some(store) => Box::new(StoredDays::new(store, state_dir.clone(), request.host.clone())),
        None => Box::new(Place::new(destination.clone(), state_dir.clone(), request.host.clone())),
    };

    let accounts = Accounts::new();
    let ownership = Ownership::ours();
    let now = system.clock.now();
    let run = Run {
        system,
        accounts: &accounts,
        id: new_run_id(&now),
        host: request.host.clone(),
        time: rfc3339(&now),
        program: crate::PROGRAM.to_owned(),
        today: Today { date: now.date(), is_starting_day: false, full: request.full },
        ownership: &ownership,
        threads: request.threads,
        warns_of_own_dirs: false,
    };
    let mut session = Session {
        request,
        exclude,
        destination,
        state_dir,
        target,
        run,
        states: Vec::new(),
        succeeded: 0,
        outcome: Outcome::default(),
    };
    let items = session.items();
    if request.dry_run {
        session.preview(&items)?;
    } else {
        session.back_up(&items)?;
    }
    Ok(session.outcome)
}

fn check(request: &BackupRequest) -> Result<(), BackupError> {
    let host = &request.host;
    if host.is_empty() || host.starts_with('.') || host.contains(['/', '\0']) {
        return Err(BackupError::HostName(host.clone()));
    }
    if request.dirs.is_empty() { Err(BackupError::NothingNamed) } else { Ok(()) }
}

/// A run of the backup.
struct Session<'a> {
    request: &'a BackupRequest,
    exclude: Exclude,
    destination: PathBuf,
    state_dir: PathBuf,
    target: Box<dyn Target + 'a>,
    run: Run<'a>,
    /// The states of what was backed up, by the names of archives, to be published when the day is.
    states: Vec<(OsString, PathBuf, PendingState)>,
    succeeded: usize,
    outcome: Outcome,
}

impl Session<'_> {
    /// The real paths of what is to be backed up, by the names of their archives.
    fn items(&mut self) -> BTreeMap<OsString, PathBuf> {
        let mut items = BTreeMap::new();
        for dir in &self.request.dirs {
            let path = match fs_err::canonicalize(dir) {
                Ok(path) => path,
                Err(error) => {
                    self.fail(dir, &error);
                    continue;
                }
            };
            if path.starts_with(&self.destination) {
                self.fail(&path, &"it is inside the destination");
                continue;
            }
            let name = naming::normalise(&path, Dialect::V3);
            match items.get(&name) {
                Some(same) if *same == path => {}
                Some(other) => {
                    let message = format!("its archive would replace that of [{}]", escape::display(other));
                    self.fail(&path, &message);
                }
                None => {
                    items.insert(name, path);
                }
            }
        }
        items
    }

    fn preview(&mut self, items: &BTreeMap<OsString, PathBuf>) -> Result<(), BackupError> {
        for (name, path) in items {
            if let Err(error) = self.target.recall(name) {
                self.fail(path, &error);
                continue;
            }
            let files = self.state_files(name);
            let never_enter = [self.destination.clone()];
            let item = self.item(name, path, &never_enter);
            let building_on = |memory: &Memory| self.extent(name, memory);
            let wanted = self.wanted(&item, &files, &building_on);
            match preview_item(&item, &files, &wanted, &self.run) {
                Ok((summary, omissions)) => {
                    self.outcome.summary.add(&summary);
                    self.outcome.omissions.extend(omissions);
                }
                Err(error) if error.is_interrupted() => return Err(Interrupted.into()),
                Err(error) => self.fail(path, &error),
            }
        }
        Ok(())
    }

    fn back_up(&mut self, items: &BTreeMap<OsString, PathBuf>) -> Result<(), BackupError> {
        let failed = |path: &Path, source| BackupError::Destination { path: path.to_owned(), source };
        let date = self.run.today.date;
        let shown = self.target.show(date);
        let outputs = self.target.begin(date).map_err(|error| failed(&shown, error))?;
        for (name, path) in items {
            self.back_up_item(name, path, &outputs)?;
        }
        if self.succeeded == 0 {
            return Ok(());
        }
        let indicator = Indicator {
            run: self.run.id.clone(),
            time: self.run.time.clone(),
            program: self.run.program.clone(),
        };
        self.target.publish(&indicator).map_err(|error| failed(&shown, error))?;
        checkpoint::reach("backup-after-day");
        for (name, path, state) in std::mem::take(&mut self.states) {
            let published = state.publish(&self.run).and_then(|()| self.target.remember(&name));
            published.unwrap_or_else(|error| self.fail_state(&path, &error));
        }
        Ok(())
    }

    fn back_up_item(&mut self, name: &OsStr, path: &Path, outputs: &Path) -> Result<(), BackupError> {
        self.run.system.monitor.task(&format!("Backing up {}", escape::display(path)));
        if let Err(error) = self.target.recall(name) {
            self.fail(path, &error);
            return Ok(());
        }
        let files = self.state_files(name);
        let never_enter = [self.destination.clone()];
        let item = self.item(name, path, &never_enter);
        let draft = Draft::begin(&files)
            .map_err(|source| BackupError::Destination { path: files.side_file.clone(), source })?;
        let state = ItemState { files: &files, draft: Some(draft) };
        let building_on = |memory: &Memory| self.extent(name, memory);
        let wanted = self.wanted(&item, &files, &building_on);
        match collect_item(&item, outputs, Some(state), &wanted, &self.run) {
            Ok(collected) => {
                let produced = collected.archive.into_iter().chain(collected.manifest).collect();
                if let Err(error) = self.target.add(name, produced) {
                    self.fail(path, &error);
                    return Ok(self.run.system.interrupt.check()?);
                }
                self.outcome.omissions.extend(collected.omissions);
                self.outcome.summary.add(&collected.summary);
                self.succeeded += 1;
                match collected.state {
                    None => {}
                    Some(Err(error)) => self.fail_state(path, &error),
                    Some(Ok(state)) => self.states.push((name.to_owned(), path.to_owned(), state)),
                }
            }
            Err(error) if error.is_interrupted() => return Err(Interrupted.into()),
            Err(error) => self.fail(path, &error),
        }
        Ok(())
    }

    fn item<'a>(&'a self, name: &'a OsStr, path: &'a Path, never_enter: &'a [PathBuf]) -> Item<'a> {
        let content = if path.is_dir() {
            Content::Directory(Selection {
                root: path,
                ignore_file: None,
                exclude: &self.exclude,
                link_depth: 0,
                dereference: false,
                one_file_system: self.request.one_file_system,
                exclude_caches: self.request.exclude_caches,
                never_enter,
            })
        } else {
            Content::File
        };
        Item { path, name, content, mode: CollectMode::Incremental, compression: self.request.compression }
    }

    fn state_files(&self, name: &OsStr) -> StateFiles {
        let mut side_file = name.to_owned();
        side_file.push(side_file::SUFFIX);
        StateFiles { side_file: self.state_dir.join(side_file), digests: None }
    }

    fn wanted<'a>(
        &self,
        item: &Item<'_>,
        files: &StateFiles,
        building_on: &'a dyn Fn(&Memory) -> Extent,
    ) -> Wanted<'a> {
        let known = peek(item.path, &files.side_file);
        let last_full = known.as_ref().and_then(|(header, _)| last_full(header));
        let path = escape::display(item.path);
        match due(item.mode, self.run.today, last_full) {
            Due::Full(reason) => {
                if reason == Reason::Overdue {
                    self.run
                        .system
                        .monitor
                        .info(format!("The last full backup of [{path}] is a week old or older."));
                }
                Wanted::Full
            }
            Due::Increment | Due::Skip => Wanted::Increment(building_on),
        }
    }

    /// How much is stored: what an earlier day holds counts as picked up, what today holds is replaced and must be covered.
    fn extent(&self, name: &OsStr, memory: &Memory) -> Extent {
        let Memory::Own { header, .. } = memory else { return Extent::Full };
        let Header { chain, last, .. } = &**header;
        let earlier = last.iter().filter(|link| link.date < self.run.today.date);
        let lost = chain.iter().chain(earlier.clone()).find(|link| !self.target.holds(name, link));
        if let Some(lost) = lost {
            let day = self.target.show(lost.date);
            self.run.system.monitor.warning(format!(
                "[{}] does not hold the backup that was made there; what it held is backed up again.",
                escape::display(&day)
            ));
        }
        match lost {
            Some(lost) if chain.contains(lost) => Extent::Full,
            _ => Extent::building_on(memory, lost.is_none() && earlier.count() > 0),
        }
    }

    /// An item is backed up, and the next run will not know: it will store more than it has to.
    fn fail_state(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        self.fail(path, &format!("cannot remember what was backed up: {error}"));
    }

    fn fail(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        let message = format!("Error backing up [{}]: {error}", escape::display(path));
        self.run.system.monitor.error(&message);
        self.outcome.failures.push(message);
    }
}

#[cfg(test)]
mod tests;
