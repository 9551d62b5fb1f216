//! The digest state of the originals: a pickle, protocol 0, of one mapping from path to SHA-1 in hexadecimal.
//!
//! A pickle is a program for a small stack machine, and the general machine can run anything. This one knows the eight
//! instructions that such a mapping needs and refuses every other by name, so a planted file can do no more than fail
//! to load.

use std::collections::HashMap;
use std::io::{self, Write};

use redcedar_archive::digest::{from_hex_exact, to_hex};
use redcedar_archive::select::compare_paths;
use redcedar_system::escape;

use super::Sha1;

/// Why a digest state cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickleError {
    /// An instruction that a mapping of texts does not need. It was not carried out.
    #[error("instruction `{}` at byte {offset} does not belong into a digest state", escape::display_bytes(&[*opcode]))]
    Refused {
        /// The instruction.
        opcode: u8,
        /// Where it stands.
        offset: usize,
    },
    /// The file ends before it is complete.
    #[error("the file ends at byte {0}, before it is complete")]
    Truncated(usize),
    /// An operand that cannot be understood.
    #[error("malformed {what} at byte {offset}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// Where it stands.
        offset: usize,
    },
    /// An instruction that does not fit what came before.
    #[error("instruction `{}` at byte {offset} has nothing to work on", escape::display_bytes(&[*opcode]))]
    Misplaced {
        /// The instruction.
        opcode: u8,
        /// Where it stands.
        offset: usize,
    },
}

/// Paths and their digests, each path once, in canonical order.
#[derive(Debug, Clone, Default)]
pub struct DigestMap {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    length: usize,
    digest: Sha1,
}

impl DigestMap {
    /// Reads a state file of version 2 or 3. Values that are not digests are left out: they would never match.
    ///
    /// # Errors
    /// When the file is not such a mapping.
    pub fn parse(file: &[u8]) -> Result<Self, PickleError> {
        Machine::new(file).run()
    }

    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The path and digest at a place in the canonical order.
    pub fn get(&self, index: usize) -> Option<(&[u8], Sha1)> {
        self.entries.get(index).map(|entry| (self.path(entry), entry.digest))
    }

    /// All paths and digests in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Sha1)> {
        self.entries.iter().map(|entry| (self.path(entry), entry.digest))
    }

    fn path(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start..entry.start + entry.length]
    }

    fn push(&mut self, path: &[u8], digest: Sha1) {
        self.entries.push(Entry { start: self.bytes.len(), length: path.len(), digest });
        self.bytes.extend_from_slice(path);
    }

    /// Sorts, and of several digests for one path keeps the last, as a mapping does.
    fn settle(&mut self) {
        let Self { bytes, entries } = self;
        let path = |entry: &Entry| &bytes[entry.start..entry.start + entry.length];
        entries.sort_by(|a, b| compare_paths(path(a), path(b)));
        entries.reverse();
        entries.dedup_by(|a, b| path(a) == path(b));
        entries.reverse();
    }
}

#[derive(Debug, Clone, Copy)]
enum Value {
    Mark,
    Mapping,
    Text { start: usize, length: usize },
}

/// The stack machine. Texts live decoded in one arena; the only mapping is the result.
struct Machine<'a> {
    file: &'a [u8],
    position: usize,
    texts: Vec<u8>,
    stack: Vec<Value>,
    memo: HashMap<u64, Value>,
    mapping: Option<DigestMap>,
}

impl<'a> Machine<'a> {
    fn new(file: &'a [u8]) -> Self {
        Self { file, position: 0, texts: Vec::new(), stack: Vec::new(), memo: HashMap::new(), mapping: None }
    }

    fn run(mut self) -> Result<DigestMap, PickleError> {
        loop {
            let offset = self.position;
            let opcode = *self.file.get(offset).ok_or(PickleError::Truncated(offset))?;
            self.position += 1;
            let misplaced = PickleError::Misplaced { opcode, offset };
            match opcode {
                b'(' => self.stack.push(Value::Mark),
                b'd' => self.dict().ok_or(misplaced)?,
                b'p' => {
                    let slot = self.number()?;
                    let top = *self.stack.last().ok_or(misplaced)?;
                    self.memo.insert(slot, top);
                }
                b'g' => {
                    let slot = self.number()?;
                    let value = *self.memo.get(&slot).ok_or(misplaced)?;
                    self.stack.push(value);
                }
                b'V' => {
                    let line = self.line()?;
                    let start = self.texts.len();
                    decode_unicode(line, &mut self.texts)
                        .ok_or(PickleError::Malformed { what: "text", offset: offset + 1 })?;
                    self.push_text(start);
                }
                b'S' => {
                    let line = self.line()?;
                    let start = self.texts.len();
                    decode_quoted(line, &mut self.texts)
                        .ok_or(PickleError::Malformed { what: "quoted text", offset: offset + 1 })?;
                    self.push_text(start);
                }
                b's' => self.set_item().ok_or(misplaced)?,
                b'.' => {
                    let (Some(Value::Mapping), Some(mut mapping)) = (self.stack.pop(), self.mapping) else {
                        return Err(misplaced);
                    };
                    mapping.settle();
                    return Ok(mapping);
                }
                _ => return Err(PickleError::Refused { opcode, offset }),
            }
        }
    }

    /// DICT: makes a mapping of what lies above the last mark. A state has one mapping, so a second has nothing to work on.
    fn dict(&mut self) -> Option<()> {
        let mark = self.stack.iter().rposition(|value| matches!(value, Value::Mark))?;
        if self.mapping.is_some() {
            return None;
        }
        let mut mapping = DigestMap::default();
        for pair in self.stack[mark + 1..].chunks(2) {
            let &[key, value] = pair else { return None };
            self.enter(&mut mapping, key, value)?;
        }
        self.stack.truncate(mark);
        self.stack.push(Value::Mapping);
        self.mapping = Some(mapping);
        Some(())
    }

    /// SETITEM: takes a value and a key, and enters them into the mapping below.
    fn set_item(&mut self) -> Option<()> {
        let value = self.stack.pop()?;
        let key = self.stack.pop()?;
        if !matches!(self.stack.last(), Some(Value::Mapping)) {
            return None;
        }
        let mut mapping = self.mapping.take()?;
        let entered = self.enter(&mut mapping, key, value);
        self.mapping = Some(mapping);
        entered
    }

    fn enter(&self, mapping: &mut DigestMap, key: Value, value: Value) -> Option<()> {
        let (path, digest) = (self.text(key)?, self.text(value)?);
        if let Some(digest) = from_hex_exact(digest) {
            mapping.push(path, digest);
        }
        Some(())
    }

    fn text(&self, value: Value) -> Option<&[u8]> {
        match value {
            Value::Text { start, length } => Some(&self.texts[start..start + length]),
            Value::Mark | Value::Mapping => None,
        }
    }

    fn push_text(&mut self, start: usize) {
        self.stack.push(Value::Text { start, length: self.texts.len() - start });
    }

    /// The operand up to the end of the line.
    fn line(&mut self) -> Result<&'a [u8], PickleError> {
        let rest = &self.file[self.position..];
        let end =
            rest.iter().position(|&byte| byte == b'\n').ok_or(PickleError::Truncated(self.file.len()))?;
        self.position += end + 1;
        Ok(&rest[..end])
    }

    fn number(&mut self) -> Result<u64, PickleError> {
        let offset = self.position;
        let line = self.line()?;
        let text = std::str::from_utf8(line).ok();
        text.and_then(|text| text.parse().ok()).ok_or(PickleError::Malformed { what: "memo number", offset })
    }
}

/// Decodes Python's raw-unicode-escape to the bytes of a file name: `\uXXXX` and `\UXXXXXXXX` are code points, every
/// other byte is the code point of its value; U+DC80–U+DCFF stand for single bytes.
pub fn decode_unicode(line: &[u8], into: &mut Vec<u8>) -> Option<()> {
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escape_length = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            (b'\\', Some(&other)) => {
                // Not an escape: the backslash and what follows stand for themselves.
                push_code_point(u32::from(byte), into)?;
                push_code_point(u32::from(other), into)?;
                rest = &after[1..];
                continue;
            }
            _ => {
                push_code_point(u32::from(byte), into)?;
                continue;
            }
        };
        let (digits, after) = after[1..].split_at_checked(escape_length)?;
        push_code_point(hex_number(digits)?, into)?;
        rest = after;
    }
    Some(())
}

fn push_code_point(point: u32, into: &mut Vec<u8>) -> Option<()> {
    match point {
        0xdc80..=0xdcff => into.push(u8::try_from(point - 0xdc00).ok()?),
        // Other surrogates are in no file name; kept apart from each other, they match nothing.
        0xd800..=0xdfff => {
            let byte = |bits: u32, tag: u32| u8::try_from(tag | bits & 0x3f).ok();
            into.extend_from_slice(&[0xed, byte(point >> 6, 0x80)?, byte(point, 0x80)?]);
        }
        _ => into.extend_from_slice(char::from_u32(point)?.encode_utf8(&mut [0; 4]).as_bytes()),
    }
    Some(())
}

/// Decodes a Python byte string literal as `repr` writes it.
pub fn decode_quoted(line: &[u8], into: &mut Vec<u8>) -> Option<()> {
    let (&quote, rest) = line.split_first()?;
    if quote != b'\'' && quote != b'"' {
        return None;
    }
    let (&closing, mut rest) = rest.split_last()?;
    if closing != quote {
        return None;
    }
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == quote {
            return None;
        }
        if byte != b'\\' {
            into.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first()?;
        rest = after;
        match escape {
            b'n' => into.push(b'\n'),
            b'r' => into.push(b'\r'),
            b't' => into.push(b'\t'),
            b'\\' | b'\'' | b'"' => into.push(escape),
            b'x' => {
                let (digits, after) = rest.split_at_checked(2)?;
                into.push(u8::try_from(hex_number(digits)?).ok()?);
                rest = after;
            }
            _ => return None,
        }
    }
    Some(())
}

fn hex_number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number: u32, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

/// Writes a digest state, byte for byte as version 3 of the original does.
#[derive(Debug)]
pub struct DigestWriter<W: Write> {
    writer: W,
    next_slot: u64,
    line: Vec<u8>,
}

impl<W: Write> DigestWriter<W> {
    /// Begins a state.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(mut writer: W) -> io::Result<Self> {
        writer.write_all(b"(dp0\n")?;
        Ok(Self { writer, next_slot: 1, line: Vec::new() })
    }

    /// Adds a path, which must not have been added before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn pair(&mut self, path: &[u8], digest: &Sha1) -> io::Result<()> {
        let Self { writer, next_slot, line } = self;
        line.clear();
        line.push(b'V');
        encode_unicode(path, line);
        write!(line, "\np{next_slot}\nV")?;
        line.extend_from_slice(to_hex(digest).as_bytes());
        write!(line, "\np{}\ns", *next_slot + 1)?;
        *next_slot += 2;
        writer.write_all(line)
    }

    /// Ends the state and gives the writer back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.writer.write_all(b".")?;
        Ok(self.writer)
    }
}

/// Encodes the bytes of a file name as [`decode_unicode`] reads them.
pub fn encode_unicode(path: &[u8], into: &mut Vec<u8>) {
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            match u32::from(character) {
                point @ (0x00 | 0x0a | 0x0d | 0x1a | 0x5c) => push_escape(into, point),
                point => match u8::try_from(point) {
                    Ok(byte) => into.push(byte),
                    Err(_) => push_escape(into, point),
                },
            }
        }
        for &byte in chunk.invalid() {
            push_escape(into, 0xdc00 | u32::from(byte));
        }
    }
}

fn push_escape(into: &mut Vec<u8>, point: u32) {
    let escape = if point > 0xffff { format!("\\U{point:08x}") } else { format!("\\u{point:04x}") };
    into.extend_from_slice(escape.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(byte: u8) -> Sha1 {
        [byte; 20]
    }

    fn written(pairs: &[(&[u8], Sha1)]) -> Vec<u8> {
        let mut writer = DigestWriter::create(Vec::new()).unwrap();
        for (path, digest) in pairs {
            writer.pair(path, digest).unwrap();
        }
        writer.finish().unwrap()
    }

    fn parsed(file: &[u8]) -> Vec<(Vec<u8>, Sha1)> {
        let map = DigestMap::parse(file).unwrap();
        map.iter().map(|(path, digest)| (path.to_vec(), digest)).collect()
    }

    #[test]
    fn the_empty_map_is_six_bytes() {
        assert_eq!(written(&[]), b"(dp0\n.");
        assert!(DigestMap::parse(b"(dp0\n.").unwrap().is_empty());
    }

    #[test]
    fn names_are_escaped_as_the_grammar_says() {
        let path = "/a\\b\nc\0\r\u{1a}é€😀".as_bytes().iter().copied().chain(*b"\xff").collect::<Vec<_>>();
        let file = written(&[(&path, digest(0xab))]);
        let expected = [
            b"(dp0\nV/a\\u005cb\\u000ac\\u0000\\u000d\\u001a\xe9\\u20ac\\U0001f600\\udcff\np1\nV".as_slice(),
            "ab".repeat(20).as_bytes(),
            b"\np2\ns.",
        ]
        .concat();
        assert_eq!(file, expected);
        assert_eq!(parsed(&file), vec![(path, digest(0xab))]);
    }

    #[test]
    fn a_file_of_version_2_with_quoted_byte_strings_is_read() {
        let hex = "01".repeat(20);
        let file =
            format!("(dp0\nS'/a\\xc3\\xa9\\\\x\\'y\\n'\np1\nS'{hex}'\np2\nsS\"/it's\"\np3\nS'{hex}'\np4\ns.");
        assert_eq!(
            parsed(file.as_bytes()),
            vec![("/aé\\x'y\n".as_bytes().to_vec(), digest(1)), (b"/it's".to_vec(), digest(1))]
        );
    }

    #[test]
    fn memo_lines_may_be_missing_and_values_may_be_fetched_again() {
        let hex = "02".repeat(20);
        assert_eq!(parsed(format!("(dV/a\nV{hex}\ns.").as_bytes()), vec![(b"/a".to_vec(), digest(2))]);
        let shared = format!("(dp0\nV/a\nV{hex}\np7\nsV/b\ng7\ns.");
        assert_eq!(parsed(shared.as_bytes()), vec![(b"/a".to_vec(), digest(2)), (b"/b".to_vec(), digest(2))]);
        let at_once = format!("(V/a\nV{hex}\nd.");
        assert_eq!(parsed(at_once.as_bytes()), vec![(b"/a".to_vec(), digest(2))]);
    }

    #[test]
    fn of_a_path_that_is_there_twice_the_last_digest_counts_and_the_order_is_canonical() {
        let (one, two) = ("01".repeat(20), "02".repeat(20));
        let file = format!("(dV/a-b\nV{one}\nsV/a/c\nV{one}\nsV/a-b\nV{two}\ns.");
        assert_eq!(
            parsed(file.as_bytes()),
            vec![(b"/a/c".to_vec(), digest(1)), (b"/a-b".to_vec(), digest(2))]
        );
    }

    #[test]
    fn values_that_are_no_digest_are_left_out() {
        assert!(DigestMap::parse(b"(dV/a\nVxyz\ns.").unwrap().is_empty());
    }

    #[test]
    fn every_instruction_that_could_run_something_is_refused_by_name() {
        for attack in [
            b"cos\nsystem\n(S'touch /tmp/x'\ntR.".as_slice(),
            b"(S'x'\nios\nsystem\n.",
            b"(cos\nsystem\nS'x'\no.",
            b"\x80\x04}.",
            b"I1\n.",
            b"N.",
        ] {
            let error = DigestMap::parse(attack).unwrap_err();
            assert!(matches!(error, PickleError::Refused { .. }), "{error}");
        }
        assert_eq!(
            DigestMap::parse(b"cos\nsystem\n.").unwrap_err().to_string(),
            "instruction `c` at byte 0 does not belong into a digest state"
        );
    }

    #[test]
    fn damage_is_told_apart() {
        let whole = written(&[(b"/a", digest(1))]);
        for length in 0..whole.len() {
            assert!(matches!(DigestMap::parse(&whole[..length]), Err(PickleError::Truncated(_))), "{length}");
        }
        for misplaced in
            [b"s.".as_slice(), b".", b"d.", b"p0\n.", b"g0\n.", b"(dV/a\ns.", b"(d(d.", b"(V/a\nd."]
        {
            assert!(
                matches!(DigestMap::parse(misplaced), Err(PickleError::Misplaced { .. })),
                "{misplaced:?}"
            );
        }
        for malformed in [b"V\\u12\n.".as_slice(), b"V\\U00110000\n.", b"S'x\n.", b"S'\\q'\n.", b"(px\n."] {
            assert!(
                matches!(DigestMap::parse(malformed), Err(PickleError::Malformed { .. })),
                "{malformed:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(paths in proptest::collection::btree_map(proptest::collection::vec(any::<u8>(), 1..40), any::<[u8; 20]>(), 0..20)) {
            let pairs: Vec<_> = paths.iter().map(|(path, digest)| (path.as_slice(), *digest)).collect();
            let map = DigestMap::parse(&written(&pairs)).unwrap();
            let read: std::collections::BTreeMap<_, _> = map.iter().map(|(path, digest)| (path.to_vec(), digest)).collect();
            prop_assert_eq!(read, paths);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _outcome = DigestMap::parse(&bytes);
        }

        #[test]
        fn arbitrary_programs_never_panic(lines in proptest::collection::vec("[(dpgVSs.][0-9'\\\\ux]{0,6}\n?", 0..30)) {
            let _outcome = DigestMap::parse(lines.concat().as_bytes());
        }
    }
}
