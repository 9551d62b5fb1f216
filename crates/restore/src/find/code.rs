//! How entries and numbers are written into an index. Whatever cannot be read is none of ours.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use redcedar_archive::manifest::Entry;
use redcedar_archive::{Kind, Timestamp};

const KINDS: [Kind; 7] =
    [Kind::File, Kind::Directory, Kind::Symlink, Kind::Fifo, Kind::Socket, Kind::Character, Kind::Block];

// What an entry has of what not all have.
const USER: u8 = 1;
const GROUP: u8 = 2;
const LINK: u8 = 4;
const DEVICE: u8 = 8;
const DIGEST: u8 = 16;

/// Seven bits a byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What `find` tells of an entry.
pub(super) fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    let kind = KINDS.iter().position(|kind| *kind == entry.kind).unwrap_or_default();
    put_number(out, kind as u64);
    let flag = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
    out.push(
        flag(entry.user.is_some(), USER)
            | flag(entry.group.is_some(), GROUP)
            | flag(entry.link.is_some(), LINK)
            | flag(entry.rdev.is_some(), DEVICE)
            | flag(entry.sha256.is_some(), DIGEST),
    );
    put_number(out, entry.size);
    for number in [entry.mode, entry.uid, entry.gid, entry.modified.nanoseconds] {
        put_number(out, number.into());
    }
    out.extend_from_slice(&entry.modified.seconds.to_le_bytes());
    for text in [&entry.user, &entry.group].into_iter().flatten() {
        put_bytes(out, text.as_bytes());
    }
    if let Some(link) = &entry.link {
        put_bytes(out, link.as_os_str().as_bytes());
    }
    if let Some((major, minor)) = entry.rdev {
        put_number(out, major.into());
        put_number(out, minor.into());
    }
    out.extend(entry.sha256.iter().flatten());
}

/// Reads what was written, from the front.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn digest(&mut self) -> Option<[u8; 32]> {
        self.array()
    }

    pub(super) fn number<N: TryFrom<u64>>(&mut self) -> Option<N> {
        let mut number = 0_u64;
        for place in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << place;
            if byte < 0x80 {
                return N::try_from(number).ok();
            }
        }
        None
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    pub(super) fn entry(&mut self) -> Option<Entry> {
        let kind = *KINDS.get(self.number::<usize>()?)?;
        let flags = self.byte()?;
        let has = |flag: u8| flags & flag != 0;
        let size = self.number()?;
        let (mode, uid, gid, nanoseconds) = (self.number()?, self.number()?, self.number()?, self.number()?);
        let modified = Timestamp { seconds: i64::from_le_bytes(self.array()?), nanoseconds };
        let user = if has(USER) { Some(self.text()?) } else { None };
        let group = if has(GROUP) { Some(self.text()?) } else { None };
        let link = if has(LINK) { Some(self.path()?) } else { None };
        let rdev = if has(DEVICE) { Some((self.number()?, self.number()?)) } else { None };
        let sha256 = if has(DIGEST) { Some(self.digest()?) } else { None };
        Some(Entry {
            path: PathBuf::new(),
            kind,
            size,
            mode,
            uid,
            gid,
            user,
            group,
            modified,
            link,
            hard_link: None,
            rdev,
            sha256,
            offset: None,
            flaw: None,
        })
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn path(&mut self) -> Option<PathBuf> {
        self.bytes().map(|bytes| OsString::from_vec(bytes.to_vec()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_numbers_are_read_as_they_were_written_and_never_beyond_their_end() {
        let entry = Entry {
            path: PathBuf::new(),
            kind: Kind::Symlink,
            size: u64::MAX,
            mode: 0o7777,
            uid: u32::MAX,
            gid: 0,
            user: Some("gr\u{fc}n".into()),
            group: Some(String::new()),
            modified: Timestamp { seconds: -1, nanoseconds: 999_999_999 },
            link: Some(OsString::from_vec(vec![0xff, b'/']).into()),
            hard_link: None,
            rdev: Some((8, u32::MAX)),
            sha256: Some([7; 32]),
            offset: None,
            flaw: None,
        };
        let plain = Entry {
            kind: Kind::File,
            user: None,
            group: None,
            link: None,
            rdev: None,
            sha256: None,
            ..entry.clone()
        };
        for entry in [entry, plain] {
            let mut bytes = Vec::new();
            put_entry(&mut bytes, &entry);
            assert_eq!(Cursor(&bytes).entry(), Some(entry));
            for end in 0..bytes.len() {
                assert_eq!(Cursor(&bytes[..end]).entry(), None, "{end}");
            }
        }
        assert_eq!(Cursor(&[0xff; 12]).number::<u64>(), None);
        assert_eq!(Cursor(&[0x80, 2]).number::<u8>(), None);
    }
}
