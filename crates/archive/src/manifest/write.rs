//! Writing a manifest.

use std::io::{self, Write};

use super::wire::{BLOCKS_PER_LINE, BodyLine, HeaderLine};
use super::{Header, Line, Trailer};

/// Fast enough not to be felt, and within a few per cent of higher levels: half of a manifest is digests.
const LEVEL: i32 = 1;

/// Writes a manifest line by line. Without [`ManifestWriter::finish`] it stays incomplete, and readers say so.
pub struct ManifestWriter<W: Write> {
    compressor: zstd::stream::write::Encoder<'static, W>,
    buffer: Vec<u8>,
    lines: u64,
}

impl<W: Write> ManifestWriter<W> {
    /// Begins a manifest.
    ///
    /// # Errors
    /// When `output` cannot be written.
    pub fn create(output: W, header: &Header) -> io::Result<Self> {
        let mut compressor = zstd::stream::write::Encoder::new(output, LEVEL)?;
        compressor.include_checksum(true)?;
        let mut writer = Self { compressor, buffer: Vec::new(), lines: 0 };
        writer.json(&HeaderLine::from(header))?;
        Ok(writer)
    }

    /// Adds a path.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        self.lines += 1;
        match line {
            Line::Present(entry) => self.json(&BodyLine::present(entry)),
            Line::Gone(path) => self.json(&BodyLine::gone(path.as_os_str())),
        }
    }

    /// Ends the manifest and gives the output back. The number of lines is counted here; `trailer.lines` is ignored.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(mut self, trailer: Trailer) -> io::Result<W> {
        for blocks in trailer.blocks.chunks(BLOCKS_PER_LINE) {
            self.json(&BodyLine::blocks(blocks))?;
        }
        let trailer = Trailer { lines: self.lines, ..trailer };
        self.json(&BodyLine::end(&trailer))?;
        self.compressor.finish()
    }

    fn json(&mut self, line: &impl serde::Serialize) -> io::Result<()> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)?;
        self.buffer.push(b'\n');
        self.compressor.write_all(&self.buffer)
    }
}
