//! Writing a manifest.

use std::io::{self, Write};

use super::text::LineWriter;
use super::wire::{BLOCKS_PER_LINE, BodyLine, HeaderLine};
use super::{Header, Line, Trailer};

/// Writes a manifest line by line. Without [`ManifestWriter::finish`] it stays incomplete, and readers say so.
pub struct ManifestWriter<W: Write> {
    output: LineWriter<W>,
    lines: u64,
}

impl<W: Write> ManifestWriter<W> {
    /// Begins a manifest.
    ///
    /// # Errors
    /// When `output` cannot be written.
    pub fn create(output: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { output: LineWriter::new(output)?, lines: 0 };
        writer.output.line(&HeaderLine::from(header))?;
        Ok(writer)
    }

    /// Adds a path.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        self.lines += 1;
        match line {
            Line::Present(entry) => self.output.line(&BodyLine::present(entry)),
            Line::Gone(path) => self.output.line(&BodyLine::gone(path.as_os_str())),
        }
    }

    /// Ends the manifest and gives the output back. The number of lines is counted here; `trailer.lines` is ignored.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(mut self, trailer: Trailer) -> io::Result<W> {
        for blocks in trailer.blocks.chunks(BLOCKS_PER_LINE) {
            self.output.line(&BodyLine::blocks(blocks))?;
        }
        let trailer = Trailer { lines: self.lines, ..trailer };
        self.output.line(&BodyLine::end(&trailer))?;
        self.output.finish()
    }
}
