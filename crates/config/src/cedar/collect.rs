//! `collect`: what is backed up from this machine.

use std::path::PathBuf;

use crate::Located;
use crate::value::{ArchiveMode, CollectMode};

/// The `collect` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Collect {
    /// Where archives go.
    pub collect_dir: Located<PathBuf>,
    /// Mode of items that have none of their own.
    pub collect_mode: Option<CollectMode>,
    /// Archive mode of items that have none of their own.
    pub archive_mode: Option<ArchiveMode>,
    /// Ignore file of directories that have none of their own.
    pub ignore_file: Option<Located<String>>,
    /// Exclusions for every directory. `rel_paths` is always empty here.
    pub exclude: Exclusions,
    /// Ours: directories stay on their file system unless they say otherwise.
    pub one_file_system: Option<bool>,
    /// Ours: directories leave out what holds a `CACHEDIR.TAG` unless they say otherwise.
    pub exclude_caches: Option<bool>,
    /// Single files.
    pub files: Vec<CollectFile>,
    /// Directories.
    pub dirs: Vec<CollectDir>,
}

/// An `exclude` element; empty when there is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exclusions {
    /// Absolute paths, compared as text.
    pub abs_paths: Vec<Located<PathBuf>>,
    /// Paths relative to a directory.
    pub rel_paths: Vec<Located<String>>,
    /// Regular expressions in Python's dialect, over the whole path.
    pub patterns: Vec<Located<String>>,
    /// Ours: shell globs.
    pub globs: Vec<Located<String>>,
}

/// A `file` element.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectFile {
    /// The file.
    pub abs_path: Located<PathBuf>,
    /// Its own mode.
    pub collect_mode: Option<CollectMode>,
    /// Its own archive mode.
    pub archive_mode: Option<ArchiveMode>,
}

/// A `dir` element.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectDir {
    /// The directory.
    pub abs_path: Located<PathBuf>,
    /// Its own mode.
    pub collect_mode: Option<CollectMode>,
    /// Its own archive mode.
    pub archive_mode: Option<ArchiveMode>,
    /// Its own ignore file.
    pub ignore_file: Option<Located<String>>,
    /// Down to which level links to directories are followed; absent means 0.
    pub link_depth: Option<u64>,
    /// Whether the targets of followed links are stored under their own paths; absent means no.
    pub dereference: Option<bool>,
    /// How many levels of subdirectories get archives of their own; negative: all. Absent means 0.
    pub recursion_level: Option<i64>,
    /// Ours: whether the walk stays on one file system.
    pub one_file_system: Option<bool>,
    /// Ours: whether directories with a `CACHEDIR.TAG` are left out.
    pub exclude_caches: Option<bool>,
    /// Its own exclusions.
    pub exclude: Exclusions,
}
