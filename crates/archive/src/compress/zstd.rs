//! Blocks as zstd frames, each with its size and a checksum.

use std::io;

use zstd::bulk;

const LEVEL: i32 = 3;

/// Makes frames; keeps its tables from one to the next.
pub(super) struct Compressor(bulk::Compressor<'static>);

impl Compressor {
    pub(super) fn new() -> io::Result<Self> {
        let mut compressor = bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Self(compressor))
    }

    /// Puts `input` into `output` (which is empty) as one frame.
    pub(super) fn compress(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        output.reserve(::zstd::zstd_safe::compress_bound(input.len()));
        self.0.compress_to_buffer(input, output)?;
        Ok(())
    }
}
