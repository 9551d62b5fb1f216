//! Dumps of Subversion: their names, and what revisions are in one.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use bstr::ByteSlice;

use super::{joined, number, unpacked};
use crate::Compression;

/// A header line longer than this is none.
const LONGEST_LINE: usize = 1 << 20;

/// A dump, as its name tells: `svndump-FIRST:LAST-NAME.txt`, or `svndump-FIRST_LAST-NAME.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpName {
    /// The first revision.
    pub first: u64,
    /// The last revision.
    pub last: u64,
    /// The normalised path of the repository.
    pub repository: OsString,
    /// Whether there is no colon in it, which some tools take for the end of the name of a machine.
    pub is_safe: bool,
}

impl DumpName {
    /// The name of the file.
    pub fn file_name(&self, compression: Compression) -> OsString {
        let Self { first, last, repository, is_safe } = self;
        let range = format!("svndump-{first}{}{last}-", if *is_safe { '_' } else { ':' });
        joined(&[range.as_bytes(), repository.as_bytes(), b".txt", compression.suffix().as_bytes()])
    }

    /// What a file name tells, if it is that of a dump.
    pub fn parse(name: &OsStr) -> Option<(Self, Compression)> {
        let (stem, compression) = unpacked(name);
        let rest = stem.strip_prefix(b"svndump-")?.strip_suffix(b".txt")?;
        let (range, repository) = rest.split_once_str(b"-")?;
        let digits = range.iter().position(|byte| !byte.is_ascii_digit())?;
        let (first, rest) = range.split_at(digits);
        let (is_safe, last) = match rest {
            [b':', last @ ..] => (false, last),
            [b'_', last @ ..] => (true, last),
            _ => return None,
        };
        let (first, last) = (number(first)?, number(last)?);
        let repository = OsString::from_vec(repository.to_vec());
        let is_one = first <= last && !repository.is_empty();
        is_one.then_some((Self { first, last, repository, is_safe }, compression))
    }
}

/// Why a stream is not the dump that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DumpError {
    /// It does not follow the format.
    #[error("it is no Subversion dump: {0}")]
    Malformed(&'static str),
    /// It ends inside a record.
    #[error("it ends in the middle of a record")]
    Truncated,
    /// Other revisions than those that belong there.
    #[error("it holds {found} instead of revisions {first} to {last}")]
    Revisions {
        /// What it holds, for people.
        found: String,
        /// The first that should be there.
        first: u64,
        /// The last that should be there.
        last: u64,
    },
}

/// Reads a dump that is written to it, and finds its revisions.
#[derive(Debug, Default)]
pub struct Revisions {
    line: Vec<u8>,
    /// Whether the record has had a header.
    in_record: bool,
    content_length: u64,
    /// What is left of the content of a record.
    content: u64,
    has_format: bool,
    first: Option<u64>,
    last: Option<u64>,
    problem: Option<DumpError>,
}

impl Revisions {
    /// Checks, at the end, that the stream was whole and held these revisions, each once and in order.
    ///
    /// # Errors
    /// When it was not, or did not.
    pub fn expect(self, first: u64, last: u64) -> Result<(), DumpError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if !self.has_format {
            return Err(DumpError::Malformed("it does not begin with SVN-fs-dump-format-version"));
        }
        if self.in_record || self.content > 0 || !self.line.is_empty() {
            return Err(DumpError::Truncated);
        }
        let found = match (self.first, self.last) {
            (Some(a), Some(b)) if (a, b) == (first, last) => return Ok(()),
            (Some(a), Some(b)) => format!("revisions {a} to {b}"),
            _ => "no revision".to_owned(),
        };
        Err(DumpError::Revisions { found, first, last })
    }

    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), DumpError> {
        while !bytes.is_empty() {
            if self.content > 0 {
                let skipped = usize::try_from(self.content).unwrap_or(usize::MAX).min(bytes.len());
                self.content -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            let end = bytes.find_byte(b'\n');
            self.line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            if self.line.len() > LONGEST_LINE {
                return Err(DumpError::Malformed("it has a header without an end"));
            }
            let Some(end) = end else { break };
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            self.header(&line)?;
        }
        Ok(())
    }

    /// A header, or the empty line that ends the headers of a record.
    fn header(&mut self, line: &[u8]) -> Result<(), DumpError> {
        if line.is_empty() {
            if std::mem::take(&mut self.in_record) {
                self.content = std::mem::take(&mut self.content_length);
            }
            return Ok(());
        }
        let (name, value) =
            line.split_once_str(b": ").ok_or(DumpError::Malformed("it has a line that is no header"))?;
        if !self.has_format {
            if name != b"SVN-fs-dump-format-version" {
                return Err(DumpError::Malformed("it does not begin with SVN-fs-dump-format-version"));
            }
            self.has_format = true;
        }
        let value = |what| number(value).ok_or(DumpError::Malformed(what));
        match name {
            b"Revision-number" if !self.in_record => {
                let revision = value("it has a revision without a number")?;
                if self.last.is_some_and(|last| last.checked_add(1) != Some(revision)) {
                    return Err(DumpError::Malformed("its revisions are not in sequence"));
                }
                self.first.get_or_insert(revision);
                self.last = Some(revision);
            }
            b"Content-length" => {
                self.content_length = value("it has a record without a length")?;
            }
            _ => {}
        }
        self.in_record = true;
        Ok(())
    }
}

impl Write for Revisions {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.problem.is_none() {
            self.problem = self.feed(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DUMP: &str = "SVN-fs-dump-format-version: 2\n\nUUID: 5f\n\n\
        Revision-number: 6\nProp-content-length: 10\nContent-length: 10\n\nPROPS-END\n\n\
        Node-path: f\nNode-action: change\nText-content-length: 21\nContent-length: 21\n\nx\n\nRevision-number: 9\n\n\n\n\
        Node-path: g\nNode-action: delete\n\n\n\
        Revision-number: 7\nProp-content-length: 10\nContent-length: 10\n\nPROPS-END\n\n";

    fn read(text: &str, piece: usize) -> Revisions {
        let mut revisions = Revisions::default();
        for piece in text.as_bytes().chunks(piece) {
            revisions.write_all(piece).unwrap();
        }
        revisions
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let name = DumpName { first: 0, last: 782, repository: "opt-svn-repo1".into(), is_safe: false };
        assert_eq!(name.file_name(Compression::Bzip2), "svndump-0:782-opt-svn-repo1.txt.bz2");
        let safe = DumpName { is_safe: true, ..name.clone() };
        assert_eq!(safe.file_name(Compression::Gzip), "svndump-0_782-opt-svn-repo1.txt.gz");
        for (name, compression) in
            [name, safe].iter().flat_map(|name| Compression::ALL.map(|how| (name, how)))
        {
            let file = name.file_name(compression);
            assert_eq!(DumpName::parse(&file), Some((name.clone(), compression)));
        }
        let repository = OsString::from_vec(b"-5:6-\xff.txt".to_vec());
        let hostile = DumpName { first: 3, last: 3, repository, is_safe: false };
        let file = hostile.file_name(Compression::None);
        assert_eq!(DumpName::parse(&file), Some((hostile, Compression::None)));
        for other in [
            "svndump-1-x.txt",
            "svndump-2:1-x.txt",
            "svndump-0:1-.txt",
            "svndump-0:+1-x.txt",
            "svndump-0_:1-x.txt",
            "svndump-0.1-x.txt",
            "svndump-0:1-x",
        ] {
            assert_eq!(DumpName::parse(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn revisions_are_found_in_headers_and_not_in_content() {
        for piece in [1, 7, 4096] {
            assert_eq!(read(DUMP, piece).expect(6, 7), Ok(()));
        }
        let error = read(DUMP, 64).expect(6, 8).unwrap_err();
        assert_eq!(error.to_string(), "it holds revisions 6 to 7 instead of revisions 6 to 8");
        assert!(read(DUMP, 64).expect(7, 7).is_err());
    }

    #[test]
    fn a_dump_that_is_cut_off_or_none_is_told() {
        for none in ["", "not a dump\n", "UUID: 5\n\n", "\n"] {
            assert!(matches!(read(none, 64).expect(0, 0), Err(DumpError::Malformed(_))), "{none:?}");
        }
        let is_whole = |end: usize| read(&DUMP[..end], 64).expect(6, 7).is_ok();
        assert!(!(0..DUMP.len() - 2).any(is_whole), "{:?}", (0..DUMP.len()).find(|end| is_whole(*end)));
        let doubled = DUMP.replace("Revision-number: 7", "Revision-number: 6");
        assert_eq!(
            read(&doubled, 64).expect(6, 6),
            Err(DumpError::Malformed("its revisions are not in sequence"))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(pieces in proptest::collection::vec("(Revision-number: [0-9]{1,25}|Content-length: [0-9]{1,25}|[a-z]{0,3}|\n){1,3}\n", 0..10)) {
            let _outcome = read(&format!("SVN-fs-dump-format-version: 2\n{}", pieces.concat()), 5).expect(0, 3);
        }
    }
}
