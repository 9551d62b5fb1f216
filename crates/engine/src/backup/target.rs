//! Where a backup goes: a directory, or a store such as a bucket.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_archive::manifest::{self, ManifestReader};

use redcedar_system::System;
use redcedar_system::fs::{Directory, Lock};

use super::day::NewDay;
use super::{BackupError, BackupRequest};
use crate::daily_dir;
use crate::indicator::Indicator;
use crate::item::store::Output;
use crate::state::remove_left_overs;
use crate::state::side_file::Link;

/// Where a backup goes.
pub(super) trait Target {
    /// Brings what is remembered of an item to where its memory is read.
    fn recall(&self, item: &OsStr) -> io::Result<()>;

    /// Whether it still holds what a run made of an item.
    fn holds(&self, item: &OsStr, link: &Link) -> bool;

    /// A day of this machine, for people.
    fn show(&self, date: Date) -> PathBuf;

    /// Begins the day of this run, and says where outputs go.
    fn begin(&mut self, date: Date) -> io::Result<PathBuf>;

    /// Takes in what was produced for an item.
    fn add(&mut self, item: &OsStr, outputs: Vec<Output>) -> io::Result<()>;

    /// Marks the day as complete.
    fn publish(&mut self, indicator: &Indicator) -> io::Result<()>;

    /// Keeps the memory of an item, which has just been written.
    fn remember(&self, item: &OsStr) -> io::Result<()>;
}

/// A directory of this machine.
pub(super) struct Place {
    pub(super) destination: PathBuf,
    pub(super) state_dir: PathBuf,
    pub(super) host: String,
    day: Option<(NewDay, Date)>,
}

impl Place {
    pub(super) fn new(destination: PathBuf, state_dir: PathBuf, host: String) -> Self {
        Self { destination, state_dir, host, day: None }
    }
}

impl Target for Place {
    fn recall(&self, _item: &OsStr) -> io::Result<()> {
        Ok(())
    }

    fn holds(&self, item: &OsStr, link: &Link) -> bool {
        let day = self.show(link.date);
        let Ok(manifest) = fs_err::File::open(day.join(manifest_name(item))) else { return false };
        let size = |archive: &OsStr| fs_err::metadata(day.join(archive)).ok().map(|metadata| metadata.len());
        is_of_run(manifest, link, size)
    }

    fn show(&self, date: Date) -> PathBuf {
        daily_dir::path(&self.destination, date).join(&self.host)
    }

    fn begin(&mut self, date: Date) -> io::Result<PathBuf> {
        let (day, _) = self.day.insert((NewDay::begin(&self.state_dir)?, date));
        Ok(day.path().to_owned())
    }

    fn add(&mut self, item: &OsStr, outputs: Vec<Output>) -> io::Result<()> {
        if let Some((day, _)) = &mut self.day {
            day.add(item, outputs.into_iter());
        }
        Ok(())
    }

    fn publish(&mut self, indicator: &Indicator) -> io::Result<()> {
        let Some((day, date)) = self.day.take() else { return Ok(()) };
        day.publish(&self.destination, date, &self.host, indicator)
    }

    fn remember(&self, _item: &OsStr) -> io::Result<()> {
        Ok(())
    }
}

/// The real path of the destination, which a dry run leaves uncreated.
pub(super) fn destination(request: &BackupRequest) -> Result<PathBuf, BackupError> {
    let path = &request.destination;
    let unusable = |source| BackupError::Destination { path: path.clone(), source };
    if request.dry_run && !path.exists() {
        return std::path::absolute(path).map_err(unusable);
    }
    std::fs::DirBuilder::new().recursive(true).mode(daily_dir::MODE).create(path).map_err(unusable)?;
    fs_err::canonicalize(path).map_err(unusable)
}

/// Creates the directory for memory if it is not there, and locks it against other runs.
pub(super) fn lock(state_dir: &Path, system: &System) -> Result<Lock, BackupError> {
    let unusable = |source| BackupError::Destination { path: state_dir.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(unusable)?;
    let lock = Lock::acquire(state_dir)?;
    let left_overs = Directory::open(state_dir).and_then(|directory| remove_left_overs(&directory, system));
    left_overs.map_err(unusable)?;
    Ok(lock)
}

/// The name of the manifest of an item.
pub(super) fn manifest_name(item: &OsStr) -> OsString {
    let mut name = item.to_owned();
    name.push(manifest::SUFFIX);
    name
}

/// Whether a manifest is that of a run, and its archive as large as that run made it.
pub(super) fn is_of_run(manifest: impl Read, link: &Link, size: impl Fn(&OsStr) -> Option<u64>) -> bool {
    let Ok(reader) = ManifestReader::open(manifest) else { return false };
    let header = reader.header();
    let size = header.archive.as_ref().map(|archive| size(archive));
    header.run == link.run && size == link.archive_size.map(Some)
}

/// A name in a store, which has to be UTF-8.
pub(super) fn key(name: &OsStr) -> io::Result<&str> {
    name.to_str().ok_or_else(|| {
        let message = "the name of its archive would not be UTF-8, and names in a bucket have to be";
        io::Error::new(io::ErrorKind::InvalidFilename, message)
    })
}
