//! What the file system says about a path.

use serde::{Deserialize, Serialize};

/// What a path is, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket; tar cannot hold one, a manifest can.
    Socket,
    /// A character device.
    Character,
    /// A block device.
    Block,
}

/// A point in time as file systems keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp {
    /// Seconds since 1970, negative before.
    pub seconds: i64,
    /// Nanoseconds after `seconds`, 0–999,999,999.
    pub nanoseconds: u32,
}

/// What `statx` says about a path, links not followed. Kept small: there is one per file of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Bytes of content; the length of the target for a link.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
    /// File system it is on, as `major << 32 | minor`.
    pub device: u64,
    /// Last change of content.
    pub modified: Timestamp,
    /// Last change of anything.
    pub changed: Timestamp,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// How many names it has.
    pub links: u32,
    /// Device number for devices, as `major << 20 | minor` (both as Linux bounds them).
    pub rdev: u32,
    /// Permission bits with set-id and sticky, `& 0o7777`.
    pub mode: u16,
    /// What it is.
    pub kind: Kind,
}
