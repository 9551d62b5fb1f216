//! How the library reports: it never prints, it tells a [`Monitor`].

use std::path::Path;

/// How much a message matters. The order is that of the original's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// The normal course of a run.
    Info,
    /// Something the administrator should look at, while nothing is lost.
    Warning,
    /// Something that is not as it was asked for.
    Error,
}

/// Where a long piece of work stands. Counters only grow within one task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files done so far.
    pub files: u64,
    /// Bytes read (or, when restoring, written) so far.
    pub bytes: u64,
    /// All files of the task, when known.
    pub total_files: Option<u64>,
    /// All bytes of the task, when known.
    pub total_bytes: Option<u64>,
}

/// Receives what the library has to say. All methods may be called from any thread.
pub trait Monitor: Send + Sync {
    /// A message for the flow log: complete, without a final newline. File names in it are already escaped
    /// (see [`crate::escape`]).
    fn log(&self, level: Level, message: &str);

    /// One line that a child program printed, without its newline.
    fn output(&self, _line: &[u8]) {}

    /// A task begins, for example `Collecting /etc`; the task before it is over.
    fn task(&self, _title: &str) {}

    /// Where the current task stands. Called often: implementations throttle.
    fn progress(&self, _progress: &Progress, _path: Option<&Path>) {}
}

/// Shorthands, available on every monitor.
impl dyn Monitor {
    /// Logs at [`Level::Debug`].
    pub fn debug(&self, message: impl AsRef<str>) {
        self.log(Level::Debug, message.as_ref());
    }
    /// Logs at [`Level::Info`].
    pub fn info(&self, message: impl AsRef<str>) {
        self.log(Level::Info, message.as_ref());
    }
    /// Logs at [`Level::Warning`].
    pub fn warning(&self, message: impl AsRef<str>) {
        self.log(Level::Warning, message.as_ref());
    }
    /// Logs at [`Level::Error`].
    pub fn error(&self, message: impl AsRef<str>) {
        self.log(Level::Error, message.as_ref());
    }
}

/// Hears everything and says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn log(&self, _level: Level, _message: &str) {}
}
