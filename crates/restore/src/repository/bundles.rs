//! Which bundles make up a Git or Mercurial repository.

use std::io::Read;

use redcedar_archive::digest::to_hex;
use redcedar_archive::repository::snapshot::{FileName, Part, Snapshot};
use redcedar_system::escape;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::RepositoryError;
use super::find::Stored;
use super::place::Place;
use crate::source::StoredFile;

/// A backup: the refs and, where it needed one, the bundle.
#[derive(Debug, Clone)]
pub(super) struct Backup {
    pub(super) snapshot: Snapshot,
    pub(super) refs: Stored,
    pub(super) bundle: Option<Stored>,
}

/// Backups that build on each other, the full one first.
#[derive(Debug, Clone)]
pub(super) struct Chain(Vec<Backup>);

impl Chain {
    /// The backups that the newest of `stored` builds on, and itself. `stored` are all files of one repository.
    pub(super) fn new(stored: &[(FileName, Part, Stored)]) -> Result<Self, RepositoryError> {
        let refs = |run: &str| {
            stored
                .iter()
                .find(|(name, part, _)| *part == Part::Refs && name.run == run)
                .map(|(_, _, file)| file)
        };
        let runs = stored.iter().filter(|(_, part, _)| *part == Part::Refs).map(|(name, _, _)| &name.run);
        let newest =
            runs.max().ok_or_else(|| RepositoryError::Gap("there is no list of refs (*.refs)".to_owned()))?;
        let mut chain: Vec<Backup> = Vec::new();
        let mut next = Some(newest.clone());
        while let Some(run) = next.take() {
            let file = refs(&run).ok_or_else(|| {
                RepositoryError::Gap(format!("the backup of {run} is missing, on which later ones build"))
            })?;
            let snapshot = read_snapshot(&file.file)?;
            next.clone_from(&snapshot.header.base);
            // Runs go back in time, or a forged list could lead round for ever.
            if next.as_ref().is_some_and(|base| *base >= run) {
                return Err(damaged(&file.file, "it builds on a later one"));
            }
            let bundle = match &snapshot.header.bundle {
                None => None,
                Some(_) => Some(find_bundle(stored, &run)?),
            };
            chain.push(Backup { snapshot, refs: file.clone(), bundle });
        }
        chain.reverse();
        Ok(Self(chain))
    }

    /// All backups, the full one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Backup> {
        self.0.iter()
    }

    /// The backup whose refs count.
    pub(super) fn newest(&self) -> &Snapshot {
        // There is one, or there would be no chain.
        &self.0[self.0.len() - 1].snapshot
    }
}

fn find_bundle(stored: &[(FileName, Part, Stored)], run: &str) -> Result<Stored, RepositoryError> {
    let found = stored.iter().find(|(name, part, _)| *part == Part::Bundle && name.run == run);
    let found = found.map(|(_, _, file)| file.clone());
    found.ok_or_else(|| {
        RepositoryError::Gap(format!("the bundle of {run} is missing, on which later ones build"))
    })
}

/// Reads a list of refs.
pub(super) fn read_snapshot(file: &StoredFile) -> Result<Snapshot, RepositoryError> {
    let mut text = Vec::new();
    let read = file.unpacked().and_then(|mut stream| stream.read_to_end(&mut text));
    read.map_err(|error| damaged(file, &error))?;
    Snapshot::parse(&text).map_err(|error| damaged(file, &error))
}

/// Copies the bundle of a backup to where its program can read it, and proves it on the way.
pub(super) fn fetch(backup: &Backup, place: &Place) -> Result<Option<NamedTempFile>, RepositoryError> {
    let Backup { bundle: Some(stored), snapshot, .. } = backup else { return Ok(None) };
    let mut copy = place.file()?;
    let mut digest = Sha256::new();
    let mut stream = stored.file.unpacked().map_err(|error| damaged(&stored.file, &error))?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = stream.read(&mut buffer).map_err(|error| damaged(&stored.file, &error))?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
        std::io::Write::write_all(&mut copy, &buffer[..read])
            .map_err(RepositoryError::io("cannot copy a bundle"))?;
    }
    let expected = snapshot.header.bundle.as_ref().map(|bundle| bundle.sha256.as_str());
    if expected == Some(to_hex(&digest.finalize()).as_str()) {
        Ok(Some(copy))
    } else {
        Err(damaged(&stored.file, "its SHA-256 is not that of its list of refs"))
    }
}

pub(super) fn damaged(file: &StoredFile, reason: &(impl ToString + ?Sized)) -> RepositoryError {
    RepositoryError::Damaged { file: escape::display(file.path()).to_string(), reason: reason.to_string() }
}
