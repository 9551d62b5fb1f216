//! What was chosen, in numbers and words.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use redcedar_archive::{Kind, Metadata};

use super::Reason;

/// How many paths have which fate for which reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// What is saved.
    pub saved: BTreeMap<Reason, Total>,
    /// What packages bring back.
    pub left_out: Total,
    /// Paths of packages that somebody has removed.
    pub missing: u64,
}

/// A number of paths with what is in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Paths.
    pub paths: u64,
    /// Bytes in regular files; one with several names counts under each.
    pub bytes: u64,
}

impl Total {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { paths: 1, bytes: if metadata.kind == Kind::File { metadata.size } else { 0 } }
    }
}

impl AddAssign for Total {
    fn add_assign(&mut self, other: Self) {
        self.paths += other.paths;
        self.bytes += other.bytes;
    }
}

/// The reason as the end of a sentence that begins with "saved, because".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "it is a directory",
            Self::Pruned => "it is a directory that is to be saved empty",
            Self::Unowned => "no package owns it",
            Self::Always => "it is always saved",
            Self::NotAvailable => "its package is in no configured repository",
            Self::OtherVersion => "repositories have its package in another version only",
            Self::Unfinished => "its package is not completely installed",
            Self::Obsolete => "its package does not bring it",
            Self::Diverted => "it is diverted",
            Self::Unspecified => "its package records nothing to compare it with",
            Self::KindChanged => "it is something else than its package says",
            Self::ContentChanged => "its content was changed",
            Self::TargetChanged => "it leads elsewhere than its package says",
            Self::PermissionsChanged => "its mode or owner are not, or may not be, those of its package",
            Self::Attributes => "it has extended attributes or access lists",
            Self::Linked => "another name of it is saved",
            Self::NotCompared => "it could not be compared with its package",
        })
    }
}
