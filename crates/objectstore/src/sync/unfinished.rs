//! Uploads in parts that were begun: what is written down of them, so that the next run goes on with them, or ends them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use redcedar_system::fs::write_atomically;

use crate::client::Upload;

/// Uploads that were begun by us and are neither complete nor given up.
#[derive(Debug)]
pub(crate) struct Unfinished {
    /// Where they are written down; without, the next run knows nothing of them.
    path: Option<PathBuf>,
    /// Keys and ids. Without an id, nobody heard whether the server began it.
    uploads: Mutex<BTreeMap<String, String>>,
    /// Keys that this run needs.
    continued: Mutex<BTreeSet<String>>,
}

impl Unfinished {
    /// Reads what is written down.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let text = match path.map(fs_err::read_to_string) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Some(Ok(text)) => text,
            _ => String::new(),
        };
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        // A key with a line break is written down as it is: its lines mean nothing, and nobody goes on with it.
        let uploads = lines.map(|(id, key)| (key.to_owned(), id.to_owned())).collect();
        Ok(Self { path: path.map(Path::to_owned), uploads: Mutex::new(uploads), continued: Mutex::default() })
    }

    /// Whether what is begun now can be continued by the next run.
    pub(crate) fn is_kept(&self) -> bool {
        self.path.is_some()
    }

    /// What was begun of an object that this run needs.
    pub(crate) fn of(&self, key: &str) -> Option<Upload> {
        self.continued.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.get(key).filter(|id| !id.is_empty()).map(|id| Upload { key: key.to_owned(), id: id.clone() })
    }

    /// Keys of which an earlier run did not hear whether the server began an upload.
    pub(crate) fn unheard(&self) -> Vec<String> {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.iter().filter(|(_, id)| id.is_empty()).map(|(key, _)| key.clone()).collect()
    }

    /// Those that this run has not gone on with; all, where the next run could not either.
    pub(crate) fn left_over(&self) -> Vec<Upload> {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let continued = self.continued.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left_over = |key: &String| self.path.is_none() || !continued.contains(key);
        let left_over = uploads.iter().filter(|(key, id)| is_left_over(key) && !id.is_empty());
        left_over.map(|(key, id)| Upload { key: key.clone(), id: id.clone() }).collect()
    }

    /// To be said before the server is asked.
    pub(crate) fn begins(&self, key: &str) -> io::Result<()> {
        self.change(|uploads| uploads.insert(key.to_owned(), String::new()))
    }

    pub(crate) fn begun(&self, upload: &Upload) -> io::Result<()> {
        self.change(|uploads| uploads.insert(upload.key.clone(), upload.id.clone()))
    }

    pub(crate) fn ended(&self, key: &str) -> io::Result<()> {
        self.change(|uploads| uploads.remove(key))
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> io::Result<()> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut uploads);
        let Some(path) = &self.path else { return Ok(()) };
        let mut text = Vec::new();
        for (key, id) in uploads.iter() {
            writeln!(text, "{id}\t{key}")?;
        }
        write_atomically(path, &text, 0o600, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_known_to_the_next_run_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("uploads");
        let upload = |key: &str, id: &str| Upload { key: key.to_owned(), id: id.to_owned() };
        let unfinished = Unfinished::open(Some(&path)).unwrap();
        unfinished.begun(&upload("a/b\tc", "1")).unwrap();
        unfinished.begun(&upload("d", "2")).unwrap();
        let next = Unfinished::open(Some(&path)).unwrap();
        assert_eq!(next.of("a/b\tc"), Some(upload("a/b\tc", "1")));
        next.ended("a/b\tc").unwrap();
        next.begun(&upload("a/b\tc", "3")).unwrap();
        assert_eq!(next.left_over(), [upload("d", "2")]);
        assert_eq!(Unfinished::open(Some(&path)).unwrap().left_over().len(), 2);
        assert!(!Unfinished::open(None).unwrap().is_kept());
        next.begins("e").unwrap();
        let next = Unfinished::open(Some(&path)).unwrap();
        assert_eq!((next.unheard(), next.of("e"), next.left_over().len()), (vec!["e".to_owned()], None, 2));
    }
}
