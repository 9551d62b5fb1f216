//! Why a disc was not written, or not read.

use std::io;
use std::path::PathBuf;

use redcedar_system::Interrupted;
use redcedar_system::command::CommandError;
use redcedar_system::escape;

use crate::Size;

/// Why something was not done with a disc.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The device cannot be used.
    #[error("[{}] cannot be used to write discs: {why}", escape::display(.device))]
    Device {
        /// The device.
        device: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A program that does not exist here, or did not end well.
    #[error("cannot {intent}: {why}")]
    Failed {
        /// What it was to do.
        intent: String,
        /// How it ended.
        why: String,
    },
    /// A program that said something else than it should have.
    #[error("cannot {intent}: {program} said {said}")]
    Unexpected {
        /// What it was to do.
        intent: String,
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
    /// There is more to write than there is room for.
    #[error("{} are to be written, and there is room for {} on the disc", Size(*.needed), Size(*.free))]
    DoesNotFit {
        /// What is to be written, in bytes.
        needed: f64,
        /// What there is room for.
        free: f64,
    },
    /// What is on the disc is not what should be there.
    #[error("the disc does not hold what was written to it: {}", .0.join("; "))]
    Differs(Vec<String>),
    /// There is no disc that can be used as it was to be.
    #[error("{0}")]
    Unusable(String),
    /// The end of a program is not known.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl MediaError {
    /// Whether the run was asked to stop, which says nothing of the disc.
    pub fn is_interrupt(&self) -> bool {
        matches!(self, Self::Command(CommandError::Interrupted(_)))
    }
}

impl From<Interrupted> for MediaError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Command(CommandError::Interrupted(interrupted))
    }
}
