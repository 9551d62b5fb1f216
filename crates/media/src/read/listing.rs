//! What `xorriso` prints about the files of a disc.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use bstr::ByteSlice;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// What something on a disc is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, a device, a pipe.
    Other,
}

/// A line of `-exec lsdl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) size: u64,
    /// As `ls` shows it: to the minute, or only to the day when it is long ago.
    pub(super) modified: Timestamp,
}

/// A line of `-exec report_lba`: where some of the content of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) path: PathBuf,
    /// Of a file that is too large for one piece, which it is.
    pub(super) number: u64,
    pub(super) first_block: u64,
    pub(super) blocks: u64,
}

/// `-rw-r--r--    1 root     root         1234 Nov 24 14:38 '/2026/11/24/host/etc.tar.gz'`. What is not understood of the time
/// is taken from the beginning of its time, `now` tells the year.
pub(super) fn line(text: &[u8], now: DateTime) -> Option<Line> {
    let kind = match text.first()? {
        b'-' => Kind::File,
        b'd' => Kind::Directory,
        b'l' | b'c' | b'b' | b'p' | b's' => Kind::Other,
        _ => return None,
    };
    let begin = text.find_byte(b'\'')?;
    let path = PathBuf::from(unquote(&text[begin..])?);
    let fields: Vec<&str> = text[..begin].to_str().ok()?.split_ascii_whitespace().collect();
    let [.., size, month, day, time] = fields[..] else { return None };
    let size = match kind {
        Kind::File => size.parse().ok()?,
        _ => 0,
    };
    let modified = modified(month, day, time, now)?;
    Some(Line { path, kind, size, modified })
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Nov 24 14:38` within the last year, else `Nov 24  2024`; local time.
fn modified(month: &str, day: &str, time: &str, now: DateTime) -> Option<Timestamp> {
    let month = i8::try_from(MONTHS.iter().position(|known| *known == month)? + 1).ok()?;
    let day = day.parse().ok()?;
    let on = |year, time| Some(Date::new(year, month, day).ok()?.to_datetime(time));
    let at = match time.split_once(':') {
        None => on(time.parse().ok()?, Time::midnight())?,
        Some((hour, minute)) => {
            let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
            // The clock of whoever wrote it may have been ahead of ours by a little.
            let latest = now.checked_add(jiff::Span::new().days(1)).ok()?;
            let this_year = on(now.year(), time).filter(|at| *at <= latest);
            this_year.or_else(|| on(now.year() - 1, time))?
        }
    };
    Some(at.to_zoned(TimeZone::system()).ok()?.timestamp())
}

/// `File data lba:  0 ,       47 ,        1 ,     1234 , '/path'`
pub(super) fn piece(text: &[u8]) -> Option<Piece> {
    let text = text.strip_prefix(b"File data lba:")?;
    let mut fields = text.splitn(5, |byte| *byte == b',');
    let mut number = || fields.next()?.to_str().ok()?.trim().parse::<u64>().ok();
    let (number, first_block, blocks, _size) = (number()?, number()?, number()?, number()?);
    let path = PathBuf::from(unquote(fields.next()?.trim_start())?);
    Some(Piece { path, number, first_block, blocks })
}

/// Takes off what makes a name safe for a shell, `'it'"'"'s'`, and decodes what is no plain character in it. What follows behind
/// a blank, such as the target of a link, is left.
pub(super) fn unquote(mut text: &[u8]) -> Option<OsString> {
    let mut name = Vec::new();
    while let Some(quote @ (b'\'' | b'"')) = text.first() {
        let end = 1 + text[1..].find_byte(*quote)?;
        name.extend_from_slice(&text[1..end]);
        text = &text[end + 1..];
    }
    (!name.is_empty()).then(|| decode(&name)).flatten()
}

/// `\\`, `\n` and the like, `\377`.
fn decode(name: &[u8]) -> Option<OsString> {
    let mut bytes = name.iter().copied();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'a' => 7,
                b'b' => 8,
                b'e' => 27,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                b'\\' => b'\\',
                high @ b'0'..=b'3' => {
                    let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(8));
                    let low = digit()? * 8 + digit()?;
                    u8::try_from(u32::from(high - b'0') * 64 + low).ok()?
                }
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime = DateTime::constant(2026, 11, 24, 12, 0, 0, 0);

    #[test]
    fn a_line_tells_kind_size_time_and_name() {
        let read = |text: &str| line(text.as_bytes(), NOW).unwrap();
        let file =
            read("-rw-r-----    1 root     root         1234 Nov 24 02:38 '/2026/11/24/web/etc.tar.gz'");
        assert_eq!((file.kind, file.size), (Kind::File, 1234));
        assert_eq!(file.path, PathBuf::from("/2026/11/24/web/etc.tar.gz"));
        let local = |file: &Line| file.modified.to_zoned(TimeZone::system()).datetime();
        assert_eq!(local(&file), DateTime::constant(2026, 11, 24, 2, 38, 0, 0));
        let last_year = read("-rw-r-----+   1 0  0   1 Dec 24 02:38 '/x'");
        assert_eq!(local(&last_year), DateTime::constant(2025, 12, 24, 2, 38, 0, 0));
        let long_ago = read("drwxr-xr-x    1 0  0   0 Feb 29  2024 '/a b'");
        assert_eq!(local(&long_ago), DateTime::constant(2024, 2, 29, 0, 0, 0, 0));
        assert_eq!((long_ago.kind, long_ago.path), (Kind::Directory, PathBuf::from("/a b")));
        let link = read("lrwxrwxrwx    1 0  0   0 Feb 29  2024 '/l' -> '/etc/shadow'");
        assert_eq!((link.kind, link.path), (Kind::Other, PathBuf::from("/l")));
    }

    #[test]
    fn names_are_bytes() {
        let name = |text: &str| unquote(text.as_bytes()).map(OsString::into_vec);
        assert_eq!(
            name(r#"'/we'"'"'ird/back\\\\slash "q" \303\251'"#).unwrap(),
            r#"/we'ird/back\\slash "q" é"#.as_bytes()
        );
        assert_eq!(name(r"'/\377\001tab\tx\ny'").unwrap(), b"/\xff\x01tab\tx\ny");
        for broken in [r"'\'", r"'\4'", r"'\38'", r"'\q'", "''", "", "x", "'x"] {
            assert_eq!(name(broken), None, "{broken}");
        }
    }

    #[test]
    fn pieces_tell_where_content_is() {
        let text = b"File data lba:  1 ,     2097198 ,      524289 ,  5368709120 , '/big'";
        let expected = Piece { path: "/big".into(), number: 1, first_block: 2_097_198, blocks: 524_289 };
        assert_eq!(piece(text), Some(expected));
    }

    #[test]
    fn other_lines_are_none() {
        for text in [
            "",
            "-",
            "-rw-r--r-- '/x'",
            "-rw-r--r-- 1 0 0 x Nov 24 02:38 '/x'",
            "-rw-r--r-- 1 0 0 1 Foo 24 02:38 '/x'",
            "-rw-r--r-- 1 0 0 1 Feb 30 02:38 '/x'",
            "-rw-r--r-- 1 0 0 1 Nov 24 99:38 '/x'",
            "-rw-r--r-- 1 0 0 1 Nov 24 02:38 '/x",
            "Report layout: xt , Startlba ,   Blocks , Filesize , ISO image path",
            "File data lba:  x ,  1 , 1 , 1 , '/x'",
            "File data lba:  0 ,  1 , 1 , 1 , ",
        ] {
            assert_eq!((line(text.as_bytes(), NOW), piece(text.as_bytes())), (None, None), "{text}");
        }
    }
}
