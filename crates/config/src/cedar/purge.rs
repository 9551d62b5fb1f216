//! `purge`: what is deleted, and when.

use std::path::PathBuf;

use crate::Located;

/// The `purge` section.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Purge {
    /// Directories to purge.
    pub dirs: Vec<PurgeDir>,
}

/// A `dir` element.
#[derive(Debug, Clone, PartialEq)]
pub struct PurgeDir {
    /// The directory.
    pub abs_path: Located<PathBuf>,
    /// Files this many full days old go.
    pub retain_days: u64,
}
