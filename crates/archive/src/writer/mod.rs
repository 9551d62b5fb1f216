//! Paths to one archive: tar, compression and digests in one pass over the content.
//!
//! What goes wrong with a single path is told and leaves the archive sound: whatever had been written of it is taken back
//! or filled up. Only [`AppendError::Archive`] means that the archive itself is lost.

mod attributes;
mod digests;
mod reading;
mod source;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_system::{Accounts, Interrupt, Interrupted};

pub use crate::ArchiveError;
use crate::compress::BlockWriter;
use crate::manifest::{Entry, Flaw};
use crate::tar::header::{Member, member_name};
use crate::tar::{BLOCK, RECORD, flag, padding};
use crate::{Compression, Kind, Metadata};
pub use attributes::{AttributeList, Attributes, Place, attributes_digest};
use digests::Digested;
use source::examine;
pub use source::{Source, link_target};

/// How an archive is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How it is compressed.
    pub compression: Compression,
    /// How many threads compress; at least one does.
    pub threads: usize,
    /// Whether the content of files is digested with SHA-1 as well, for the digest state of the originals.
    pub sha1: bool,
    /// The final name of the archive file, which gzip can carry. Decides nothing.
    pub name: Option<OsString>,
}

/// Writes an archive path by path. Without [`ArchiveWriter::finish`] it stays incomplete.
pub struct ArchiveWriter {
    blocks: BlockWriter,
    /// Device and inode of the archive's own file.
    own: (u64, u64),
    sha1: bool,
    /// Files with several names whose content is in the archive.
    stored: HashMap<(u64, u64), FirstName>,
    attributes: Attributes,
    headers: Vec<u8>,
    content: Vec<u8>,
    members: u64,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its line for the manifest. [`Entry::flaw`] says when it was changed or padded.
    pub entry: Entry,
    /// What the file system said of it when it was stored.
    pub metadata: Metadata,
    /// SHA-1 of the content, of regular files if it was asked for.
    pub sha1: Option<[u8; 20]>,
    /// SHA-1 of the extended attributes, of regular files that have some. See [`attributes_digest`].
    pub attributes: Option<[u8; 20]>,
}

/// Why a path is not in the archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It is gone, or something else has taken its place.
    #[error("it is not there any more")]
    Vanished,
    /// It cannot be opened, or not a byte of it be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// An archive cannot hold such a thing.
    #[error("an archive cannot hold a {0:?}")]
    Unsupported(Kind),
    /// It is the file that the archive is being written to.
    #[error("it is the archive that is being written")]
    Itself,
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The archive is lost.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// What there is to know about a finished archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Bytes of the archive file.
    pub size: u64,
    /// SHA-256 of the archive file.
    pub sha256: [u8; 32],
    /// Bytes before compression.
    pub uncompressed_size: u64,
    /// Where reading can begin: (offset in the file, offset in the uncompressed archive), ascending. What is
    /// between two of them can be decompressed by itself.
    pub blocks: Vec<(u64, u64)>,
    /// How many paths were stored.
    pub members: u64,
}

/// The name under which the content of a file with several names is in the archive, and what was stored there.
struct FirstName {
    path: PathBuf,
    metadata: Metadata,
    content: Digested,
    attributes: Option<[u8; 20]>,
    flaw: Option<Flaw>,
}

impl ArchiveWriter {
    /// Begins an archive in `file`, which is empty, seekable and open for writing.
    ///
    /// # Errors
    /// When the file cannot be examined.
    pub fn create(file: File, options: &Options) -> Result<Self, ArchiveError> {
        let own = source::identity_of(&file).map_err(ArchiveError::Examine)?;
        Ok(Self {
            blocks: BlockWriter::new(file, options.compression, options.threads, options.name.as_deref()),
            own,
            sha1: options.sha1,
            stored: HashMap::new(),
            attributes: Attributes::new(),
            headers: Vec::new(),
            content: Vec::new(),
            members: 0,
        })
    }

    /// Stores a path that `walked` describes. When it has changed since, it is stored as it is now.
    ///
    /// # Errors
    /// When it is not stored. The archive is as it was before, except after [`AppendError::Archive`].
    pub fn append(
        &mut self,
        path: &Path,
        walked: &Metadata,
        accounts: &Accounts,
        interrupt: &Interrupt,
    ) -> Result<Appended, AppendError> {
        interrupt.check()?;
        let appended = match walked.kind {
            Kind::File => self.append_file(path, walked, accounts, interrupt)?,
            Kind::Socket => return Err(AppendError::Unsupported(Kind::Socket)),
            Kind::Symlink => self.append_link(path, accounts)?,
            _ => self.append_special(path, walked, accounts)?,
        };
        self.members += 1;
        Ok(appended)
    }

    /// Ends the archive. Its data may still be on its way to the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<Finished, ArchiveError> {
        let end = self.blocks.position() + 2 * BLOCK as u64;
        self.blocks.write_zeros(end.next_multiple_of(RECORD as u64) - self.blocks.position())?;
        let written = self.blocks.finish()?;
        Ok(Finished {
            size: written.size,
            sha256: written.sha256,
            uncompressed_size: written.uncompressed_size,
            blocks: written.blocks,
            members: self.members,
        })
    }

    fn append_file(
        &mut self,
        path: &Path,
        walked: &Metadata,
        accounts: &Accounts,
        interrupt: &Interrupt,
    ) -> Result<Appended, AppendError> {
        let mut source = Source::open(path, walked)?;
        if source.metadata.identity() == self.own {
            return Err(AppendError::Itself);
        }
        if let Some(first) = self.stored.get(&source.metadata.identity())
            && first.is_still(&source.metadata)
        {
            return self.append_hard_link(path, source.metadata, accounts);
        }
        let (entry, content, attributes) = self.store_content(path, &mut source, accounts, interrupt)?;
        let metadata = source.metadata;
        if metadata.links > 1 {
            let first = FirstName { path: path.to_owned(), metadata, content, attributes, flaw: entry.flaw };
            self.stored.insert(metadata.identity(), first);
        }
        Ok(Appended { entry, metadata, sha1: content.sha1, attributes })
    }

    /// Stores a further name of a file that is in the archive.
    fn append_hard_link(
        &mut self,
        path: &Path,
        metadata: Metadata,
        accounts: &Accounts,
    ) -> Result<Appended, AppendError> {
        let FirstName { path: first, content, attributes, flaw, .. } = &self.stored[&metadata.identity()];
        let (first, content, attributes, flaw) = (first.clone(), *content, *attributes, *flaw);
        let mut entry = Entry::of(path, &metadata, accounts);
        let link = member_name(&first, false);
        entry.offset =
            Some(self.write_headers(&entry, Extra { link: &link, ..Extra::new(flag::HARD_LINK) })?);
        entry.sha256 = Some(content.sha256);
        entry.flaw = flaw;
        entry.hard_link = Some(first);
        Ok(Appended { entry, metadata, sha1: content.sha1, attributes })
    }

    fn append_link(&mut self, path: &Path, accounts: &Accounts) -> Result<Appended, AppendError> {
        let target = source::link_target(path)?;
        let metadata = examine(path, Kind::Symlink)?;
        let attributes = self.attributes.of(Place::Path(path)).map_err(AppendError::Unreadable)?;
        let mut entry = Entry::of(path, &metadata, accounts);
        let extra = Extra {
            link: target.as_os_str().as_bytes(),
            attributes: &attributes,
            ..Extra::new(flag::SYMLINK)
        };
        entry.offset = Some(self.write_headers(&entry, extra)?);
        entry.link = Some(target);
        Ok(Appended { entry, metadata, sha1: None, attributes: None })
    }

    /// Stores a directory, a FIFO or a device: all there is of them is in the header.
    fn append_special(
        &mut self,
        path: &Path,
        walked: &Metadata,
        accounts: &Accounts,
    ) -> Result<Appended, AppendError> {
        let (metadata, place) = match examine(path, walked.kind) {
            Ok(metadata) => (metadata, Place::Path(path)),
            // The root of a tree may be a link; it was walked as the directory it leads to.
            Err(AppendError::Vanished) if walked.kind == Kind::Directory => {
                (source::examine_target(path, walked)?, Place::Target(path))
            }
            Err(other) => return Err(other),
        };
        let flag = match walked.kind {
            Kind::Directory => flag::DIRECTORY,
            Kind::Fifo => flag::FIFO,
            Kind::Character => flag::CHARACTER,
            Kind::Block => flag::BLOCK,
            other => return Err(AppendError::Unsupported(other)),
        };
        let attributes = self.attributes.of(place).map_err(AppendError::Unreadable)?;
        let mut entry = Entry::of(path, &metadata, accounts);
        let extra = Extra { attributes: &attributes, ..Extra::new(flag) };
        entry.offset = Some(self.write_headers(&entry, extra)?);
        Ok(Appended { entry, metadata, sha1: None, attributes: None })
    }

    /// Writes the headers of a member and says where they begin.
    fn write_headers(&mut self, entry: &Entry, extra: Extra<'_>) -> Result<u64, ArchiveError> {
        let name = member_name(&entry.path, entry.kind == Kind::Directory);
        let member = Member {
            name: &name,
            flag: extra.flag,
            mode: if extra.flag == flag::SYMLINK { 0o777 } else { entry.mode },
            uid: entry.uid,
            gid: entry.gid,
            stored: extra.stored,
            modified: entry.modified.seconds,
            link: extra.link,
            user: entry.user.as_deref(),
            group: entry.group.as_deref(),
            device: entry.rdev,
            sparse: extra.sparse,
            attributes: extra.attributes,
        };
        self.headers.clear();
        member.encode(&mut self.headers);
        let offset = self.blocks.position();
        self.blocks.write(&self.headers)?;
        Ok(offset)
    }

    /// Fills up the last block of a member of `stored` bytes.
    fn write_padding(&mut self, stored: u64) -> Result<(), ArchiveError> {
        self.blocks.write_zeros(padding(stored))
    }
}

impl FirstName {
    /// Whether a file with the same inode is the one that was stored. An inode can be that of another file by now.
    fn is_still(&self, now: &Metadata) -> bool {
        (self.metadata.size, self.metadata.modified) == (now.size, now.modified)
    }
}

/// What headers say beyond the manifest's entry.
#[derive(Clone, Copy)]
struct Extra<'a> {
    flag: u8,
    stored: u64,
    link: &'a [u8],
    sparse: Option<&'a crate::tar::sparse::SparseMap>,
    attributes: &'a [(Vec<u8>, Vec<u8>)],
}

impl Extra<'_> {
    fn new(flag: u8) -> Self {
        Self { flag, stored: 0, link: &[], sparse: None, attributes: &[] }
    }
}

#[cfg(test)]
mod tests;
