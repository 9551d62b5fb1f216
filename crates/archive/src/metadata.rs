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

impl Kind {
    /// All, each at the place of its number in files of this program.
    const ALL: [Self; 7] =
        [Self::File, Self::Directory, Self::Symlink, Self::Fifo, Self::Socket, Self::Character, Self::Block];

    /// What stands for it in files that only this program reads.
    pub fn number(self) -> u8 {
        match self {
            Self::File => 0,
            Self::Directory => 1,
            Self::Symlink => 2,
            Self::Fifo => 3,
            Self::Socket => 4,
            Self::Character => 5,
            Self::Block => 6,
        }
    }

    /// What a number stands for, if for anything.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
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

impl Metadata {
    /// What tells a file from every other that is there at the same time: device and inode.
    pub fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// What `statx` was asked for with [`rustix::fs::StatxFlags::BASIC_STATS`]; nothing when the type is none that Linux
    /// defines (a damaged file system).
    pub fn from_statx(statx: &rustix::fs::Statx) -> Option<Self> {
        Some(Self {
            size: statx.stx_size,
            inode: statx.stx_ino,
            device: u64::from(statx.stx_dev_major) << 32 | u64::from(statx.stx_dev_minor),
            modified: Timestamp::from_statx(&statx.stx_mtime),
            changed: Timestamp::from_statx(&statx.stx_ctime),
            uid: statx.stx_uid,
            gid: statx.stx_gid,
            links: statx.stx_nlink,
            rdev: statx.stx_rdev_major << 20 | statx.stx_rdev_minor,
            mode: statx.stx_mode & 0o7777,
            kind: Kind::from_mode(u32::from(statx.stx_mode))?,
        })
    }
}

impl Timestamp {
    fn from_statx(timestamp: &rustix::fs::StatxTimestamp) -> Self {
        Self { seconds: timestamp.tv_sec, nanoseconds: timestamp.tv_nsec }
    }
}

impl Kind {
    /// The kind that the type bits of a mode name.
    pub fn from_mode(mode: u32) -> Option<Self> {
        use rustix::fs::FileType;
        match FileType::from_raw_mode(mode) {
            FileType::RegularFile => Some(Self::File),
            FileType::Directory => Some(Self::Directory),
            FileType::Symlink => Some(Self::Symlink),
            FileType::Fifo => Some(Self::Fifo),
            FileType::Socket => Some(Self::Socket),
            FileType::CharacterDevice => Some(Self::Character),
            FileType::BlockDevice => Some(Self::Block),
            FileType::Unknown => None,
        }
    }
}
