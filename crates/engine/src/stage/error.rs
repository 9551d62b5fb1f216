//! Why a peer is not staged, and whether that may change.

use std::io;

use jiff::civil::Date;
use redcedar_system::command::CommandError;
use redcedar_system::interrupt::Interrupted;

use super::queue::Prospect;
use super::watch::{Stop, Watch};
use crate::outcome::PeerStatus;

/// Why a peer is not staged.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    #[error("its name cannot be the name of a directory")]
    Name,
    /// Its directory of the day is not to be had.
    #[error("{0}")]
    Target(String),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{}", .0.join("; "))]
    Files(Vec<String>),
    #[error("it began to collect again while it was being staged")]
    Overtaken,
    #[error("it has not collected")]
    NotCollected,
    #[error("it has not collected since {since}, and that was staged on {day}")]
    NotSince { since: String, day: Date },
    /// Nobody there could be asked.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// Asking failed in a way that will not pass.
    #[error("it cannot be asked: {0}")]
    Unasked(String),
    #[error("its files cannot be fetched: {why}")]
    Fetch { why: String, may_pass: bool },
    #[error(transparent)]
    Stop(#[from] Stop),
}

impl PeerError {
    /// What it makes of the peer.
    pub(super) fn status(&self) -> PeerStatus {
        match self {
            Self::NotCollected | Self::Unreachable(_) | Self::Unasked(_) => PeerStatus::NotReady,
            Self::NotSince { .. } => PeerStatus::AlreadyStaged,
            Self::Name
            | Self::Target(_)
            | Self::Io(_)
            | Self::Files(_)
            | Self::Overtaken
            | Self::Fetch { .. }
            | Self::Stop(_) => PeerStatus::Failed,
        }
    }

    /// Whether another attempt is worth it.
    pub(super) fn prospect(&self) -> Prospect {
        match self {
            Self::Unreachable(_) | Self::Fetch { may_pass: true, .. } => Prospect::MayPass,
            Self::NotCollected | Self::NotSince { .. } | Self::Overtaken => Prospect::Waits,
            Self::Name
            | Self::Target(_)
            | Self::Io(_)
            | Self::Files(_)
            | Self::Unasked(_)
            | Self::Fetch { may_pass: false, .. }
            | Self::Stop(_) => Prospect::Final,
        }
    }

    /// Of a command whose end is not known.
    pub(super) fn of_command(error: CommandError, watch: &Watch<'_>) -> Self {
        match error {
            CommandError::Interrupted(interrupted) => Self::from(interrupted),
            CommandError::TimedOut { .. } => watch.timed_out().into(),
            other => Self::Io(io::Error::other(other.to_string())),
        }
    }
}

impl From<Interrupted> for PeerError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Stop(interrupted.into())
    }
}
