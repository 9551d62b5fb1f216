//! The text of a file, and where in it something stands.

use std::fmt;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::encoding;

/// A range of bytes in the decoded text of the file. Empty for values that were made by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The span as a range, for slicing.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// A value and where it stands in the file. Compares by value only.
#[derive(Debug, Clone, Copy, Default)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Located<T> {
    /// Another value at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), span: self.span }
    }
}

impl<T> From<T> for Located<T> {
    fn from(value: T) -> Self {
        Self { value, span: Span::default() }
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: AsRef<str>> AsRef<str> for Located<T> {
    fn as_ref(&self) -> &str {
        self.value.as_ref()
    }
}

impl<T> Deref for Located<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Located<T> {}

/// A place as people count: from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// The decoded text of a file, with LF line ends and without a byte-order mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Source {
    /// Text that is already decoded. `path` appears in messages.
    pub fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = if text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text.to_owned()
        };
        let lines =
            std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        Self { path: path.into(), text, lines }
    }

    /// Decodes the bytes of a file: UTF-8 if they are valid UTF-8, whatever the XML declaration says; else as a
    /// UTF-16 byte-order mark or the declaration says. So the encoding never depends on who runs the program.
    ///
    /// # Errors
    /// When the bytes are neither; the diagnostic points at the first byte that does not fit.
    pub fn decode(path: impl Into<PathBuf>, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let path = path.into();
        match encoding::decode(bytes) {
            Ok(text) => Ok(Self::new(path, &text)),
            Err(error) => {
                let readable = Self::new(path, &String::from_utf8_lossy(bytes));
                let span = match readable.text.find('\u{fffd}') {
                    Some(start) => Span::from(start..start + '\u{fffd}'.len_utf8()),
                    None => Span::default(),
                };
                let finding = Diagnostic::error(span, error.to_string())
                    .with_hint("save the file as UTF-8, or name its encoding in the XML declaration");
                Err(Diagnostics::new(readable, vec![finding]))
            }
        }
    }

    /// The file's name, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The decoded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte of the text.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        Position { line, column: column + 1 }
    }

    /// The byte at a line and column, both counted from 0, in characters.
    pub(crate) fn offset(&self, row: u64, column: u64) -> usize {
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let (start, line) = self.line(count(row).saturating_add(1));
        start + line.char_indices().nth(count(column)).map_or(line.len(), |(at, _)| at)
    }

    /// A line's text without its line end, and where it begins. Lines count from 1.
    pub(crate) fn line(&self, line: usize) -> (usize, &str) {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let rest = &self.text[start..];
        (start, rest.split('\n').next().unwrap_or(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_byte_order_mark_do_not_reach_the_text() {
        assert_eq!(Source::new("f", "\u{feff}a\r\nb\rc\n").text(), "a\nb\nc\n");
    }

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new("f", "é<a>\n  x\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(2), Position { line: 1, column: 2 });
        assert_eq!(source.position(8), Position { line: 2, column: 3 });
        assert_eq!(source.position(source.text().len()), Position { line: 3, column: 1 });
    }

    #[test]
    fn a_place_leads_back_to_its_byte() {
        let source = Source::new("f", "é<a>\n  ü\n");
        for (offset, _) in source.text().char_indices() {
            let Position { line, column } = source.position(offset);
            assert_eq!(source.offset(line as u64 - 1, column as u64 - 1), offset);
        }
        assert_eq!(source.offset(2, 0), source.text().len());
        assert_eq!(source.offset(9, 9), source.text().len());
    }

    #[test]
    fn an_undecodable_byte_is_pointed_at() {
        let refused = Source::decode("f", b"<a>\n caf\xe9</a>").unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("f:2:5: error: not valid UTF-8"), "{text}");
    }
}
