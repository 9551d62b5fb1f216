//! How a program ends.

use std::process::ExitCode;

/// Exit codes of all programs. The personas of the originals never use [`Exit::Incomplete`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// A fault in Redcedar itself.
    Bug,
    /// A master asked for something that it may not have; what a forced command ends with by custom.
    Refused,
    /// The command line is wrong.
    Usage,
    /// The log file cannot be written.
    Logging,
    /// The configuration, or what was asked of it, is wrong.
    Configuration,
    /// SIGINT, SIGTERM or SIGHUP.
    Interrupted,
    /// Something failed.
    Failed,
    /// Everything ran, but something was left out.
    Incomplete,
}

impl Exit {
    /// The number that the caller sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug | Self::Refused => 1,
            Self::Usage => 2,
            Self::Logging => 3,
            Self::Configuration => 4,
            Self::Interrupted => 5,
            Self::Failed => 6,
            Self::Incomplete => 7,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
