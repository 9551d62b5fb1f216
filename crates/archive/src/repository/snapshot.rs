//! What a Git or Mercurial repository was when it was backed up: a list of its refs, beside the bundle with what they need.
//!
//! A list is text: one line of JSON, the [`Header`], then a line `VALUE<tab>NAME` for each ref, as `git ls-remote` prints them.
//! The format is documented in `docs/extensions.md`.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use bstr::ByteSlice;
use serde::{Deserialize, Serialize};

use super::joined;

/// What the file is and in which version.
const FORMAT: &str = "redcedar refs 1";
/// `20261124T010203Z`
const RUN_LENGTH: usize = 16;

/// Whose repository it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Git.
    Git,
    /// Mercurial.
    Mercurial,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Git, Self::Mercurial];

    fn prefix(self) -> &'static str {
        match self {
            Self::Git => "gitbundle-",
            Self::Mercurial => "hgbundle-",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Git => ".bundle",
            Self::Mercurial => ".hg",
        }
    }
}

/// Which of the two files of a backup it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// What the refs need that earlier bundles do not have.
    Bundle,
    /// The refs.
    Refs,
}

/// A file of a backup, as its name tells: `gitbundle-RUN-NAME.bundle`, `gitbundle-RUN-NAME.refs` and so on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName {
    /// Whose repository it is.
    pub kind: Kind,
    /// When the run began, in UTC.
    pub run: String,
    /// The normalised path of the repository.
    pub repository: OsString,
}

impl FileName {
    /// The name of one of its files.
    pub fn file_name(&self, part: Part) -> OsString {
        let suffix = match part {
            Part::Bundle => self.kind.suffix(),
            Part::Refs => ".refs",
        };
        let start = format!("{}{}-", self.kind.prefix(), self.run);
        joined(&[start.as_bytes(), self.repository.as_bytes(), suffix.as_bytes()])
    }

    /// What a file name tells, if it is that of such a file.
    pub fn parse(name: &OsStr) -> Option<(Self, Part)> {
        Kind::ALL.into_iter().find_map(|kind| {
            let rest = name.as_bytes().strip_prefix(kind.prefix().as_bytes())?;
            let (part, rest) = match rest.strip_suffix(b".refs") {
                Some(rest) => (Part::Refs, rest),
                None => (Part::Bundle, rest.strip_suffix(kind.suffix().as_bytes())?),
            };
            let (run, rest) = rest.split_at_checked(RUN_LENGTH)?;
            let repository = rest.strip_prefix(b"-")?;
            let name = Self { kind, run: run_id(run)?, repository: OsString::from_vec(repository.to_vec()) };
            (!repository.is_empty()).then_some((name, part))
        })
    }
}

fn run_id(text: &[u8]) -> Option<String> {
    let is_one = text.iter().enumerate().all(|(index, byte)| match index {
        8 => *byte == b'T',
        15 => *byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    is_one.then(|| String::from_utf8_lossy(text).into_owned())
}

/// The first line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// What the file is and in which version.
    format: String,
    /// Whose repository it is.
    pub kind: Kind,
    /// The path of the repository, escaped as messages show it.
    pub repository: String,
    /// The run, as in the names of the files.
    pub run: String,
    /// The run that the bundle builds on; none when it holds everything.
    pub base: Option<String>,
    /// When the run began.
    pub time: String,
    /// The bundle; none when the refs need nothing that earlier bundles do not have.
    pub bundle: Option<Bundle>,
    /// Whether the repository has a working copy.
    pub has_working_copy: bool,
    /// The hash that names objects of Git: `sha1` or `sha256`.
    pub object_format: Option<String>,
    /// How many lines follow.
    lines: u64,
}

/// What is known of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ref {
    /// What it points at: an object, or `ref: ` and the name of another ref.
    pub value: String,
    /// Its name.
    pub name: Vec<u8>,
}

/// A list of refs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What is said about the repository as a whole.
    pub header: Header,
    /// The refs.
    pub refs: Vec<Ref>,
}

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Its header is none.
    #[error("it is no list of refs: {0}")]
    Header(#[from] serde_json::Error),
    /// It is of another format.
    #[error("it is of the format `{0}`, which this version does not know")]
    Format(String),
    /// A line is no ref.
    #[error("line {0} cannot be understood")]
    Line(usize),
    /// Lines are missing.
    #[error("it has {found} refs instead of {expected}")]
    Length {
        /// What there is.
        found: u64,
        /// What there should be.
        expected: u64,
    },
}

impl Header {
    /// A header without a bundle.
    pub fn new(kind: Kind, repository: String, run: String, base: Option<String>, time: String) -> Self {
        Self {
            format: FORMAT.to_owned(),
            kind,
            repository,
            run,
            base,
            time,
            bundle: None,
            has_working_copy: false,
            object_format: None,
            lines: 0,
        }
    }
}

impl Snapshot {
    /// Writes the list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &mut impl Write) -> io::Result<()> {
        let header = Header { lines: self.refs.len() as u64, ..self.header.clone() };
        serde_json::to_writer(&mut *file, &header)?;
        file.write_all(b"\n")?;
        file.write_all(&lines(&self.refs))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// When it is none, or not whole.
    pub fn parse(text: &[u8]) -> Result<Self, SnapshotError> {
        let (header, body) = text.split_once_str(b"\n").unwrap_or((text, b""));
        let header: Header = serde_json::from_slice(header)?;
        if header.format != FORMAT {
            return Err(SnapshotError::Format(header.format));
        }
        let mut refs = Vec::new();
        for (index, line) in body.lines_with_terminator().enumerate() {
            let line = line.strip_suffix(b"\n").and_then(parse_line).ok_or(SnapshotError::Line(index + 2))?;
            refs.push(line);
        }
        if refs.len() as u64 != header.lines {
            return Err(SnapshotError::Length { found: refs.len() as u64, expected: header.lines });
        }
        Ok(Self { header, refs })
    }
}

/// The lines of refs.
pub fn lines(refs: &[Ref]) -> Vec<u8> {
    refs.iter().flat_map(|one| [one.value.as_bytes(), b"\t", &one.name, b"\n"].concat()).collect()
}

/// What programs are given is an object or a ref, whatever a forged list says.
fn parse_line(line: &[u8]) -> Option<Ref> {
    let (value, name) = line.split_once_str(b"\t")?;
    let value = std::str::from_utf8(value).ok()?;
    let is_object = value.len() >= 40 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_sane = is_object || value.starts_with("ref: refs/");
    (is_sane && !name.starts_with(b"-")).then(|| Ref { value: value.to_owned(), name: name.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let header = Header::new(
            Kind::Git,
            "/srv/x".into(),
            "20261124T010203Z".into(),
            Some("20261123T010203Z".into()),
            "2026-11-24T02:02:03+01:00".into(),
        );
        let one = |value: &str, name: &[u8]| Ref { value: value.to_owned(), name: name.to_vec() };
        Snapshot {
            header,
            refs: vec![one("ref: refs/heads/\u{e4}", b"HEAD"), one(&"01".repeat(20), b"refs/heads/\xff")],
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            for part in [Part::Bundle, Part::Refs] {
                for repository in [b"srv-git-x".as_slice(), b"-x.refs", b"\xff.bundle", b"-20261124T010203Z-"]
                {
                    let repository = OsString::from_vec(repository.to_vec());
                    let name = FileName { kind, run: "20261124T010203Z".into(), repository };
                    assert_eq!(FileName::parse(&name.file_name(part)), Some((name, part)));
                }
            }
        }
        for other in
            ["gitbundle-20261124T010203Z-.refs", "gitbundle-2026-x.bundle", "gitbundle-20261124T010203Z-x.hg"]
        {
            assert_eq!(FileName::parse(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_damage_is_noticed() {
        let mut text = Vec::new();
        snapshot().write(&mut text).unwrap();
        let read = Snapshot::parse(&text).unwrap();
        assert_eq!(read.refs, snapshot().refs);
        assert_eq!(read.header.base, snapshot().header.base);
        for length in 0..text.len() {
            assert!(Snapshot::parse(&text[..length]).is_err(), "{length}");
        }
        for (one, forged) in
            [("ref: refs", "ref: --x"), ("\tHEAD", "\t--delete"), ("0101", "01 1"), ("0101", "")]
        {
            let other = String::from_utf8_lossy(&text).replacen(one, forged, 1);
            assert!(matches!(Snapshot::parse(other.as_bytes()), Err(SnapshotError::Line(_))), "{forged}");
        }
        let other = String::from_utf8_lossy(&text).replace("refs 1", "refs 2");
        assert!(matches!(Snapshot::parse(other.as_bytes()), Err(SnapshotError::Format(_))));
    }
}
