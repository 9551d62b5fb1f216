//! Stored bytes that can be read at any place, by several threads at once: a file, or several that make up one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Reads at any place.
pub trait ReadAt: Send + Sync {
    /// Reads some of what is at `offset`; nothing at the end.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

impl ReadAt for Stored {
    /// Wherever it stands.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.bytes.read_at(buffer, offset)
    }
}

/// A place in stored bytes. A clone is a place of its own.
#[derive(Clone)]
pub struct Stored {
    bytes: Arc<dyn ReadAt>,
    position: u64,
}

impl Stored {
    /// The beginning of `bytes`.
    pub fn new(bytes: Arc<dyn ReadAt>) -> Self {
        Self { bytes, position: 0 }
    }

    /// Fills `buffer` with what is at `offset`.
    pub(crate) fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.bytes.read_at(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buffer = &mut buffer[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl From<File> for Stored {
    /// The beginning of the file, wherever it stands.
    fn from(file: File) -> Self {
        Self::new(Arc::new(file))
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Stored {
    /// Where the end is, is not known.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(_) => None,
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clone_is_a_place_of_its_own() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        let mut stored = Stored::from(file);
        let mut two = [0; 2];
        stored.read_exact(&mut two).unwrap();
        let mut other = stored.clone();
        other.seek(SeekFrom::Current(3)).unwrap();
        other.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"56");
        stored.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"23");
        stored.read_exact_at(&mut two, 8).unwrap();
        assert_eq!(&two, b"89");
        assert!(stored.read_exact_at(&mut two, 9).is_err());
        assert!(stored.seek(SeekFrom::Current(-5)).is_err());
    }
}
