//! When which stored file was proven last. Nothing depends on it but which files are proven next: it may be lost.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use redcedar_archive::manifest::text::{Text, from_name, name};
use redcedar_system::fs::write_atomically;
use serde::{Deserialize, Serialize};

/// What is kept is nobody else's business.
const MODE: u32 = 0o600;

/// A part of everything: `1/30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: u32,
    of: u32,
}

impl Share {
    /// How many of `total`, at least one.
    pub(super) fn count(self, total: usize) -> usize {
        let count = (total as u128 * u128::from(self.part)).div_ceil(u128::from(self.of));
        usize::try_from(count).unwrap_or(total).clamp(1, total.max(1))
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a share such as 1/30, of at most 1";
        let (part, of) = text.split_once('/').ok_or(EXPECTED)?;
        let (part, of) = (part.parse().map_err(|_| EXPECTED)?, of.parse().map_err(|_| EXPECTED)?);
        if part == 0 || part > of { Err(EXPECTED) } else { Ok(Self { part, of }) }
    }
}

/// A stored file as it was when it was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) size: u64,
    pub(super) modified: (i64, i64),
}

/// What was proven, and when.
#[derive(Debug, Clone, Default)]
pub struct Proofs {
    now: Timestamp,
    known: HashMap<PathBuf, (Seen, Timestamp)>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    file: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    file_hex: Option<Text<'a>>,
    size: u64,
    modified: (i64, i64),
    proven: Timestamp,
}

impl Proofs {
    /// None yet; what is proven from here on is proven `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now, known: HashMap::new() }
    }

    /// Reads what was kept; a file that is not there holds nothing.
    ///
    /// # Errors
    /// When it cannot be read, or holds something else.
    pub fn read(path: &Path, now: Timestamp) -> io::Result<Self> {
        let text = match fs_err::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::new(now)),
            text => text?,
        };
        let mut proofs = Self::new(now);
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Record { file, file_hex, size, modified, proven } =
                serde_json::from_slice(line).map_err(io::Error::other)?;
            let file = from_name(file, file_hex).map_err(io::Error::other)?;
            let file = file.ok_or_else(|| io::Error::other("a line names no file"))?;
            proofs.known.insert(file.into(), (Seen { size, modified }, proven));
        }
        Ok(proofs)
    }

    /// Keeps them in a file, whose directory is made if need be.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let directory = path.parent().unwrap_or(Path::new("/"));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let mut known: Vec<_> = self.known.iter().collect();
        known.sort();
        let mut text = Vec::new();
        for (path, (Seen { size, modified }, proven)) in known {
            let (file, file_hex) = name(path.as_os_str());
            let record = Record { file, file_hex, size: *size, modified: *modified, proven: *proven };
            serde_json::to_writer(&mut text, &record).map_err(io::Error::other)?;
            text.push(b'\n');
        }
        write_atomically(path, &text, MODE, None)
    }

    /// When a file, as it is now, was proven.
    pub(super) fn of(&self, path: &Path, seen: Seen) -> Option<Timestamp> {
        self.known.get(path).filter(|(then, _)| *then == seen).map(|(_, proven)| *proven)
    }

    pub(super) fn note(&mut self, path: &Path, seen: Seen) {
        self.known.insert(path.to_owned(), (seen, self.now));
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.known.remove(path);
    }

    /// Forgets what is below `root` and no longer there.
    pub(super) fn retain(&mut self, root: &Path, is_there: impl Fn(&Path) -> bool) {
        self.known.retain(|path, _| !path.starts_with(root) || is_there(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_share_is_at_least_one_and_at_most_all() {
        let count = |share: &str, total| share.parse::<Share>().unwrap().count(total);
        assert_eq!([count("1/30", 0), count("1/30", 1), count("1/30", 31), count("1/1", 7)], [1, 1, 2, 7]);
        for text in ["", "1", "0/3", "2/1", "1/0", "-1/3", "1/x"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_kept_is_read_again_and_a_changed_file_is_not_proven() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("deep/down/proofs.jsonl");
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let mut proofs = Proofs::read(&file, now).unwrap();
        let odd = Path::new(OsStr::from_bytes(b"/b/caf\xe9"));
        let seen = Seen { size: 5, modified: (1, 2) };
        for path in [Path::new("/b/x"), odd, Path::new("/c/y")] {
            proofs.note(path, seen);
        }
        proofs.write(&file).unwrap();
        let mut again = Proofs::read(&file, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(again.of(odd, seen), Some(now));
        assert_eq!(again.of(odd, Seen { size: 6, ..seen }), None);
        again.retain(Path::new("/b"), |path| path == odd);
        let known = |path: &Path| again.of(path, seen).is_some();
        assert_eq!([known(Path::new("/b/x")), known(odd), known(Path::new("/c/y"))], [false, true, true]);
        fs_err::write(&file, "no proofs").unwrap();
        assert!(Proofs::read(&file, now).is_err());
    }
}
