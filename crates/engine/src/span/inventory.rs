//! What there is to be spread over discs: the files of staged days that no disc has yet.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_config::{Config, Document};
use redcedar_system::System;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};

use crate::daily_dir;
use crate::indicator;
use crate::item::ownership::Ownership;
use crate::redundancy::protect_days;
use crate::staged::refuse_clear_text;
use crate::store::{StoreError, to};

/// The directories at the place of days, by their names' depth.
pub(super) const DEPTH: usize = 3;
/// In the directory of a day: it is on a disc.
pub(super) const STORE: &str = "cback.store";

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpanFile {
    /// Below the directory with the days.
    #[serde(with = "super::path_text")]
    pub path: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// When it was written last: seconds since 1970, and nanoseconds.
    pub modified: (i64, i64),
}

/// What there is, in the order of names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The directories of days that are to be written, whatever they are called, below the one with the days.
    pub directories: Vec<PathBuf>,
    /// Days that are still being staged.
    pub unfinished: Vec<PathBuf>,
    /// All their files.
    pub files: Vec<SpanFile>,
    /// What is neither file nor directory, and is not written.
    pub strangers: Vec<PathBuf>,
    /// How many days have no recovery data though they should.
    pub unprotected: usize,
}

impl Inventory {
    /// Makes recovery data for all days that are to be written, where the configuration wants it, and looks again. What failed
    /// was told, and is counted.
    ///
    /// # Errors
    /// When the run was interrupted, or a directory cannot be read.
    pub fn protect(self, source_dir: &Path, config: &Config, system: &System) -> Result<Self, StoreError> {
        let days = self.directories.iter().map(|day| Directory::open(&source_dir.join(day)));
        let ownership = Ownership::configured(&config.options);
        let failed = protect_days(config, days, &ownership, system)?;
        let inventory = Self::take(source_dir).map_err(to("look for staged days"))?;
        Ok(Self { unprotected: failed.len(), ..inventory })
    }

    /// Refuses clear text where everything is meant to be encrypted.
    ///
    /// # Errors
    /// When there is some, or a directory cannot be read.
    pub fn refuse_clear_text(&self, source_dir: &Path, document: &Document) -> Result<(), StoreError> {
        for day in &self.directories {
            let directory = Directory::open(&source_dir.join(day)).map_err(to("look for clear text"))?;
            refuse_clear_text(document, directory)?;
        }
        Ok(())
    }

    /// Looks below `source_dir`. No link is followed.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn take(source_dir: &Path) -> io::Result<Self> {
        let mut inventory = Self::default();
        inventory.look(&Directory::open(source_dir)?, Path::new(""), DEPTH)?;
        Ok(inventory)
    }

    fn look(&mut self, directory: &Directory, path: &Path, depth: usize) -> io::Result<()> {
        for name in directory.names()? {
            let is_directory = directory.status(&name)?.is_some_and(|status| kind(&status).is_dir());
            if !is_directory {
                continue;
            }
            let (below, path) = (directory.open_directory(&name)?, path.join(&name));
            if depth > 1 {
                self.look(&below, &path, depth - 1)?;
            } else {
                self.day(&below, path)?;
            }
        }
        Ok(())
    }

    fn day(&mut self, directory: &Directory, path: PathBuf) -> io::Result<()> {
        if has(directory, STORE)? {
            return Ok(());
        }
        if is_date(&path) && !has(directory, indicator::STAGE)? {
            self.unfinished.push(path);
            return Ok(());
        }
        self.files(directory, &path)?;
        self.directories.push(path);
        Ok(())
    }

    fn files(&mut self, directory: &Directory, path: &Path) -> io::Result<()> {
        for name in directory.names()? {
            let Some(status) = directory.status(&name)? else { continue };
            let path = path.join(&name);
            match kind(&status) {
                FileType::Directory => self.files(&directory.open_directory(&name)?, &path)?,
                FileType::RegularFile if name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) => {}
                FileType::RegularFile => self.files.push(SpanFile::new(path, &status)),
                _ => self.strangers.push(path),
            }
        }
        Ok(())
    }

    /// The bytes of all files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

impl SpanFile {
    fn new(path: PathBuf, status: &Stat) -> Self {
        let nanoseconds = i64::try_from(status.st_mtime_nsec).unwrap_or_default();
        Self { path, size: status.st_size.unsigned_abs(), modified: (status.st_mtime, nanoseconds) }
    }
}

fn has(directory: &Directory, indicator: &str) -> io::Result<bool> {
    Ok(directory.status(OsStr::new(indicator))?.is_some())
}

fn kind(status: &Stat) -> FileType {
    FileType::from_raw_mode(status.st_mode)
}

/// Whether `YYYY/MM/DD` is a day.
fn is_date(path: &Path) -> bool {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    let Some([year, month, day]) = parts.as_deref().and_then(|parts| parts.first_chunk()) else {
        return false;
    };
    let date = (year.parse(), month.parse(), day.parse());
    let (Ok(year), Ok(month), Ok(day)) = date else { return false };
    Date::new(year, month, day).is_ok_and(|date| daily_dir::path(Path::new(""), date) == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, file.as_bytes()).unwrap();
        }
    }

    #[test]
    fn unstored_days_are_taken_in_order_and_those_still_being_staged_are_not() {
        let root = tempfile::tempdir().unwrap();
        make(
            root.path(),
            &[
                "2026/11/24/cback.stage",
                "2026/11/24/web/etc.tar.gz",
                "2026/11/24/web/.redcedar-1-x",
                "2026/11/24/mail/sub/x",
                "2026/11/23/cback.stage",
                "2026/11/23/cback.store",
                "2026/11/25/web/etc.tar.gz",
                "old/things/x/y",
                "2026/too-high",
            ],
        );
        std::os::unix::fs::symlink("24", root.path().join("2026/11/26")).unwrap();
        std::os::unix::fs::symlink("etc.tar.gz", root.path().join("2026/11/24/web/link")).unwrap();
        let found = Inventory::take(root.path()).unwrap();
        assert_eq!(found.directories, [Path::new("2026/11/24"), Path::new("old/things/x")]);
        assert_eq!(found.unfinished, [Path::new("2026/11/25")]);
        assert_eq!(found.strangers, [Path::new("2026/11/24/web/link")]);
        let files: Vec<_> = found.files.iter().map(|file| file.path.to_str().unwrap()).collect();
        let expected = [
            "2026/11/24/cback.stage",
            "2026/11/24/mail/sub/x",
            "2026/11/24/web/etc.tar.gz",
            "old/things/x/y",
        ];
        assert_eq!(files, expected);
        assert_eq!(found.size(), expected.concat().len() as u64);
    }

    #[test]
    fn a_date_has_four_two_and_two_digits() {
        for (path, expected) in [
            ("2026/11/24", true),
            ("2026/11/31", false),
            ("2026/1/24", false),
            ("a/b/c", false),
            ("2026/11", false),
        ] {
            assert_eq!(is_date(Path::new(path)), expected, "{path}");
        }
    }
}
