//! Storing what is planned: the archive and, beside it, the manifest.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use redcedar_archive::manifest::{self, Entry, Flaw, Header, Line, ManifestWriter, Trailer};
use redcedar_archive::select::{Fileset, Selected};
use redcedar_archive::writer::{AppendError, Appended, ArchiveWriter, Finished, Options};
use redcedar_archive::{Kind, Metadata};
use redcedar_system::fs::PendingFile;
use redcedar_system::monitor::Progress;
use redcedar_system::{checkpoint, escape};
use sha1::Sha1 as Sha1Hash;
use sha2::{Digest, Sha256};

use super::plan::{Decision, Extent, Plan};
use super::{Item, ItemError, Run};
use crate::outcome::{Omission, OmissionKind};
use crate::state::Sha1;

/// The mode of everything that is produced.
pub(crate) const OUTPUT_MODE: u32 = 0o640;

/// What became of a path that was to be stored.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is stored; `metadata` says how, where that is not how it was selected.
    Stored { digest: Option<Sha1>, attributes: Option<Sha1>, metadata: Option<Box<Metadata>> },
    /// It is there, and not or not faithfully in the archive.
    Flawed,
    /// It was gone.
    Vanished,
}

/// A file that was produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) name: OsString,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
}

/// What storing came to.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// One for each path that was to be stored, in the order of the fileset.
    pub(crate) fates: Vec<Fate>,
    pub(crate) archive: Option<Output>,
    pub(crate) manifest: Option<Output>,
    pub(crate) omissions: Vec<Omission>,
    /// Bytes of content read.
    pub(crate) bytes_in: u64,
}

/// Stores what is planned below `output_dir`: first the archive appears, then its manifest.
pub(crate) fn store(
    item: &Item<'_>,
    output_dir: &Path,
    fileset: &Fileset,
    plan: &Plan,
    extent: &Extent,
    run: &Run<'_>,
) -> Result<Stored, ItemError> {
    let has_members = fileset.iter().enumerate().any(|(index, each)| plan.stores(index, each.metadata.kind));
    let archive = if has_members { Some(Archive::create(item, output_dir, run)?) } else { None };
    let archive_name = archive.as_ref().map(|archive| archive.name.clone());
    let mut manifest = Manifest::create(item, output_dir, &manifest_header(item, extent, archive_name, run))?;
    for path in &plan.gone {
        manifest.line(&Line::Gone(path.clone()))?;
    }

    let mut storing = Storing { run, extent, archive, manifest, stored: Stored::default() };
    storing.store_all(fileset, plan)?;
    let Storing { archive, manifest, mut stored, .. } = storing;

    let mut trailer = Trailer::default();
    if let Some(archive) = archive {
        let (output, finished) = archive.publish(run)?;
        trailer = Trailer {
            archive_size: Some(output.size),
            archive_sha256: Some(output.sha256),
            uncompressed_size: Some(finished.uncompressed_size),
            blocks: finished.blocks,
            ..trailer
        };
        stored.archive = Some(output);
    }
    stored.manifest = Some(manifest.publish(trailer, run)?);
    Ok(stored)
}

fn manifest_header(item: &Item<'_>, extent: &Extent, archive: Option<OsString>, run: &Run<'_>) -> Header {
    let (mode, baseline) = match extent {
        Extent::Full => (manifest::Mode::Full, None),
        Extent::Increment { chain, .. } => {
            (manifest::Mode::Incremental, chain.last().map(|link| link.run.clone()))
        }
    };
    Header {
        item: item.path.to_owned(),
        collect_mode: item.mode.to_string(),
        mode,
        run: run.id.clone(),
        baseline,
        sequence: extent.sequence(),
        host: run.host.clone(),
        time: run.time.clone(),
        program: run.program.clone(),
        archive,
    }
}

/// Everything at hand while members are written.
struct Storing<'a> {
    run: &'a Run<'a>,
    extent: &'a Extent,
    archive: Option<Archive>,
    manifest: Manifest,
    stored: Stored,
}

impl Storing<'_> {
    fn store_all(&mut self, fileset: &Fileset, plan: &Plan) -> Result<(), ItemError> {
        let to_store =
            || fileset.iter().enumerate().filter(|(index, _)| plan.decisions[*index] != Decision::Keep);
        let size = |metadata: &Metadata| if metadata.kind == Kind::File { metadata.size } else { 0 };
        let mut progress = Progress {
            total_files: Some(to_store().count() as u64),
            total_bytes: Some(to_store().map(|(_, selected)| size(selected.metadata)).sum()),
            ..Progress::default()
        };
        for (index, selected) in to_store() {
            self.run.system.interrupt.check()?;
            self.run.system.monitor.progress(&progress, Some(selected.path));
            let fate = self.store_one(&selected, plan.decisions[index])?;
            if let Fate::Stored { metadata, .. } = &fate {
                self.stored.bytes_in += size(metadata.as_deref().unwrap_or(selected.metadata));
            }
            self.stored.fates.push(fate);
            progress.files += 1;
            progress.bytes += size(selected.metadata);
        }
        self.run.system.monitor.progress(&progress, None);
        Ok(())
    }

    fn store_one(&mut self, selected: &Selected<'_>, decision: Decision) -> Result<Fate, ItemError> {
        let archive = match &mut self.archive {
            Some(archive) if selected.metadata.kind != Kind::Socket => archive,
            _ => return self.list_socket(selected),
        };
        match archive.writer.append(
            selected.path,
            selected.metadata,
            self.run.accounts,
            &self.run.system.interrupt,
        ) {
            Ok(appended) => self.stored_one(selected, appended),
            Err(AppendError::Vanished) => {
                self.omit(selected.path, OmissionKind::Vanished, "it vanished before it could be read");
                if decision != Decision::New && matches!(self.extent, Extent::Increment { .. }) {
                    self.manifest.line(&Line::Gone(selected.path.to_owned()))?;
                }
                Ok(Fate::Vanished)
            }
            Err(error @ (AppendError::Itself | AppendError::Unsupported(_))) => {
                self.omit(selected.path, OmissionKind::Skipped, &error.to_string());
                Ok(Fate::Vanished)
            }
            Err(AppendError::Interrupted(interrupted)) => Err(interrupted.into()),
            Err(AppendError::Archive(error)) => Err(error.into()),
            Err(error) => {
                self.omit(selected.path, OmissionKind::Unreadable, &error.to_string());
                self.list(selected, Some(Flaw::Unreadable))?;
                Ok(Fate::Flawed)
            }
        }
    }

    fn stored_one(&mut self, selected: &Selected<'_>, appended: Appended) -> Result<Fate, ItemError> {
        let Appended { entry, metadata, sha1, attributes } = appended;
        let digest = match &entry.link {
            Some(target) if metadata.kind == Kind::Symlink => Some(link_digest(target)),
            _ => sha1,
        };
        let flaw = entry.flaw;
        self.manifest.line(&Line::Present(entry))?;
        match flaw {
            None => {}
            Some(Flaw::Changed) => {
                self.omit(selected.path, OmissionKind::Changed, "it changed each time it was read");
            }
            Some(Flaw::Padded) => {
                self.omit(
                    selected.path,
                    OmissionKind::Padded,
                    "it became shorter or could not be read to its end; zeros are stored instead",
                );
            }
            Some(Flaw::Unreadable) => {
                self.omit(selected.path, OmissionKind::Unreadable, "it could not be read");
            }
        }
        if matches!(flaw, Some(Flaw::Padded | Flaw::Unreadable)) {
            return Ok(Fate::Flawed);
        }
        let metadata = (metadata != *selected.metadata).then(|| Box::new(metadata));
        Ok(Fate::Stored { digest, attributes, metadata })
    }

    /// A socket has no content and no place in an archive; the manifest says that it was there.
    fn list_socket(&mut self, selected: &Selected<'_>) -> Result<Fate, ItemError> {
        self.list(selected, None)?;
        self.stored.omissions.push(Omission {
            path: selected.path.to_owned(),
            kind: OmissionKind::Skipped,
            detail: "it is a socket".to_owned(),
        });
        self.run.system.monitor.debug(format!("Skipping socket [{}].", escape::display(selected.path)));
        Ok(Fate::Stored { digest: None, attributes: None, metadata: None })
    }

    /// Lists a path that is not in the archive.
    fn list(&mut self, selected: &Selected<'_>, flaw: Option<Flaw>) -> Result<(), ItemError> {
        let Selected { path, metadata } = *selected;
        let entry = Entry::of(path, metadata, self.run.accounts);
        self.manifest.line(&Line::Present(Entry { flaw, ..entry }))
    }

    fn omit(&mut self, path: &Path, kind: OmissionKind, detail: &str) {
        let shown = escape::display(path);
        let message = match kind {
            OmissionKind::Changed | OmissionKind::Padded => {
                format!("File [{shown}] is not stored faithfully: {detail}.")
            }
            _ => format!("Unable to add file [{shown}]; going on anyway: {detail}."),
        };
        self.run.system.monitor.warning(message);
        self.stored.omissions.push(Omission { path: path.to_owned(), kind, detail: detail.to_owned() });
    }
}

/// The digest by which a link is remembered.
pub(crate) fn link_digest(target: &Path) -> Sha1 {
    Sha1Hash::digest(target.as_os_str().as_bytes()).into()
}

/// The archive being written, under a temporary name.
struct Archive {
    name: OsString,
    file: PendingFile,
    writer: ArchiveWriter,
}

impl Archive {
    fn create(item: &Item<'_>, output_dir: &Path, run: &Run<'_>) -> Result<Self, ItemError> {
        let mut name = item.name.to_owned();
        name.push(".tar");
        name.push(item.compression.suffix());
        let path = output_dir.join(&name);
        let file = PendingFile::create(&path).map_err(|source| ItemError::output(&path, source))?;
        let handle = file.try_clone_file().map_err(|source| ItemError::output(&path, source))?;
        let options = Options {
            compression: item.compression,
            threads: run.threads,
            sha1: item.keeps_digests(),
            name: Some(name.clone()),
        };
        let writer = ArchiveWriter::create(handle, &options)?;
        Ok(Self { name, file, writer })
    }

    fn publish(self, run: &Run<'_>) -> Result<(Output, Finished), ItemError> {
        let Self { name, file, writer } = self;
        let finished = writer.finish()?;
        checkpoint::reach("collect-before-archive");
        run.publish(file)?;
        checkpoint::reach("collect-after-archive");
        Ok((Output { name, size: finished.size, sha256: finished.sha256 }, finished))
    }
}

/// The manifest being written, under a temporary name.
struct Manifest {
    name: OsString,
    writer: ManifestWriter<BufWriter<Hashing>>,
    path: std::path::PathBuf,
}

impl Manifest {
    fn create(item: &Item<'_>, output_dir: &Path, header: &Header) -> Result<Self, ItemError> {
        let mut name = item.name.to_owned();
        name.push(OsStr::new(manifest::SUFFIX));
        let path = output_dir.join(&name);
        let failed = |source| ItemError::output(&path, source);
        let file = PendingFile::create(&path).map_err(failed)?;
        let hashing = Hashing { file, hash: Sha256::new(), size: 0 };
        let writer = ManifestWriter::create(BufWriter::new(hashing), header).map_err(failed)?;
        Ok(Self { name, writer, path })
    }

    fn line(&mut self, line: &Line) -> Result<(), ItemError> {
        self.writer.line(line).map_err(|source| ItemError::output(&self.path, source))
    }

    fn publish(self, trailer: Trailer, run: &Run<'_>) -> Result<Output, ItemError> {
        let Self { name, writer, path } = self;
        let failed = |source| ItemError::output(&path, source);
        let buffered = writer.finish(trailer).map_err(failed)?;
        let Hashing { file, hash, size } =
            buffered.into_inner().map_err(|error| failed(error.into_error()))?;
        run.publish(file)?;
        Ok(Output { name, size, sha256: hash.finalize().into() })
    }
}

/// Writes to a file and knows the SHA-256 of what was written.
#[derive(Debug)]
pub(crate) struct Hashing {
    pub(crate) file: PendingFile,
    pub(crate) hash: Sha256,
    pub(crate) size: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
