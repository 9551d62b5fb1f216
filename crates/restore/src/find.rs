//! All versions of paths that were ever stored.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::civil::Date;
use redcedar_archive::manifest::{Entry, Line, Mode};
use redcedar_archive::select::{Globs, compare_paths};
use redcedar_system::{Interrupt, Interrupted, escape};

use crate::diff::aspects;
use crate::layer::{check_archive, open_manifest};
use crate::path::clean;
use crate::scan::scan;
use crate::source::{Source, StoredItem};
use crate::tree::entry_of;

/// What a path was from some day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The machine.
    pub peer: OsString,
    /// The path.
    pub path: PathBuf,
    /// The first day on which it was stored so, or found gone.
    pub since: Date,
    /// What it was; nothing: it was gone. Its own `path` is empty.
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
}

/// Finds all versions of the paths that `globs` match, of one machine or all.
///
/// # Errors
/// When interrupted. What cannot be read is among the problems.
pub fn find(
    source: &Source,
    peer: Option<&OsStr>,
    globs: &Globs,
    interrupt: &Interrupt,
) -> Result<Found, Interrupted> {
    let mut histories = HashMap::<(&OsStr, &OsStr), Vec<&StoredItem>>::new();
    for present in source.days().iter().flat_map(|day| &day.peers) {
        if peer.is_none_or(|peer| present.name == peer) {
            for item in &present.items {
                histories.entry((&present.name, &item.name)).or_default().push(item);
            }
        }
    }
    let histories: Vec<_> = histories.into_iter().collect();
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Found::default());
    let work = || -> Result<(), Interrupted> {
        while let Some(((peer, _), history)) = histories.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = follow(peer, history, globs, interrupt)?;
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.versions.extend(found.versions);
            all.problems.extend(found.problems);
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
    peer: &OsStr,
    history: &[&StoredItem],
    globs: &Globs,
    interrupt: &Interrupt,
) -> Result<Found, Interrupted> {
    let mut following = Following { peer, globs, versions: Vec::new(), newest: HashMap::new() };
    let mut problems = Vec::new();
    for item in history {
        interrupt.check()?;
        let read = item.manifest.as_ref().map(|_| following.manifest(item));
        if let Some(Err(reason)) = &read {
            let name = escape::display(&item.name);
            problems.push(format!("the manifest of {name} of {}: {reason}", item.date));
        }
        if !matches!(read, Some(Ok(()))) {
            problems.extend(following.archive(item, interrupt)?);
        }
    }
    Ok(Found { versions: following.versions, problems })
}

struct Following<'a> {
    peer: &'a OsStr,
    globs: &'a Globs,
    versions: Vec<Version>,
    /// Where in `versions` the newest of a path is.
    newest: HashMap<PathBuf, usize>,
}

impl Following<'_> {
    /// Follows what a manifest says, which has been read to its end before anything of it counts.
    fn manifest(&mut self, item: &StoredItem) -> Result<(), String> {
        let Some(file) = &item.manifest else { return Ok(()) };
        let mut reader = open_manifest(file)?;
        let header = reader.header().clone();
        let mut lines = Vec::new();
        let is_wanted = |path: &Path, _| self.globs.match_path(path);
        while let Some(line) = reader.next_where(is_wanted).map_err(|error| error.to_string())? {
            lines.push(line);
        }
        let trailer = reader.trailer().map_err(|error| error.to_string())?;
        check_archive(item, &header, &trailer)?;
        let mut present = HashSet::new();
        for line in lines {
            match line {
                Line::Gone(path) => self.gone(&path, item.date),
                Line::Present(mut entry) => {
                    let path = std::mem::take(&mut entry.path);
                    if header.mode == Mode::Full {
                        present.insert(path.clone());
                    }
                    self.present(path, entry, item);
                }
            }
        }
        if header.mode == Mode::Full {
            // It lists all there is.
            let gone = self.newest.keys().filter(|path| !present.contains(*path));
            for path in gone.cloned().collect::<Vec<_>>() {
                self.gone(&path, item.date);
            }
        }
        Ok(())
    }

    /// Follows what an archive without a manifest holds. It cannot say what is gone.
    fn archive(&mut self, item: &StoredItem, interrupt: &Interrupt) -> Result<Vec<String>, Interrupted> {
        let Some((file, compression)) = &item.archive else { return Ok(Vec::new()) };
        let scan = scan(file, *compression, interrupt)?;
        for scanned in scan.members {
            let entry = entry_of(&scanned.member);
            // What has no usable name or kind is told by `verify` and `restore`.
            if let (Ok(path), Some(entry)) = (clean(&scanned.member.path), entry)
                && self.globs.match_path(&path)
            {
                self.present(path, entry, item);
            }
        }
        let name = escape::display(file.path()).to_string();
        Ok(scan.damages.into_iter().map(|damage| format!("{name}: {damage}")).collect())
    }

    fn present(&mut self, path: PathBuf, entry: Entry, item: &StoredItem) {
        let is_stored = entry.offset.is_some();
        let archive = item.archive.as_ref().filter(|_| is_stored).map(|(file, _)| file.path().to_owned());
        let stored = archive.map(|archive| (item.date, archive));
        let newest = self.newest.get(&path).map(|newest| &mut self.versions[*newest]);
        match newest {
            Some(version)
                if version.entry.as_ref().is_some_and(|known| aspects(known, &entry).is_empty()) =>
            {
                version.stored.extend(stored);
            }
            _ => self.push(path, Some(entry), item.date, stored),
        }
    }

    fn gone(&mut self, path: &PathBuf, date: Date) {
        let is_there = self.newest.get(path).is_some_and(|newest| self.versions[*newest].entry.is_some());
        if is_there {
            self.push(path.clone(), None, date, None);
        }
    }

    fn push(&mut self, path: PathBuf, entry: Option<Entry>, since: Date, stored: Option<(Date, PathBuf)>) {
        self.newest.insert(path.clone(), self.versions.len());
        let stored = stored.into_iter().collect();
        self.versions.push(Version { peer: self.peer.to_owned(), path, since, entry, stored });
    }
}
