//! The content of a file, from the archive to the disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

use crate::object::{ObjectError, io_error};

/// How much is moved at a time.
const PIECE: usize = 256 * 1024;

/// The content of a file, as it comes out of an archive.
pub struct Content<'a> {
    /// The stored data: exactly what is there of it.
    pub data: &'a mut dyn Read,
    /// How many bytes `data` has.
    pub stored: u64,
    /// Where they belong, if the file is sparse.
    pub extents: Option<&'a [(u64, u64)]>,
    /// The size of the file.
    pub size: u64,
    /// How many bytes `data` should have.
    pub announced: u64,
}

impl Content<'_> {
    /// Writes the content to a new file and returns the file's size. A SHA-256, if there is one, is proven on the way.
    ///
    /// # Errors
    /// When it cannot be read or written, or is not what it should be.
    pub fn write_to(&mut self, file: &mut File, sha256: Option<&[u8; 32]>) -> Result<u64, ObjectError> {
        let mut sink = Sink { file: Some(file), hasher: sha256.map(|_| Sha256::new()), buffer: Vec::new() };
        self.pour(&mut sink)?;
        let digest = sink.hasher.map(Sha256::finalize);
        if self.extents.is_some() {
            file.set_len(self.size).map_err(io_error("cannot set its size"))?;
        }
        if self.stored < self.announced {
            return Err(ObjectError::Short { there: self.stored, size: self.size });
        }
        if digest.as_deref() != sha256.map(|sha256| &sha256[..]) {
            return Err(ObjectError::Digest);
        }
        Ok(self.size)
    }

    /// The SHA-256 of the content, holes included.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(&mut self) -> Result<[u8; 32], ObjectError> {
        let mut sink = Sink { file: None, hasher: Some(Sha256::new()), buffer: Vec::new() };
        self.pour(&mut sink)?;
        Ok(sink.hasher.map(Sha256::finalize).unwrap_or_default().into())
    }

    fn pour(&mut self, sink: &mut Sink<'_>) -> Result<(), ObjectError> {
        let Some(extents) = self.extents else { return sink.copy(self.data, self.stored) };
        let mut left = self.stored;
        let mut position = 0;
        for &(offset, length) in extents {
            sink.hole(offset - position)?;
            let length = length.min(left);
            sink.copy(self.data, length)?;
            left -= length;
            position = offset + length;
        }
        sink.hole(self.size.saturating_sub(position))
    }
}

/// Where content goes: to a file, through a digest, or both.
struct Sink<'a> {
    file: Option<&'a mut File>,
    hasher: Option<Sha256>,
    buffer: Vec<u8>,
}

impl Sink<'_> {
    /// Moves exactly `length` bytes.
    fn copy(&mut self, data: &mut dyn Read, length: u64) -> Result<(), ObjectError> {
        let mut left = length;
        while left > 0 {
            let piece = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
            self.buffer.resize(piece, 0);
            let read = match data.read(&mut self.buffer) {
                Ok(0) => {
                    let source =
                        io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends in the middle of it");
                    return Err(io_error("cannot read its content")(source));
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(io_error("cannot read its content")(error)),
            };
            if let Some(file) = &mut self.file {
                file.write_all(&self.buffer[..read]).map_err(io_error("cannot write it"))?;
            }
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&self.buffer[..read]);
            }
            left -= read as u64;
        }
        Ok(())
    }

    /// Leaves `length` bytes out.
    fn hole(&mut self, length: u64) -> Result<(), ObjectError> {
        if let Some(file) = &mut self.file {
            let distance =
                i64::try_from(length).map_err(io::Error::other).map_err(io_error("cannot write it"))?;
            file.seek(SeekFrom::Current(distance)).map_err(io_error("cannot write it"))?;
        }
        if let Some(hasher) = &mut self.hasher {
            self.buffer.clear();
            self.buffer.resize(PIECE, 0);
            let mut left = length;
            while left > 0 {
                let piece = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
                hasher.update(&self.buffer[..piece]);
                left -= piece as u64;
            }
        }
        Ok(())
    }
}
