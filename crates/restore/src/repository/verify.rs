//! Proving that stored dumps and bundles are whole, and that what they build on is there.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};

use redcedar_archive::digest::to_hex;
use redcedar_archive::repository::snapshot::{FileName, Kind, Part};
use redcedar_archive::repository::svndump::DumpName;
use redcedar_system::Interrupt;

use super::RepositoryError;
use super::bundles::read_snapshot;
use super::dumps::Dump;
use super::subversion::Text;
use crate::source::{OtherKind, PeerDay, StoredFile};

/// What was seen so far of the repositories of all machines.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    /// The last revisions of dumps.
    dumped: HashMap<(OsString, OsString), HashSet<u64>>,
    /// The runs of bundles.
    runs: HashMap<(OsString, Kind, OsString), HashSet<String>>,
}

impl Chains {
    /// Notes what a machine stored on a day, and tells which files build on something that is not there. Days come in order.
    pub(crate) fn note(&mut self, peer: &PeerDay) -> Vec<(StoredFile, String)> {
        let files = || peer.others.iter().map(|(file, _)| (file, name_of(file)));
        let dumps = || files().filter_map(|(file, name)| Some((file, DumpName::parse(name)?.0)));
        for (_, dump) in dumps() {
            self.dumped.entry((peer.name.clone(), dump.repository)).or_default().insert(dump.last);
        }
        let mut missing = Vec::new();
        for (file, dump) in dumps() {
            let ends = &self.dumped[&(peer.name.clone(), dump.repository.clone())];
            if let Some(base) = dump.first.checked_sub(1).filter(|base| !ends.contains(base)) {
                let message =
                    format!("it builds on a dump that ends with revision {base}, which is not here");
                missing.push((file.clone(), message));
            }
        }
        for (file, name) in files() {
            let Some((name, Part::Refs)) = FileName::parse(name) else { continue };
            let runs = self.runs.entry((peer.name.clone(), name.kind, name.repository)).or_default();
            runs.insert(name.run);
            // One that cannot be read is told when its day is.
            let Ok(snapshot) = read_snapshot(file) else { continue };
            if let Some(base) = snapshot.header.base.filter(|base| !runs.contains(base)) {
                missing.push((file.clone(), format!("it builds on the backup of {base}, which is not here")));
            }
        }
        missing
    }
}

/// Reads a dump or a list of refs to its end. `digests` are those of all files beside it.
///
/// # Errors
/// With what is wrong.
pub(crate) fn prove(
    file: &StoredFile,
    kind: OtherKind,
    digests: &HashMap<OsString, [u8; 32]>,
    interrupt: &Interrupt,
) -> Result<(), RepositoryError> {
    let name = name_of(file);
    if let (OtherKind::Subversion, Some((dump, _))) = (kind, DumpName::parse(name)) {
        let dump =
            Dump { first: dump.first, last: dump.last, date: jiff::civil::Date::ZERO, file: file.clone() };
        return Text::open(&dump)?.prove(interrupt);
    }
    match FileName::parse(name) {
        Some((name, Part::Refs)) => {
            let bundle = digests.get(&name.file_name(Part::Bundle));
            match (read_snapshot(file)?.header.bundle, bundle) {
                (None, _) => Ok(()),
                (Some(_), None) => Err(RepositoryError::Gap("its bundle is not here".to_owned())),
                (Some(expected), Some(found)) if expected.sha256 == to_hex(found) => Ok(()),
                (Some(_), Some(_)) => {
                    Err(RepositoryError::Gap("its bundle is not the one that it describes".to_owned()))
                }
            }
        }
        Some((name, Part::Bundle)) if !digests.contains_key(&name.file_name(Part::Refs)) => {
            Err(RepositoryError::Gap("its list of refs is not here".to_owned()))
        }
        _ => Ok(()),
    }
}

fn name_of(file: &StoredFile) -> &OsStr {
    file.path().file_name().unwrap_or_default()
}
