//! Files as they are stored, and what is in them, compared with the lists of digests.

use std::collections::HashMap;
use std::ffi::OsString;

use redcedar_system::Interrupted;

use super::{Check, Severity, name_of};
use crate::checksums::{self, digest_of};
use crate::layers::is_locked;
use crate::source::StoredFile;

impl Check<'_> {
    /// Compares all files with `cback.sha256` and, without their layers, with `cback.origins.sha256`. Returns the digests of
    /// those that could be opened.
    pub(super) fn checksums(&mut self) -> Result<HashMap<OsString, [u8; 32]>, Interrupted> {
        let expected = self.read_checksums(self.peer.checksums.as_ref());
        let origins = self.read_checksums(self.peer.origins.as_ref());
        let mut found = HashMap::new();
        for file in &self.peer.doubles {
            if !self.is_wanted(file) {
                continue;
            }
            if !file.is_plain() {
                let message = format!(
                    "it is there as {}, too; the form with the fewest layers counts",
                    file.stored_as()
                );
                self.find(&name_of(file), Severity::Known, message);
            }
            self.pieces(file, &expected)?;
        }
        let items = self
            .peer
            .items
            .iter()
            .flat_map(|item| item.archive.iter().map(|(file, _)| file).chain(item.manifest.as_ref()));
        let files = items.chain(self.peer.others.iter().map(|(file, _)| file));
        for file in files.filter(|file| self.is_wanted(file)).collect::<Vec<_>>() {
            for fault in file.faults() {
                self.damage(file, fault);
            }
            let stored = self.pieces(file, &expected)?;
            let digest = if file.is_plain() { stored } else { self.inside(file, &origins)? };
            found.extend(digest.map(|digest| (name_of(file), digest)));
        }
        let mut missing: Vec<_> =
            expected.into_keys().filter(|name| self.peer.names.binary_search(name).is_err()).collect();
        missing.sort();
        for name in missing {
            self.find(&name, Severity::Damage, "it is in cback.sha256, but not here".to_owned());
        }
        Ok(found)
    }

    fn read_checksums(&mut self, file: Option<&StoredFile>) -> HashMap<OsString, [u8; 32]> {
        match file.map(|file| (file, checksums::read(file))) {
            None => HashMap::new(),
            Some((_, Ok(digests))) => digests,
            Some((file, Err(message))) => {
                self.damage(file, message);
                HashMap::new()
            }
        }
    }

    /// Compares a file, as it is stored, with `cback.sha256`. Returns the digest of its last piece.
    fn pieces(
        &mut self,
        file: &StoredFile,
        expected: &HashMap<OsString, [u8; 32]>,
    ) -> Result<Option<[u8; 32]>, Interrupted> {
        let mut last = None;
        for piece in file.pieces() {
            let name = piece.path.file_name().unwrap_or_default();
            match digest_of(piece.open(), self.interrupt)? {
                Err(error) => self.find(name, Severity::Damage, format!("cannot read it: {error}")),
                Ok(digest) => {
                    self.report.files += 1;
                    self.report.bytes += piece.size;
                    if expected.get(name).is_some_and(|expected| *expected != digest) {
                        let message = "its SHA-256 is not that of cback.sha256".to_owned();
                        self.find(name, Severity::Damage, message);
                    }
                    last = Some(digest);
                }
            }
        }
        Ok(last)
    }

    /// The digest of a file without its layers, if there is a key, compared with what it was before.
    fn inside(
        &mut self,
        file: &StoredFile,
        origins: &HashMap<OsString, [u8; 32]>,
    ) -> Result<Option<[u8; 32]>, Interrupted> {
        match digest_of(file.open(), self.interrupt)? {
            Ok(digest) => {
                if origins.get(&name_of(file)).is_some_and(|origin| *origin != digest) {
                    self.damage(
                        file,
                        "its SHA-256 is not what it was before it was encrypted or split".to_owned(),
                    );
                }
                Ok(Some(digest))
            }
            Err(error) if is_locked(&error) => {
                self.report.locked += 1;
                Ok(None)
            }
            Err(error) => {
                self.damage(file, file.error("cannot read", &error).to_string());
                Ok(None)
            }
        }
    }
}
