//! What a step of a run came to: said, counted, and in the exit status.

use std::path::PathBuf;

/// What happened, beyond "it worked".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Everything that was asked for and is not, or not faithfully, in the backup.
    pub omissions: Vec<Omission>,
    /// Whole items or peers that failed, as messages that were logged at ERROR.
    pub failures: Vec<String>,
    /// Actions that failed on managed clients. They were logged at ERROR, too.
    pub clients: Vec<ClientFailure>,
    /// The figures.
    pub summary: Summary,
}

impl Outcome {
    /// Whether nothing was left out and nothing failed.
    pub fn is_complete(&self) -> bool {
        self.omissions.is_empty() && self.failures.is_empty() && self.clients.is_empty()
    }

    /// Takes in the outcome of a further step.
    pub fn merge(&mut self, other: Self) {
        self.omissions.extend(other.omissions);
        self.failures.extend(other.failures);
        self.clients.extend(other.clients);
        self.summary.add(&other.summary);
    }
}

/// An action that failed on a managed client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFailure {
    /// The client.
    pub peer: String,
    /// The action.
    pub action: String,
    /// How it failed, with the last lines that were printed; for people.
    pub reason: String,
}

/// One thing that is not, or not faithfully, in the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omission {
    /// What it is about.
    pub path: PathBuf,
    /// In which way.
    pub kind: OmissionKind,
    /// Why, for people.
    pub detail: String,
}

/// In which way something is not in the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OmissionKind {
    /// It was there when we looked and gone when we read.
    Vanished,
    /// It could not be read.
    Unreadable,
    /// It changed each time it was read; what is stored may mix old and new.
    Changed,
    /// It became shorter or could not be read on; what is missing is stored as zeros.
    Padded,
    /// Left out on purpose though nobody asked for it: a pseudo file system, our own directories, a socket.
    Skipped,
}

/// The figures of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Paths that were not there before.
    pub new: u64,
    /// Paths that changed.
    pub changed: u64,
    /// Paths that did not.
    pub unchanged: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths left out.
    pub omitted: u64,
    /// Bytes of content read into archives.
    pub bytes_in: u64,
    /// Bytes of archives written.
    pub bytes_out: u64,
}

impl Summary {
    /// Adds the figures of another step.
    pub fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.omitted += other.omitted;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }
}
