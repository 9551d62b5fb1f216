//! Copies the files of a collect directory: hashed on the way, compared with what their manifests promise, never under their
//! final names before they are complete.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::layers::is_form_of;
use redcedar_archive::naming;
use redcedar_system::fs::{Directory, PendingFile, TEMPORARY_PREFIX};
use redcedar_system::interrupt::Interrupted;
use redcedar_system::monitor::Progress;
use redcedar_system::{Owner, System, escape};
use rustix::fs::{FileType, Stat};
use sha2::{Digest, Sha256};

use super::MODE;
use super::promise::{self, Promise};
use crate::checksums::{self, Checksums};
use crate::indicator;
use crate::outcome::{Omission, OmissionKind};

const BUFFER: usize = 1 << 20;

/// What became of the files of a peer.
#[derive(Default)]
pub(super) struct Copied {
    /// How many were copied.
    pub(super) files: u64,
    /// What is no regular file.
    pub(super) skipped: Vec<Omission>,
    /// Files that are not staged as they should be, each with a reason.
    pub(super) failures: Vec<String>,
}

/// Why one file was not copied.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("[{0}] changed while it was being copied")]
    Changed(String),
    #[error("[{0}] is not what its manifest says; it is damaged or was changed")]
    Mismatch(String),
    #[error(
        "[{0}] is not staged again: its encrypted or split form of today is already in the staging directory"
    )]
    Processed(String),
    #[error(
        "[{0}] is not staged: it builds on what was staged earlier today, and would replace it. The next collect stores its changes again."
    )]
    WouldLose(String),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Copies every regular file of `source` to `target` and writes `cback.sha256` there. The indicators that coordinate us are
/// left to the caller; links, directories and whatever else are skipped.
pub(super) fn directory(
    source: &Directory,
    target: &Directory,
    owner: Option<Owner>,
    system: &System,
) -> Result<Copied, super::PeerError> {
    clear(target)?;
    let mut copied = Copied::default();
    let files = regular_files(source, &mut copied)?;
    let mut copy = Copy {
        source,
        target,
        owner,
        system,
        staged: target.names()?,
        checksums: Checksums::read(target)?,
        origins: Checksums::read_from(target, naming::ORIGINS)?,
        promises: Vec::new(),
        progress: Progress {
            total_files: Some(files.len() as u64),
            total_bytes: Some(files.iter().map(|(_, stat)| stat.st_size.unsigned_abs()).sum()),
            ..Progress::default()
        },
    };
    let names: Vec<OsString> = files.iter().map(|(name, _)| name.clone()).collect();
    let (manifests, data): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(name, _)| promise::is_manifest(name));
    let manifests = copy.read_manifests(manifests, &names, &mut copied)?;
    // A manifest follows its archive, so that it never speaks of one that is not there.
    let mut failed = Vec::new();
    for (name, stat) in data.iter().chain(&manifests) {
        if copy.speaks_of(name, &failed) {
            continue;
        }
        match copy.file(name, stat, &names) {
            Ok(true) => copied.files += 1,
            Ok(false) => {}
            Err(FileError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(error) => {
                copied.failures.push(error.to_string());
                failed.push(name.as_os_str());
            }
        }
    }
    copy.write_checksums(&names)?;
    Ok(copied)
}

/// Removes temporary files of a run that was killed, and links: we make none, so somebody planted them where our files go.
fn clear(target: &Directory) -> io::Result<()> {
    for name in target.names()? {
        let status = target.status(&name)?;
        let is_link = status.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink());
        if is_temporary(&name) || is_link {
            target.remove_file(&name)?;
        }
    }
    Ok(())
}

fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes())
}

fn regular_files(source: &Directory, copied: &mut Copied) -> io::Result<Vec<(OsString, Stat)>> {
    let mut files = Vec::new();
    for name in source.names()? {
        let ours = [indicator::COLLECT, indicator::STAGE, checksums::NAME].iter().any(|own| name == *own);
        if ours || is_temporary(&name) {
            continue;
        }
        let Some(stat) = source.status(&name)? else { continue };
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            files.push((name, stat));
            continue;
        }
        let path = source.path().join(&name);
        let detail = format!("[{}] is not staged: it is no regular file.", escape::display(&path));
        copied.skipped.push(Omission { path, kind: OmissionKind::Skipped, detail });
    }
    Ok(files)
}

struct Copy<'a> {
    source: &'a Directory,
    target: &'a Directory,
    owner: Option<Owner>,
    system: &'a System,
    /// What was in the target before.
    staged: Vec<OsString>,
    checksums: Checksums,
    /// Digests of what was encrypted or split since.
    origins: Checksums,
    promises: Vec<Promise>,
    progress: Progress,
}

impl Copy<'_> {
    /// Reads all manifests, and returns those that are to be copied.
    fn read_manifests(
        &mut self,
        manifests: Vec<(OsString, Stat)>,
        names: &[OsString],
        copied: &mut Copied,
    ) -> io::Result<Vec<(OsString, Stat)>> {
        let mut good = Vec::new();
        for (name, stat) in manifests {
            if promise::is_outdated(self.source, names, &name)? {
                let path = self.source.path().join(&name);
                self.system.monitor.warning(format!(
                    "[{}] is not staged: another program has written a newer archive without a manifest.",
                    escape::display(&path)
                ));
                continue;
            }
            match promise::read(self.source, &name) {
                Ok(promise) => {
                    self.promises.push(promise);
                    good.push((name, stat));
                }
                Err(error) => copied.failures.push(error.to_string()),
            }
        }
        Ok(good)
    }

    /// Whether `name` is the manifest of one of these archives.
    fn speaks_of(&self, name: &OsStr, archives: &[&OsStr]) -> bool {
        let promise = self.promises.iter().find(|promise| promise.manifest == name);
        promise
            .and_then(|promise| promise.header.archive.as_deref())
            .is_some_and(|own| archives.contains(&own))
    }

    /// Copies one file. False: there was nothing to do.
    fn file(&mut self, name: &OsStr, stat: &Stat, names: &[OsString]) -> Result<bool, FileError> {
        let shown = escape::display(&self.source.path().join(name)).to_string();
        let promise = self.promises.iter().find(|promise| promise.describes(name));
        if promise.map(|promise| self.would_lose(promise)).transpose()?.unwrap_or(false) {
            return Err(FileError::WouldLose(shown));
        }
        let expected = promise.filter(|promise| promise.manifest != name).and_then(|promise| promise.sha256);
        let replaced =
            promise.filter(|promise| promise.manifest == name).map(|promise| self.replaced(promise));
        let replaced = replaced.transpose()?.flatten();
        let (pending, digest) = self.copy_content(name, stat)?;
        if expected.is_some_and(|expected| expected != digest) {
            return Err(FileError::Mismatch(shown));
        }
        if self.is_processed(name, names) {
            return match self.origins.get(name).or_else(|| self.checksums.get(name)) {
                Some(staged) if *staged == digest => Ok(false),
                _ => Err(FileError::Processed(shown)),
            };
        }
        pending.publish(stat.st_mode & MODE, self.owner)?;
        self.checksums.insert(name.to_owned(), digest);
        if let Some(replaced) = replaced {
            self.target.remove_file(&replaced)?;
        }
        Ok(true)
    }

    fn copy_content(&mut self, name: &OsStr, stat: &Stat) -> Result<(PendingFile, [u8; 32]), FileError> {
        let path = self.source.path().join(name);
        let mut input = self.source.open_file(name)?;
        let mut pending = self.target.create_file(name)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            self.system.interrupt.check()?;
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
            pending.write_all(&buffer[..count])?;
            self.progress.bytes += count as u64;
            self.system.monitor.progress(&self.progress, Some(&path));
        }
        self.progress.files += 1;
        if changed(stat, self.source.status(name)?.as_ref()) {
            return Err(FileError::Changed(escape::display(&path).to_string()));
        }
        Ok((pending, hash.finalize().into()))
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
    fn is_processed(&self, name: &OsStr, names: &[OsString]) -> bool {
        !self.staged.iter().any(|staged| staged == name)
            && self.staged.iter().any(|staged| is_form_of(staged, name) && !names.contains(staged))
    }

    /// Digests of files that are gone from the target go too, except for those that are there encrypted or split: by them
    /// the next run knows what these were.
    fn write_checksums(mut self, names: &[OsString]) -> io::Result<()> {
        let present = self.target.names()?;
        self.checksums.retain(|name| {
            let is_there = present.iter().any(|present| present == name);
            let is_processed = present.iter().any(|form| is_form_of(form, name) && !names.contains(form));
            is_there || is_processed
        });
        self.checksums.write(self.target, self.owner)
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
