//! Days that have been staged, for whatever is done with them afterwards: encrypted, split, stored.

mod clear;
mod ledger;
mod manifests;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::naming::is_metadata;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::{FileType, Stat};

pub use clear::{ClearText, clear_text, is_sealed, refuse_clear_text};
pub use ledger::Ledger;
pub(crate) use manifests::{manifest_header, manifest_tally};

use crate::daily_dir;

/// The directories at the place of days, by their names' depth.
const DEPTH: usize = 3;

/// A directory of a day, and the backups in it: regular files that are neither metadata nor left over from a killed run.
#[derive(Debug)]
pub struct Folder {
    /// The directory.
    pub directory: Directory,
    /// The backups, by name.
    pub files: Vec<(OsString, Stat)>,
    /// What else there is, and is neither a directory nor metadata: links and the like.
    pub strangers: Vec<OsString>,
    /// Left over from runs that were killed.
    pub leftovers: Vec<OsString>,
}

impl Folder {
    /// Whether there is a backup by a name.
    pub fn has(&self, name: &OsStr) -> bool {
        self.files.iter().any(|(present, _)| present == name)
    }
}

/// All directories of a day with what is in them, the day's own first. No link is followed.
///
/// # Errors
/// When a directory cannot be read.
pub fn folders(day: Directory) -> io::Result<Vec<Folder>> {
    let mut folders = Vec::new();
    let mut left = vec![day];
    while let Some(directory) = left.pop() {
        let mut folder =
            Folder { directory, files: Vec::new(), strangers: Vec::new(), leftovers: Vec::new() };
        for name in folder.directory.names()? {
            let Some(stat) = folder.directory.status(&name)? else { continue };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => left.push(folder.directory.open_directory(&name)?),
                FileType::RegularFile if name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) => {
                    folder.leftovers.push(name);
                }
                FileType::RegularFile if is_metadata(&name) => {}
                FileType::RegularFile => folder.files.push((name, stat)),
                _ => folder.strangers.push(name),
            }
        }
        folders.push(folder);
    }
    Ok(folders)
}

/// Directories at the place of days that are none, because their names are no date. The originals take them for days.
///
/// # Errors
/// When a directory cannot be read.
pub fn no_days(staging: &Directory, days: &[Date]) -> io::Result<Vec<PathBuf>> {
    let days: Vec<_> = days.iter().map(|day| daily_dir::path(staging.path(), *day)).collect();
    let mut found = Vec::new();
    collect_no_days(staging, DEPTH, &days, &mut found)?;
    Ok(found)
}

fn collect_no_days(
    directory: &Directory,
    depth: usize,
    days: &[PathBuf],
    found: &mut Vec<PathBuf>,
) -> io::Result<()> {
    for name in directory.names()? {
        let is_directory =
            directory.status(&name)?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
        let path: &Path = &directory.path().join(&name);
        if !is_directory {
            continue;
        }
        if depth > 1 {
            collect_no_days(&directory.open_directory(&name)?, depth - 1, days, found)?;
        } else if !days.iter().any(|day| day == path) {
            found.push(path.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_told_from_metadata_leftovers_and_links_and_no_link_is_followed() {
        let root = tempfile::tempdir().unwrap();
        for path in ["day/cback.example.com/sub", "elsewhere"] {
            fs_err::create_dir_all(root.path().join(path)).unwrap();
        }
        for path in [
            "day/cback.stage",
            "day/cback.example.com/cback.sha256",
            "day/cback.example.com/cback.conf.tar",
            "day/cback.example.com/.redcedar-1-x",
            "day/cback.example.com/sub/x",
            "elsewhere/y",
        ] {
            fs_err::write(root.path().join(path), "").unwrap();
        }
        std::os::unix::fs::symlink("../elsewhere", root.path().join("day/link")).unwrap();
        let folders = folders(Directory::open(&root.path().join("day")).unwrap()).unwrap();
        let found: Vec<_> = folders
            .iter()
            .map(|folder| {
                let files: Vec<_> = folder.files.iter().map(|(name, _)| name.to_str().unwrap()).collect();
                (folder.directory.path().strip_prefix(root.path()).unwrap().to_str().unwrap(), files)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("day", vec![]),
                ("day/cback.example.com", vec!["cback.conf.tar"]),
                ("day/cback.example.com/sub", vec!["x"])
            ]
        );
        assert_eq!(folders[0].strangers, ["link"]);
        assert_eq!(folders[1].leftovers, [".redcedar-1-x"]);
        assert!(folders[2].has(OsStr::new("x")));
    }

    #[test]
    fn directories_that_are_no_dates_are_named() {
        let root = tempfile::tempdir().unwrap();
        for path in ["2026/11/24", "2026/02/30", "misc/x/y", "misc/x2"] {
            fs_err::create_dir_all(root.path().join(path)).unwrap();
        }
        let staging = Directory::open(root.path()).unwrap();
        let days = daily_dir::days(&staging).unwrap();
        let found = no_days(&staging, &days).unwrap();
        assert_eq!(found, [root.path().join("2026/02/30"), root.path().join("misc/x/y")]);
    }
}
