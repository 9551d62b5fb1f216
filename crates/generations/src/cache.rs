//! Digests of files remembered from run to run: a file whose size, times and inode did not change is not read again.
//!
//! The cache is a file of its own. Whoever can write it decides what is left out of snapshots, so it is used only if nobody but
//! its owner, who must be us, can; and only if its checksum holds. Its form is of no interest to others: a cache of another version
//! is no error, it is empty.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
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
const CHECKSUM: u64 = 32;
const MODE: u32 = 0o600;
/// How much is read at a time.
const PIECE: usize = 64 << 10;

/// What was remembered, read as paths are looked up: a machine has many files, and few have changed.
#[derive(Debug, Default)]
pub struct Cache {
    /// The entries not read yet.
    rest: Option<io::Take<BufReader<File>>>,
    /// The path of the entry that was read last.
    path: Vec<u8>,
    /// What that says, unless it was looked up.
    next: Option<(Stamp, Digest)>,
    /// Whether there was something that nobody looked up.
    has_more: bool,
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
    /// Opens what was stored at `path`; nothing when there is no such file.
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
        let mut magic = Vec::new();
        (&mut file).take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic != MAGIC {
            return Ok(Self::default());
        }
        let length = found.size().checked_sub(MAGIC.len() as u64 + CHECKSUM);
        let length = length.ok_or_else(|| unusable(path, "it is damaged"))?;
        if !is_whole(&mut file, length)? {
            return Err(unusable(path, "it is damaged"));
        }
        file.seek(SeekFrom::Start(MAGIC.len() as u64))?;
        let mut cache = Self { rest: Some(BufReader::new(file).take(length)), ..Self::default() };
        cache.advance();
        Ok(cache)
    }

    /// The digest of a file, if it is remembered and the file looks as it did then. Paths come in canonical order; what comes
    /// before one that was asked for is not found any more.
    pub fn find(&mut self, path: &Path, metadata: &Metadata) -> Option<Digest> {
        let wanted = path.as_os_str().as_bytes();
        while self.next.is_some() {
            match compare_paths(&self.path, wanted) {
                Ordering::Less => {
                    self.has_more = true;
                    self.advance();
                }
                Ordering::Equal => {
                    let (stamp, digest) = self.next.take()?;
                    self.advance();
                    return (stamp == Stamp::of(metadata)).then_some(digest);
                }
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// Whether there was nothing in it that was not asked for.
    pub fn is_used_up(&self) -> bool {
        !self.has_more && self.next.is_none()
    }

    /// Goes on to the next entry. One that cannot be read is as good as none: the file is read instead.
    fn advance(&mut self) {
        self.next = self.rest.as_mut().and_then(|rest| read_entry(rest, &mut self.path));
    }
}

/// Whether the checksum behind the entries holds.
fn is_whole(file: &mut File, length: u64) -> io::Result<bool> {
    let mut hasher = Sha256::new();
    hasher.update(MAGIC);
    let mut entries = (&mut *file).take(length);
    let mut buffer = vec![0; PIECE];
    loop {
        match entries.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let mut checksum = Vec::new();
    file.take(CHECKSUM).read_to_end(&mut checksum)?;
    Ok(hasher.finalize().as_slice() == checksum)
}

/// The next entry; its path replaces the one before it, with which it begins in the same way.
fn read_entry(rest: &mut impl Read, path: &mut Vec<u8>) -> Option<(Stamp, Digest)> {
    let common = usize::from(u16::from_le_bytes(array(rest)?));
    let added = u16::from_le_bytes(array(rest)?);
    path.truncate(common);
    rest.take(u64::from(added)).read_to_end(path).ok()?;
    let stamp = Stamp {
        inode: u64::from_le_bytes(array(rest)?),
        size: u64::from_le_bytes(array(rest)?),
        modified: timestamp(rest)?,
        changed: timestamp(rest)?,
    };
    let [length] = array(rest)?;
    let mut digest = [0; 32];
    let digest = digest.get_mut(..usize::from(length))?;
    rest.read_exact(digest).ok()?;
    Some((stamp, Digest::from_bytes(digest)?))
}

fn array<const N: usize>(rest: &mut impl Read) -> Option<[u8; N]> {
    let mut array = [0; N];
    rest.read_exact(&mut array).ok()?;
    Some(array)
}

fn timestamp(rest: &mut impl Read) -> Option<Timestamp> {
    let seconds = i64::from_le_bytes(array(rest)?);
    Some(Timestamp { seconds, nanoseconds: u32::from_le_bytes(array(rest)?) })
}

/// Writes what the next run will find.
#[derive(Debug)]
pub struct CacheWriter {
    file: BufWriter<PendingFile>,
    hasher: Sha256,
    entry: Vec<u8>,
    last: Vec<u8>,
}

impl CacheWriter {
    /// Begins the cache that will be at `path`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(PendingFile::create(path)?);
        let mut writer = Self { file, hasher: Sha256::new(), entry: MAGIC.to_vec(), last: Vec::new() };
        writer.put()?;
        Ok(writer)
    }

    /// Adds a file. Paths must come in canonical order.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, path: &Path, metadata: &Metadata, digest: &Digest) -> io::Result<()> {
        let path = path.as_os_str().as_bytes();
        let common = self.last.iter().zip(path).take_while(|(a, b)| a == b).count();
        let added = path.len() - common;
        // No path is so long; one that is will be read each time.
        let (Ok(common_field), Ok(added_field)) = (u16::try_from(common), u16::try_from(added)) else {
            return Ok(());
        };
        let entry = &mut self.entry;
        entry.extend_from_slice(&common_field.to_le_bytes());
        entry.extend_from_slice(&added_field.to_le_bytes());
        entry.extend_from_slice(&path[common..]);
        let Stamp { inode, size, modified, changed } = Stamp::of(metadata);
        entry.extend_from_slice(&inode.to_le_bytes());
        entry.extend_from_slice(&size.to_le_bytes());
        for time in [modified, changed] {
            entry.extend_from_slice(&time.seconds.to_le_bytes());
            entry.extend_from_slice(&time.nanoseconds.to_le_bytes());
        }
        let digest = digest.as_bytes();
        entry.push(u8::try_from(digest.len()).unwrap_or(0));
        entry.extend_from_slice(digest);
        self.last.truncate(common);
        self.last.extend_from_slice(&path[common..]);
        self.put()
    }

    /// Gives the cache its name, for us alone.
    ///
    /// # Errors
    /// When that fails; what was there before stays.
    pub fn finish(mut self) -> io::Result<()> {
        let checksum = self.hasher.finalize();
        self.file.write_all(&checksum)?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.publish(MODE, None)
    }

    fn put(&mut self) -> io::Result<()> {
        self.hasher.update(&self.entry);
        self.file.write_all(&self.entry)?;
        self.entry.clear();
        Ok(())
    }
}

fn unusable(path: &Path, why: &str) -> io::Error {
    io::Error::other(format!("{}: {why}", redcedar_system::escape::display(path)))
}
