//! Decompression: of a whole file as a stream, whoever made it, and of single blocks whose places are known.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Compression;

/// How much is read from a file at a time.
const BUFFER: usize = 256 * 1024;

/// Decompresses `input` from where it stands to its end: all members of a gzip file, all streams of a bzip2 file, all
/// frames of a zstd file.
///
/// Errors of the reader say near which compressed byte they arose. A file that ends in the middle of a member is
/// [`io::ErrorKind::UnexpectedEof`], other damage is [`io::ErrorKind::InvalidData`].
///
/// # Errors
/// When the decompressor cannot be set up.
pub fn stream(
    input: impl Read + Send + 'static,
    compression: Compression,
) -> io::Result<Box<dyn Read + Send>> {
    let consumed = Arc::new(AtomicU64::new(0));
    let input = BufReader::with_capacity(BUFFER, Counted { input, consumed: Arc::clone(&consumed) });
    let decoder: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
    };
    Ok(Box::new(Located { decoder, consumed }))
}

/// Counts what was read from the compressed file.
struct Counted<R> {
    input: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Adds to an error of the decoder how far it had read.
struct Located {
    decoder: Box<dyn Read + Send>,
    consumed: Arc<AtomicU64>,
}

impl Read for Located {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer).map_err(|error| {
            let offset = self.consumed.load(Ordering::Relaxed);
            if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted {
                error
            } else if error.kind() == io::ErrorKind::UnexpectedEof {
                truncated(offset)
            } else {
                damaged(offset, &error.to_string())
            }
        })
    }
}

/// Decompresses single blocks; keeps what the decompressors want to keep between them.
pub(crate) struct BlockDecoder {
    compression: Compression,
    gzip: libdeflater::Decompressor,
}

impl BlockDecoder {
    pub(crate) fn new(compression: Compression) -> Self {
        Self { compression, gzip: libdeflater::Decompressor::new() }
    }

    /// Decompresses the block `data`, which begins at byte `offset` of its file, into `output`, whose length is the
    /// length of the decompressed block.
    pub(crate) fn decode(&mut self, data: &[u8], offset: u64, output: &mut [u8]) -> io::Result<()> {
        match self.compression {
            Compression::None => {
                let same_length = data.len() == output.len();
                same_length.then(|| output.copy_from_slice(data)).ok_or_else(|| truncated(offset))
            }
            Compression::Gzip => {
                let written = self
                    .gzip
                    .gzip_decompress(data, output)
                    .map_err(|_| damaged(offset, "a gzip member is not intact"))?;
                complete(written == output.len(), offset)
            }
            Compression::Bzip2 => read_all(bzip2::bufread::MultiBzDecoder::new(data), offset, output),
            Compression::Zstd => {
                let written = zstd::bulk::decompress_to_buffer(data, output)
                    .map_err(|error| damaged(offset, &error.to_string()))?;
                complete(written == output.len(), offset)
            }
        }
    }
}

fn read_all(mut decoder: impl Read, offset: u64, output: &mut [u8]) -> io::Result<()> {
    decoder.read_exact(output).map_err(|error| damaged(offset, &error.to_string()))?;
    let more = decoder.read(&mut [0]).map_err(|error| damaged(offset, &error.to_string()))?;
    complete(more == 0, offset)
}

fn complete(complete: bool, offset: u64) -> io::Result<()> {
    complete.then_some(()).ok_or_else(|| damaged(offset, "the block has not the length it should have"))
}

fn truncated(offset: u64) -> io::Error {
    let text = format!("the file ends in the middle of its compressed data, after byte {offset}");
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

fn damaged(offset: u64, what: &str) -> io::Error {
    let text = format!("the compressed data near byte {offset} is damaged: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
