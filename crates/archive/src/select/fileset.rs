//! The paths that were selected, with what the file system said about them.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use redcedar_system::escape;

use crate::{Kind, Metadata};

/// Selected paths in canonical order ([`compare_paths`]), each once. Held in memory; some 100 bytes each and the path.
#[derive(Debug, Default)]
pub struct Fileset {
    paths: Vec<u8>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    places: Vec<PathBuf>,
    files: u64,
    bytes: u64,
}

/// One selected path.
#[derive(Debug, Clone, Copy)]
pub struct Selected<'a> {
    /// The path, below the root as it was given.
    pub path: &'a Path,
    /// What was there when it was selected.
    pub metadata: &'a Metadata,
}

/// Something that selecting came across and that somebody should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It was gone before it could be looked at.
    Vanished {
        /// What is missing.
        path: PathBuf,
    },
    /// It could not be looked at: it, or what is in it, is not selected.
    Unreadable {
        /// What is missing.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It was not entered though nobody excluded it.
    Skipped {
        /// The directory, which is selected itself; what is in it is not.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// An exclusion pattern gave no answer. The path is selected as if the pattern did not match.
    Undecided {
        /// The path that was tested.
        path: PathBuf,
        /// What became of the pattern.
        reason: String,
    },
}

impl Problem {
    /// What it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Vanished { path }
            | Self::Unreadable { path, .. }
            | Self::Skipped { path, .. }
            | Self::Undecided { path, .. } => path,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escape::display(self.path());
        match self {
            Self::Vanished { .. } => write!(f, "{path} vanished while it was looked at"),
            Self::Unreadable { reason, .. } => write!(f, "cannot read {path}: {reason}"),
            Self::Skipped { reason, .. } => write!(f, "not entering {path}: {reason}"),
            Self::Undecided { reason, .. } => write!(f, "keeping {path}: {reason}"),
        }
    }
}

impl Fileset {
    /// All paths in canonical order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Selected<'_>> {
        self.entries.iter().map(|entry| self.selected(entry))
    }

    /// The path at a place in canonical order, of which there must be as many.
    pub fn get(&self, index: usize) -> Selected<'_> {
        self.selected(&self.entries[index])
    }

    fn selected<'a>(&'a self, entry: &'a Entry) -> Selected<'a> {
        let path = Path::new(OsStr::from_bytes(entry.path(&self.paths)));
        Selected { path, metadata: &entry.metadata }
    }

    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was selected.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many of the paths are regular files.
    pub fn total_files(&self) -> u64 {
        self.files
    }

    /// How many bytes the regular files have; one with several names counts under each.
    pub fn total_bytes(&self) -> u64 {
        self.bytes
    }

    /// Directories that were selected without what is in them, whatever the reason, and what was excluded and is no directory.
    /// Only [`super::select_with_places`] tells them. In the order of the walk.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// Everything that is in any of several filesets.
    #[must_use]
    pub fn join(filesets: Vec<Self>) -> Self {
        let mut filesets = filesets;
        // The largest stays where it is: what is added to it is little, as a rule.
        let largest = (0..filesets.len()).max_by_key(|&index| filesets[index].len());
        let Some(largest) = largest else { return Self::default() };
        let (files, bytes) = (0, 0);
        let fileset = Self { files, bytes, ..filesets.swap_remove(largest) };
        let mut joined = Builder { fileset, is_canonical: true };
        for fileset in filesets {
            for selected in fileset.iter() {
                joined.push(selected.path.as_os_str().as_bytes(), *selected.metadata);
            }
            joined.fileset.problems.extend(fileset.problems);
            joined.fileset.places.extend(fileset.places);
        }
        joined.finish()
    }

    /// What went wrong on the way, in the order of the walk.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// The canonical order: component by component as bytes, so a directory comes directly before what is in it.
pub fn compare_paths(a: &[u8], b: &[u8]) -> Ordering {
    // Neighbours in a tree have most of their bytes in common, so these are compared several at a time.
    let (a_words, b_words) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    let words = a_words.iter().zip(b_words).take_while(|(a, b)| a == b).count();
    let start = words * 8;
    let common = start + a[start..].iter().zip(&b[start..]).take_while(|(a, b)| a == b).count();
    // A slash ends a component, and a component that ends comes before one that goes on. No name contains a NUL.
    let rank = |path: &[u8]| path.get(common).map(|&byte| if byte == b'/' { 0 } else { byte });
    rank(a).cmp(&rank(b))
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u64,
    length: u32,
    metadata: Metadata,
}

impl Entry {
    fn path<'a>(&self, paths: &'a [u8]) -> &'a [u8] {
        #[expect(clippy::cast_possible_truncation, reason = "an offset into memory that is there")]
        let start = self.start as usize;
        &paths[start..start + self.length as usize]
    }
}

/// Collects a [`Fileset`]: cheap while paths come in canonical order, right in any.
#[derive(Debug)]
pub(super) struct Builder {
    fileset: Fileset,
    is_canonical: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self { fileset: Fileset::default(), is_canonical: true }
    }
}

impl Builder {
    pub(super) fn push(&mut self, path: &[u8], metadata: Metadata) {
        let Fileset { paths, entries, .. } = &mut self.fileset;
        if let Some(last) = entries.last() {
            self.is_canonical &= compare_paths(last.path(paths), path) == Ordering::Less;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a path is shorter than 4 GiB")]
        let length = path.len() as u32;
        entries.push(Entry { start: paths.len() as u64, length, metadata });
        paths.extend_from_slice(path);
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.fileset.problems.push(problem);
    }

    pub(super) fn place(&mut self, path: PathBuf) {
        self.fileset.places.push(path);
    }

    pub(super) fn finish(self) -> Fileset {
        let mut fileset = self.fileset;
        let Fileset { paths, entries, files, bytes, .. } = &mut fileset;
        if !self.is_canonical {
            // Of a path that was reached as a link and as a directory, the directory stays: contents are below it.
            entries.sort_by(|a, b| {
                let as_directory = |entry: &Entry| entry.metadata.kind != Kind::Directory;
                compare_paths(a.path(paths), b.path(paths)).then(as_directory(a).cmp(&as_directory(b)))
            });
            entries.dedup_by(|later, earlier| later.path(paths) == earlier.path(paths));
        }
        entries.shrink_to_fit();
        paths.shrink_to_fit();
        for entry in entries.iter().filter(|entry| entry.metadata.kind == Kind::File) {
            *files += 1;
            *bytes += entry.metadata.size;
        }
        fileset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn metadata(kind: Kind, size: u64) -> Metadata {
        Metadata {
            size,
            inode: 1,
            device: 1,
            modified: Timestamp::default(),
            changed: Timestamp::default(),
            uid: 0,
            gid: 0,
            links: 1,
            rdev: 0,
            mode: 0o644,
            kind,
        }
    }

    #[test]
    fn a_directory_comes_directly_before_what_is_in_it() {
        let sorted: [&[u8]; 8] = [b"/", b"/a", b"/a/\x01", b"/a/b", b"/a/b/c", b"/a\x01", b"/a b", b"/a\xff"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare_paths(a, b), i.cmp(&j), "{} {}", a.escape_ascii(), b.escape_ascii());
            }
        }
    }

    #[test]
    fn paths_in_any_order_come_out_sorted_and_once_with_the_directory_preferred() {
        let mut builder = Builder::default();
        builder.push(b"/b", metadata(Kind::Symlink, 3));
        builder.push(b"/a-", metadata(Kind::File, 5));
        builder.push(b"/a/x", metadata(Kind::File, 7));
        builder.push(b"/b", metadata(Kind::Directory, 4096));
        builder.push(b"/a/x", metadata(Kind::File, 7));
        let fileset = builder.finish();
        let paths: Vec<_> =
            fileset.iter().map(|entry| (entry.path.to_str().unwrap(), entry.metadata.kind)).collect();
        assert_eq!(paths, [("/a/x", Kind::File), ("/a-", Kind::File), ("/b", Kind::Directory)]);
        assert_eq!((fileset.len(), fileset.total_files(), fileset.total_bytes()), (3, 2, 12));
    }

    #[test]
    fn an_entry_takes_at_most_200_bytes_with_a_path_of_60() {
        assert!(size_of::<Entry>() + 60 <= 200, "{}", size_of::<Entry>());
    }
}
