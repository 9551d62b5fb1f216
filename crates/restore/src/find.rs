//! All versions of paths that were ever stored.

mod code;
mod history;
mod index;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use redcedar_archive::manifest::Entry;
use redcedar_archive::select::{Globs, compare_paths};
use redcedar_system::{Interrupt, Interrupted};

pub use self::index::Index;

use self::history::{Event, Reading};
use self::index::{Paths, Table};
use crate::diff::aspects;
use crate::source::{Source, StoredFile, StoredItem};

/// What a path was from some day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The machine.
    pub peer: OsString,
    /// The path.
    pub path: PathBuf,
    /// The first day on which it was stored so, or found gone.
    pub since: Date,
    /// What it was; nothing: it was gone. Its own `path` is empty, and so is what is of use only together with the archive.
    pub entry: Option<Entry>,
    /// The files that hold it, with their days, oldest first.
    pub stored: Vec<(Date, PathBuf)>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// By machine, path and day.
    pub versions: Vec<Version>,
    /// What could not be looked into, and why.
    pub problems: Vec<String>,
    /// Why the index could not be kept, if it could not: the next time takes as long.
    pub not_kept: Option<String>,
}

/// Finds all versions of the paths that `globs` match, of one machine or all. With an index, only what is new has to be read; what is
/// found is the same.
///
/// # Errors
/// When interrupted. What cannot be read is among the problems.
pub fn find(
    source: &Source,
    peer: Option<&OsStr>,
    globs: &Globs,
    index: Option<&Index>,
    interrupt: &Interrupt,
) -> Result<Found, Interrupted> {
    let roots = source.roots();
    let mut histories = HashMap::<(&OsStr, &OsStr), Vec<&StoredItem>>::new();
    for present in source.days().iter().flat_map(|day| &day.peers) {
        if peer.is_none_or(|peer| present.name == peer) {
            for item in &present.items {
                histories.entry((&present.name, &item.name)).or_default().push(item);
            }
        }
    }
    let history = |((peer, name), items)| History { roots: &roots, peer, name, items };
    let histories: Vec<_> = histories.into_iter().map(history).collect();
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Found::default());
    let work = || -> Result<(), Interrupted> {
        while let Some(history) = histories.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = follow(history, globs, index, interrupt)?;
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.versions.extend(found.versions);
            all.problems.extend(found.problems);
            all.not_kept = all.not_kept.take().or(found.not_kept);
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(histories.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.fold(Ok(()), Result::and)
    })?;
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.versions.sort_by(|a, b| {
        let paths = || compare_paths(a.path.as_os_str().as_bytes(), b.path.as_os_str().as_bytes());
        a.peer.cmp(&b.peer).then_with(paths).then(a.since.cmp(&b.since))
    });
    all.problems.sort();
    Ok(all)
}

/// What an item was from day to day, as far as it matches.
fn follow(
    history: &History<'_>,
    globs: &Globs,
    index: Option<&Index>,
    interrupt: &Interrupt,
) -> Result<Found, Interrupted> {
    if let Some(index) = index
        && let Some(found) = indexed(history, globs, index, interrupt)?
    {
        return Ok(found);
    }
    let mut found = Found::default();
    let (mut paths, mut full) = (Paths::new(), Vec::new());
    for (day, item) in history.items.iter().enumerate() {
        interrupt.check()?;
        let reading = Reading::new(item, &|path| globs.match_path(path), interrupt)?;
        full.push(reading.is_full);
        found.problems.extend(reading.problems);
        for (path, event) in reading.events {
            paths.entry(path).or_default().push((day, event));
        }
    }
    for (path, events) in paths {
        history.replay(&path, events, &full, &mut found.versions);
    }
    Ok(found)
}

/// The same by an index, which is brought up to date before. None if there can be none: what is encrypted must not be written down
/// in clear, and what cannot be read has to be told each time.
fn indexed(
    history: &History<'_>,
    globs: &Globs,
    index: &Index,
    interrupt: &Interrupt,
) -> Result<Option<Found>, Interrupted> {
    let mut files =
        history.items.iter().flat_map(|item| item.archive.iter().map(|(file, _)| file).chain(&item.manifest));
    if files.any(StoredFile::is_encrypted) {
        return Ok(None);
    }
    let mut found = Found::default();
    let identities: Vec<_> = history.items.iter().map(|item| index::identity(item)).collect();
    let file = index.file(history.roots, history.peer, history.name);
    let known = Index::read(&file).unwrap_or_default();
    let table = if known.days.iter().map(|day| &day.identity).eq(&identities) {
        known
    } else {
        let Some(table) = updated(known, history, &identities, interrupt)? else { return Ok(None) };
        found.not_kept = index.write(&file, &table).err().map(|error| error.to_string());
        table
    };
    let full: Vec<_> = table.days.iter().map(|day| day.is_full).collect();
    let replay = |path: PathBuf, events| history.replay(&path, events, &full, &mut found.versions);
    let visited = table.visit(|path| globs.match_path(path), replay);
    Ok(visited.map(|()| found))
}

/// What is known of the days that are there, and what the others say. None when one of them cannot be read.
fn updated(
    known: Table,
    history: &History<'_>,
    identities: &[[u8; 32]],
    interrupt: &Interrupt,
) -> Result<Option<Table>, Interrupted> {
    let numbers = identities.iter().enumerate().map(|(number, identity)| (*identity, number)).collect();
    let mut full: HashMap<_, _> = known.days.iter().map(|day| (day.identity, day.is_full)).collect();
    let mut paths = known.into_paths(&numbers).unwrap_or_else(|| {
        full.clear();
        Paths::new()
    });
    for (day, (item, identity)) in history.items.iter().zip(identities).enumerate() {
        interrupt.check()?;
        if full.contains_key(identity) {
            continue;
        }
        let reading = Reading::new(item, &|_| true, interrupt)?;
        if !reading.problems.is_empty() {
            return Ok(None);
        }
        full.insert(*identity, reading.is_full);
        for (path, event) in reading.events {
            paths.entry(path).or_default().push((day, event));
        }
    }
    // Days come in between when a further place is looked at.
    for events in paths.values_mut() {
        events.sort_by_key(|(day, _)| *day);
    }
    let day = |identity: &[u8; 32]| index::Day {
        identity: *identity,
        is_full: full.get(identity).copied().unwrap_or_default(),
    };
    Ok(Some(Table::new(identities.iter().map(day).collect(), &paths)))
}

/// The days of an item of a machine.
struct History<'a> {
    roots: &'a [PathBuf],
    peer: &'a OsStr,
    name: &'a OsStr,
    items: Vec<&'a StoredItem>,
}

impl History<'_> {
    /// Makes versions of a path of what days say of it, in their order. `full` says which days list all there is: what they do
    /// not mention was gone.
    fn replay(&self, path: &Path, events: Vec<(usize, Event)>, full: &[bool], versions: &mut Vec<Version>) {
        let mut own = Vec::new();
        let mut events = events.into_iter().peekable();
        for (day, is_full) in full.iter().enumerate() {
            let mut is_mentioned = false;
            while let Some((_, event)) = events.next_if(|(of, _)| *of == day) {
                self.happen(path, day, event, &mut own);
                is_mentioned = true;
            }
            if *is_full && !is_mentioned {
                self.happen(path, day, Event::Gone, &mut own);
            }
        }
        versions.append(&mut own);
    }

    /// Adds what a day says of a path to its versions.
    fn happen(&self, path: &Path, day: usize, event: Event, versions: &mut Vec<Version>) {
        let item = self.items[day];
        let entry = match event {
            Event::Gone if versions.last().is_none_or(|newest| newest.entry.is_none()) => return,
            Event::Gone => None,
            Event::Present { entry, is_stored } => Some((entry, is_stored)),
        };
        let is_stored = entry.as_ref().is_some_and(|(_, is_stored)| *is_stored);
        let archive = item.archive.as_ref().filter(|_| is_stored).map(|(file, _)| file.path().to_owned());
        let stored = archive.map(|archive| (item.date, archive));
        let entry = entry.map(|(entry, _)| *entry);
        let is_same = |newest: &Version| match (&newest.entry, &entry) {
            (Some(known), Some(entry)) => aspects(known, entry).is_empty(),
            _ => false,
        };
        match versions.last_mut() {
            Some(newest) if is_same(newest) => newest.stored.extend(stored),
            _ => versions.push(Version {
                peer: self.peer.to_owned(),
                path: path.to_owned(),
                since: item.date,
                entry,
                stored: stored.into_iter().collect(),
            }),
        }
    }
}
