//! What a snapshot saves and what it leaves out, path by path.
//!
//! [`choose`] walks the roots and reads the package databases. `judge` decides, without reading any file, what is saved for sure
//! and what has to be compared with the record of its package; `compare` does that, with the help of what the
//! [cache](crate::cache) knows from earlier runs.

mod choice;
mod choose;
mod compare;
mod explain;
mod judge;
mod roots;
#[cfg(test)]
mod tests;

pub use choice::{Choice, Entry, Missing};
pub use choose::{ChooseError, choose};
pub use explain::{Total, Totals};

use std::path::{Path, PathBuf};

use crate::Digest;
use crate::packages::PackageRef;

/// What is saved whatever packages say, unless configured otherwise: it is small, and often looked for.
pub const ALWAYS_SAVED: [&str; 2] = ["/etc", "/boot"];

/// What to choose from, and how.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The system whose package databases count: `/`, unless a system is looked at that does not run.
    pub system_root: &'a Path,
    /// What is walked, with all directories above it. A link stands for what it leads to.
    pub roots: &'a [PathBuf],
    /// Directories that are saved empty; files that are not saved. Links stay.
    pub prune: &'a [PathBuf],
    /// What is saved whatever packages say, and all below it.
    pub always_save: &'a [PathBuf],
    /// Directories of the backup itself, which are saved empty.
    pub never_enter: &'a [PathBuf],
    /// Stay on the file system of each root.
    pub one_file_system: bool,
    /// Which packages count as coming back.
    pub trust: Trust,
    /// Programs that tell about packages of managers not known here; see [`crate::packages::program`].
    pub programs: &'a [PathBuf],
    /// Where digests are remembered from run to run; without, every packaged file is read each time.
    pub cache: Option<&'a Path>,
}

/// Which packages count as coming back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// None: everything is saved.
    Nothing,
    /// Those that a repository has in the installed version.
    SameVersion,
    /// Those that a repository has in any version.
    AnyVersion,
    /// All that are installed: somebody keeps them elsewhere.
    Installed,
}

/// What becomes of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes into the generation.
    Save(Reason),
    /// Its package brings it back as it is.
    LeaveOut {
        /// The package.
        package: PackageRef,
        /// The digest of its content, which was compared; none for a link.
        digest: Option<Digest>,
    },
}

/// Why a path is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// It is a directory.
    Directory,
    /// It is a directory whose contents are left out as configured, or by a mark in it; saved empty.
    Pruned,
    /// No package owns it.
    Unowned,
    /// It is to be saved whatever packages say.
    Always,
    /// Its package is in no configured repository.
    NotAvailable,
    /// Its package is there in another version only.
    OtherVersion,
    /// Its package is not completely installed.
    Unfinished,
    /// Its package does not bring it: it had it once, or only names it.
    Obsolete,
    /// It is where it is because another file was to make room.
    Diverted,
    /// Its package says nothing that it could be compared with.
    Unspecified,
    /// It is something else than its package says: a link instead of a file, say.
    KindChanged,
    /// Its content is not that of the package.
    ContentChanged,
    /// It leads elsewhere than its package says.
    TargetChanged,
    /// Mode or owner are not those of the package, or may not be.
    PermissionsChanged,
    /// It has extended attributes or access lists, which packages do not bring back.
    Attributes,
    /// It is a further name of a file that is saved.
    Linked,
    /// It could not be read to compare it, or changed meanwhile.
    NotCompared,
}
