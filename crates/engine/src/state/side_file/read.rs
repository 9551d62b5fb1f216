//! Reading a side file, and marking it as acknowledged.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};
use redcedar_archive::packing::Cursor;
use redcedar_archive::select::compare_paths;
use redcedar_system::escape;
use sha2::{Digest, Sha256};

use super::codec;
use crate::state::{open_no_follow, open_no_follow_with};

use super::{ACKNOWLEDGED, FOOTER_LENGTH, Header, MAGIC, PENDING, Record, SideFileError, proof};

const BUFFER: usize = 256 * 1024;
const RECORDS_START: u64 = (MAGIC.len() + PENDING.len()) as u64;
/// The length of a record is a number of at most this many bytes.
const LENGTH_BYTES: usize = 10;

/// Reads a side file, record by record.
#[derive(Debug)]
pub struct SideFileReader {
    path: PathBuf,
    file: File,
    header: Header,
    is_acknowledged: bool,
    records_hash: [u8; 32],
    hash: Sha256,
    /// Bytes of records that are still in the file.
    remaining: u64,
    buffer: Vec<u8>,
    position: usize,
    record: Record,
    previous: Vec<u8>,
}

impl SideFileReader {
    /// Opens a side file; nothing when there is none. A link is not followed.
    ///
    /// # Errors
    /// When it cannot be read, or is not complete.
    pub fn open(path: &Path) -> Result<Option<Self>, SideFileError> {
        let io = |source| SideFileError::Io { path: path.to_owned(), source };
        let damaged = |reason| SideFileError::Damaged { path: path.to_owned(), reason };
        let mut file = match open_no_follow(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let length = file.metadata().map_err(io)?.len();
        if length < RECORDS_START + FOOTER_LENGTH {
            return Err(damaged("it is too short"));
        }
        let is_acknowledged =
            read_start(&mut file).map_err(io)?.ok_or_else(|| damaged("it begins otherwise"))?;

        file.seek(SeekFrom::Start(length - FOOTER_LENGTH)).map_err(io)?;
        let (mut records_hash, mut header_length, mut expected) = ([0; 32], [0; 4], [0; 32]);
        for part in [&mut records_hash[..], &mut header_length, &mut expected] {
            file.read_exact(part).map_err(io)?;
        }
        let remaining = (length - RECORDS_START - FOOTER_LENGTH)
            .checked_sub(u64::from(u32::from_le_bytes(header_length)))
            .ok_or_else(|| damaged("its header is longer than the file"))?;
        file.seek(SeekFrom::Start(RECORDS_START + remaining)).map_err(io)?;
        let mut header = vec![0; u32::from_le_bytes(header_length) as usize];
        file.read_exact(&mut header).map_err(io)?;
        if proof(&header, &records_hash, header_length) != expected {
            return Err(damaged("the checksum of its header is wrong"));
        }
        let header = serde_json::from_slice(&header).map_err(|_| damaged("its header is not understood"))?;

        file.seek(SeekFrom::Start(RECORDS_START)).map_err(io)?;
        Ok(Some(Self {
            path: path.to_owned(),
            file,
            header,
            is_acknowledged,
            records_hash,
            hash: Sha256::new(),
            remaining,
            buffer: Vec::new(),
            position: 0,
            record: Record::default(),
            previous: Vec::new(),
        }))
    }

    /// What the file says about the item.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether what the run stored is known to be picked up.
    pub fn is_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    /// The next record; none after the last one, when the whole file has been proved.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn next_record(&mut self) -> Result<Option<&Record>, SideFileError> {
        self.fill(LENGTH_BYTES)?;
        if self.position == self.buffer.len() {
            return self.prove().map(|()| None);
        }
        let mut input = Cursor(&self.buffer[self.position..]);
        let length: usize = input.number().ok_or_else(|| self.damaged("a record has no length"))?;
        self.position = self.buffer.len() - input.0.len();
        self.fill(length)?;
        let end = self.position.checked_add(length).filter(|&end| end <= self.buffer.len());
        let end = end.ok_or_else(|| self.damaged("a record is longer than the file"))?;

        self.previous.clone_from(&self.record.path);
        codec::decode(&self.buffer[self.position..end], &mut self.record)
            .ok_or_else(|| self.damaged("a record is not understood"))?;
        self.position = end;
        if !compare_paths(&self.previous, &self.record.path).is_lt() {
            return Err(self.damaged("its paths are not in order"));
        }
        Ok(Some(&self.record))
    }

    /// Reads on until `wanted` bytes are at hand, or all that are left.
    fn fill(&mut self, wanted: usize) -> Result<(), SideFileError> {
        if self.buffer.len() - self.position >= wanted || self.remaining == 0 {
            return Ok(());
        }
        self.buffer.drain(..self.position);
        self.position = 0;
        let before = self.buffer.len();
        let more = self.remaining.min(wanted.max(BUFFER) as u64);
        let read = (&mut self.file).take(more).read_to_end(&mut self.buffer);
        let read = read.map_err(|source| SideFileError::Io { path: self.path.clone(), source })? as u64;
        if read < more {
            return Err(self.damaged("it became shorter"));
        }
        self.hash.update(&self.buffer[before..]);
        self.remaining -= read;
        Ok(())
    }

    fn prove(&mut self) -> Result<(), SideFileError> {
        let found: [u8; 32] = self.hash.clone().finalize().into();
        if found == self.records_hash {
            Ok(())
        } else {
            Err(self.damaged("the checksum of its records is wrong"))
        }
    }

    fn damaged(&self, reason: &'static str) -> SideFileError {
        SideFileError::Damaged { path: self.path.clone(), reason }
    }
}

/// Remembers that what a run wrote to `output_dir` was picked up: replaces eight bytes in place, which no checksum covers.
/// Files that are not side files, and those of other output directories, stay as they are. Says whether anything changed.
///
/// # Errors
/// When the file cannot be read or written.
pub fn acknowledge(path: &Path, output_dir: &Path) -> io::Result<bool> {
    let output_dir = escape::display(output_dir).to_string();
    match SideFileReader::open(path) {
        Ok(Some(reader)) if reader.header.output_dir == output_dir => {}
        // A damaged one will be reported when it is needed.
        Ok(_) | Err(SideFileError::Damaged { .. }) => return Ok(false),
        Err(SideFileError::Io { source, .. }) => return Err(source),
    }
    let mut file = open_no_follow_with(path, OpenOptions::new().read(true).write(true))?;
    // A second name of the file might be anywhere.
    if file.metadata()?.nlink() != 1 || read_start(&mut file)? != Some(false) {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(MAGIC.len() as u64))?;
    file.write_all(ACKNOWLEDGED)?;
    file.sync_data()?;
    Ok(true)
}

/// Reads what comes before the records: whether the file is acknowledged, or nothing when it is no side file.
fn read_start(file: &mut File) -> io::Result<Option<bool>> {
    let (mut magic, mut state) = ([0; MAGIC.len()], [0; PENDING.len()]);
    match file.read_exact(&mut magic).and_then(|()| file.read_exact(&mut state)) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    Ok(match &state {
        _ if &magic != MAGIC => None,
        PENDING => Some(false),
        ACKNOWLEDGED => Some(true),
        _ => None,
    })
}
