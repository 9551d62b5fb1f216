//! Blocks as bzip2 streams of one block each.

use std::io::{self, Write};

use bzip2::Compression;
use bzip2::write::BzEncoder;

/// Appends `input` to `output` as one stream.
pub(super) fn compress(input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    let mut encoder = BzEncoder::new(output, Compression::best());
    encoder.write_all(input)?;
    encoder.finish()?;
    Ok(())
}
