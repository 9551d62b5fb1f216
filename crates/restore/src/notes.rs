//! What cannot be done for many objects alike is said once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use redcedar_system::escape;

/// Counts by message; may be told from several threads.
#[derive(Debug, Default)]
pub struct Notes(Mutex<BTreeMap<&'static str, (u64, PathBuf)>>);

impl Notes {
    /// Counts one object that a note is about.
    pub fn add(&self, note: &'static str, path: &Path) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.entry(note).or_insert_with(|| (0, path.to_owned())).0 += 1;
    }

    /// A line for each note.
    pub fn into_messages(self) -> Vec<String> {
        let notes = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let message = |(note, (count, path)): (&str, (u64, PathBuf))| match count {
            1 => format!("{note}: {}", escape::display(&path)),
            _ => format!("{note}: {count} objects, among them {}", escape::display(&path)),
        };
        notes.into_iter().map(message).collect()
    }
}
