//! What of a source is meant: which items hold the paths that are wanted, and what they were.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday};
use redcedar_archive::naming::{Dialect, candidates, normalise};
use redcedar_system::{Interrupt, Interrupted, escape};

use crate::layer::read_header;
use crate::path::clean;
use crate::report::ItemReport;
use crate::restore::RestoreError;
use crate::source::Source;
use crate::tree::{self, Tree};

/// An absolute path that leads nowhere else.
pub(crate) fn checked(path: &Path) -> Result<PathBuf, RestoreError> {
    let bad = || RestoreError::BadPath { path: path.to_owned() };
    if !path.is_absolute() {
        return Err(bad());
    }
    clean(path.as_os_str().as_encoded_bytes()).map_err(|_| bad())
}

/// The normalised names of the items that are wanted.
pub(crate) fn choose_items<'s>(
    source: &'s Source,
    peer: &OsStr,
    item: Option<&OsStr>,
    as_of: Option<Date>,
    paths: &[PathBuf],
) -> Result<Vec<&'s OsStr>, RestoreError> {
    let items = source.items(peer, as_of);
    if let (true, Some(as_of), Some(first)) = (items.is_empty(), as_of, source.days().first()) {
        return Err(RestoreError::NothingYet { as_of, first: first.date });
    }
    let Some(wanted) = item else {
        return Ok(holding(source, peer, items, as_of, paths));
    };
    let by_path = names_of(Path::new(wanted));
    let found = items.iter().find(|item| ***item == *wanted || by_path.iter().any(|name| name == *item));
    found.map(|item| vec![*item]).ok_or_else(|| RestoreError::NoItem {
        item: escape::display(wanted).to_string(),
        items: items.iter().map(|item| escape::display(item).to_string()).collect(),
    })
}

/// The names that either version of the original gives to the archive of a path.
fn names_of(path: &Path) -> [OsString; 2] {
    [normalise(path, Dialect::V3), normalise(path, Dialect::V2)]
}

/// The items that can hold one of `paths`. An item whose path is not known is left out only when others surely hold all.
fn holding<'s>(
    source: &'s Source,
    peer: &OsStr,
    items: Vec<&'s OsStr>,
    as_of: Option<Date>,
    paths: &[PathBuf],
) -> Vec<&'s OsStr> {
    if paths.is_empty() {
        return items;
    }
    let held: Vec<Vec<bool>> = items
        .iter()
        .map(|item| {
            let own = path_of(source, peer, item, as_of);
            paths.iter().map(|path| may_hold(item, own.as_deref(), path)).collect()
        })
        .collect();
    let all_are_held = (0..paths.len()).all(|path| held.iter().any(|held| held[path]));
    let chosen = items.iter().zip(&held).filter(|(_, held)| !all_are_held || held.contains(&true));
    chosen.map(|(item, _)| *item).collect()
}

fn may_hold(item: &OsStr, own: Option<&Path>, path: &Path) -> bool {
    match own {
        Some(own) => own.starts_with(path) || path.starts_with(own),
        None => candidates(path).iter().any(|name| name == item),
    }
}

/// The path of an item, where a manifest says it.
pub(crate) fn path_of(source: &Source, peer: &OsStr, item: &OsStr, as_of: Option<Date>) -> Option<PathBuf> {
    let history = source.history(peer, item, as_of);
    let newest = history.into_iter().rev().find_map(|stored| stored.manifest.as_ref())?;
    read_header(newest).ok().map(|header| header.item)
}

/// Reads what the items were, as one tree.
pub(crate) fn read_items(
    source: &Source,
    peer: &OsStr,
    items: &[&OsStr],
    paths: &[PathBuf],
    (as_of, starting_day): (Option<Date>, Option<Weekday>),
    interrupt: &Interrupt,
) -> Result<(Tree, Vec<ItemReport>), Interrupted> {
    let mut whole: Option<Tree> = None;
    let mut reports = Vec::new();
    for item in items {
        let history = source.history(peer, item, as_of);
        let tree = tree::build(&history, paths, starting_day, interrupt)?;
        reports.push(ItemReport {
            peer: escape::display(peer).to_string(),
            item: escape::display(item).to_string(),
            days: tree.layers.iter().map(|layer| layer.date).collect(),
            caveats: tree.caveats.clone(),
        });
        match &mut whole {
            None => whole = Some(tree),
            Some(whole) => whole.merge(tree),
        }
    }
    Ok((whole.unwrap_or_default(), reports))
}
