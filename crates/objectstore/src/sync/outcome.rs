//! What a run came to.

use std::fmt;

use super::guard::Refusal;
use redcedar_system::escape;

/// Files or objects, and how large they are together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub files: u64,
    /// In bytes.
    pub bytes: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// A file that is not, or not surely, in the bucket as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its name below the source: bytes.
    pub name: Vec<u8>,
    /// What about it.
    pub text: String,
    /// Whether something went wrong; else it is of a kind that is never uploaded.
    pub is_failure: bool,
}

impl Problem {
    pub(crate) fn failed(name: &[u8], text: impl Into<String>) -> Self {
        Self { name: name.to_vec(), text: text.into(), is_failure: true }
    }

    pub(crate) fn skipped(name: &[u8], text: impl Into<String>) -> Self {
        Self { name: name.to_vec(), text: text.into(), is_failure: false }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", escape::display_bytes(&self.name), self.text)
    }
}

/// What happened to a name, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no object: it was uploaded.
    New,
    /// The object was another: it was replaced.
    Changed,
    /// There is no file: the object was deleted.
    Deleted,
    /// There is no file, and the object stays.
    Extra,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Not read, because nothing about them has changed since their objects were made of them.
    pub unchanged: Tally,
    /// Read, and found to be what their objects are.
    pub compared: Tally,
    /// Uploaded because there was no object, or in a run that only looks: not there.
    pub new: Tally,
    /// Uploaded because the object was another, or in a run that only looks: different.
    pub changed: Tally,
    /// Deleted from the bucket, or in a run that only looks: to be deleted.
    pub deleted: Tally,
    /// How many of the deleted objects are still in the bucket as old versions.
    pub kept: u64,
    /// Without a file, and left in the bucket.
    pub extra: Tally,
    /// How many of the uploaded objects nothing proves to be there as they were sent, but that the server said so.
    pub unproved: u64,
    /// What is not in the bucket, or not surely.
    pub problems: Vec<Problem>,
    /// Why nothing was deleted.
    pub refusal: Option<Refusal>,
}

impl Outcome {
    /// Whether something went wrong.
    pub fn has_failed(&self) -> bool {
        self.problems.iter().any(|problem| problem.is_failure)
    }
}
