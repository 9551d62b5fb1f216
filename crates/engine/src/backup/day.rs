//! The directory of one machine for one day, replaced as a whole.
//!
//! It is put together out of sight, together with what an earlier run of the same day made of other items, and then takes the
//! place of the old one in a single step.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::{Compression, manifest};
use redcedar_system::checkpoint;
use redcedar_system::fs::{Directory, TEMPORARY_PREFIX};
use rustix::fs::RenameFlags;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::checksums::{self, Checksums};
use crate::daily_dir;
use crate::indicator::{self, Indicator};
use crate::item::store::Output;
use crate::state::{digest, open_no_follow};

/// The name of the directory while it is put together.
const UNFINISHED: &str = "unfinished";

/// A day being put together. Dropped before [`NewDay::publish`] it is gone.
pub(super) struct NewDay {
    path: PathBuf,
    directory: Directory,
    items: BTreeSet<OsString>,
    checksums: Checksums,
}

impl NewDay {
    /// Begins a day in the directory for state, which is on the file system of the destination.
    pub(super) fn begin(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(UNFINISHED);
        remove(&path)?;
        let (directory, _) =
            Directory::open(state_dir)?.create_directory(OsStr::new(UNFINISHED), daily_dir::MODE, None)?;
        Ok(Self { path, directory, items: BTreeSet::new(), checksums: Checksums::default() })
    }

    /// Where outputs go.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes what was produced for an item.
    pub(super) fn add(&mut self, item: &OsStr, outputs: impl Iterator<Item = Output>) {
        self.items.insert(item.to_owned());
        for output in outputs {
            self.checksums.insert(output.name, output.sha256);
        }
    }

    /// Makes this the directory of the machine for the day, and marks the day as complete.
    pub(super) fn publish(
        mut self,
        destination: &Path,
        date: Date,
        host: &str,
        indicator: &Indicator,
    ) -> io::Result<()> {
        let (day, _) = daily_dir::create(destination, date, None)?;
        let host = OsStr::new(host);
        let old = if day.status(host)?.is_some() { Some(day.open_directory(host)?) } else { None };
        if let Some(old) = &old {
            self.carry_over(old)?;
        }
        self.checksums.write(&self.directory, None)?;
        indicator.write(&self.directory, indicator::COLLECT, None)?;
        self.directory.sync()?;
        checkpoint::reach("backup-before-day");
        let target = day.path().join(host);
        match old {
            None => fs_err::rename(&self.path, &target)?,
            Some(old) => exchange(&self.path, &target).or_else(|error| match error {
                Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => self.replace_one_by_one(&old),
                other => Err(other.into()),
            })?,
        }
        day.sync()?;
        indicator.write(&day, indicator::STAGE, None)
        // What was exchanged for it, if anything, is removed when `self` is dropped.
    }

    /// Takes in what the day already holds of items that this run has not backed up.
    fn carry_over(&mut self, old: &Directory) -> io::Result<()> {
        let known = Checksums::read(old)?;
        for name in old.names()? {
            if self.replaces(&name) {
                continue;
            }
            let from = old.path().join(&name);
            let to = self.path.join(&name);
            // File systems without hard links get a copy.
            if fs_err::hard_link(&from, &to).is_err() {
                fs_err::copy(&from, &to)?;
                fs_err::File::open(&to)?.sync_all()?;
            }
            if name.as_bytes().starts_with(b"cback.") {
                continue;
            }
            let digest = match known.get(&name) {
                Some(digest) => *digest,
                None => digest::<Sha256>(&mut open_no_follow(&to)?)?.finalize().into(),
            };
            self.checksums.insert(name, digest);
        }
        Ok(())
    }

    /// Whether a file of the day is superseded by this run.
    fn replaces(&self, name: &OsStr) -> bool {
        let is_ours = [checksums::NAME, indicator::COLLECT].iter().any(|ours| name == OsStr::new(ours));
        is_ours
            || name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes())
            || item_of(name).is_some_and(|item| self.items.contains(item))
    }

    /// For file systems that cannot exchange two directories: each file replaces its predecessor, indicators last.
    fn replace_one_by_one(&self, old: &Directory) -> io::Result<()> {
        let mut names = self.directory.names()?;
        names.sort_by_key(|name| (name.as_bytes().starts_with(b"cback."), name.clone()));
        for name in &names {
            fs_err::rename(self.path.join(name), old.path().join(name))?;
        }
        for name in old.names()?.iter().filter(|name| !names.contains(name)) {
            old.remove_file(name)?;
        }
        old.sync()
    }
}

/// The item that an archive or a manifest is of, by its name.
pub(super) fn item_of(name: &OsStr) -> Option<&OsStr> {
    let manifest_of = name.as_bytes().strip_suffix(manifest::SUFFIX.as_bytes()).map(OsStr::from_bytes);
    manifest_of.or_else(|| Compression::of_archive(name).map(|(item, _)| item))
}

impl Drop for NewDay {
    fn drop(&mut self) {
        // Nobody can be told here; the next run begins with removing it.
        let _ignored = remove(&self.path);
    }
}

fn exchange(one: &Path, other: &Path) -> Result<(), Errno> {
    rustix::fs::renameat_with(rustix::fs::CWD, one, rustix::fs::CWD, other, RenameFlags::EXCHANGE)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_exchange_every_file_is_replaced_and_stale_ones_go() {
        let root = tempfile::tempdir().unwrap();
        let host = root.path().join("host");
        fs_err::create_dir(&host).unwrap();
        for name in ["a.tar.gz", "stale.tar", "cback.collect"] {
            fs_err::write(host.join(name), "old").unwrap();
        }
        let day = NewDay::begin(root.path()).unwrap();
        for name in ["a.tar.gz", "cback.collect", "b.tar"] {
            fs_err::write(day.path().join(name), "new").unwrap();
        }
        let old = Directory::open(&host).unwrap();
        day.replace_one_by_one(&old).unwrap();
        let mut names = old.names().unwrap();
        names.sort();
        assert_eq!(names, ["a.tar.gz", "b.tar", "cback.collect"]);
        for name in names {
            assert_eq!(fs_err::read_to_string(host.join(name)).unwrap(), "new");
        }
        drop(day);
        assert!(!root.path().join(UNFINISHED).exists());
    }
}
