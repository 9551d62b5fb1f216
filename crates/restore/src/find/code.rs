//! How entries are written into an index. Whatever cannot be read is none of ours.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use redcedar_archive::manifest::Entry;
use redcedar_archive::packing::{Cursor, put_bytes, put_number};
use redcedar_archive::{Kind, Timestamp};

// What an entry has of what not all have.
const USER: u8 = 1;
const GROUP: u8 = 2;
const LINK: u8 = 4;
const DEVICE: u8 = 8;
const DIGEST: u8 = 16;

/// What `find` tells of an entry.
pub(super) fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    out.push(entry.kind.number());
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

/// Reads an entry.
pub(super) fn entry(cursor: &mut Cursor<'_>) -> Option<Entry> {
    let kind = Kind::of_number(cursor.byte()?)?;
    let flags = cursor.byte()?;
    let has = |flag: u8| flags & flag != 0;
    let size = cursor.number()?;
    let (mode, uid, gid, nanoseconds) =
        (cursor.number()?, cursor.number()?, cursor.number()?, cursor.number()?);
    let modified = Timestamp { seconds: i64::from_le_bytes(cursor.array()?), nanoseconds };
    let user = if has(USER) { Some(text(cursor)?) } else { None };
    let group = if has(GROUP) { Some(text(cursor)?) } else { None };
    let link = if has(LINK) { Some(path(cursor)?) } else { None };
    let rdev = if has(DEVICE) { Some((cursor.number()?, cursor.number()?)) } else { None };
    let sha256 = if has(DIGEST) { Some(cursor.array()?) } else { None };
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

fn text(cursor: &mut Cursor<'_>) -> Option<String> {
    String::from_utf8(cursor.bytes()?.to_vec()).ok()
}

fn path(cursor: &mut Cursor<'_>) -> Option<PathBuf> {
    cursor.bytes().map(|bytes| OsString::from_vec(bytes.to_vec()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written_and_never_beyond_their_end() {
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
            assert_eq!(super::entry(&mut Cursor(&bytes)), Some(entry));
            for end in 0..bytes.len() {
                assert_eq!(super::entry(&mut Cursor(&bytes[..end])), None, "{end}");
            }
        }
    }
}
