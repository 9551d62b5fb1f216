//! What earlier runs remember of each file: how it looked when what is in the bucket was read from it.
//!
//! A text file, a line per name, in the order of names. It is a shortcut and nothing else: without it, files are read and
//! compared with the ETags of their objects.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use redcedar_system::fs::PendingFile;

use super::spool::{Items, Record, Spool};
use super::stamp::Stamp;

/// The first line; what follows would be read otherwise by other versions.
const HEADER: &str = "redcedar sync 1";

/// What is remembered of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
    /// Of the object that was made of it.
    pub(crate) etag: String,
}

/// Reads what is remembered, in order. Without a file, nothing is. What is damaged ends the reading: the rest is not remembered.
pub(crate) fn read(path: &Path) -> io::Result<Remembrance> {
    let lines = match fs_err::File::open(path) {
        Ok(file) => Some(BufReader::with_capacity(1 << 16, file.into_file())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut remembrance = Remembrance { lines, line: Vec::new() };
    if remembrance.next_line()?.is_none_or(|line| line != HEADER.as_bytes()) {
        remembrance.lines = None;
    }
    Ok(remembrance)
}

/// See [`read`].
pub(crate) struct Remembrance {
    lines: Option<BufReader<File>>,
    line: Vec<u8>,
}

impl Remembrance {
    fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        self.line.clear();
        lines.read_until(b'\n', &mut self.line)?;
        Ok(self.line.strip_suffix(b"\n"))
    }
}

/// How many names lie between two bounds: somewhat fewer than a page of a listing has room for, so that what is new since then
/// does not need another.
const STRETCH: usize = 950;

/// Some of the names that are remembered, in order. Whatever is wrong with the file is for [`read`] to say.
pub(crate) fn bounds(path: &Path) -> impl Iterator<Item = String> {
    let mut lines = read(path).ok();
    std::iter::from_fn(move || {
        let lines = lines.as_mut()?;
        for _ in 1..STRETCH {
            lines.next_line().ok()??;
        }
        lines.next()?.ok().map(|one| one.name)
    })
}

impl Iterator for Remembrance {
    type Item = io::Result<Remembered>;

    fn next(&mut self) -> Option<io::Result<Remembered>> {
        let line = match self.next_line() {
            Ok(line) => line?,
            Err(error) => return Some(Err(error)),
        };
        let remembered = Remembered::read(line);
        if remembered.is_none() {
            self.lines = None;
        }
        remembered.map(Ok)
    }
}

/// Writes what is remembered from now on: `old` without the names in `forgotten`, and `new`. All are in order.
pub(crate) fn write(
    path: &Path,
    old: Remembrance,
    forgotten: Items<Name>,
    new: Items<Remembered>,
) -> io::Result<()> {
    let mut file = BufWriter::new(PendingFile::create(path)?);
    writeln!(file, "{HEADER}")?;
    let mut line = Vec::new();
    let mut put = |remembered: &Remembered| {
        line.clear();
        remembered.write(&mut line);
        line.push(b'\n');
        file.write_all(&line)
    };
    let mut forgotten = forgotten.map(|name| name.map(|name| name.0)).peekable();
    let mut new = new.peekable();
    for kept in old {
        let kept = kept?;
        while let Some(added) = new.next_if(|added| is_before(added, &kept)) {
            put(&added?)?;
        }
        while forgotten.next_if(|name| name.as_ref().is_ok_and(|name| *name < kept.name)).is_some() {}
        if forgotten.peek().is_none_or(|name| name.as_ref().is_ok_and(|name| *name != kept.name)) {
            put(&kept)?;
        }
    }
    for added in new {
        put(&added?)?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.publish(0o600, None)
}

/// Errors count as being before everything, so that they are met.
fn is_before(added: &io::Result<Remembered>, kept: &Remembered) -> bool {
    added.as_ref().is_ok_and(|added| added.name.cmp(&kept.name) == Ordering::Less) || added.is_err()
}

/// A name alone.
pub(crate) struct Name(pub(crate) String);

impl Record for Name {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.0.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok().map(Self)
    }
}

impl Record for Remembered {
    fn write(&self, bytes: &mut Vec<u8>) {
        let Stamp { size, modified, changed, inode } = self.stamp;
        for byte in self.name.bytes() {
            match byte {
                b'\t' => bytes.extend_from_slice(b"\\t"),
                b'\n' => bytes.extend_from_slice(b"\\n"),
                b'\\' => bytes.extend_from_slice(b"\\\\"),
                byte => bytes.push(byte),
            }
        }
        let (modified, changed) = ((modified.0, modified.1), (changed.0, changed.1));
        let _infallible = write!(
            bytes,
            "\t{size}\t{}.{:09}\t{}.{:09}\t{inode}\t{}",
            modified.0, modified.1, changed.0, changed.1, self.etag
        );
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(bytes).ok()?;
        let mut fields = line.split('\t');
        let name = unescape(fields.next()?)?;
        let size = fields.next()?.parse().ok()?;
        let (modified, changed) = (time(fields.next()?)?, time(fields.next()?)?);
        let inode = fields.next()?.parse().ok()?;
        let etag = fields.next()?.to_owned();
        Some(Self { name, stamp: Stamp { size, modified, changed, inode }, etag })
    }
}

fn unescape(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    let mut name = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        name.push(match character {
            '\\' => match characters.next()? {
                't' => '\t',
                'n' => '\n',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(name)
}

fn time(text: &str) -> Option<(i64, u32)> {
    let (seconds, nanoseconds) = text.split_once('.')?;
    Some((seconds.parse().ok()?, nanoseconds.parse().ok()?))
}

/// Names and memories being gathered, in order.
pub(crate) struct Changes {
    pub(crate) forgotten: Spool<Name>,
    pub(crate) new: Spool<Remembered>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self { forgotten: Spool::new(), new: Spool::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.forgotten.count() == 0 && self.new.count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(name: &str, size: u64) -> Remembered {
        let stamp = Stamp { size, modified: (1, 5), changed: (-2, 999_999_999), inode: 7 };
        Remembered { name: name.to_owned(), stamp, etag: "e".to_owned() }
    }

    fn rewrite(path: &Path, forgotten: &[&str], new: &[Remembered]) -> Vec<(String, u64)> {
        let mut changes = Changes::new();
        for name in forgotten {
            changes.forgotten.push(&Name((*name).to_owned())).unwrap();
        }
        for one in new {
            changes.new.push(one).unwrap();
        }
        let (forgotten, new) = (changes.forgotten.items().unwrap(), changes.new.items().unwrap());
        write(path, read(path).unwrap(), forgotten, new).unwrap();
        let all = read(path).unwrap().map(Result::unwrap);
        all.map(|one| (one.name, one.stamp.size)).collect()
    }

    #[test]
    fn memories_are_replaced_forgotten_and_added_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let sizes = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
            list.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
        };
        let first =
            rewrite(&path, &["nobody"], &[remembered("a", 1), remembered("c\t\\\n", 1), remembered("d", 1)]);
        assert_eq!(first, sizes(&[("a", 1), ("c\t\\\n", 1), ("d", 1)]));
        let second =
            rewrite(&path, &["a", "d"], &[remembered("b", 2), remembered("d", 2), remembered("e", 2)]);
        assert_eq!(second, sizes(&[("b", 2), ("c\t\\\n", 1), ("d", 2), ("e", 2)]));
        assert_eq!(read(&path).unwrap().last().unwrap().unwrap(), remembered("e", 2));
    }

    #[test]
    fn what_is_damaged_or_from_another_version_is_not_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        assert_eq!(read(&path).unwrap().count(), 0);
        fs_err::write(&path, "redcedar sync 1\na\t1\t1.000000005\t1.0\t7\te\nb\t1\nc\t1\t1.0\t1.0\t7\te\n")
            .unwrap();
        assert_eq!(read(&path).unwrap().map(|one| one.unwrap().name).collect::<Vec<_>>(), ["a"]);
        fs_err::write(&path, "redcedar sync 2\na\t1\t1.0\t1.0\t7\te\n").unwrap();
        assert_eq!(read(&path).unwrap().count(), 0);
    }
}
