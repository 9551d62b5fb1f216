//! What `xorriso -toc` prints.

use std::fmt;

use bstr::ByteSlice;
use redcedar_system::escape;

/// One of the sessions of a disc: the state of its tree after one time of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Counted from 1.
    pub number: u32,
    /// Where it begins, in blocks.
    pub first_block: u64,
    /// How many blocks it has.
    pub blocks: u64,
    /// What it is called.
    pub label: Vec<u8>,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.number, escape::display_bytes(&self.label))
    }
}

/// What is known of a disc before its files are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Contents {
    pub(super) is_blank: bool,
    pub(super) sessions: Vec<Session>,
}

/// Reads all lines.
pub(super) fn contents(text: &[u8]) -> Contents {
    let mut contents = Contents::default();
    for line in text.lines() {
        if let Some(status) = line.strip_prefix(b"Media status :") {
            contents.is_blank = status.trim().starts_with(b"is blank");
        }
        contents.sessions.extend(session(line));
    }
    contents
}

/// `ISO session  :   1 ,        32 ,      1494s , CEDAR BACKUP 27-JUL-2026`
fn session(line: &[u8]) -> Option<Session> {
    let line = line.strip_prefix(b"ISO session  :")?;
    let mut fields = line.splitn(4, |byte| *byte == b',');
    let mut field = || Some(fields.next()?.to_str().ok()?.trim());
    let (number, first_block, blocks) = (field()?, field()?, field()?);
    Some(Session {
        number: number.parse().ok()?,
        first_block: first_block.parse().ok()?,
        blocks: blocks.strip_suffix('s')?.parse().ok()?,
        label: fields.next()?.trim().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_found_with_their_labels() {
        let text = b"Media current: stdio file, overwriteable
Media status : is written , is appendable
Media blocks : 4544 readable , 37198412 writable , 37202956 overall
TOC layout   : Idx ,  sbsector ,       Size , Volume Id
ISO session  :   1 ,        32 ,      1494s , CEDAR BACKUP 27-JUL-2026
ISO session  :   2 ,      1536 ,      1497s , A, B
Other session:   3 ,      3040 ,        10s , 
Media summary: 3 sessions, 4491 data blocks, 8982k data, 71.0g free
";
        let session = |number, first_block, blocks, label: &str| Session {
            number,
            first_block,
            blocks,
            label: label.into(),
        };
        let sessions = vec![session(1, 32, 1494, "CEDAR BACKUP 27-JUL-2026"), session(2, 1536, 1497, "A, B")];
        assert_eq!(contents(text), Contents { is_blank: false, sessions });
        assert!(contents(b"Media status : is blank\n").is_blank);
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        for line in
            ["ISO session  :", "ISO session  : x , 1 , 2s , L", "ISO session  : 1 , 2 , 3 , L", "", "\u{0}"]
        {
            assert_eq!(contents(line.as_bytes()), Contents::default(), "{line}");
        }
    }
}
