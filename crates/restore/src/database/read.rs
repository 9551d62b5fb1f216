//! The text of a dump.

use std::io::{self, Read, Write};

use redcedar_archive::compress::read;
use redcedar_archive::dump::Watched;
use redcedar_system::{Interrupt, Interrupted, escape};

use super::StoredDump;
use crate::checksums::{self, digest_of};

/// How much is moved at a time.
const PIECE: usize = 256 * 1024;

/// Why a dump is not, or not wholly, there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[source] io::Error),
    /// It is not what was stored.
    #[error("the SHA-256 of {0} is not that of cback.sha256: it was changed or damaged since")]
    Changed(String),
    /// It can be read, and is only a part of one.
    #[error("it does not end as a complete dump does")]
    Incomplete,
    /// What was read cannot be written.
    #[error("{0}")]
    Write(#[source] io::Error),
    /// The run was asked to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl StoredDump {
    /// Its text.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        read::stream(self.file.open()?, self.compression)
    }

    /// Compares it, as it is stored, with `cback.sha256`, where that knows it.
    ///
    /// # Errors
    /// When it is something else, or cannot be read.
    pub fn check(&self, interrupt: &Interrupt) -> Result<(), ReadError> {
        let Some(list) = &self.checksums else { return Ok(()) };
        let listed = checksums::read(list)
            .map_err(|message| ReadError::Read(io::Error::other(format!("cback.sha256: {message}"))))?;
        for piece in self.file.pieces() {
            let name = piece.path.file_name().unwrap_or_default();
            let Some(expected) = listed.get(name) else { continue };
            if digest_of(piece.open(), interrupt)?.map_err(ReadError::Read)? != *expected {
                return Err(ReadError::Changed(escape::display(name).to_string()));
            }
        }
        Ok(())
    }

    /// Copies its text, and returns how long it is.
    ///
    /// # Errors
    /// When it cannot be read to its end, or that is not the end of a complete dump. What could be read was written then.
    pub fn copy(&self, target: &mut dyn Write, interrupt: &Interrupt) -> Result<u64, ReadError> {
        let mut text = self.open().map_err(ReadError::Read)?;
        let mut watched = Watched::new(target, &self.dump);
        let mut buffer = vec![0; PIECE];
        let mut length = 0;
        loop {
            interrupt.check()?;
            let count = match text.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ReadError::Read(self.file.error("cannot read", &error))),
            };
            watched.write_all(&buffer[..count]).map_err(ReadError::Write)?;
            length += count as u64;
        }
        if watched.is_complete() { Ok(length) } else { Err(ReadError::Incomplete) }
    }

    /// Reads it to its end, as [`StoredDump::copy`] does.
    ///
    /// # Errors
    /// When it is damaged or incomplete.
    pub fn prove(&self, interrupt: &Interrupt) -> Result<u64, ReadError> {
        self.copy(&mut io::sink(), interrupt)
    }
}
