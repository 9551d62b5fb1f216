//! What a directory says of its files' digests, while files take the place of others: `cback.sha256` speaks of what is there,
//! `cback.origins.sha256` of what was there before it was encrypted or split.

use std::ffi::{OsStr, OsString};
use std::io;

use redcedar_archive::layers;
use redcedar_archive::naming::ORIGINS;
use redcedar_system::Owner;
use redcedar_system::fs::Directory;

use crate::checksums::Checksums;

/// The digests of one directory.
#[derive(Debug)]
pub struct Ledger {
    present: Checksums,
    origins: Checksums,
    owner: Option<Owner>,
}

impl Ledger {
    /// Reads both files; new ones will belong to `owner`.
    ///
    /// # Errors
    /// When one is there and cannot be read.
    pub fn read(directory: &Directory, owner: Option<Owner>) -> io::Result<Self> {
        let origins = Checksums::read_from(directory, ORIGINS)?;
        Ok(Self { present: Checksums::read(directory)?, origins, owner })
    }

    /// What the digest of a file should be, where that is known.
    pub fn digest(&self, name: &OsStr) -> Option<&[u8; 32]> {
        self.present.get(name)
    }

    /// Whether `form`, whose name looks like a form of `name`, was staged as a file of its own: it is known, and not because
    /// it took the place of `name`.
    pub fn is_file_of_its_own(&self, form: &OsStr, name: &OsStr) -> bool {
        let has_gone = self.origins.get(name).is_some() && self.present.get(name).is_none();
        self.present.get(form).is_some() && !has_gone
    }

    /// Which of these files are what was made of an earlier `name`.
    pub fn stale<'n>(&self, name: &OsStr, among: impl Iterator<Item = &'n OsStr>) -> Vec<&'n OsStr> {
        if self.origins.get(name).is_none() || self.present.get(name).is_some() {
            return Vec::new();
        }
        among.filter(|form| layers::is_form_of(form, name)).collect()
    }

    /// Notes that `forms` take the place of `name`, before `name` goes.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn replace(
        &mut self,
        directory: &Directory,
        name: &OsStr,
        digest: [u8; 32],
        forms: Vec<(OsString, [u8; 32])>,
    ) -> io::Result<()> {
        // What was staged counts, should the file have been damaged since.
        let digest = self.present.get(name).copied().unwrap_or(digest);
        self.origins.insert(name.to_owned(), digest);
        self.origins.write_to(directory, ORIGINS, self.owner)?;
        self.present.retain(|present| present != name);
        for (form, digest) in forms {
            self.present.insert(form, digest);
        }
        self.present.write(directory, self.owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_take_the_place_of_a_file_and_what_it_was_stays_known() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let mut staged = Checksums::default();
        staged.insert("x".into(), [1; 32]);
        staged.insert("y".into(), [2; 32]);
        staged.insert("y_00001".into(), [3; 32]);
        staged.write(&directory, None).unwrap();
        let mut ledger = Ledger::read(&directory, None).unwrap();
        assert!(ledger.is_file_of_its_own("y_00001".as_ref(), "y".as_ref()));
        assert!(!ledger.is_file_of_its_own("x.gpg".as_ref(), "x".as_ref()));
        let names = || ["x.gpg", "y_00001"].iter().map(OsStr::new);
        assert!(ledger.stale("x".as_ref(), names()).is_empty());
        ledger.replace(&directory, "x".as_ref(), [9; 32], vec![("x.gpg".into(), [4; 32])]).unwrap();
        let ledger = Ledger::read(&directory, None).unwrap();
        assert_eq!(ledger.digest("x".as_ref()), None);
        assert_eq!(ledger.digest("x.gpg".as_ref()), Some(&[4; 32]));
        assert_eq!(ledger.stale("x".as_ref(), names()), ["x.gpg"]);
        assert!(!ledger.is_file_of_its_own("x.gpg".as_ref(), "x".as_ref()));
        assert!(ledger.stale("y".as_ref(), names()).is_empty(), "it may be a file of its own");
        let origins = Checksums::read_from(&directory, ORIGINS).unwrap();
        assert_eq!(origins.get("x".as_ref()), Some(&[1; 32]), "what was staged, not what was found");
    }
}
