//! What `xorriso -check_media` prints.

use std::ops::Range;
use std::path::PathBuf;

use bstr::ByteSlice;

use super::listing::unquote;

/// A part of a disc that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Where.
    pub blocks: Range<u64>,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a part of a disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be read.
    Unreadable,
    /// It can be read, and is not what the disc says of itself.
    Mismatch,
}

/// What was found, and how many blocks were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checked {
    pub(super) blocks: u64,
    pub(super) bad: Vec<Bad>,
    /// Whether any part has a digest on the disc.
    pub(super) has_digests: bool,
}

/// Reads all lines.
pub(super) fn checked(text: &[u8]) -> Checked {
    let mut checked = Checked::default();
    for line in text.lines() {
        if let Some((blocks, quality)) = row(line, b"Media region :") {
            checked.blocks = checked.blocks.saturating_add(blocks.end - blocks.start);
            if quality.starts_with('-') {
                checked.bad.push(Bad { blocks, fault: Fault::Unreadable });
            }
        } else if let Some((blocks, quality)) = row(line, b"MD5 tag range:") {
            checked.has_digests = true;
            if !quality.starts_with('+') {
                checked.bad.push(Bad { blocks, fault: Fault::Mismatch });
            }
        }
    }
    checked
}

/// The files that `-check_md5_r` complains about.
pub(super) fn mismatches(text: &[u8]) -> Vec<PathBuf> {
    let name = |line: &[u8]| unquote(line.strip_prefix(b"MD5 MISMATCH: ")?);
    text.lines().filter_map(name).map(PathBuf::from).collect()
}

/// `Media region :          0 ,       1494 , + good`
fn row<'l>(line: &'l [u8], begin: &[u8]) -> Option<(Range<u64>, &'l str)> {
    let line = line.strip_prefix(begin)?.to_str().ok()?;
    let mut fields = line.splitn(3, ',').map(str::trim);
    let start: u64 = fields.next()?.parse().ok()?;
    let blocks = fields.next()?.parse().ok()?;
    Some((start..start.checked_add(blocks)?, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_that_cannot_be_read_and_tags_that_do_not_fit_are_found() {
        let text = b"Media checks :        lba ,       size , quality
Media region :          0 ,         32 , + good
Media region :         32 ,         16 , - unreadable
Media region :         48 ,       1446 , + slow
MD5 tag range:         32 ,       1494 , 0 md5_mismatch
MD5 tag range:       1536 ,        100 , + md5_match
Media summary: x
";
        let bad = |blocks, fault| Bad { blocks, fault };
        let bad = vec![bad(32..48, Fault::Unreadable), bad(32..1526, Fault::Mismatch)];
        assert_eq!(checked(text), Checked { blocks: 1494, bad, has_digests: true });
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        assert_eq!(mismatches(b"MD5 MISMATCH: '/a\\nb'\nMD5 MISMATCH: x\n"), [PathBuf::from("/a\nb")]);
        let text = b"Media region : x , 1 , - bad\nMedia region : 1\nMD5 tag range: 18446744073709551615 , 1 , - x\n\xff";
        assert_eq!(checked(text), Checked::default());
    }
}
