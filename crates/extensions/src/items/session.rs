//! A run over all that is configured: what fails is told, and the others are backed up all the same.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use redcedar_archive::Compression;
use redcedar_archive::select::subdirectories;
use redcedar_config::value::CollectMode;
use redcedar_engine::Outcome;
use redcedar_engine::extension::{Call, ExtensionError};
use redcedar_engine::schedule::{Due, Reason, Today, due};
use redcedar_system::{Interrupted, escape};

use super::memory::Memory;
use super::program::Failure;
use super::settings::{Rules, Settings};
use crate::output::CollectDir;
use crate::section::Naming;

/// Something that is backed up by itself.
#[derive(Debug)]
pub(crate) struct Item {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What its outputs and state files are called: its normalised path.
    pub(crate) name: OsString,
    /// How it got that name.
    pub(crate) naming: Naming,
    /// When it is backed up, and how much of it.
    pub(crate) mode: CollectMode,
    /// How its output is compressed.
    pub(crate) compression: Compression,
}

/// What a run has at hand.
pub(crate) struct Session<'a> {
    /// What the run was called for.
    pub(crate) call: &'a Call<'a>,
    /// Where outputs go.
    pub(crate) collect: CollectDir<'a>,
    /// Where the state is.
    pub(crate) memory: Memory<'a>,
    today: Today,
}

/// Backs up all that is configured: `back_up` is called for each, and returns how many bytes it wrote.
pub(crate) fn run(
    call: &Call<'_>,
    rules: &Rules,
    mut back_up: impl FnMut(&Item, &Session<'_>) -> Result<u64, Failure>,
) -> Result<Outcome, ExtensionError> {
    let mut findings = Vec::new();
    let settings = Settings::read(call.document, rules, &mut findings);
    let settings =
        settings.ok_or_else(|| ExtensionError::Failed(format!("there is no section `{}`", rules.section)))?;
    let options = &call.config.options;
    let session = Session {
        call,
        collect: CollectDir::open(call)?,
        memory: Memory::new(&options.working_dir, call.ownership, call.system),
        today: Today::new(call.system.clock.now().date(), options.starting_day, call.full),
    };
    let monitor = &call.system.monitor;
    let mut outcome = Outcome::default();
    let fail = |path: &Path, error: &dyn std::fmt::Display, outcome: &mut Outcome| {
        let message = format!("Error backing up [{}]: {error}", escape::display(path));
        monitor.error(&message);
        outcome.failures.push(message);
    };
    let mut names: HashMap<OsString, PathBuf> = HashMap::new();
    for entry in &settings.entries {
        let found = match &entry.exclude {
            None => Ok(vec![entry.path.value.clone()]),
            Some(exclude) => subdirectories(&entry.path, exclude),
        };
        let paths = found.unwrap_or_else(|error| {
            fail(&entry.path, &error, &mut outcome);
            Vec::new()
        });
        for path in paths {
            call.system.interrupt.check()?;
            let name = settings.naming.name_of(&path);
            if let Some(other) = names.get(&name) {
                if *other == path {
                    let path = escape::display(&path);
                    monitor.warning(format!("[{path}] is configured twice; the first counts."));
                    continue;
                }
                let message = format!("its backup would replace that of [{}]", escape::display(other));
                fail(&path, &message, &mut outcome);
                continue;
            }
            names.insert(name.clone(), path.clone());
            let item = Item {
                path,
                name,
                naming: settings.naming,
                mode: entry.mode,
                compression: entry.compression,
            };
            monitor.task(&format!("Backing up {}", escape::display(&item.path)));
            match back_up(&item, &session) {
                Ok(bytes) => outcome.summary.bytes_out += bytes,
                Err(Failure::Interrupted(Interrupted)) => return Err(Interrupted.into()),
                Err(error) => fail(&item.path, &error, &mut outcome),
            }
        }
    }
    if outcome.failures.is_empty() {
        monitor.info(format!("Executed the '{}' extended action successfully.", rules.section));
    }
    Ok(outcome)
}

impl Session<'_> {
    /// What is to be done with an item today. `since` is the day of its last full backup, or the day it was first seen.
    pub(crate) fn due(&self, item: &Item, since: Option<jiff::civil::Date>) -> Due {
        let due = due(item.mode, self.today, since);
        if due == Due::Full(Reason::Overdue) {
            let path = escape::display(&item.path);
            self.call.system.monitor.info(format!(
                "A starting day was missed: the last full backup of [{path}] is a week old or older."
            ));
        }
        due
    }

    /// The local day.
    pub(crate) fn date(&self) -> jiff::civil::Date {
        self.today.date
    }

    /// What is in the collect directory.
    pub(crate) fn outputs(&self) -> Result<Vec<OsString>, Failure> {
        Ok(self.collect.directory().names()?)
    }

    /// Removes earlier outputs from the collect directory, where they would be picked up as today's. One that cannot be removed
    /// does no harm.
    pub(crate) fn drop_outputs(&self, is_stale: impl Fn(&OsStr) -> bool) {
        let directory = self.collect.directory();
        let monitor = &self.call.system.monitor;
        let names = directory.names().unwrap_or_else(|error| {
            monitor.warning(format!("Cannot look for backups of earlier days: {error}"));
            Vec::new()
        });
        for name in names.iter().filter(|name| is_stale(name)) {
            let path = directory.path().join(name);
            let path = escape::display(&path);
            match directory.remove_file(name) {
                Ok(()) => monitor.debug(format!("Removed [{path}], which is of an earlier day.")),
                Err(error) => monitor.warning(format!("Cannot remove [{path}]: {error}")),
            }
        }
    }
}
