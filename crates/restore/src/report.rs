//! What a restore did, and what it could not do.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use redcedar_system::escape;
use serde::{Serialize, Serializer};

use crate::chain::Caveat;
use crate::preview::Action;

/// What a restore did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What was brought back, and from which days.
    pub items: Vec<ItemReport>,
    /// Objects written: files, directories, links, whatever there is.
    pub restored: u64,
    /// Objects that were there already and the same.
    pub unchanged: u64,
    /// Objects that were there already and were left alone.
    pub skipped: u64,
    /// Objects that were not there on that day and were removed.
    pub deleted: u64,
    /// Bytes of content written.
    pub bytes: u64,
    /// What should have been brought back and was not, or not faithfully.
    pub failures: Vec<Failure>,
    /// What else has to be known.
    pub warnings: Vec<String>,
    /// Of a dry run: what would be done with each path, by path below the target.
    pub actions: Vec<Action>,
}

/// One item of a restore.
#[derive(Debug, Clone, Serialize)]
pub struct ItemReport {
    /// The machine.
    pub peer: String,
    /// The normalised name of the item.
    pub item: String,
    /// The days whose archives were used, oldest first.
    pub days: Vec<Date>,
    /// Why it may not be exactly what was there.
    pub caveats: Vec<Caveat>,
}

/// Something that was not brought back, or not faithfully.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The path as it was on the machine; empty when it is an archive that failed.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.as_os_str().is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", escape::display(&self.path), self.reason)
        }
    }
}

/// Names that are not UTF-8 appear as in messages.
pub(crate) fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&escape::display(path))
}

/// Several of them.
pub(crate) fn as_texts<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| escape::display(path).to_string()))
}
