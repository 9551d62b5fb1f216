//! What a snapshot saves and what it leaves out, path by path.

mod choice;

pub use choice::{Choice, Entry, Missing};

use crate::Digest;
use crate::packages::PackageRef;

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
    /// Its package no longer ships it.
    Obsolete,
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
    /// It has extended attributes or access lists.
    Attributes,
    /// It is a further name of a file that is saved.
    Linked,
    /// It could not be read to compare it, or changed meanwhile.
    NotCompared,
}
