//! What goes: a pure function of what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use jiff::civil::Date;

/// How a directory is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// Each file for itself.
    #[default]
    Ordinary,
    /// A staged day: it goes when everything in it may go, so that indicators do not go before the data they speak of.
    Day(Date),
    /// Nothing in it goes: it was collected and not staged yet, or it is another file system.
    Protected,
}

/// What is in a purge directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its name.
    pub(super) name: OsString,
    /// How many full days old it is; negative when it is of the future.
    pub(super) age_days: i64,
    /// Tells it from something else that has its name later.
    pub(super) identity: Identity,
    /// What is in it, if it is a directory.
    pub(super) directory: Option<Contents>,
}

/// Inode, and when its content last changed.
pub(super) type Identity = (u64, i64, u64);

/// What is in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Contents {
    /// How it is treated.
    pub(super) role: Role,
    /// Everything in it.
    pub(super) entries: Vec<Found>,
}

/// What goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Removal {
    /// Anything but a directory.
    File(OsString, Identity),
    /// What is listed, and the directory itself if nothing else is in it.
    Directory {
        /// Its name.
        name: OsString,
        /// What goes in it.
        below: Vec<Removal>,
        /// Whether it goes itself.
        itself: bool,
    },
}

/// What decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Limits {
    /// What is so many full days old goes.
    pub(super) retain_days: u64,
    /// Staged days that stay all the same.
    pub(super) kept: BTreeSet<Date>,
}

impl Limits {
    fn is_old(&self, age_days: i64) -> bool {
        u64::try_from(age_days).unwrap_or(0) >= self.retain_days
    }
}

/// Decides what goes of a directory's contents: whatever is old enough and no staged day that is kept. A directory in it goes
/// with its last content; one that was empty before goes by its own age. Indicators go last.
pub(super) fn removals(contents: &Contents, limits: &Limits) -> Vec<Removal> {
    match contents.role {
        Role::Protected => return Vec::new(),
        Role::Day(date) if limits.kept.contains(&date) || contents.has_young_file(limits) => {
            return Vec::new();
        }
        Role::Day(_) | Role::Ordinary => {}
    }
    let mut removals: Vec<Removal> =
        contents.entries.iter().filter_map(|found| removal(found, limits)).collect();
    removals.sort_by_key(|removal| is_indicator(removal.name()));
    removals
}

fn removal(found: &Found, limits: &Limits) -> Option<Removal> {
    let is_old = limits.is_old(found.age_days);
    let Some(contents) = &found.directory else {
        return is_old.then(|| Removal::File(found.name.clone(), found.identity));
    };
    let below = removals(contents, limits);
    let itself = match contents.role {
        Role::Protected => false,
        _ if contents.entries.is_empty() => is_old,
        _ => below.len() == contents.entries.len() && below.iter().all(Removal::is_whole),
    };
    (itself || !below.is_empty()).then(|| Removal::Directory { name: found.name.clone(), below, itself })
}

impl Contents {
    fn has_young_file(&self, limits: &Limits) -> bool {
        self.entries.iter().any(|entry| match &entry.directory {
            Some(below) => below.has_young_file(limits),
            None => !limits.is_old(entry.age_days),
        })
    }

    /// The age of the youngest file.
    pub(super) fn youngest(&self) -> Option<i64> {
        let ages = self.entries.iter().filter_map(|entry| match &entry.directory {
            Some(below) => below.youngest(),
            None => Some(entry.age_days),
        });
        ages.min()
    }

    /// Whether each staged day in it is old throughout. Days without a file are none.
    pub(super) fn days(&self, limits: &Limits) -> BTreeMap<Date, bool> {
        let mut days = BTreeMap::new();
        self.add_days(limits, &mut days);
        days
    }

    fn add_days(&self, limits: &Limits, days: &mut BTreeMap<Date, bool>) {
        match self.role {
            Role::Day(date) if self.youngest().is_some() => {
                days.insert(date, !self.has_young_file(limits));
            }
            Role::Ordinary => {
                let below = self.entries.iter().filter_map(|entry| entry.directory.as_ref());
                below.for_each(|contents| contents.add_days(limits, days));
            }
            Role::Day(_) | Role::Protected => {}
        }
    }
}

/// How many files and directories go.
pub(super) fn count(removals: &[Removal]) -> (u64, u64) {
    removals.iter().fold((0, 0), |(files, directories), removal| match removal {
        Removal::File(..) => (files + 1, directories),
        Removal::Directory { below, itself, .. } => {
            let (more, further) = count(below);
            (files + more, directories + further + u64::from(*itself))
        }
    })
}

impl Removal {
    fn name(&self) -> &OsStr {
        match self {
            Self::File(name, _) | Self::Directory { name, .. } => name,
        }
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::File(..) => true,
            Self::Directory { itself, .. } => *itself,
        }
    }
}

fn is_indicator(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"cback.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Date = Date::constant(2026, 11, 24);

    fn file(name: &str, age_days: i64) -> Found {
        Found { name: name.into(), age_days, identity: (0, 0, 0), directory: None }
    }

    fn directory(name: &str, age_days: i64, role: Role, entries: Vec<Found>) -> Found {
        Found { directory: Some(Contents { role, entries }), ..file(name, age_days) }
    }

    fn ordinary(name: &str, age_days: i64, entries: Vec<Found>) -> Found {
        directory(name, age_days, Role::Ordinary, entries)
    }

    /// Paths that go, in order; directories end with a slash.
    fn shown(found: Vec<Found>, retain_days: u64) -> Vec<String> {
        shown_keeping(&[], found, retain_days)
    }

    fn shown_keeping(kept: &[Date], found: Vec<Found>, retain_days: u64) -> Vec<String> {
        fn list(removals: &[Removal], prefix: &str, paths: &mut Vec<String>) {
            for removal in removals {
                let path = format!("{prefix}{}", removal.name().display());
                match removal {
                    Removal::File(..) => paths.push(path),
                    Removal::Directory { below, itself, .. } => {
                        let path = format!("{path}/");
                        list(below, &path, paths);
                        if *itself {
                            paths.push(path);
                        }
                    }
                }
            }
        }
        let mut paths = Vec::new();
        let contents = Contents { role: Role::Ordinary, entries: found };
        let limits = Limits { retain_days, kept: kept.iter().copied().collect() };
        let removals = removals(&contents, &limits);
        list(&removals, "", &mut paths);
        let directories = paths.iter().filter(|path| path.ends_with('/')).count();
        let counted = ((paths.len() - directories) as u64, directories as u64);
        assert_eq!(count(&removals), counted);
        paths
    }

    #[test]
    fn what_is_as_old_as_the_limit_goes() {
        let found = [file("a", 6), file("b", 7), file("c", 8)];
        assert_eq!(shown(found.to_vec(), 7), ["b", "c"]);
        assert_eq!(shown(found.to_vec(), 0), ["a", "b", "c"]);
    }

    #[test]
    fn a_tree_that_is_old_throughout_goes_in_one_run() {
        let found = [ordinary(
            "2026",
            0,
            vec![ordinary("11", 0, vec![ordinary("01", 0, vec![file("a", 9)]), ordinary("02", 9, vec![])])],
        )];
        assert_eq!(
            shown(found.to_vec(), 7),
            ["2026/11/01/a", "2026/11/01/", "2026/11/02/", "2026/11/", "2026/"]
        );
    }

    #[test]
    fn a_directory_that_somebody_just_made_stays_with_its_parents() {
        let found = [ordinary("2026", 9, vec![ordinary("fresh", 0, vec![]), file("old", 9)])];
        assert_eq!(shown(found.to_vec(), 7), ["2026/old"]);
        assert_eq!(shown(found.to_vec(), 0), ["2026/fresh/", "2026/old", "2026/"]);
    }

    #[test]
    fn a_day_goes_as_a_whole_and_its_indicators_last() {
        let day = |young| {
            vec![directory(
                "24",
                9,
                Role::Day(DAY),
                vec![
                    file("cback.stage", 9),
                    ordinary("peer", 9, vec![file("cback.collect", 9), file("etc.tar.gz", young)]),
                ],
            )]
        };
        assert_eq!(shown(day(6), 7), [""; 0]);
        assert_eq!(
            shown(day(7), 7),
            ["24/peer/etc.tar.gz", "24/peer/cback.collect", "24/peer/", "24/cback.stage", "24/"]
        );
        assert_eq!(shown_keeping(&[DAY], day(7), 7), [""; 0]);
    }

    #[test]
    fn days_are_old_when_all_of_their_files_are_and_empty_ones_are_none() {
        let day = |date, young| {
            directory("x", 9, Role::Day(date), vec![file("a", 9), ordinary("p", 9, vec![file("b", young)])])
        };
        let (first, second, empty) =
            (Date::constant(2026, 11, 1), Date::constant(2026, 11, 2), Date::constant(2026, 11, 3));
        let contents = Contents {
            role: Role::Ordinary,
            entries: vec![ordinary(
                "11",
                9,
                vec![
                    day(first, 7),
                    day(second, 6),
                    directory("x", 9, Role::Day(empty), vec![ordinary("p", 9, vec![])]),
                ],
            )],
        };
        let limits = Limits { retain_days: 7, kept: BTreeSet::new() };
        assert_eq!(contents.days(&limits), BTreeMap::from([(first, true), (second, false)]));
        assert_eq!(contents.youngest(), Some(6));
        assert_eq!(Contents::default().youngest(), None);
    }

    #[test]
    fn what_is_protected_stays_with_its_parents() {
        let found =
            [ordinary("pool", 9, vec![directory("collect", 9, Role::Protected, vec![]), file("x", 9)])];
        assert_eq!(shown(found.to_vec(), 0), ["pool/x"]);
    }
}
