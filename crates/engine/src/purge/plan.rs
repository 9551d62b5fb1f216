//! What goes: a pure function of what is there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// How a directory is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// Each file for itself.
    #[default]
    Ordinary,
    /// A staged day: it goes when everything in it may go, so that indicators do not go before the data they speak of.
    Day,
    /// Nothing in it goes: it was collected and not staged yet, or it is another file system.
    Protected,
}

/// What is in a purge directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its name.
    pub(super) name: OsString,
    /// How many full days old it is.
    pub(super) age_days: u64,
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

/// Decides what goes of a directory's contents: whatever is `retain_days` full days old. A directory in it goes with its last
/// content; one that was empty before goes by its own age. Indicators go last.
pub(super) fn removals(contents: &Contents, retain_days: u64) -> Vec<Removal> {
    match contents.role {
        Role::Protected => return Vec::new(),
        Role::Day if contents.has_young_file(retain_days) => return Vec::new(),
        Role::Day | Role::Ordinary => {}
    }
    let mut removals: Vec<Removal> =
        contents.entries.iter().filter_map(|found| removal(found, retain_days)).collect();
    removals.sort_by_key(|removal| is_indicator(removal.name()));
    removals
}

fn removal(found: &Found, retain_days: u64) -> Option<Removal> {
    let is_old = found.age_days >= retain_days;
    let Some(contents) = &found.directory else {
        return is_old.then(|| Removal::File(found.name.clone(), found.identity));
    };
    let below = removals(contents, retain_days);
    let itself = match contents.role {
        Role::Protected => false,
        _ if contents.entries.is_empty() => is_old,
        _ => below.len() == contents.entries.len() && below.iter().all(Removal::is_whole),
    };
    (itself || !below.is_empty()).then(|| Removal::Directory { name: found.name.clone(), below, itself })
}

impl Contents {
    fn has_young_file(&self, retain_days: u64) -> bool {
        self.entries.iter().any(|entry| match &entry.directory {
            Some(below) => below.has_young_file(retain_days),
            None => entry.age_days < retain_days,
        })
    }
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

    fn file(name: &str, age_days: u64) -> Found {
        Found { name: name.into(), age_days, identity: (0, 0, 0), directory: None }
    }

    fn directory(name: &str, age_days: u64, role: Role, entries: Vec<Found>) -> Found {
        Found { directory: Some(Contents { role, entries }), ..file(name, age_days) }
    }

    fn ordinary(name: &str, age_days: u64, entries: Vec<Found>) -> Found {
        directory(name, age_days, Role::Ordinary, entries)
    }

    /// Paths that go, in order; directories end with a slash.
    fn shown(found: Vec<Found>, retain_days: u64) -> Vec<String> {
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
        list(&removals(&contents, retain_days), "", &mut paths);
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
                Role::Day,
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
    }

    #[test]
    fn what_is_protected_stays_with_its_parents() {
        let found =
            [ordinary("pool", 9, vec![directory("collect", 9, Role::Protected, vec![]), file("x", 9)])];
        assert_eq!(shown(found.to_vec(), 0), ["pool/x"]);
    }
}
