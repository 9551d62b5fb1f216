//! From what is known of an object to what the kernel wants to know.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType, INodeNo};
use jiff::civil::Date;
use redcedar_archive::{Kind, Timestamp};
use redcedar_restore::browse::Attributes;
use redcedar_system::Owner;

const BLOCK: u32 = 4096;
/// In which the kernel counts.
const UNIT: u64 = 512;

/// What a file system says about an object of a tree.
pub(crate) fn of(number: u64, known: &Attributes) -> FileAttr {
    let modified = time(known.modified);
    FileAttr {
        ino: INodeNo(number),
        size: known.size,
        blocks: if known.kind == Kind::File { known.size.div_ceil(UNIT) } else { 0 },
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind: kind(known.kind),
        // `& 0o7777` fits.
        perm: u16::try_from(known.mode & 0o7777).unwrap_or_default(),
        nlink: known.links,
        uid: known.uid,
        gid: known.gid,
        rdev: device(known.rdev),
        blksize: BLOCK,
        flags: 0,
    }
}

/// The same for a directory, or a link with a target of `size` bytes, above the trees. It belongs to whoever mounts.
pub(crate) fn above(number: u64, kind: Kind, size: u64, day: Option<Date>, owner: Owner) -> FileAttr {
    let midnight = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let seconds = midnight.map(|day| day.timestamp().as_second()).unwrap_or_default();
    let known = Attributes {
        kind,
        size,
        mode: if kind == Kind::Directory { 0o555 } else { 0o777 },
        uid: owner.uid,
        gid: owner.gid,
        modified: Timestamp { seconds, nanoseconds: 0 },
        // For directories: nobody counts.
        links: 1,
        rdev: (0, 0),
    };
    of(number, &known)
}

pub(crate) fn kind(kind: Kind) -> FileType {
    match kind {
        Kind::File => FileType::RegularFile,
        Kind::Directory => FileType::Directory,
        Kind::Symlink => FileType::Symlink,
        Kind::Fifo => FileType::NamedPipe,
        Kind::Socket => FileType::Socket,
        Kind::Character => FileType::CharDevice,
        Kind::Block => FileType::BlockDevice,
    }
}

/// An archive may claim times that no clock has; they become the beginning of time.
fn time(stamp: Timestamp) -> SystemTime {
    let seconds = Duration::from_secs(stamp.seconds.unsigned_abs());
    let second =
        if stamp.seconds < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
    let nanoseconds = Duration::from_nanos(stamp.nanoseconds.into());
    second.and_then(|second| second.checked_add(nanoseconds)).unwrap_or(UNIX_EPOCH)
}

/// As the kernel puts a device number into 32 bits.
fn device((major, minor): (u32, u32)) -> u32 {
    (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xf_ff00) << 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_and_the_farthest_ones_have_a_place() {
        let stamp = |seconds, nanoseconds| time(Timestamp { seconds, nanoseconds });
        assert_eq!(stamp(1, 5), UNIX_EPOCH + Duration::new(1, 5));
        assert_eq!(stamp(-1, 250_000_000), UNIX_EPOCH - Duration::from_millis(750));
        assert!(stamp(i64::MIN, 0) <= UNIX_EPOCH);
        assert!(stamp(i64::MAX, 999_999_999) >= UNIX_EPOCH);
    }

    #[test]
    fn device_numbers_are_those_of_the_kernel() {
        assert_eq!(device((1, 3)), 0x103);
        assert_eq!(device((259, 0x12345)), 0x1231_0345);
    }
}
