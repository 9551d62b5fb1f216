//! Files as they are stored, and what is in them, compared with the lists of digests.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};

use redcedar_archive::naming;
use redcedar_system::{Interrupted, escape};

use super::{Check, Severity, name_of};
use crate::checksums::{self, digest_of};
use crate::layers::is_locked;
use crate::source::{OtherKind, PeerDay, StoredFile};

/// The list of all files of a day.
const CHECKSUMS: &str = "cback.sha256";

/// Which machines have lists of digests; each is missed on a day after one that has it.
#[derive(Default)]
pub(super) struct Lists {
    checksums: HashSet<OsString>,
    origins: HashSet<OsString>,
}

impl Lists {
    /// Notes a day, and says which lists are missing.
    pub(super) fn missing(&mut self, peer: &PeerDay) -> Vec<&'static str> {
        let is_missed = |known: &mut HashSet<OsString>, list: Option<&StoredFile>| {
            list.map(|_| known.insert(peer.name.clone())).is_none() && known.contains(&peer.name)
        };
        let checksums = is_missed(&mut self.checksums, peer.checksums.as_ref());
        let origins = is_missed(&mut self.origins, peer.origins.as_ref());
        let has_layers = || stored_files(peer).any(|(file, _)| !file.is_plain());
        let checksums = (checksums && stored_files(peer).next().is_some()).then_some(CHECKSUMS);
        let origins = (origins && has_layers()).then_some(naming::ORIGINS);
        checksums.into_iter().chain(origins).collect()
    }
}

/// Everything of a day that is no list, and whether that is a backup of ours or of the originals.
fn stored_files(peer: &PeerDay) -> impl Iterator<Item = (&StoredFile, bool)> {
    let items = peer.items.iter();
    let items =
        items.flat_map(|item| item.archive.iter().map(|(file, _)| file).chain(item.manifest.as_ref()));
    let others = peer.others.iter().map(|(file, kind)| (file, *kind != OtherKind::Foreign));
    items.map(|file| (file, true)).chain(others)
}

/// A list of digests.
struct List<'a> {
    file: Option<&'a StoredFile>,
    digests: HashMap<OsString, [u8; 32]>,
    /// Backups that ought to be in it.
    unnamed: Vec<OsString>,
}

impl List<'_> {
    /// Whether it has another digest for a file. One that it does not have is noted, if it ought to have it.
    fn contradicts(&mut self, name: &OsStr, digest: &[u8; 32], is_backup: bool) -> bool {
        let listed = self.digests.get(name);
        if listed.is_none() && is_backup {
            self.unnamed.push(name.to_owned());
        }
        listed.is_some_and(|listed| listed != digest)
    }
}

impl Check<'_> {
    /// Compares all files with `cback.sha256` and, without their layers, with `cback.origins.sha256`. Returns the digests of
    /// those that could be opened.
    pub(super) fn checksums(&mut self) -> Result<HashMap<OsString, [u8; 32]>, Interrupted> {
        let peer = self.peer;
        let mut checksums = self.read_list(peer.checksums.as_ref());
        let mut origins = self.read_list(peer.origins.as_ref());
        let mut found = HashMap::new();
        for file in &peer.doubles {
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
            self.pieces(file, &mut checksums, false)?;
        }
        for (file, is_backup) in stored_files(peer) {
            if !self.is_wanted(file) {
                continue;
            }
            for fault in file.faults() {
                self.damage(file, fault);
            }
            let stored = self.pieces(file, &mut checksums, is_backup)?;
            let digest = if file.is_plain() { stored } else { self.inside(file, &mut origins, is_backup)? };
            found.extend(digest.map(|digest| (name_of(file), digest)));
        }
        let is_here = |name: &OsString| peer.names.binary_search(name).is_ok();
        let mut missing: Vec<_> = checksums.digests.keys().filter(|name| !is_here(name)).cloned().collect();
        missing.sort();
        self.tell_unnamed(&checksums);
        self.tell_unnamed(&origins);
        for name in missing {
            self.find(&name, Severity::Damage, "it is in cback.sha256, but not here".to_owned());
        }
        Ok(found)
    }

    fn read_list<'l>(&mut self, file: Option<&'l StoredFile>) -> List<'l> {
        let mut list = List { file: None, digests: HashMap::new(), unnamed: Vec::new() };
        match file.map(|file| (file, checksums::read(file))) {
            None => {}
            Some((file, Ok(digests))) => (list.file, list.digests) = (Some(file), digests),
            Some((file, Err(message))) => self.damage(file, message),
        }
        list
    }

    fn tell_unnamed(&mut self, list: &List<'_>) {
        if let (Some(file), Some((first, others))) = (list.file, list.unnamed.split_first()) {
            let first = escape::display(first);
            let message = match others.len() {
                0 => format!("{first} is not in it"),
                count => format!("{first} and {count} other files are not in it"),
            };
            self.damage(file, message);
        }
    }

    /// Compares a file, as it is stored, with `cback.sha256`. Returns the digest of its last piece.
    fn pieces(
        &mut self,
        file: &StoredFile,
        checksums: &mut List<'_>,
        is_backup: bool,
    ) -> Result<Option<[u8; 32]>, Interrupted> {
        let mut last = None;
        for piece in file.pieces() {
            let name = piece.path.file_name().unwrap_or_default();
            match digest_of(piece.open(), self.interrupt)? {
                Err(error) => self.find(name, Severity::Damage, format!("cannot read it: {error}")),
                Ok(digest) => {
                    self.report.files += 1;
                    self.report.bytes += piece.size;
                    if checksums.contradicts(name, &digest, is_backup) {
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
        origins: &mut List<'_>,
        is_backup: bool,
    ) -> Result<Option<[u8; 32]>, Interrupted> {
        match digest_of(file.open(), self.interrupt)? {
            Ok(digest) => {
                if origins.contradicts(&name_of(file), &digest, is_backup) {
                    let message = "its SHA-256 is not what it was before it was encrypted or split";
                    self.damage(file, message.to_owned());
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
