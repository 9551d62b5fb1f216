//! Takes the files of a collect directory into a day: hashed on the way, compared with what their manifests promise, never under
//! their final names before they are complete. What is on this machine is copied; what was fetched from another is moved.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use redcedar_archive::layers::is_form_of;
use redcedar_archive::naming;
use redcedar_system::fs::{Directory, PendingFile};
use redcedar_system::monitor::Progress;
use redcedar_system::{Owner, System, checkpoint, escape};
use rustix::fs::Stat;
use sha2::{Digest, Sha256};

use super::MODE;
use super::integrity::{self, Finding};
use super::listing::{self, Listing};
use super::promise::{self, Promise};
use super::watch::{Stop, Watch};
use crate::checksums::Checksums;
use crate::outcome::Omission;

const BUFFER: usize = 1 << 20;

/// How a file comes into the day.
#[derive(Debug, Clone, Copy)]
pub(super) enum Method {
    /// It stays where it is.
    Copy,
    /// It is moved: it was fetched from another machine, which a short copy does not always admit.
    Adopt {
        /// Who fetched it; a file of anybody else was put there.
        fetched_by: Option<u32>,
        /// Whether we wrote what was fetched, so that manifests must fit.
        is_ours: bool,
    },
}

/// What files are taken with.
pub(super) struct Taking<'a> {
    pub(super) method: Method,
    pub(super) owner: Option<Owner>,
    pub(super) watch: Watch<'a>,
    pub(super) system: &'a System,
    /// Of all peers together.
    pub(super) progress: &'a Mutex<Progress>,
}

/// What became of the files of a peer.
#[derive(Default)]
pub(super) struct Taken {
    /// How many were taken.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// What is no regular file.
    pub(super) skipped: Vec<Omission>,
    /// Files that are not staged as they should be, each with a reason.
    pub(super) failures: Vec<String>,
    /// The digests of everything in the day now.
    pub(super) checksums: Checksums,
}

/// Why one file was not taken.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("[{0}] changed while it was being copied")]
    Changed(String),
    #[error("[{0}] is not what its manifest says; it is damaged or was changed")]
    Mismatch(String),
    #[error("[{0}] is damaged: {1}")]
    Damaged(String, String),
    #[error(
        "[{0}] is not staged again: its encrypted or split form of today is already in the staging directory"
    )]
    Processed(String),
    #[error(
        "[{0}] is not staged: it builds on what was staged earlier today, and would replace it. The next collect stores its changes again."
    )]
    WouldLose(String),
    #[error(transparent)]
    Stop(#[from] Stop),
}

/// Takes every regular file of `source` into `target` and writes `cback.sha256` there. The indicators that coordinate us are
/// left to the caller; links, directories and whatever else are skipped.
pub(super) fn directory(
    source: &Directory,
    target: &Directory,
    taking: &Taking<'_>,
) -> Result<Taken, super::PeerError> {
    listing::clear(target)?;
    if let Method::Adopt { .. } = taking.method {
        source.sync_file_system()?;
    }
    let Listing { files, skipped } = listing::regular_files(source, taking.method)?;
    let mut taken = Taken { skipped, ..Taken::default() };
    taking.announce(&files);
    let names: Vec<OsString> = files.iter().map(|(name, _)| name.clone()).collect();
    let mut take = Take {
        source,
        target,
        taking,
        staged: target.names()?,
        checksums: Checksums::read(target)?,
        origins: Checksums::read_from(target, naming::ORIGINS)?,
        promises: Vec::new(),
        outdated: Vec::new(),
        names,
    };
    let (manifests, data): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(name, _)| promise::is_manifest(name));
    let manifests = take.read_manifests(manifests, &mut taken)?;
    // A manifest follows its archive, so that it never speaks of one that is not there.
    let mut failed = Vec::new();
    for (name, stat) in data.iter().chain(&manifests) {
        if take.speaks_of(name, &failed) || take.outdated.contains(name) {
            continue;
        }
        match take.file(name, stat) {
            Ok(true) => {
                taken.files += 1;
                taken.bytes += stat.st_size.unsigned_abs();
                checkpoint::reach("stage-after-file");
            }
            Ok(false) => {}
            Err(FileError::Stop(stop)) => return Err(stop.into()),
            Err(error) => {
                taken.failures.push(error.to_string());
                failed.push(name.as_os_str());
            }
        }
    }
    take.write_checksums()?;
    taken.checksums = Checksums::as_staged(target)?;
    Ok(taken)
}

impl Taking<'_> {
    fn announce(&self, files: &[(OsString, Stat)]) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: u64 = files.iter().map(|(_, stat)| stat.st_size.unsigned_abs()).sum();
        progress.total_files = Some(progress.total_files.unwrap_or(0) + files.len() as u64);
        progress.total_bytes = Some(progress.total_bytes.unwrap_or(0) + bytes);
    }

    fn advance(&self, files: u64, bytes: u64, path: &Path) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.files += files;
        progress.bytes += bytes;
        self.system.monitor.progress(&progress, Some(path));
    }
}

struct Take<'a> {
    source: &'a Directory,
    target: &'a Directory,
    taking: &'a Taking<'a>,
    /// What was in the target before.
    staged: Vec<OsString>,
    checksums: Checksums,
    /// Digests of what was encrypted or split since.
    origins: Checksums,
    promises: Vec<Promise>,
    /// Manifests that speak of archives that are no longer there.
    outdated: Vec<OsString>,
    /// All files of the source.
    names: Vec<OsString>,
}

impl Take<'_> {
    /// Reads all manifests, and returns those that are to be taken.
    fn read_manifests(
        &mut self,
        manifests: Vec<(OsString, Stat)>,
        taken: &mut Taken,
    ) -> io::Result<Vec<(OsString, Stat)>> {
        let mut good = Vec::new();
        for (name, stat) in manifests {
            // Files that were fetched are as old as their fetching.
            let has_times = matches!(self.taking.method, Method::Copy);
            if has_times && promise::is_outdated(self.source, &self.names, &name)? {
                self.leave_behind(&name);
                continue;
            }
            match promise::read(self.source, &name) {
                Ok(promise) => {
                    taken.failures.extend(self.missing_archive(&promise));
                    self.promises.push(promise);
                    good.push((name, stat));
                }
                Err(error) => taken.failures.push(error.to_string()),
            }
        }
        Ok(good)
    }

    fn leave_behind(&mut self, manifest: &OsStr) {
        self.taking.system.monitor.warning(format!(
            "[{}] is not staged: another program has written a newer archive without a manifest.",
            escape::display(&self.source.path().join(manifest))
        ));
        self.outdated.push(manifest.to_owned());
    }

    fn missing_archive(&self, promise: &Promise) -> Option<String> {
        let archive = promise.header.archive.as_ref()?;
        let shown = |name: &OsStr| escape::display(&self.source.path().join(name)).to_string();
        (!self.names.contains(archive)).then(|| {
            format!("[{}] is not there, though [{}] speaks of it", shown(archive), shown(&promise.manifest))
        })
    }

    /// Whether `name` is the manifest of one of these archives.
    fn speaks_of(&self, name: &OsStr, archives: &[&OsStr]) -> bool {
        let promise = self.promises.iter().find(|promise| promise.manifest == name);
        promise
            .and_then(|promise| promise.header.archive.as_deref())
            .is_some_and(|own| archives.contains(&own))
    }

    /// Takes one file. False: there was nothing to do.
    fn file(&mut self, name: &OsStr, stat: &Stat) -> Result<bool, FileError> {
        let promise = self.promises.iter().find(|promise| promise.describes(name));
        if promise.map(|promise| self.would_lose(promise)).transpose()?.unwrap_or(false) {
            return Err(FileError::WouldLose(self.shown(name)));
        }
        let (manifest, archive) = (
            promise.filter(|promise| promise.manifest == name),
            promise.filter(|promise| promise.manifest != name),
        );
        let expected = archive.and_then(|promise| promise.sha256);
        let proof = archive.map(|promise| promise.manifest.clone());
        let is_manifest = manifest.is_some();
        let replaced = manifest.map(|promise| self.replaced(promise)).transpose()?.flatten();
        let (pending, digest) = self.content(name, stat)?;
        match (expected, proof) {
            (Some(expected), Some(manifest)) if expected != digest => {
                self.other_than_promised(name, &manifest, &pending)?;
            }
            (None, _) if !is_manifest => self.check_integrity(name, &pending)?,
            _ => {}
        }
        if self.is_processed(name) {
            return match self.origins.get(name).or_else(|| self.checksums.get(name)) {
                Some(staged) if *staged == digest => Ok(false),
                _ => Err(FileError::Processed(self.shown(name))),
            };
        }
        let (mode, owner) = (stat.st_mode & MODE, self.taking.owner);
        match self.taking.method {
            Method::Copy => pending.publish(mode, owner)?,
            // The checksums, which are published in any case, bring the directory to disk.
            Method::Adopt { .. } => pending.publish_one_of_many(mode, owner)?,
        }
        self.checksums.insert(name.to_owned(), digest);
        if let Some(replaced) = replaced {
            self.target.remove_file(&replaced)?;
        }
        Ok(true)
    }

    fn shown(&self, name: &OsStr) -> String {
        escape::display(&self.source.path().join(name)).to_string()
    }

    /// The file, ready to get its name in the day, and its digest.
    fn content(&mut self, name: &OsStr, stat: &Stat) -> Result<(PendingFile, [u8; 32]), FileError> {
        let (mut input, mut pending, copies) = match self.taking.method {
            Method::Copy => (self.source.open_file(name)?, self.target.create_file(name)?, true),
            Method::Adopt { .. } => {
                let pending = self.target.adopt_file(self.source, name)?;
                (pending.try_clone_file()?, pending, false)
            }
        };
        let path = self.source.path().join(name);
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            self.taking.watch.check()?;
            let count = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let message = format!("cannot read {}: {error}", escape::display(&path));
                    return Err(io::Error::new(error.kind(), message).into());
                }
            };
            hash.update(&buffer[..count]);
            if copies {
                pending.write_all(&buffer[..count])?;
            }
            self.taking.advance(0, count as u64, &path);
        }
        self.taking.advance(1, 0, &path);
        if changed(stat, self.source.status(name)?.as_ref()) {
            return Err(FileError::Changed(escape::display(&path).to_string()));
        }
        Ok((pending, hash.finalize().into()))
    }

    /// What is to be done with an archive that does not fit its manifest. Where another program may have written it since, its
    /// own form has to prove it.
    fn other_than_promised(
        &mut self,
        name: &OsStr,
        manifest: &OsStr,
        pending: &PendingFile,
    ) -> Result<(), FileError> {
        match self.taking.method {
            Method::Adopt { is_ours: false, .. } => {
                self.check_integrity(name, pending)?;
                self.leave_behind(manifest);
                Ok(())
            }
            Method::Adopt { is_ours: true, .. } | Method::Copy => Err(FileError::Mismatch(self.shown(name))),
        }
    }

    /// Looks whether a file that nothing describes was fetched to its end. A copy on this machine cannot be short unnoticed.
    fn check_integrity(&self, name: &OsStr, pending: &PendingFile) -> Result<(), FileError> {
        if matches!(self.taking.method, Method::Copy) {
            return Ok(());
        }
        let file: File = pending.try_clone_file()?;
        match integrity::check(file, name, &self.taking.watch)? {
            Finding::Whole => Ok(()),
            Finding::BadlyWritten(places) => {
                self.taking.system.monitor.warning(format!(
                    "[{}] was fetched as it is, and is damaged in {places} places: it was badly written.",
                    self.shown(name)
                ));
                Ok(())
            }
            Finding::Damaged(why) => Err(FileError::Damaged(self.shown(name), why)),
        }
    }

    /// Whether what this manifest describes would take the place of something staged earlier today that it does not cover.
    fn would_lose(&self, promise: &Promise) -> Result<bool, FileError> {
        Ok(self
            .staged_manifest(promise)?
            .is_some_and(|old| promise::would_lose(&old.header, &promise.header)))
    }

    /// The archive of the same item, staged earlier today under another name, that the new manifest makes obsolete.
    fn replaced(&self, promise: &Promise) -> Result<Option<OsString>, FileError> {
        let old = self.staged_manifest(promise)?.and_then(|old| old.header.archive);
        Ok(old.filter(|old| Some(old) != promise.header.archive.as_ref() && self.staged.contains(old)))
    }

    /// The manifest of the same item that was staged earlier today; a damaged one may be replaced.
    fn staged_manifest(&self, promise: &Promise) -> io::Result<Option<Promise>> {
        if !self.staged.contains(&promise.manifest) {
            return Ok(None);
        }
        match promise::read(self.target, &promise.manifest) {
            Ok(old) => Ok(Some(old)),
            Err(promise::PromiseError::Io(error)) => Err(error),
            Err(promise::PromiseError::Manifest { .. }) => Ok(None),
        }
    }

    /// Whether the file was staged earlier today and then encrypted or split in place.
    fn is_processed(&self, name: &OsStr) -> bool {
        !self.staged.iter().any(|staged| staged == name)
            && self.staged.iter().any(|form| is_form_of(form, name) && !self.names.contains(form))
    }

    /// Digests of files that are gone from the target go too, except for those that are there encrypted or split: by them
    /// the next run knows what these were.
    fn write_checksums(mut self) -> io::Result<()> {
        let present = self.target.names()?;
        self.checksums.retain(|name| {
            let is_there = present.iter().any(|present| present == name);
            let is_processed =
                present.iter().any(|form| is_form_of(form, name) && !self.names.contains(form));
            is_there || is_processed
        });
        self.checksums.write(self.target, self.taking.owner)
    }
}

impl Promise {
    fn describes(&self, name: &OsStr) -> bool {
        self.manifest == name || self.header.archive.as_deref() == Some(name)
    }
}

fn changed(before: &Stat, after: Option<&Stat>) -> bool {
    let identity = |stat: &Stat| (stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    after.is_none_or(|after| identity(before) != identity(after))
}
