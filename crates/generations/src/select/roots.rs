//! The walk over all roots.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use redcedar_archive::Kind;
use redcedar_archive::select::{
    Exclude, Fileset, Problem, SelectError, Selection, select_path, select_with_places,
};
use redcedar_system::{Interrupt, escape};

use super::{ChooseError, Options};

/// A directory with an entry of this name is saved empty.
const MARK: &str = ".no-backup";

/// What a walk brought.
#[derive(Debug)]
pub(super) struct Walked {
    /// The roots without links in their paths.
    pub(super) roots: Vec<PathBuf>,
    /// Everything in and above the roots.
    pub(super) files: Fileset,
    /// Roots that are not there.
    pub(super) problems: Vec<Problem>,
    /// Roots that are saved elsewhere than it was written.
    pub(super) remarks: Vec<String>,
}

/// Walks all roots that are there.
pub(super) fn walk(options: &Options<'_>, interrupt: &Interrupt) -> Result<Walked, ChooseError> {
    let exclude = exclude(options.prune)?;
    let (mut roots, mut problems, mut remarks) = (Vec::new(), Vec::new(), Vec::new());
    for root in options.roots {
        match fs_err::canonicalize(root) {
            Ok(real) => {
                if real != root.components().collect::<PathBuf>() {
                    remarks.push(format!("{} is saved as {}", escape::display(root), escape::display(&real)));
                }
                roots.push(real);
            }
            Err(error) => {
                let reason = error.to_string();
                problems.push(Problem::Unreadable { path: root.clone(), reason });
            }
        }
    }
    roots.sort();
    roots.dedup();
    let mut filesets = Vec::new();
    for root in &roots {
        for above in root.ancestors().skip(1) {
            filesets.push(select_path(above)?);
        }
        filesets.push(walk_root(root, &exclude, options, interrupt)?);
    }
    // One root that is everything is by far the most common.
    let files = if filesets.len() == 1 { filesets.remove(0) } else { Fileset::join(filesets) };
    Ok(Walked { roots, files, problems, remarks })
}

fn walk_root(
    root: &Path,
    exclude: &Exclude,
    options: &Options<'_>,
    interrupt: &Interrupt,
) -> Result<Fileset, SelectError> {
    let itself = select_path(root)?;
    if itself.iter().any(|found| found.metadata.kind != Kind::Directory) {
        return Ok(itself);
    }
    let selection = Selection {
        root,
        ignore_file: Some(OsStr::new(MARK)),
        exclude,
        link_depth: 0,
        dereference: false,
        one_file_system: options.one_file_system,
        exclude_caches: false,
        never_enter: options.never_enter,
    };
    select_with_places(&selection, interrupt)
}

/// Pruned paths as they were written, and as the walk comes across them: with links in the directories above resolved.
fn exclude(prune: &[PathBuf]) -> Result<Exclude, ChooseError> {
    let real = |path: &PathBuf| {
        let parent = fs_err::canonicalize(path.parent()?).ok()?;
        Some(parent.join(path.file_name()?))
    };
    let paths = prune.iter().cloned().chain(prune.iter().filter_map(real)).collect();
    Exclude::new(paths, &[], &[]).map_err(|error| ChooseError::Prune(error.to_string()))
}
