//! The collect directory around a run: what earlier runs announced is withdrawn before, what this one superseded is dropped
//! after.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::{Timestamp, Zoned};
use redcedar_archive::{Compression, manifest};
use redcedar_system::fs::Directory;
use redcedar_system::{System, escape};

use crate::indicator::{self, Indicator, is_picked_up};
use crate::item::store::Output;
use crate::state::remove_left_overs;
use crate::state::side_file::{self, acknowledge};

/// Withdraws what earlier runs announced, so that nobody picks up what is being replaced, and remembers whether it was
/// picked up before. Files that a killed run left behind go as well.
///
/// What was collected earlier today counts as not picked up even if it was: what is collected now gets the same names and, when
/// it is staged today, replaces it, so it has to cover it.
pub(crate) fn withdraw(directory: &Directory, working_dir: &Path, system: &System) -> io::Result<bool> {
    let is_picked_up = is_picked_up(directory)? && !is_of(directory, &system.clock.now())?;
    if is_picked_up {
        acknowledge_all(working_dir, directory.path(), system);
    }
    for name in [indicator::COLLECT, indicator::STAGE].map(OsStr::new) {
        if directory.status(name)?.is_some() {
            directory.remove_file(name)?;
        }
    }
    directory.sync()?;
    remove_left_overs(directory, system)?;
    match Directory::open(working_dir) {
        Ok(working_dir) => remove_left_overs(&working_dir, system)?,
        // The items will complain when they want to remember something.
        Err(error) => system.monitor.debug(error.to_string()),
    }
    Ok(is_picked_up)
}

/// Whether the announced run began on the day of `now`. Indicators of the original do not say.
fn is_of(directory: &Directory, now: &Zoned) -> io::Result<bool> {
    let began =
        Indicator::read(directory, indicator::COLLECT)?.and_then(|indicator| indicator.time.parse().ok());
    Ok(began.is_some_and(|began: Timestamp| began.to_zoned(now.time_zone().clone()).date() == now.date()))
}

/// Remembers in the side file of every item that what was stored is picked up. Where that fails, more than necessary is
/// stored.
fn acknowledge_all(working_dir: &Path, collect_dir: &Path, system: &System) {
    let Ok(entries) = fs_err::read_dir(working_dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.as_os_str().as_bytes().ends_with(side_file::SUFFIX.as_bytes())
            && let Err(error) = acknowledge(&path, collect_dir)
        {
            let path = escape::display(&path);
            system.monitor.warning(format!("Cannot mark [{path}] as picked up: {error}"));
        }
    }
}

/// What this run made of the outputs of each name.
#[derive(Debug, Default)]
pub(super) struct Outputs(HashMap<OsString, Fate>);

#[derive(Debug)]
enum Fate {
    /// These files are today's.
    Produced(Vec<OsString>),
    /// Nothing was due; says whether what is there is picked up.
    Skipped { is_acknowledged: bool },
}

impl Outputs {
    /// Notes what was produced for an item.
    pub(super) fn produced(&mut self, name: &OsStr, outputs: [&Option<Output>; 2]) {
        let files = outputs.into_iter().flatten().map(|output| output.name.clone()).collect();
        self.0.insert(name.to_owned(), Fate::Produced(files));
    }

    /// Notes that nothing was due for an item.
    pub(super) fn skipped(&mut self, name: &OsStr, is_acknowledged: bool) {
        self.0.insert(name.to_owned(), Fate::Skipped { is_acknowledged });
    }

    /// Drops outputs of earlier days that would be picked up as today's: what today's replace, and what is picked up already.
    /// What nobody picked up and nothing replaces stays, and so does everything that is not ours.
    pub(super) fn drop_stale(&self, directory: &Directory, is_picked_up: bool, system: &System) {
        let names = match directory.names() {
            Ok(names) => names,
            Err(error) => {
                system.monitor.warning(format!("Cannot look for archives of earlier days: {error}"));
                return;
            }
        };
        for file in names.iter().filter(|file| self.is_stale(file, &names, is_picked_up)) {
            let path = directory.path().join(file);
            let path = escape::display(&path);
            match directory.remove_file(file) {
                Ok(()) => system.monitor.debug(format!("Removed [{path}], which is of an earlier day.")),
                Err(error) => system
                    .monitor
                    .warning(format!("Cannot remove [{path}], which is of an earlier day: {error}")),
            }
        }
    }

    fn is_stale(&self, file: &OsStr, all: &[OsString], is_picked_up: bool) -> bool {
        let Some(item) = item_of(file) else { return false };
        match self.0.get(item) {
            Some(Fate::Produced(files)) => !files.iter().any(|produced| produced == file),
            Some(Fate::Skipped { is_acknowledged }) => *is_acknowledged,
            // An item that is no longer configured, or a directory that is gone. The manifest says that it was ours.
            None => {
                let mut manifest = item.to_owned();
                manifest.push(manifest::SUFFIX);
                is_picked_up && all.contains(&manifest)
            }
        }
    }
}

/// The name of the item that an output belongs to; none for other files.
fn item_of(file: &OsStr) -> Option<&OsStr> {
    let of_manifest = file.as_bytes().strip_suffix(manifest::SUFFIX.as_bytes()).map(OsStr::from_bytes);
    of_manifest.or_else(|| Compression::of_archive(file).map(|(item, _)| item))
}
