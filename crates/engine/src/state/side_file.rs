//! Our own file beside the digest state of an item: what the originals' format has no room for. The format is documented in
//! `docs/state-files.md`.
//!
//! It is written and read as a stream in canonical order, so that millions of paths need no memory. Opening it proves the
//! header; reading the records ends with the check of their SHA-256: what was read before counts only when
//! [`SideFileReader::next_record`] has returned the end.

mod codec;
mod read;
mod write;

use std::io;
use std::path::PathBuf;

use jiff::civil::Date;
use redcedar_archive::{Kind, Metadata, Timestamp};
use redcedar_system::escape;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Sha1;
pub use read::{SideFileReader, acknowledge};
pub use write::SideFileWriter;

/// The suffix after the normalised name of an item.
pub const SUFFIX: &str = ".redcedar";

/// What the file is and in which version.
const MAGIC: &[u8; 16] = b"redcedar state 1";

/// Follows the magic, is not covered by the checksum, and is replaced in place.
const PENDING: &[u8; 8] = b"pending\n";
const ACKNOWLEDGED: &[u8; 8] = b"fetched\n";

/// The end of the file: SHA-256 of the records, how long the header before this is (4 bytes), and SHA-256 of magic, header,
/// and these two.
const FOOTER_LENGTH: u64 = 32 + 4 + 32;

/// What the file says about the item as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The path of the item, escaped as messages show it.
    pub item: String,
    /// The machine.
    pub host: String,
    /// The directory that the outputs were written to, escaped likewise.
    pub output_dir: String,
    /// The runs whose archives are known to be picked up and that make up the state together, oldest (the full one)
    /// first.
    pub chain: Vec<Link>,
    /// The run that this file describes; none when the item only waits for its day.
    pub last: Option<Link>,
    /// The day the item was first seen waiting for its day, until it is collected.
    pub waiting_since: Option<Date>,
    /// When the run began, in the time of the file system: seconds and nanoseconds. What changed later may have changed
    /// after it was read.
    pub began: (i64, u32),
    /// The digest state that goes with it.
    pub digests: Option<FileIdentity>,
}

/// One run of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The run.
    pub run: String,
    /// 0 for a full one, then counting up along the chain.
    pub sequence: u64,
    /// The local day on which it began.
    pub date: Date,
    /// How big its archive is; none when it needed none.
    pub archive_size: Option<u64>,
}

/// By what a file is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Bytes.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
    /// Last change of content, seconds.
    pub seconds: i64,
    /// Last change of content, nanoseconds after `seconds`.
    pub nanoseconds: u32,
    /// SHA-256 of the content in hexadecimal.
    pub sha256: String,
}

/// What is remembered about one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The path.
    pub path: Vec<u8>,
    /// Whether the run that the file describes stored it (or, for a path that is gone, said so). While that run is not
    /// acknowledged it has to be stored again.
    pub is_recent: bool,
    /// What was there; none when the path is gone.
    pub present: Option<Present>,
}

/// What was at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    /// What the file system said; none when only the digest is known.
    pub stat: Option<Stat>,
    /// SHA-1 of the content of a file or of the target of a link. None for other kinds, and when the content is not
    /// faithfully in an archive.
    pub digest: Option<Sha1>,
    /// SHA-1 of the extended attributes of a file that has some.
    pub attributes: Option<Sha1>,
}

/// What a record of a path that is there has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What the file system said.
    pub stat: Stat,
    /// As [`Present::digest`].
    pub digest: Option<Sha1>,
    /// As [`Present::attributes`].
    pub attributes: Option<Sha1>,
}

/// The part of [`Metadata`] that decides about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of content; the device number of devices.
    pub size: u64,
    /// Last change of content.
    pub modified: Timestamp,
    /// Last change of anything.
    pub changed: Timestamp,
    /// Inode number.
    pub inode: u64,
    /// Whether a file has other names, here or elsewhere.
    pub has_other_names: bool,
}

impl From<&Metadata> for Stat {
    fn from(metadata: &Metadata) -> Self {
        let size = match metadata.kind {
            Kind::File | Kind::Symlink => metadata.size,
            Kind::Character | Kind::Block => u64::from(metadata.rdev),
            // The size of a directory says nothing about what is in it.
            Kind::Directory | Kind::Fifo | Kind::Socket => 0,
        };
        Self {
            kind: metadata.kind,
            mode: metadata.mode,
            uid: metadata.uid,
            gid: metadata.gid,
            size,
            modified: metadata.modified,
            changed: metadata.changed,
            inode: metadata.inode,
            has_other_names: metadata.kind == Kind::File && metadata.links > 1,
        }
    }
}

/// Why a side file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SideFileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", escape::display(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not a side file of this version, or damaged.
    #[error("{} is damaged: {reason}", escape::display(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
}

/// The checksum at the very end.
fn proof(header: &[u8], records_hash: &[u8; 32], header_length: [u8; 4]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(MAGIC).chain_update(header);
    hash.chain_update(records_hash).chain_update(header_length).finalize().into()
}

#[cfg(test)]
mod tests;
