//! How a program ends.

use std::process::ExitCode;

/// Exit codes of all programs. The personas of the originals never use [`Exit::Incomplete`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// A fault in Redcedar itself.
    Bug = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The log file cannot be written.
    Logging = 3,
    /// The configuration, or what was asked of it, is wrong.
    Configuration = 4,
    /// SIGINT, SIGTERM or SIGHUP.
    Interrupted = 5,
    /// Something failed.
    Failed = 6,
    /// Everything ran, but something was left out.
    Incomplete = 7,
}

impl Exit {
    /// The number that the caller sees.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
