//! Digests of files remembered from run to run: a file whose size, times and inode did not change is not read again.
//!
//! The cache is a file of its own. Whoever can write it decides what is left out of snapshots, so it is used only if nobody but
//! its owner, who must be us, can; and only if its checksum holds. Its form is of no interest to others: a cache of another version
//! is no error, it is empty.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use redcedar_archive::select::compare_paths;
use redcedar_archive::{Metadata, Timestamp};
use redcedar_system::account;
use redcedar_system::fs::{Directory, PendingFile};
use sha2::{Digest as _, Sha256};

use crate::Digest;

const MAGIC: &[u8] = b"redcedar digests 1\n";
const CHECKSUM: usize = 32;
const MODE: u32 = 0o600;

/// What was remembered.
#[derive(Debug, Default)]
pub struct Cache {
    paths: Vec<u8>,
    /// In canonical order of the paths.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    start: usize,
    length: usize,
    stamp: Stamp,
    digest: Digest,
}

/// What changes with a file.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: Timestamp,
    changed: Timestamp,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let Metadata { inode, size, modified, changed, .. } = *metadata;
        Self { inode, size, modified, changed }
    }
}

impl Cache {
    /// Reads what was stored at `path`; nothing when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or could have been changed by others.
    pub fn load(path: &Path) -> io::Result<Self> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or(OsStr::new(""));
        let opened = Directory::open(parent).and_then(|directory| directory.open_file(name));
        let mut file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened?,
        };
        let found = file.metadata()?;
        if found.uid() != account::current().uid || found.mode() & 0o022 != 0 {
            return Err(unusable(path, "others can change it"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if !bytes.starts_with(MAGIC) {
            return Ok(Self::default());
        }
        Self::parse(&bytes).ok_or_else(|| unusable(path, "it is damaged"))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
        if Sha256::digest(content).as_slice() != checksum {
            return None;
        }
        let mut cache = Self::default();
        let mut rest = Fields(content.strip_prefix(MAGIC)?);
        while !rest.0.is_empty() {
            // A path begins as the one before it: only the rest is stored.
            let common = usize::from(rest.u16()?);
            let added = usize::from(rest.u16()?);
            let before = cache.entries.last().map_or(0, |last| last.start);
            let start = cache.paths.len();
            if common > start - before {
                return None;
            }
            cache.paths.extend_from_within(before..before + common);
            cache.paths.extend_from_slice(rest.take(added)?);
            let stamp = Stamp {
                inode: rest.u64()?,
                size: rest.u64()?,
                modified: rest.timestamp()?,
                changed: rest.timestamp()?,
            };
            let [length] = rest.array()?;
            let digest = Digest::from_bytes(rest.take(usize::from(length))?)?;
            cache.entries.push(Entry { start, length: common + added, stamp, digest });
        }
        Some(cache)
    }

    /// How many files are remembered.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Looks paths up that come in canonical order.
    pub fn lookup(&self) -> Lookup<'_> {
        Lookup { cache: self, next: 0 }
    }
}

/// See [`Cache::lookup`].
#[derive(Debug)]
pub struct Lookup<'a> {
    cache: &'a Cache,
    next: usize,
}

impl Lookup<'_> {
    /// The digest of a file, if it is remembered and the file looks as it did then. Paths that come before one that was
    /// asked for are not found any more.
    pub fn find(&mut self, path: &Path, metadata: &Metadata) -> Option<Digest> {
        let wanted = path.as_os_str().as_bytes();
        while let Some(entry) = self.cache.entries.get(self.next) {
            let found = &self.cache.paths[entry.start..entry.start + entry.length];
            match compare_paths(found, wanted) {
                Ordering::Less => self.next += 1,
                Ordering::Equal => return (entry.stamp == Stamp::of(metadata)).then_some(entry.digest),
                Ordering::Greater => return None,
            }
        }
        None
    }
}

/// Puts together what the next run will find.
#[derive(Debug)]
pub struct CacheWriter {
    content: Vec<u8>,
    last: Vec<u8>,
    files: usize,
}

impl Default for CacheWriter {
    fn default() -> Self {
        Self { content: MAGIC.to_vec(), last: Vec::new(), files: 0 }
    }
}

impl CacheWriter {
    /// Adds a file. Paths must come in canonical order.
    pub fn add(&mut self, path: &Path, metadata: &Metadata, digest: &Digest) {
        let path = path.as_os_str().as_bytes();
        let common = self.last.iter().zip(path).take_while(|(a, b)| a == b).count();
        let added = path.len() - common;
        // No path is so long; one that is will be read each time.
        let (Ok(common_field), Ok(added_field)) = (u16::try_from(common), u16::try_from(added)) else {
            return;
        };
        let content = &mut self.content;
        content.extend_from_slice(&common_field.to_le_bytes());
        content.extend_from_slice(&added_field.to_le_bytes());
        content.extend_from_slice(&path[common..]);
        let Stamp { inode, size, modified, changed } = Stamp::of(metadata);
        content.extend_from_slice(&inode.to_le_bytes());
        content.extend_from_slice(&size.to_le_bytes());
        for time in [modified, changed] {
            content.extend_from_slice(&time.seconds.to_le_bytes());
            content.extend_from_slice(&time.nanoseconds.to_le_bytes());
        }
        let digest = digest.as_bytes();
        content.push(u8::try_from(digest.len()).unwrap_or(0));
        content.extend_from_slice(digest);
        self.files += 1;
        self.last.clear();
        self.last.extend_from_slice(path);
    }

    /// How many files were added.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.files
    }

    /// Stores everything at `path`, for us alone.
    ///
    /// # Errors
    /// When that fails; what was there before stays.
    pub fn store(mut self, path: &Path) -> io::Result<()> {
        let checksum = Sha256::digest(&self.content);
        self.content.extend_from_slice(&checksum);
        let mut file = PendingFile::create(path)?;
        file.write_all(&self.content)?;
        file.publish(MODE, None)
    }
}

/// Numbers and bytes from the beginning of what is left.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn timestamp(&mut self) -> Option<Timestamp> {
        let seconds = i64::from_le_bytes(self.array()?);
        Some(Timestamp { seconds, nanoseconds: u32::from_le_bytes(self.array()?) })
    }
}

fn unusable(path: &Path, why: &str) -> io::Error {
    io::Error::other(format!("{}: {why}", redcedar_system::escape::display(path)))
}
