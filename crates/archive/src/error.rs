//! What can go wrong with the archive itself.

use std::io;

/// The archive cannot be written. It is unusable then; the caller, who knows its name, drops it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The output cannot be examined, before the first byte.
    #[error("cannot examine the file of the archive: {0}")]
    Examine(#[source] io::Error),
    /// The output cannot be written: a full disk, mostly.
    #[error("cannot write the archive: {0}")]
    Write(#[source] io::Error),
    /// What was written of a file that changed cannot be taken back.
    #[error("cannot take back what was written of a file that changed: {0}")]
    Rewind(#[source] io::Error),
    /// A block cannot be compressed.
    #[error("cannot compress a block of the archive: {0}")]
    Compress(#[source] io::Error),
    /// No thread can be started.
    #[error("cannot start a thread to compress the archive: {0}")]
    Thread(#[source] io::Error),
    /// It was used on after one of the others.
    #[error("the archive is incomplete: writing it failed before")]
    Failed,
}
