//! The manifest: what an archive holds, and what was there. The format is documented in `docs/format.md`.
//!
//! `<normalised>.manifest.jsonl.zst`: one JSON object a line, compressed with zstd. First a [`Header`], then a
//! [`Line`] per path, last a [`Trailer`].

mod read;
pub mod text;
mod wire;
mod write;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use read::{ManifestError, ManifestReader};
use redcedar_system::Accounts;
use serde::{Deserialize, Serialize};
pub use write::ManifestWriter;

use crate::{Kind, Metadata, Timestamp};

/// The suffix after the normalised name of an item.
pub const SUFFIX: &str = ".manifest.jsonl.zst";

/// Whether a manifest stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every live path is listed; nothing older is needed.
    Full,
    /// Only what changed since the baseline is listed.
    Incremental,
}

/// Identifies one run of one machine: `20261124T023000Z-1a2b3c4d` (UTC, and four random bytes).
pub type RunId = String;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The item as configured: an absolute path.
    pub item: PathBuf,
    /// How the item is collected: `daily`, `weekly` or `incr`.
    pub collect_mode: String,
    /// Whether this manifest stands alone.
    pub mode: Mode,
    /// The run that made it.
    pub run: RunId,
    /// The run this one builds on (an increment only): every later change is in here.
    pub baseline: Option<RunId>,
    /// 0 for a full one, then counting up along the chain.
    pub sequence: u64,
    /// The machine.
    pub host: String,
    /// When the run began, RFC 3339 with offset.
    pub time: String,
    /// Name and version of the program.
    pub program: String,
    /// File name of the archive beside it (bytes like every file name); none when nothing had to be stored.
    pub archive: Option<OsString>,
}

/// A line between header and trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A path that is there (in a full manifest: every one; in an increment: each that changed).
    Present(Entry),
    /// A path of the baseline that is gone.
    Gone(PathBuf),
}

/// A path that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The absolute path, as walked.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Bytes of content (regular files).
    pub size: u64,
    /// Permission bits, `& 0o7777`.
    pub mode: u32,
    /// Owner by number.
    pub uid: u32,
    /// Group by number.
    pub gid: u32,
    /// Owner by name, where it has one.
    pub user: Option<String>,
    /// Group by name, where it has one.
    pub group: Option<String>,
    /// Last change of content.
    pub modified: Timestamp,
    /// Target of a symbolic link, verbatim bytes.
    pub link: Option<PathBuf>,
    /// The path in the same archive that holds the content, when this is a further name of the same file.
    pub hard_link: Option<PathBuf>,
    /// Device number (major, minor) of devices.
    pub rdev: Option<(u32, u32)>,
    /// SHA-256 of the content as stored (regular files that are in the archive).
    pub sha256: Option<[u8; 32]>,
    /// Where reading this member must begin in the uncompressed archive: at its first extension header (long name,
    /// extended attributes) if it has any, else at its header. None when it is not in there (a socket, a file that could
    /// not be read).
    pub offset: Option<u64>,
    /// What was wrong with it.
    pub flaw: Option<Flaw>,
}

impl Entry {
    /// The entry of a path, as far as the file system knows it.
    pub fn of(path: &Path, metadata: &Metadata, accounts: &Accounts) -> Self {
        let is_device = matches!(metadata.kind, Kind::Character | Kind::Block);
        Self {
            path: path.to_owned(),
            kind: metadata.kind,
            size: if metadata.kind == Kind::File { metadata.size } else { 0 },
            mode: metadata.mode.into(),
            uid: metadata.uid,
            gid: metadata.gid,
            user: accounts.user_name(metadata.uid),
            group: accounts.group_name(metadata.gid),
            modified: metadata.modified,
            link: None,
            hard_link: None,
            rdev: is_device.then_some((metadata.rdev >> 20, metadata.rdev & 0xf_ffff)),
            sha256: None,
            offset: None,
            flaw: None,
        }
    }
}

/// What is wrong with a stored entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flaw {
    /// It changed while it was read, each time we tried: what is stored may mix old and new.
    Changed,
    /// It became shorter, or could not be read on: what is missing is stored as zeros.
    Padded,
    /// It could not be read at all: it is not in the archive.
    Unreadable,
}

/// The last line. A manifest without it is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trailer {
    /// How many lines are between header and trailer.
    pub lines: u64,
    /// Size of the archive file in bytes, if there is one.
    pub archive_size: Option<u64>,
    /// SHA-256 of the archive file, if there is one.
    pub archive_sha256: Option<[u8; 32]>,
    /// Bytes of the archive before compression.
    pub uncompressed_size: Option<u64>,
    /// Where reading can begin: (offset in the archive file, offset in the uncompressed archive), ascending, the
    /// first one at 0 in the uncompressed archive. What is between two of them can be decompressed by itself.
    pub blocks: Vec<(u64, u64)>,
}

/// How much a manifest speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many paths are there.
    pub present: u64,
    /// How many are gone.
    pub gone: u64,
    /// The last line, without the blocks.
    pub trailer: Trailer,
}

#[cfg(test)]
mod tests;
