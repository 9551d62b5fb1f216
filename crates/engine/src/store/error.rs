//! Why nothing was stored.

use std::io;
use std::path::PathBuf;

use redcedar_media::MediaError;
use redcedar_system::{Interrupted, escape};

use crate::staged::ClearText;
use crate::status::StatusError;

/// Why a disc was not written, or does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store section.
    #[error("Store configuration is not properly filled in.")]
    NotConfigured,
    /// `blank_behavior` lacks a half.
    #[error("blank_behavior has no factor, so it cannot be decided whether the disc is to be blanked.")]
    NoFactor,
    /// There is nothing to write.
    #[error("Unable to find {what} in [{}].", escape::display(.place))]
    NothingDue {
        /// What was looked for.
        what: &'static str,
        /// Where.
        place: PathBuf,
    },
    /// The disc in the drive is not to be written to.
    #[error("{0}.")]
    Refused(String),
    /// Something that is meant to be encrypted is not.
    #[error(transparent)]
    ClearText(#[from] ClearText),
    /// The disc cannot be read or written.
    #[error(transparent)]
    Media(MediaError),
    /// What was written is not what was staged.
    #[error("the disc was written, but does not count: {0}")]
    NotProven(#[source] MediaError),
    /// Some days did not fit.
    #[error("{0}")]
    LeftOut(String),
    /// A file or directory cannot be read or written.
    #[error("cannot {intent}: {source}")]
    Io {
        /// What it was needed for.
        intent: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing can be said of what was staged.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<MediaError> for StoreError {
    fn from(error: MediaError) -> Self {
        if error.is_interrupt() { Self::Interrupted(Interrupted) } else { Self::Media(error) }
    }
}

/// Says what something was needed for.
pub(crate) fn to(intent: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { intent, source }
}
