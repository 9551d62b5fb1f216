//! The outcome of a selection.

use std::path::{Path, PathBuf};

use redcedar_archive::Metadata;
use redcedar_archive::select::{Fileset, Problem};

use super::Fate;
use crate::packages::{Inventory, PackageRef};

/// What is saved and what is left out, with everything that was looked at.
#[derive(Debug)]
pub struct Choice {
    pub(super) inventory: Inventory,
    pub(super) files: Fileset,
    /// One for each of `files`.
    pub(super) fates: Vec<Fate>,
    pub(super) missing: Vec<Missing>,
}

/// A path with its fate.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The path, absolute.
    pub path: &'a Path,
    /// What was there.
    pub metadata: &'a Metadata,
    /// What becomes of it.
    pub fate: Fate,
}

/// A path that a package owns and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The path.
    pub path: PathBuf,
    /// The package.
    pub package: PackageRef,
}

impl Choice {
    /// All paths in canonical order ([`redcedar_archive::select::compare_paths`]), each once.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.files.iter().zip(&self.fates).map(|(selected, &fate)| Entry {
            path: selected.path,
            metadata: selected.metadata,
            fate,
        })
    }

    /// The packages that the fates speak of.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// What packages own below the roots and somebody has removed.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// What could not be looked at, or was not.
    pub fn problems(&self) -> &[Problem] {
        self.files.problems()
    }
}
