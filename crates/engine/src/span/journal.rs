//! What has been written of a set of discs, so that a failure on one does not cost those before it.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_media::Label;
use redcedar_system::escape;
use redcedar_system::fs::Directory;
use serde::{Deserialize, Serialize};

use super::inventory::{DEPTH, Inventory, SpanFile};

/// The name of the file, in the working directory.
const NAME: &str = "redcedar-span.json";

/// A set of discs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// Where the days are.
    #[serde(with = "super::path_text")]
    pub source_dir: PathBuf,
    /// The day on which it was planned, which labels name.
    pub date: Date,
    /// The discs, in order.
    pub discs: Vec<Disc>,
    /// How many of its days have no recovery data though they should.
    #[serde(default)]
    pub unprotected: usize,
}

/// One disc of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disc {
    /// What is on it.
    pub files: Vec<SpanFile>,
    /// Whether it is finished and was found to be right.
    pub is_written: bool,
}

impl Set {
    /// What a disc is called; the first is number 0.
    pub fn label(&self, disc: usize) -> Label {
        Label::of_several(self.date, disc + 1, self.discs.len())
    }

    /// Which disc is the next to be written.
    pub fn next(&self) -> Option<usize> {
        self.discs.iter().position(|disc| !disc.is_written)
    }

    /// The days that are on discs once all are written, below the directory with the days.
    pub fn directories(&self) -> BTreeSet<PathBuf> {
        let files = self.discs.iter().flat_map(|disc| &disc.files);
        files.map(day).collect()
    }

    /// What changed in these days since the discs were planned: a disc that is written already would hold the old state.
    pub fn changed<'s>(&'s self, now: &'s Inventory) -> BTreeSet<&'s Path> {
        let days = self.directories();
        let is_of_set = |file: &&SpanFile| days.contains(&day(file));
        let planned: BTreeSet<&SpanFile> = self.discs.iter().flat_map(|disc| &disc.files).collect();
        let present: BTreeSet<&SpanFile> = now.files.iter().filter(is_of_set).collect();
        planned.symmetric_difference(&present).map(|file| file.path.as_path()).collect()
    }
}

fn day(file: &SpanFile) -> PathBuf {
    file.path.components().take(DEPTH).collect()
}

/// Why a set cannot be gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("cannot keep account of the discs: {0}")]
    Io(#[from] io::Error),
    /// It is no account of discs.
    #[error("{} is no account of discs ({reason}); remove it to begin anew", escape::display(.path))]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Where the account is kept.
#[derive(Debug)]
pub struct Journal(Directory);

impl Journal {
    /// Opens the working directory.
    ///
    /// # Errors
    /// When that is not there.
    pub fn open(working_dir: &Path) -> Result<Self, JournalError> {
        Ok(Self(Directory::open(working_dir)?))
    }

    /// The set that was begun, if there is one.
    ///
    /// # Errors
    /// When the account is there and cannot be understood.
    pub fn read(&self) -> Result<Option<Set>, JournalError> {
        if self.0.status(NAME.as_ref())?.is_none() {
            return Ok(None);
        }
        let text = io::read_to_string(self.0.open_file(NAME.as_ref())?)?;
        let unreadable = |reason| JournalError::Unreadable { path: self.0.path().join(NAME), reason };
        serde_json::from_str(&text).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    /// Notes a set as it is now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, set: &Set) -> Result<(), JournalError> {
        let mut file = self.0.create_file(NAME.as_ref())?;
        let text = serde_json::to_vec_pretty(set).map_err(io::Error::from)?;
        file.write_all(&text)?;
        Ok(file.publish(0o600, None)?)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<(), JournalError> {
        if self.0.status(NAME.as_ref())?.is_some() {
            self.0.remove_file(NAME.as_ref())?;
            self.0.sync()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    fn set() -> Set {
        let file = |path: &[u8], size| SpanFile {
            path: OsStr::from_bytes(path).into(),
            size,
            modified: (1_700_000_000, 5),
        };
        let disc = |files, is_written| Disc { files, is_written };
        Set {
            source_dir: "/staging".into(),
            date: Date::constant(2026, 11, 24),
            discs: vec![
                disc(vec![file(b"2026/11/23/a/x", 1), file(b"2026/11/24/a/\xff\n", 2)], true),
                disc(vec![file(b"2026/11/24/b/y", 3)], false),
            ],
            unprotected: 0,
        }
    }

    #[test]
    fn a_set_is_read_back_as_it_was_noted_and_forgotten_when_it_is_done() {
        let root = tempfile::tempdir().unwrap();
        let journal = Journal::open(root.path()).unwrap();
        assert_eq!(journal.read().unwrap(), None);
        journal.write(&set()).unwrap();
        assert_eq!(journal.read().unwrap(), Some(set()));
        assert_eq!(set().next(), Some(1));
        assert_eq!(set().label(1).as_str(), "CEDAR BACKUP 24-NOV-2026 2/2");
        let directories: Vec<_> = set().directories().into_iter().collect();
        assert_eq!(directories, [Path::new("2026/11/23"), Path::new("2026/11/24")]);
        journal.remove().unwrap();
        journal.remove().unwrap();
        assert_eq!(journal.read().unwrap(), None);
        fs_err::write(root.path().join(NAME), "{}").unwrap();
        assert!(matches!(journal.read(), Err(JournalError::Unreadable { .. })));
    }

    #[test]
    fn what_came_went_or_changed_is_seen() {
        let files = set().discs.into_iter().flat_map(|disc| disc.files).collect();
        let mut now = Inventory { files, ..Inventory::default() };
        assert_eq!(set().changed(&now), BTreeSet::new());
        now.files[0].size = 9;
        now.files[2].path = "2026/11/24/c/y".into();
        let next_day = SpanFile { path: "2026/11/25/a/x".into(), ..now.files[0].clone() };
        now.files.push(next_day);
        let expected = ["2026/11/23/a/x", "2026/11/24/b/y", "2026/11/24/c/y"];
        assert_eq!(set().changed(&now), expected.map(Path::new).into());
    }
}
