//! A member's headers: the one every member has, and those before it that carry what does not fit.

use std::ops::Range;
use std::path::Path;

use std::os::unix::ffi::OsStrExt;

use super::sparse::SparseMap;
use super::{BLOCK, LONGEST_NAME, flag, padding, pax};

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const LINK: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..265;
const USER: Range<usize> = 265..297;
const GROUP: Range<usize> = 297..329;
const MAJOR: Range<usize> = 329..337;
const MINOR: Range<usize> = 337..345;

const GNU_MAGIC: &[u8; 8] = b"ustar  \0";
const POSIX_MAGIC: &[u8; 8] = b"ustar\x0000";

/// What the headers of a member say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    /// The name in the archive, see [`member_name`].
    pub(crate) name: &'a [u8],
    /// One of [`flag`].
    pub(crate) flag: u8,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Bytes of content that follow, padding not counted.
    pub(crate) stored: u64,
    /// Whole seconds since 1970.
    pub(crate) modified: i64,
    /// Target of a link, member name of what a hard link links to.
    pub(crate) link: &'a [u8],
    pub(crate) user: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    /// Major and minor number of a device.
    pub(crate) device: Option<(u32, u32)>,
    /// Where the content goes in a file with holes.
    pub(crate) sparse: Option<&'a SparseMap>,
    /// Names and values.
    pub(crate) attributes: &'a [(Vec<u8>, Vec<u8>)],
}

impl Member<'_> {
    /// Appends all headers: pax records, long link target, long name, the header itself, the rest of the sparse map.
    pub(crate) fn encode(&self, output: &mut Vec<u8>) {
        if !self.attributes.is_empty() {
            let records = pax::records(self.attributes);
            let mut header = Header::new(b"././@PaxHeader", flag::PAX, records.len() as u64);
            header.bytes(&MAGIC, POSIX_MAGIC);
            header.finish(output);
            padded(&records, output);
        }
        for (text, flag) in [(self.link, flag::LONG_LINK), (self.name, flag::LONG_NAME)] {
            if text.len() > LONGEST_NAME {
                Header::new(b"././@LongLink", flag, text.len() as u64 + 1).finish(output);
                padded(&[text, &[0]].concat(), output);
            }
        }
        self.header().finish(output);
        if let Some(map) = self.sparse {
            map.encode_extensions(output);
        }
    }

    fn header(&self) -> Header {
        let mut header = Header::new(self.name, self.flag, self.stored);
        header.number(&MODE, self.mode.into());
        header.number(&UID, self.uid.into());
        header.number(&GID, self.gid.into());
        header.number(&MTIME, self.modified);
        header.bytes(&LINK, self.link);
        header.account(&USER, self.user);
        header.account(&GROUP, self.group);
        if let Some((major, minor)) = self.device {
            header.number(&MAJOR, major.into());
            header.number(&MINOR, minor.into());
        }
        if let Some(map) = self.sparse {
            map.encode(&mut header.0);
        }
        header
    }
}

/// The name of a path in an archive: without the slashes it begins with, and with one at its end for a directory. The root
/// directory, of which nothing would be left, is `./`.
pub(crate) fn member_name(path: &Path, is_directory: bool) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes();
    let mut name = bytes.iter().copied().skip_while(|byte| *byte == b'/').collect::<Vec<u8>>();
    if is_directory {
        if name.is_empty() {
            name.push(b'.');
        }
        if name.last() != Some(&b'/') {
            name.push(b'/');
        }
    }
    name
}

/// Appends content and fills up its last block.
fn padded(content: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(content);
    let zeros = usize::try_from(padding(content.len() as u64)).unwrap_or(0);
    output.resize(output.len() + zeros, 0);
}

/// One block.
struct Header([u8; BLOCK]);

impl Header {
    fn new(name: &[u8], flag: u8, size: u64) -> Self {
        let mut header = Self([0; BLOCK]);
        header.bytes(&NAME, name);
        header.number(&MODE, 0);
        header.number(&UID, 0);
        header.number(&GID, 0);
        header.number(&SIZE, size.try_into().unwrap_or(i64::MAX));
        header.number(&MTIME, 0);
        header.0[TYPE] = flag;
        header.bytes(&MAGIC, GNU_MAGIC);
        header
    }

    /// As much as fits; a name that is longer has an extension header of its own.
    fn bytes(&mut self, field: &Range<usize>, bytes: &[u8]) {
        let length = bytes.len().min(field.len());
        self.0[field.start..field.start + length].copy_from_slice(&bytes[..length]);
    }

    fn number(&mut self, field: &Range<usize>, number: i64) {
        encode_number(&mut self.0[field.clone()], number);
    }

    /// A name that does not fit is left out, since a part of it may be the name of somebody else; the number is there.
    fn account(&mut self, field: &Range<usize>, name: Option<&str>) {
        if let Some(name) = name.filter(|name| name.len() < field.len()) {
            self.bytes(field, name.as_bytes());
        }
    }

    fn finish(mut self, output: &mut Vec<u8>) {
        self.0[CHECKSUM].fill(b' ');
        let sum: u32 = self.0.iter().copied().map(u32::from).sum();
        let text = format!("{sum:06o}\0 ");
        self.bytes(&CHECKSUM, text.as_bytes());
        output.extend_from_slice(&self.0);
    }
}

/// Octal digits and a NUL where that is enough, otherwise two's complement in base 256.
pub(super) fn encode_number(field: &mut [u8], number: i64) {
    let digits = field.len() - 1;
    if (0..1 << (3 * digits)).contains(&number) {
        let text = format!("{number:0digits$o}\0");
        field.copy_from_slice(text.as_bytes());
        return;
    }
    let fill = if number < 0 { 0xff } else { 0 };
    field.fill(fill);
    let bytes = number.to_be_bytes();
    let length = bytes.len().min(field.len());
    let start = field.len() - length;
    field[start..].copy_from_slice(&bytes[bytes.len() - length..]);
    field[0] = if number < 0 { 0xff } else { 0x80 };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(length: usize, number: i64) -> Vec<u8> {
        let mut field = vec![b'?'; length];
        encode_number(&mut field, number);
        field
    }

    #[test]
    fn numbers_are_octal_while_they_fit_and_binary_beyond() {
        assert_eq!(number(8, 0o644), b"0000644\0");
        assert_eq!(number(8, 0o7_777_777), b"7777777\0");
        assert_eq!(number(8, 0o10_000_000), b"\x80\0\0\0\0\x20\0\0");
        assert_eq!(number(8, u32::MAX.into()), b"\x80\0\0\0\xff\xff\xff\xff");
        assert_eq!(number(12, (8 << 30) - 1), b"77777777777\0");
        assert_eq!(number(12, 8 << 30), b"\x80\0\0\0\0\0\0\x02\0\0\0\0");
        assert_eq!(number(12, -1), [0xff; 12]);
        assert_eq!(number(12, -256), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0");
        assert_eq!(number(12, i64::MAX), b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff");
    }

    #[test]
    fn names_lose_their_first_slashes_only() {
        assert_eq!(member_name(Path::new("//etc//x/"), false), b"etc//x/");
        assert_eq!(member_name(Path::new("/etc"), true), b"etc/");
        assert_eq!(member_name(Path::new("/etc/"), true), b"etc/");
        assert_eq!(member_name(Path::new("/"), true), b"./");
    }
}
