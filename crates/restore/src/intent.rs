//! What would become of an object, seen from what is in its place.

use std::path::Path;

use redcedar_archive::Kind;
use redcedar_archive::manifest::Entry;
use rustix::fs::{AtFlags, FileType, Stat, statat};
use rustix::io::Errno;

use crate::metadata::MetadataSetter;
use crate::object::{ObjectError, ObjectWriter, Overwrite, io_error, split};
use crate::target::Walker;

/// What would become of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Nothing is in its place.
    Create,
    /// What is in its place is replaced.
    Replace,
    /// The directory is there and gets its mode, owner and times.
    Update,
    /// It is there and the same.
    Same,
    /// What is there is left alone.
    Keep,
}

impl ObjectWriter<'_> {
    /// What would become of an object.
    ///
    /// # Errors
    /// When what is in its place cannot be looked at.
    pub(crate) fn intent(&mut self, path: &Path, entry: &Entry) -> Result<Intent, ObjectError> {
        let below = self.target.below(path);
        if entry.kind == Kind::Directory && below.as_os_str().is_empty() {
            return Ok(self.intent_of_directory());
        }
        let (parent, name) = split(below);
        // Where there is no directory, nothing is in it; what is in the place of one is told with it.
        let Ok(directory) = self.walker.find(parent) else { return Ok(Intent::Create) };
        let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(Intent::Create),
            stat => stat.map_err(io_error("cannot look at what is in its place"))?,
        };
        Ok(match entry.kind {
            Kind::Directory if is_directory(&stat) => self.intent_of_directory(),
            Kind::Directory if self.overwrite.changes_directories() => Intent::Replace,
            Kind::Directory => Intent::Keep,
            _ => judge(self.overwrite, &mut self.metadata, &stat, entry, path),
        })
    }

    fn intent_of_directory(&self) -> Intent {
        if self.overwrite.changes_directories() { Intent::Update } else { Intent::Keep }
    }

    /// Whether a further name of a file is there already.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(crate) fn is_linked(&mut self, path: &Path, first: &Path) -> Result<bool, ObjectError> {
        let mut other = Walker::new(self.target);
        let (first_directory, first_name) = split(self.target.below(first));
        match other.find(first_directory) {
            Ok(directory) => self.is_link_to(path, directory, first_name),
            Err(_) => Ok(false),
        }
    }
}

/// What happens to what is in the place of an object.
pub(crate) fn judge(
    overwrite: Overwrite,
    metadata: &mut MetadataSetter<'_>,
    stat: &Stat,
    entry: &Entry,
    path: &Path,
) -> Intent {
    match overwrite {
        Overwrite::Never => Intent::Keep,
        Overwrite::IfDifferent | Overwrite::IfOlder if metadata.is_same(stat, entry, path) => Intent::Same,
        Overwrite::IfOlder if !is_older(stat, entry) => Intent::Keep,
        Overwrite::IfDifferent | Overwrite::IfOlder | Overwrite::Always => Intent::Replace,
    }
}

/// Whether what is there changed last before what is stored did.
fn is_older(stat: &Stat, entry: &Entry) -> bool {
    (stat.st_mtime, stat.st_mtime_nsec) < (entry.modified.seconds, u64::from(entry.modified.nanoseconds))
}

pub(crate) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}
