//! One file of a place.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use redcedar_archive::Stored;

use crate::place::Place;

/// A regular file of a source.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) place: Arc<dyn Place>,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// Seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// Tells it from another one under its name.
    pub(crate) stamp: u64,
}

impl Piece {
    pub(crate) fn open(&self) -> io::Result<Stored> {
        self.place.open(&self.path)
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, self.size, self.modified) == (&other.path, other.size, other.modified)
    }
}

impl Eq for Piece {}
