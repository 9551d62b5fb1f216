//! The outcome of a selection.

use std::path::{Path, PathBuf};

use redcedar_archive::Metadata;
use redcedar_archive::select::{Fileset, Problem};

use super::judge::Verdict;
use super::{Fate, Total, Totals};
use crate::packages::{Claim, Inventory, PackageRef};

/// What is saved and what is left out, with everything that was looked at.
#[derive(Debug)]
pub struct Choice {
    pub(super) inventory: Inventory,
    pub(super) roots: Vec<PathBuf>,
    pub(super) files: Fileset,
    /// One for each of `files`.
    pub(super) verdicts: Vec<Verdict>,
    pub(super) missing: Vec<Missing>,
    pub(super) problems: Vec<Problem>,
    pub(super) remarks: Vec<String>,
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
        self.files.iter().zip(&self.verdicts).map(|(selected, &verdict)| Entry {
            path: selected.path,
            metadata: selected.metadata,
            fate: self.fate(verdict),
        })
    }

    /// What was walked, without links in the paths.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Directories of which nobody knows what is in them: they were not to be entered, or could not be.
    pub fn not_entered(&self) -> Vec<PathBuf> {
        let problems = self.problems().map(|problem| problem.path().to_owned());
        let mut paths: Vec<PathBuf> = self.files.places().iter().cloned().chain(problems).collect();
        paths.sort();
        paths.dedup();
        paths
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
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(self.files.problems())
    }

    /// What people should know besides: why more is saved than they may expect, or takes longer.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.inventory.remarks().iter().chain(&self.remarks).map(String::as_str)
    }

    /// How many paths have which fate for which reason.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for entry in self.iter() {
            let total = match entry.fate {
                Fate::Save(reason) => totals.saved.entry(reason).or_default(),
                Fate::LeaveOut { .. } => &mut totals.left_out,
            };
            *total += Total::of(entry.metadata);
        }
        totals.missing = self.missing.len() as u64;
        totals
    }

    fn fate(&self, verdict: Verdict) -> Fate {
        match verdict {
            Verdict::Save(reason) => Fate::Save(reason),
            Verdict::LeaveOut(record) => {
                let owned = self.inventory.record(record);
                let digest = match owned.claim {
                    Claim::File { digest, .. } => Some(digest),
                    _ => None,
                };
                Fate::LeaveOut { package: owned.package, digest }
            }
        }
    }
}
