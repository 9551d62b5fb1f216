//! The configuration of snapshots: the YAML file of jw.backup, with keys of our own.

mod format;
mod load;
mod read;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use redcedar_retention::Policy;

use crate::select::Trust;

pub use load::{LoadError, Loaded};

/// What is configured, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What is walked.
    pub roots: Vec<PathBuf>,
    /// Directories that are saved empty, files that are not saved.
    pub prune: Vec<PathBuf>,
    /// What is saved whatever packages say.
    pub always_save: Vec<PathBuf>,
    /// Stay on the file system of each root.
    pub one_file_system: bool,
    /// Which packages count as coming back.
    pub trust: Trust,
    /// The system whose packages count.
    pub system_root: PathBuf,
    /// Programs that tell about packages of managers not known here.
    pub programs: Vec<PathBuf>,
    /// Which generations stay.
    pub keep: Policy,
    /// Whether a generation counts from which something is missing that could not be read.
    pub accept_errors: bool,
    /// What is run before and after.
    pub hooks: Hooks,
    /// Where digests are remembered.
    pub cache_directory: PathBuf,
    /// Where runs keep each other out.
    pub lock_directory: PathBuf,
    /// Where generations go.
    pub destination: Destination,
}

/// Programs of the user, as words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hooks {
    /// Run before anything is looked at, one after the other; when one fails, nothing is saved.
    pub before: Vec<Vec<String>>,
    /// Run at the end, whatever became of the run.
    pub after: Vec<Vec<String>>,
}

/// Where generations go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The directory of the generations.
    pub directory: PathBuf,
    /// The machine it is on, if that is another one.
    pub remote: Option<Remote>,
}

/// A machine that is reached by `ssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its name.
    pub host: String,
    /// Who logs in.
    pub user: String,
    /// Where sshd listens.
    pub port: u16,
    /// A private key.
    pub key: Option<PathBuf>,
    /// The ssh client with its first arguments.
    pub ssh: Vec<String>,
    /// `rsync` on the far side with its first arguments, if it is not just `rsync`.
    pub rsync: Option<String>,
    /// The only keys that the host may have, each as in a file of known hosts but without the name; empty: those that ssh knows.
    pub host_keys: Vec<String>,
    /// Whether owners and devices are written into extended attributes; none: when the far side is not root.
    pub fake_super: Option<bool>,
}
