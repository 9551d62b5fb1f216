//! What all days of an item say about all paths, kept from one `find` to the next. It can be made anew at any time: one that is
//! missing, damaged or of other files is as good as none.
//!
//! One file for each item of each machine of a source: what tells the stored files apart that it was made of, and for each
//! path what they say of it. Compressed by zstd, whose checksum finds damage.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use redcedar_archive::packing::{Cursor, put_bytes, put_number};
use redcedar_system::fs::write_atomically;
use sha2::{Digest, Sha256};

use super::code::{entry, put_entry};
use super::history::Event;
use crate::source::StoredItem;

const MAGIC: &[u8] = b"redcedar find 1\n";
/// What is backed up is nobody else's business.
const MODE: u32 = 0o600;
const LEVEL: i32 = 3;

// What a day says of a path; the lowest bits of a byte.
const GONE: u8 = 0;
const NEW: u8 = 1;
const SAME: u8 = 2;
const STORED: u8 = 4;

/// A directory with indexes.
#[derive(Debug)]
pub struct Index(PathBuf);

/// A file of an index, decompressed.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The days it was made of, oldest first.
    pub(super) days: Vec<Day>,
    /// Paths, and what is said of them.
    body: Vec<u8>,
}

/// What a day of an item is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    /// Of everything that tells its files from others.
    pub(super) identity: [u8; 32],
    /// Whether what it does not mention was not there.
    pub(super) is_full: bool,
}

/// All paths, and what days, by their numbers, say of them.
pub(super) type Paths = BTreeMap<PathBuf, Vec<(usize, Event)>>;

impl Index {
    /// The indexes in `directory`, which need not be there yet.
    pub fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// The name of the file for an item of a machine; `roots` are the places of the source.
    pub(super) fn file(&self, roots: &[PathBuf], peer: &OsStr, item: &OsStr) -> PathBuf {
        let mut hasher = Sha256::new();
        for part in roots.iter().map(|root| root.as_os_str()).chain([peer, item]) {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut name = String::new();
        for byte in &hasher.finalize()[..16] {
            let _infallible = write!(name, "{byte:02x}");
        }
        self.0.join(name)
    }

    /// What a file of it holds; nothing if it is not there or not whole.
    pub(super) fn read(file: &Path) -> Option<Table> {
        let content = zstd::decode_all(&*fs_err::read(file).ok()?).ok()?;
        let mut cursor = Cursor(content.strip_prefix(MAGIC)?);
        let mut days = Vec::new();
        for _ in 0..cursor.number::<u64>()? {
            days.push(Day { identity: cursor.array()?, is_full: cursor.byte()? == 1 });
        }
        Some(Table { days, body: cursor.0.to_vec() })
    }

    /// Keeps a table in a file of it.
    pub(super) fn write(&self, file: &Path, table: &Table) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let mut content = MAGIC.to_vec();
        put_number(&mut content, table.days.len() as u64);
        for day in &table.days {
            content.extend_from_slice(&day.identity);
            content.push(day.is_full.into());
        }
        let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        io::Write::write_all(&mut encoder, &content)?;
        io::Write::write_all(&mut encoder, &table.body)?;
        write_atomically(file, &encoder.finish()?, MODE, None)
    }
}

impl Table {
    pub(super) fn new(days: Vec<Day>, paths: &Paths) -> Self {
        let mut body = Vec::new();
        let mut before: &[u8] = &[];
        for (path, events) in paths {
            let path = path.as_os_str().as_bytes();
            let shared = path.iter().zip(before).take_while(|(a, b)| a == b).count();
            put_number(&mut body, shared as u64);
            put_bytes(&mut body, &path[shared..]);
            put_bytes(&mut body, &encode(events));
            before = path;
        }
        Self { days, body }
    }

    /// Calls `visit` with each path that is wanted and what is said of it, oldest first. None when something cannot be understood.
    pub(super) fn visit(
        &self,
        mut is_wanted: impl FnMut(&Path) -> bool,
        mut visit: impl FnMut(PathBuf, Vec<(usize, Event)>),
    ) -> Option<()> {
        let mut cursor = Cursor(&self.body);
        let mut path: Vec<u8> = Vec::new();
        while !cursor.0.is_empty() {
            let shared: usize = cursor.number()?;
            if shared > path.len() {
                return None;
            }
            path.truncate(shared);
            path.extend_from_slice(cursor.bytes()?);
            let events = cursor.bytes()?;
            if is_wanted(Path::new(OsStr::from_bytes(&path))) {
                visit(OsString::from_vec(path.clone()).into(), decode(events, self.days.len())?);
            }
        }
        Some(())
    }

    /// What it says of all paths, for days that are still there, under the numbers that they have now.
    pub(super) fn into_paths(self, numbers: &HashMap<[u8; 32], usize>) -> Option<Paths> {
        let mut paths = Paths::new();
        let renumber = |(day, event): (usize, Event)| {
            numbers.get(&self.days.get(day)?.identity).map(|number| (*number, event))
        };
        self.visit(
            |_| true,
            |path, events| {
                let events: Vec<_> = events.into_iter().filter_map(renumber).collect();
                if !events.is_empty() {
                    paths.insert(path, events);
                }
            },
        )?;
        Some(paths)
    }
}

fn encode(events: &[(usize, Event)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut day_before, mut entry_before) = (0, None);
    for (day, event) in events {
        put_number(&mut bytes, (day - day_before) as u64);
        day_before = *day;
        match event {
            Event::Gone => bytes.push(GONE),
            Event::Present { entry, is_stored } => {
                let stored = if *is_stored { STORED } else { 0 };
                if entry_before == Some(entry) {
                    bytes.push(SAME | stored);
                } else {
                    bytes.push(NEW | stored);
                    put_entry(&mut bytes, entry);
                    entry_before = Some(entry);
                }
            }
        }
    }
    bytes
}

fn decode(bytes: &[u8], days: usize) -> Option<Vec<(usize, Event)>> {
    let mut cursor = Cursor(bytes);
    let mut events = Vec::new();
    let (mut day, mut entry_before) = (0_usize, None);
    while !cursor.0.is_empty() {
        day = day.checked_add(cursor.number()?).filter(|day| *day < days)?;
        let what = cursor.byte()?;
        let is_stored = what & STORED != 0;
        let event = match what & !STORED {
            GONE => Event::Gone,
            NEW => {
                let entry = Box::new(entry(&mut cursor)?);
                entry_before = Some(entry.clone());
                Event::Present { entry, is_stored }
            }
            SAME => Event::Present { entry: entry_before.clone()?, is_stored },
            _ => return None,
        };
        events.push((day, event));
    }
    Some(events)
}

/// What tells the files of a day of an item from all others.
pub(super) fn identity(item: &StoredItem) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let files = item.archive.iter().map(|(file, _)| file).chain(&item.manifest);
    for piece in files.flat_map(|file| file.pieces()) {
        let path = piece.path.as_os_str().as_bytes();
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path);
        for number in [piece.size, piece.stamp] {
            hasher.update(number.to_le_bytes());
        }
        for number in [piece.modified.0, piece.modified.1] {
            hasher.update(number.to_le_bytes());
        }
    }
    hasher.finalize().into()
}
