//! A stream that is no archive, compressed on all cores: dumps.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};

use crate::compress::BlockWriter;
use crate::{ArchiveError, Compression};

/// Compresses what is written to it into a file, in blocks that any `zcat`, `bzcat` or `zstdcat` reads as one. Without
/// [`PackedWriter::finish`] the file stays incomplete.
pub struct PackedWriter(BlockWriter);

/// What came of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Bytes that were written to it.
    pub uncompressed_size: u64,
}

impl PackedWriter {
    /// Writes to `file`, which is empty, compressed by `threads` threads. `name` is the final name of the file, which gzip
    /// can carry.
    pub fn new(file: File, compression: Compression, threads: usize, name: Option<&OsStr>) -> Self {
        Self(BlockWriter::new(file, compression, threads, name))
    }

    /// Writes what is left. The file is not synchronised.
    ///
    /// # Errors
    /// When it cannot be compressed or written.
    pub fn finish(mut self) -> Result<Packed, ArchiveError> {
        if self.0.position() == 0 {
            // Even nothing must be something that a decompressor accepts.
            self.0.write_empty_block()?;
        }
        let written = self.0.finish()?;
        Ok(Packed {
            size: written.size,
            sha256: written.sha256,
            uncompressed_size: written.uncompressed_size,
        })
    }
}

impl Write for PackedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(io_error)?;
        Ok(bytes.len())
    }

    /// Does nothing: blocks are cut by size.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same, so that a full disk is still known as one.
fn io_error(error: ArchiveError) -> io::Error {
    let kind = match &error {
        ArchiveError::Write(source) | ArchiveError::Compress(source) => source.kind(),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    use crate::compress::read;

    #[test]
    fn what_is_written_is_read_back_and_nothing_is_something() {
        for compression in Compression::ALL {
            for content in [Vec::new(), b"-- Dump completed\n".to_vec(), vec![7; 3_000_000]] {
                let file = tempfile::tempfile().unwrap();
                let mut writer = PackedWriter::new(file.try_clone().unwrap(), compression, 2, None);
                writer.write_all(&content).unwrap();
                let packed = writer.finish().unwrap();
                assert_eq!(packed.uncompressed_size, content.len() as u64);
                assert_eq!(packed.size, file.metadata().unwrap().len());
                let mut back = Vec::new();
                io::Seek::rewind(&mut &file).unwrap();
                read::stream(file, compression).unwrap().read_to_end(&mut back).unwrap();
                assert!(back == content, "{compression:?} {}", content.len());
            }
        }
    }

    #[test]
    fn a_full_disk_is_told_as_one() {
        let full = fs_err::OpenOptions::new().write(true).open("/dev/full").unwrap().into_parts().0;
        let mut writer = PackedWriter::new(full, Compression::None, 1, None);
        let error = (0..100).find_map(|_| writer.write_all(&vec![1; 1 << 20]).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
