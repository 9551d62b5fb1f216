//! What a step of a run came to: said, counted, and in the exit status.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What happened, beyond "it worked".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Everything that was asked for and is not, or not faithfully, in the backup.
    pub omissions: Vec<Omission>,
    /// Whole items that failed, as messages that were logged at ERROR.
    pub failures: Vec<String>,
    /// Actions that failed on managed clients. They were logged at ERROR, too.
    pub clients: Vec<ClientFailure>,
    /// What became of each peer that was to be staged, in the order of the configuration.
    pub peers: Vec<PeerResult>,
    /// The figures.
    pub summary: Summary,
}

impl Outcome {
    /// Whether nothing was left out and nothing failed.
    pub fn is_complete(&self) -> bool {
        self.omissions.is_empty()
            && self.failures.is_empty()
            && self.clients.is_empty()
            && self.peers.iter().all(PeerResult::is_fine)
    }

    /// Takes in the outcome of a further step.
    pub fn merge(&mut self, other: Self) {
        self.omissions.extend(other.omissions);
        self.failures.extend(other.failures);
        self.clients.extend(other.clients);
        self.peers.extend(other.peers);
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

/// What became of a peer that was to be staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerResult {
    /// Its name.
    pub peer: String,
    /// How it ended.
    pub status: PeerStatus,
    /// How many files were staged, the indicator included.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What went wrong, if anything.
    pub error: Option<String>,
    /// How long it was worked on, waiting not counted.
    pub took: Duration,
}

impl PeerResult {
    /// Whether nobody has to look after this peer.
    pub fn is_fine(&self) -> bool {
        match self.status {
            PeerStatus::Staged => self.error.is_none(),
            PeerStatus::Ignored => true,
            PeerStatus::NotReady | PeerStatus::AlreadyStaged | PeerStatus::Failed => false,
        }
    }
}

/// How a peer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerStatus {
    /// Everything it announced is in the day. It may not have been told, which is an error then.
    Staged,
    /// It has not collected, or could not be asked.
    NotReady,
    /// It has not collected since an earlier day on which it was staged.
    AlreadyStaged,
    /// One of the two before, which the configuration ignores today.
    Ignored,
    /// What it announced is not, or not wholly, in the day.
    Failed,
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
