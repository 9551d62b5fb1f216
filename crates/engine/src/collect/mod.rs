//! The collect action: every item of this machine into an archive in the collect directory.
//!
//! What an earlier run announced is withdrawn first ([`outputs`]); then each item is collected by itself, so that one that
//! fails does not keep the others from being backed up; the indicator is written last, when no item failed.

pub(crate) mod outputs;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use redcedar_archive::naming::{self, Dialect};
use redcedar_archive::select::{Selection, subdirectories};
use redcedar_config::Config;
use redcedar_config::cedar::{Collect, CollectDir, CollectFile};
use redcedar_config::value::CollectMode;
use redcedar_system::fs::Directory;
use redcedar_system::{Accounts, Interrupted, System, account, checkpoint, escape};

use self::outputs::Outputs;
use self::settings::{DirSettings, FileSettings};
use crate::indicator::{self, Indicator};
use crate::item::memory::{Memory, StateFiles, last_full, peek};
use crate::item::ownership::Ownership;
use crate::item::plan::Extent;
use crate::item::remember::{Draft, remember_waiting};
use crate::item::{Content, Item, ItemError, ItemState, Run, Wanted, collect_item, new_run_id, rfc3339};
use crate::outcome::Outcome;
use crate::schedule::{Due, Reason, Today, due};
use crate::state::side_file::{self, SideFileReader};

/// The suffix of the originals' digest state, after the normalised name of an item.
const DIGESTS_SUFFIX: &str = ".sha";

/// What is collected.
#[derive(Clone, Copy)]
pub struct CollectRequest<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Whether everything is stored, whatever day it is.
    pub full: bool,
    /// Which original's rules name the outputs.
    pub dialect: Dialect,
    /// How many threads compress.
    pub threads: usize,
    /// Whose the outputs shall be.
    pub ownership: &'a Ownership,
    /// Whether what earlier runs collected is picked up, when they are withdrawn already.
    pub is_picked_up: Option<bool>,
    /// Collects what is no file, if anything is, once it is known whether what earlier runs collected is picked up. Its failures
    /// count like those of items.
    pub sources: Option<&'a dyn Fn(bool) -> Result<Outcome, Interrupted>>,
}

impl<'a> CollectRequest<'a> {
    /// Files only, with nothing withdrawn yet.
    pub fn new(
        config: &'a Config,
        full: bool,
        dialect: Dialect,
        threads: usize,
        ownership: &'a Ownership,
    ) -> Self {
        Self { config, full, dialect, threads, ownership, is_picked_up: None, sources: None }
    }
}

/// Why nothing was collected, or what was collected is not announced.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// There is no collect section.
    #[error("Collect configuration is not properly filled in.")]
    NotConfigured,
    /// The section has no item, and there is no other source.
    #[error("There must be at least one collect file or collect directory.")]
    NothingToCollect,
    /// The collect directory cannot be used.
    #[error("cannot prepare the collect directory {}: {source}", escape::display(path))]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The indicator cannot be written.
    #[error("Error writing [{}]: {source}", escape::display(path))]
    Indicator {
        /// The indicator.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Collects every item that is due. An item that fails is told at ERROR and in the outcome, and does not keep the others
/// from being collected; the indicator is written only when none failed.
///
/// # Errors
/// When nothing is configured, when the collect directory cannot be used, and on interrupt.
pub fn collect(request: &CollectRequest<'_>, system: &System) -> Result<Outcome, CollectError> {
    let section = request.config.collect.as_ref().ok_or(CollectError::NotConfigured)?;
    if section.files.is_empty() && section.dirs.is_empty() && request.sources.is_none() {
        return Err(CollectError::NothingToCollect);
    }
    system.monitor.debug("Executing the 'collect' action.");
    let collect_dir = &section.collect_dir;
    let unusable = |source| CollectError::Directory { path: collect_dir.value.clone(), source };
    let directory = Directory::open(collect_dir).map_err(unusable)?;
    let working_dir = &request.config.options.working_dir;
    let is_picked_up = match request.is_picked_up {
        Some(known) => known,
        None => outputs::withdraw(&directory, working_dir, system).map_err(unusable)?,
    };
    let outcome = request.sources.map_or_else(|| Ok(Outcome::default()), |sources| sources(is_picked_up))?;

    let accounts = Accounts::new();
    let options = &request.config.options;
    let now = system.clock.now();
    let run = Run {
        system,
        accounts: &accounts,
        id: new_run_id(&now),
        host: account::host_name(),
        time: rfc3339(&now),
        program: crate::PROGRAM.to_owned(),
        today: Today::new(now.date(), options.starting_day, request.full),
        ownership: request.ownership,
        threads: request.threads,
        warns_of_own_dirs: true,
    };
    let mut session = Session {
        config: request.config,
        section,
        dialect: request.dialect,
        run,
        is_picked_up,
        own_dirs: own_dirs(request.config, section),
        outputs: Outputs::default(),
        items: HashMap::new(),
        failed_items: outcome.failures.len(),
        outcome,
    };
    for file in &section.files {
        session.collect_file(file)?;
    }
    for dir in &section.dirs {
        session.collect_dir(dir)?;
    }
    session.outputs.drop_stale(&directory, is_picked_up, system);
    session.announce(&directory)?;
    Ok(session.outcome)
}

/// Directories that hold what the program itself makes: collecting them would collect backups of backups.
fn own_dirs(config: &Config, section: &Collect) -> Vec<PathBuf> {
    let staging_dir = config.stage.as_ref().map(|stage| stage.staging_dir.value.clone());
    let mut dirs = vec![section.collect_dir.value.clone(), config.options.working_dir.value.clone()];
    dirs.extend(staging_dir);
    dirs
}

fn is_same_dir(one: &Path, other: &Path) -> bool {
    let real = |path| fs_err::canonicalize(path).ok();
    one == other || real(one).is_some_and(|real_one| Some(real_one) == real(other))
}

fn list_subdirectories(root: &Path, settings: &DirSettings<'_>) -> Result<Vec<PathBuf>, ItemError> {
    Ok(subdirectories(root, &settings.exclude()?)?)
}

/// A run of the action.
struct Session<'a> {
    config: &'a Config,
    section: &'a Collect,
    dialect: Dialect,
    run: Run<'a>,
    /// Whether everything that earlier runs stored is known to be picked up.
    is_picked_up: bool,
    own_dirs: Vec<PathBuf>,
    outputs: Outputs,
    /// The names that are taken, and by which item.
    items: HashMap<OsString, PathBuf>,
    failed_items: usize,
    outcome: Outcome,
}

impl Session<'_> {
    fn collect_file(&mut self, file: &CollectFile) -> Result<(), Interrupted> {
        let path = &file.abs_path.value;
        let shown = escape::display(path).to_string();
        self.run.system.monitor.task(&format!("Collecting {shown}"));
        match FileSettings::of(file, self.section) {
            Err(error) => self.fail(path, &error),
            Ok(FileSettings { mode, compression }) => {
                let name = naming::normalise(path, self.dialect);
                let item = Item { path, name: &name, content: Content::File, mode, compression };
                self.collect(&item)?;
            }
        }
        self.run.system.monitor.info(format!("Completed collecting file [{shown}]"));
        Ok(())
    }

    fn collect_dir(&mut self, dir: &CollectDir) -> Result<(), Interrupted> {
        let path = &dir.abs_path.value;
        let shown = escape::display(path).to_string();
        self.run.system.monitor.info(format!("Collecting directory [{shown}]"));
        match DirSettings::of(dir, self.section) {
            Err(error) => self.fail(path, &error),
            Ok(mut settings) => self.collect_levels(path, dir.recursion_level.unwrap_or(0), &mut settings)?,
        }
        self.run.system.monitor.info(format!("Completed collecting directory [{shown}]"));
        Ok(())
    }

    /// Collects a directory: down to `levels` below it (all, when negative) each subdirectory has an archive of its own and is
    /// excluded from that of its parent.
    fn collect_levels(
        &mut self,
        path: &Path,
        levels: i64,
        settings: &mut DirSettings<'_>,
    ) -> Result<(), Interrupted> {
        self.run.system.interrupt.check()?;
        let root = settings::root_of(path);
        if levels != 0 {
            let subdirectories = match list_subdirectories(root, settings) {
                Ok(subdirectories) => subdirectories,
                Err(error) => {
                    self.fail(path, &error);
                    return Ok(());
                }
            };
            for subdirectory in subdirectories {
                // It stays with its parent, where it is not entered.
                if self.is_own(&subdirectory) {
                    continue;
                }
                self.collect_levels(&subdirectory, levels.saturating_sub(1), settings)?;
                settings.exclude_path(subdirectory);
            }
        }
        let exclude = match settings.exclude() {
            Ok(exclude) => exclude,
            Err(error) => {
                self.fail(path, &error);
                return Ok(());
            }
        };
        let never_enter = self.dirs_not_to_enter(root);
        let content = Content::Directory(Selection {
            root,
            ignore_file: settings.ignore_file,
            exclude: &exclude,
            link_depth: settings.link_depth,
            dereference: settings.dereference,
            one_file_system: settings.one_file_system,
            exclude_caches: settings.exclude_caches,
            never_enter: &never_enter,
        });
        self.run.system.monitor.task(&format!("Collecting {}", escape::display(root)));
        let name = naming::normalise(path, self.dialect);
        let item =
            Item { path: root, name: &name, content, mode: settings.mode, compression: settings.compression };
        self.collect(&item)
    }

    /// Our own directories, unless one of them is to be collected itself.
    fn dirs_not_to_enter(&self, root: &Path) -> Vec<PathBuf> {
        if self.is_own(root) {
            let root = escape::display(root);
            self.run.system.monitor.warning(format!(
                "Collecting [{root}], where the backup itself keeps its files: backups will contain backups."
            ));
        }
        self.own_dirs.iter().filter(|own| !is_same_dir(own, root)).cloned().collect()
    }

    fn is_own(&self, dir: &Path) -> bool {
        self.own_dirs.iter().any(|own| is_same_dir(own, dir))
    }

    /// Collects what goes into one archive, if it is due.
    fn collect(&mut self, item: &Item<'_>) -> Result<(), Interrupted> {
        if let Some(other) = self.items.get(item.name) {
            let message = format!("its archive would replace that of [{}]", escape::display(other));
            self.fail(item.path, &message);
            return Ok(());
        }
        self.items.insert(item.name.to_owned(), item.path.to_owned());
        let files = self.state_files(item);
        let known = peek(item.path, &files.side_file);
        let last_full = known.as_ref().and_then(|(header, _)| last_full(header));
        match due(item.mode, self.run.today, last_full) {
            Due::Skip => {
                let is_acknowledged =
                    known.as_ref().map_or(self.is_picked_up, |(_, acknowledged)| *acknowledged);
                self.outputs.skipped(item.name, is_acknowledged);
                if known.is_none() {
                    let waiting = Draft::begin(&files).and_then(|draft| {
                        remember_waiting(item, &self.section.collect_dir, draft, &self.run)
                    });
                    waiting.unwrap_or_else(|error| self.fail_state(&files, &error));
                }
                Ok(())
            }
            Due::Full(reason) => {
                if reason == Reason::Overdue {
                    let path = escape::display(item.path);
                    self.run.system.monitor.info(format!(
                        "A starting day was missed: the last full backup of [{path}] is a week old or older."
                    ));
                }
                self.collect_due(item, &files, &Wanted::Full)
            }
            Due::Increment => {
                let (is_picked_up, system) = (self.is_picked_up, self.run.system);
                let building_on = |memory: &Memory| building_on(item, memory, is_picked_up, system);
                self.collect_due(item, &files, &Wanted::Increment(&building_on))
            }
        }
    }

    fn collect_due(
        &mut self,
        item: &Item<'_>,
        files: &StateFiles,
        wanted: &Wanted<'_>,
    ) -> Result<(), Interrupted> {
        let state = match item.mode {
            CollectMode::Daily => {
                self.forget_pending(files);
                None
            }
            CollectMode::Weekly | CollectMode::Incremental => {
                let draft = Draft::begin(files).map_err(|error| self.fail_state(files, &error)).ok();
                Some(ItemState { files, draft })
            }
        };
        match collect_item(item, &self.section.collect_dir, state, wanted, &self.run) {
            Ok(collected) => {
                self.outputs.produced(item.name, [&collected.archive, &collected.manifest]);
                self.outcome.omissions.extend(collected.omissions);
                self.outcome.summary.add(&collected.summary);
                match collected.state {
                    None => {}
                    Some(Err(error)) => self.fail_state(files, &error),
                    Some(Ok(state)) => {
                        state.publish(&self.run).unwrap_or_else(|error| self.fail_state(files, &error));
                    }
                }
            }
            Err(error) if error.is_interrupted() => return Err(Interrupted),
            Err(error) => self.fail(item.path, &error),
        }
        Ok(())
    }

    fn state_files(&self, item: &Item<'_>) -> StateFiles {
        let in_working_dir = |suffix: &str| {
            let mut name = item.name.to_owned();
            name.push(suffix);
            self.config.options.working_dir.join(name)
        };
        let digests = item.keeps_digests().then(|| in_working_dir(DIGESTS_SUFFIX));
        StateFiles { side_file: in_working_dir(side_file::SUFFIX), digests }
    }

    /// An item that has become `daily` replaces its archive. If the increment in it was not picked up, it never will be, and no
    /// later one may build on it.
    fn forget_pending(&mut self, files: &StateFiles) {
        let is_pending = SideFileReader::open(&files.side_file)
            .is_ok_and(|reader| reader.is_some_and(|reader| !reader.is_acknowledged()));
        if is_pending {
            fs_err::remove_file(&files.side_file).unwrap_or_else(|error| self.fail_state(files, &error));
        }
    }

    /// An item failed: that is told, and the others go on.
    fn fail(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        let message = format!("Error collecting [{}]: {error}", escape::display(path));
        self.run.system.monitor.error(&message);
        self.outcome.failures.push(message);
        self.failed_items += 1;
    }

    /// An item is backed up, and the next run will not know: it will store more than it has to.
    fn fail_state(&mut self, files: &StateFiles, error: &dyn std::fmt::Display) {
        let path = escape::display(files.digests.as_ref().unwrap_or(&files.side_file));
        let message = format!("Failed to write digest [{path}] to disk: {error}");
        self.run.system.monitor.error(&message);
        self.outcome.failures.push(message);
    }

    /// Says that everything has been collected, if it has.
    fn announce(&self, directory: &Directory) -> Result<(), CollectError> {
        let monitor = &self.run.system.monitor;
        if self.failed_items > 0 {
            monitor.error(format!(
                "Not writing [{}], because {} of {} items failed.",
                indicator::COLLECT,
                self.failed_items,
                self.items.len().max(self.failed_items)
            ));
            return Ok(());
        }
        checkpoint::reach("collect-before-indicator");
        let path = self.section.collect_dir.join(indicator::COLLECT);
        monitor.debug(format!("Writing indicator file [{}].", escape::display(&path)));
        let indicator = Indicator {
            run: self.run.id.clone(),
            time: self.run.time.clone(),
            program: self.run.program.clone(),
        };
        let write = || -> io::Result<()> {
            let mut file = directory.create_file(OsStr::new(indicator::COLLECT))?;
            file.write_all(&indicator.to_line())?;
            self.run.publish_io(file)
        };
        write().map_err(|source| CollectError::Indicator { path, source })?;
        monitor.info("Executed the 'collect' action successfully.");
        Ok(())
    }
}

/// How much is stored of an item that is due for an increment.
fn building_on(item: &Item<'_>, memory: &Memory, is_picked_up: bool, system: &System) -> Extent {
    let is_acknowledged = match memory {
        Memory::Own { is_acknowledged, .. } => *is_acknowledged,
        Memory::Nothing | Memory::Digests(_) => is_picked_up,
    };
    let extent = Extent::building_on(memory, is_acknowledged);
    if extent.is_full() && !matches!(memory, Memory::Nothing) {
        system.monitor.info(format!(
            "The last full backup of [{}] was not picked up; everything is backed up again.",
            escape::display(item.path)
        ));
    }
    extent
}
