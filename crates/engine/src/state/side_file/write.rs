//! Writing a side file.

use std::io::{self, Write};

use redcedar_archive::packing::put_number;
use redcedar_system::fs::PendingFile;
use sha2::{Digest, Sha256};

use super::codec::{self, RecordRef};
use super::{Header, Known, MAGIC, PENDING, proof};

const BUFFER: usize = 256 * 1024;

/// Writes a side file, record by record in canonical order. [`SideFileWriter::finish`] gives the complete file back.
#[derive(Debug)]
pub struct SideFileWriter {
    file: PendingFile,
    hash: Sha256,
    buffer: Vec<u8>,
    record: Vec<u8>,
    previous: Vec<u8>,
}

impl SideFileWriter {
    /// Begins the content.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(mut file: PendingFile) -> io::Result<Self> {
        file.write_all(MAGIC)?;
        file.write_all(PENDING)?;
        let hash = Sha256::new();
        let buffer = Vec::with_capacity(BUFFER + 4096);
        Ok(Self { file, hash, buffer, record: Vec::new(), previous: Vec::new() })
    }

    /// Adds a path that is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn present(&mut self, path: &[u8], is_recent: bool, known: Known) -> io::Result<()> {
        self.put(&RecordRef { path, is_recent, known: Some(known) })
    }

    /// Adds a path that is gone, until that is known to be picked up.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn gone(&mut self, path: &[u8]) -> io::Result<()> {
        self.put(&RecordRef { path, is_recent: true, known: None })
    }

    fn put(&mut self, record: &RecordRef<'_>) -> io::Result<()> {
        self.record.clear();
        codec::encode(record, &self.previous, &mut self.record);
        put_number(&mut self.buffer, self.record.len() as u64);
        self.buffer.extend_from_slice(&self.record);
        self.previous.clear();
        self.previous.extend_from_slice(record.path);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hash.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Completes the content. The file is yet to be published.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, header: &Header) -> io::Result<PendingFile> {
        self.flush()?;
        let header = serde_json::to_vec(header)?;
        let length = u32::try_from(header.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the header is too long"))?
            .to_le_bytes();
        let records_hash: [u8; 32] = self.hash.finalize().into();
        for part in [&header[..], &records_hash, &length, &proof(&header, &records_hash, length)] {
            self.file.write_all(part)?;
        }
        Ok(self.file)
    }
}
