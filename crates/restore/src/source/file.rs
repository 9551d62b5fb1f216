//! One stored file. Everything that reads a source goes through here, so that nothing else has to know in which form it is
//! stored.

use std::io;
use std::path::{Path, PathBuf};

use redcedar_system::escape;

use crate::layers::{Form, Keys, Opened, Piece, is_locked};

/// A file of a source: an archive, a manifest, a list of checksums. It may be stored encrypted, split, or both.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// With the name that it has without layers.
    path: PathBuf,
    form: Form,
    keys: Keys,
}

impl StoredFile {
    pub(crate) fn new(path: PathBuf, form: Form, keys: Keys) -> Self {
        Self { path, form, keys }
    }

    /// Where it is, or would be if it were neither encrypted nor split.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it takes.
    pub fn size(&self) -> u64 {
        self.pieces().iter().map(|piece| piece.size).sum()
    }

    /// How many bytes it has; an encrypted file does not say.
    pub fn plain_size(&self) -> Option<u64> {
        (!self.is_encrypted()).then(|| self.size())
    }

    /// Whether it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.form.is_sealed()
    }

    /// Of how many files it consists.
    pub fn parts(&self) -> usize {
        self.pieces().len()
    }

    /// The name under which it is stored; the first and the last, if there are several.
    pub fn stored_as(&self) -> String {
        let name = |piece: &Piece| escape::display(piece.path.file_name().unwrap_or_default()).to_string();
        match self.pieces()[..] {
            [] => String::new(),
            [piece] => name(piece),
            [first, .., last] => format!("{} to {}", name(first), name(last)),
        }
    }

    /// What can be seen to be wrong without reading it: parts that are missing.
    pub fn faults(&self) -> Vec<String> {
        self.form.faults()
    }

    /// Why it cannot be opened, if only because the key is not here.
    pub fn locked(&self) -> Option<String> {
        if !self.is_encrypted() {
            return None;
        }
        self.open().err().filter(is_locked).map(|error| error.to_string())
    }

    /// When it was written last: seconds since 1970, and nanoseconds.
    pub(crate) fn modified(&self) -> (i64, i64) {
        self.pieces().iter().map(|piece| piece.modified).max().unwrap_or_default()
    }

    /// The files on disk.
    pub(crate) fn pieces(&self) -> Vec<&Piece> {
        self.form.pieces()
    }

    /// Whether it is stored as it is.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.form, Form::Plain(_))
    }

    /// Opens it for reading, without its layers; no link is followed and no pipe waited for.
    ///
    /// # Errors
    /// When it cannot be opened, or there is no key.
    pub fn open(&self) -> io::Result<Opened> {
        self.form.open(&self.keys)
    }

    pub(crate) fn error(&self, intent: &str, error: &io::Error) -> io::Error {
        let path =
            if self.is_plain() { self.path.clone() } else { self.path.with_file_name(self.stored_as()) };
        io::Error::new(error.kind(), format!("{intent} {}: {error}", escape::display(&path)))
    }
}

impl PartialEq for StoredFile {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, &self.form) == (&other.path, &other.form)
    }
}

impl Eq for StoredFile {}
