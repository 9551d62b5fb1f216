//! The uncompressed archive, read forward: all of it, or only the blocks that hold what is wanted.

use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::slice::from_ref;

use crate::Stored;
use crate::compress::blocks::{BlockReader, Decoded};
use crate::compress::{Compression, read};

pub use crate::compress::blocks::BlockIndex;
pub use crate::tar::read::{Damage, Event, Member, MemberKind, Members, ReadError, read_member};
pub use crate::tar::salvage::{Suspicion, find_swallowed, suspect};

/// How much is read from an uncompressed file at a time.
const BUFFER: usize = 256 * 1024;

/// Reads a whole archive. With an index, and where there is something to decompress, `threads` blocks are decompressed at
/// the same time, and a damaged block spoils only itself.
///
/// # Errors
/// When the file cannot be read or the decompressor cannot be set up.
pub fn sequential(
    file: impl Into<Stored>,
    compression: Compression,
    index: Option<&BlockIndex>,
    threads: usize,
) -> io::Result<ArchiveReader> {
    match index {
        Some(index) => ranges(file, compression, index, from_ref(&(0..u64::MAX)), threads),
        None if compression == Compression::None => Ok(ArchiveReader::uncompressed(file.into())),
        None => streamed(file.into(), compression),
    }
}

/// Reads a whole archive that can only be read forward.
///
/// # Errors
/// When the decompressor cannot be set up.
pub fn streamed(input: impl Read + Send + 'static, compression: Compression) -> io::Result<ArchiveReader> {
    Ok(ArchiveReader::new(Input::Stream(read::stream(input, compression)?)))
}

/// Reads from `offset` (in the uncompressed archive) on, without decompressing what precedes its block.
///
/// # Errors
/// When the file cannot be read, or ends before `offset`.
pub fn at(
    file: impl Into<Stored>,
    compression: Compression,
    index: &BlockIndex,
    offset: u64,
) -> io::Result<ArchiveReader> {
    let mut reader = ranges(file, compression, index, from_ref(&(offset..u64::MAX)), 1)?;
    reader.skip_to(offset)?;
    Ok(reader)
}

/// Reads only the blocks that hold `ranges` (of the uncompressed archive, ascending). In between,
/// [`ArchiveReader::skip_to`] has to be used.
///
/// # Errors
/// When the file cannot be read.
pub fn ranges(
    file: impl Into<Stored>,
    compression: Compression,
    index: &BlockIndex,
    ranges: &[Range<u64>],
    threads: usize,
) -> io::Result<ArchiveReader> {
    if compression == Compression::None {
        return Ok(ArchiveReader::uncompressed(file.into()));
    }
    let blocks = BlockReader::new(&file.into(), compression, index.covering(ranges), threads);
    let current = Decoded { plain: 0..0, content: Ok(Vec::new()) };
    Ok(ArchiveReader::new(Input::Blocks { blocks, current }))
}

/// See [`sequential`], [`at`] and [`ranges`].
pub struct ArchiveReader {
    input: Input,
    position: u64,
}

enum Input {
    File(BufReader<Stored>),
    Stream(Box<dyn Read + Send>),
    Blocks { blocks: BlockReader, current: Decoded },
}

impl ArchiveReader {
    fn new(input: Input) -> Self {
        Self { input, position: 0 }
    }

    fn uncompressed(file: Stored) -> Self {
        Self::new(Input::File(BufReader::with_capacity(BUFFER, file)))
    }

    /// How many bytes of the uncompressed archive precede what is read next.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes forward to `offset`.
    ///
    /// # Errors
    /// When `offset` lies behind, or what precedes it cannot be read. Damaged blocks that are skipped do no harm.
    pub fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        let distance = offset.checked_sub(self.position).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "an archive can only be read forward")
        })?;
        match &mut self.input {
            Input::File(file) => {
                let distance = i64::try_from(distance).map_err(|_| ends_early())?;
                file.seek_relative(distance)?;
            }
            Input::Stream(stream) => {
                if io::copy(&mut stream.take(distance), &mut io::sink())? < distance {
                    return Err(ends_early());
                }
            }
            Input::Blocks { .. } => {}
        }
        self.position = offset;
        Ok(())
    }
}

impl Read for ArchiveReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A decompressor takes an empty buffer for one that never gets empty.
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.input {
            Input::File(file) => file.read(buffer)?,
            Input::Stream(stream) => stream.read(buffer)?,
            Input::Blocks { blocks, current } => read_blocks(blocks, current, self.position, buffer)?,
        };
        self.position += read as u64;
        Ok(read)
    }
}

fn read_blocks(
    blocks: &mut BlockReader,
    current: &mut Decoded,
    position: u64,
    buffer: &mut [u8],
) -> io::Result<usize> {
    while current.plain.end <= position {
        let spare = std::mem::replace(&mut current.content, Ok(Vec::new())).unwrap_or_default();
        let Some(next) = blocks.next_block(spare) else { return Ok(0) };
        *current = next;
    }
    if position < current.plain.start {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this part of the archive was not asked for",
        ));
    }
    let content = current.content.as_ref().map_err(repeat)?;
    let start = usize::try_from(position - current.plain.start).expect("a block fits memory");
    let read = buffer.len().min(content.len() - start);
    buffer[..read].copy_from_slice(&content[start..start + read]);
    Ok(read)
}

/// The error of a block is told to everyone who asks for it.
fn repeat(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

fn ends_early() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the archive ends before the place where reading should begin",
    )
}
