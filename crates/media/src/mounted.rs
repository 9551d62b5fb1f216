//! Whether a device is mounted.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Where a device is mounted, if it is.
///
/// # Errors
/// When what is mounted cannot be read.
pub(crate) fn mounted_at(device: &Path) -> io::Result<Option<PathBuf>> {
    // What is not there is not mounted.
    let Ok(metadata) = fs_err::metadata(device) else { return Ok(None) };
    if !metadata.file_type().is_block_device() {
        return Ok(None);
    }
    let number = (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
    Ok(find(&fs_err::read("/proc/self/mountinfo")?, number))
}

/// Where the device of this number is mounted, by the lines of `mountinfo`.
fn find(mounts: &[u8], (major, minor): (u32, u32)) -> Option<PathBuf> {
    let number = format!("{major}:{minor}");
    mounts.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        (fields.nth(2)? == number.as_bytes()).then(|| fields.nth(1).map(unescape))?
    })
}

/// Blanks and the like are written as three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *byte == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            plain.push(byte);
            rest = &after[3..];
        } else {
            plain.push(*byte);
            rest = after;
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_by_its_number_whatever_it_is_called() {
        let mounts = b"22 1 254:1 / / rw - ext4 /dev/root rw\n36 22 11:0 / /media/my\\040disc ro - iso9660 /dev/cdrom ro\nx\n";
        assert_eq!(find(mounts, (11, 0)), Some(PathBuf::from("/media/my disc")));
        assert_eq!(find(mounts, (11, 1)), None);
        assert_eq!(mounted_at(Path::new("/nosuch")).unwrap(), None);
        assert_eq!(mounted_at(Path::new("/dev/null")).unwrap(), None);
    }
}
