//! What the manifests in a collect directory say about the archives beside them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use redcedar_archive::manifest::{self, Header, ManifestError, ManifestReader, Mode};
use redcedar_system::escape;
use redcedar_system::fs::Directory;

/// A manifest and what it promises.
pub(super) struct Promise {
    /// Name of the manifest.
    pub(super) manifest: OsString,
    /// Its first line.
    pub(super) header: Header,
    /// Digest of the archive that it describes.
    pub(super) sha256: Option<[u8; 32]>,
}

/// Why a manifest is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum PromiseError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("[{path}] is damaged: {source}")]
    Manifest { path: String, source: ManifestError },
}

pub(super) fn is_manifest(name: &OsStr) -> bool {
    name.as_bytes().ends_with(manifest::SUFFIX.as_bytes())
}

/// Reads a manifest to its end.
pub(super) fn read(directory: &Directory, name: &OsStr) -> Result<Promise, PromiseError> {
    let damaged = |source| PromiseError::Manifest {
        path: escape::display(&directory.path().join(name)).to_string(),
        source,
    };
    let reader = ManifestReader::open(directory.open_file(name)?).map_err(damaged)?;
    let header = reader.header().clone();
    let trailer = reader.trailer().map_err(damaged)?;
    Ok(Promise { manifest: name.to_owned(), header, sha256: trailer.archive_sha256 })
}

/// Whether an archive of the manifest's item was written after the manifest, by a program that writes none: the manifest
/// speaks of what is no longer there. We write the archive first.
pub(super) fn is_outdated(directory: &Directory, names: &[OsString], name: &OsStr) -> std::io::Result<bool> {
    let stem = &name.as_bytes()[..name.len() - manifest::SUFFIX.len()];
    let Some(own) = directory.status(name)? else { return Ok(false) };
    for other in names {
        let is_archive = other.as_bytes().strip_prefix(stem).is_some_and(|rest| rest.starts_with(b".tar"));
        if is_archive
            && let Some(stat) = directory.status(other)?
            && (stat.st_mtime, stat.st_mtime_nsec) > (own.st_mtime, own.st_mtime_nsec)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether `new`, put in the place of `old`, would lose what only `old` holds: it builds on `old`, or on something later.
pub(super) fn would_lose(old: &Header, new: &Header) -> bool {
    new.run != old.run
        && new.mode == Mode::Incremental
        && new.baseline.as_ref().is_some_and(|baseline| *baseline >= old.run)
}
