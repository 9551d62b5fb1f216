//! Blocks as gzip members: what shrinks by libdeflate, what does not as it is.

use std::ffi::OsStr;
use std::io;

use libdeflater::CompressionLvl;

use super::shrinkable::Judge;

/// Of libdeflate. Level 5 takes 1.5 % less space and a sixth more time, higher ones more time for next to nothing.
const LEVEL: i32 = 4;

/// The unit in which data is told apart.
const GRANULE: usize = 1 << 16;

/// Longest stored block of RFC 1951.
const LONGEST_STORED: usize = 65_535;

const MAGIC_AND_DEFLATE: [u8; 3] = [0x1f, 0x8b, 8];
const FLAG_NAME: u8 = 8;
const NO_TIME: [u8; 4] = [0; 4];
const UNKNOWN_SYSTEM: u8 = 255;

/// Makes members; keeps its tables from one to the next.
pub(super) struct Compressor {
    deflate: libdeflater::Compressor,
    judge: Judge,
}

impl Compressor {
    pub(super) fn new() -> io::Result<Self> {
        let level = CompressionLvl::new(LEVEL).unwrap_or_default();
        Ok(Self { deflate: libdeflater::Compressor::new(level), judge: Judge::new()? })
    }

    /// Appends `input` to `output` as one member for each stretch of granules that shrink or do not shrink, and to `starts` where
    /// each begins: (in the output, in the input).
    pub(super) fn compress(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
        starts: &mut Vec<(usize, usize)>,
    ) -> io::Result<()> {
        if input.is_empty() {
            return self.deflate(input, output);
        }
        let verdicts =
            input.chunks(GRANULE).map(|granule| self.shrinks(granule)).collect::<io::Result<Vec<bool>>>()?;
        let mut rest = input;
        for alike in verdicts.chunk_by(|one, next| one == next) {
            let (stretch, after) = rest.split_at(rest.len().min(alike.len() * GRANULE));
            starts.push((output.len(), input.len() - rest.len()));
            if alike[0] {
                self.deflate(stretch, output)?;
            } else {
                store(stretch, output);
            }
            rest = after;
        }
        Ok(())
    }

    /// A piece shorter than a granule always goes through deflate, which stores it by itself if need be.
    fn shrinks(&mut self, granule: &[u8]) -> io::Result<bool> {
        Ok(granule.len() < GRANULE || self.judge.shrinks(granule)?)
    }

    fn deflate(&mut self, data: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let begin = output.len();
        output.resize(begin + self.deflate.gzip_compress_bound(data.len()), 0);
        let length = self.deflate.gzip_compress(data, &mut output[begin..]).map_err(io::Error::other)?;
        output.truncate(begin + length);
        Ok(())
    }
}

/// Appends `data` as a member of stored blocks.
fn store(data: &[u8], output: &mut Vec<u8>) {
    output.extend_from_slice(&MAGIC_AND_DEFLATE);
    output.push(0);
    output.extend_from_slice(&NO_TIME);
    output.extend_from_slice(&[0, UNKNOWN_SYSTEM]);
    let mut blocks = data.chunks(LONGEST_STORED).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        output.push(u8::from(blocks.peek().is_none()));
        output.extend_from_slice(&length.to_le_bytes());
        output.extend_from_slice(&(!length).to_le_bytes());
        output.extend_from_slice(block);
    }
    end_member(libdeflater::crc32(data), data.len(), output);
}

/// An empty member that carries the name of the archive without `.gz`, for `gunzip --name`. Nothing when the name is not
/// Latin-1, as RFC 1952 wants it.
pub(super) fn name_member(archive: &OsStr) -> Vec<u8> {
    let name = archive.to_str().map(|name| name.strip_suffix(".gz").unwrap_or(name));
    let latin1 =
        name.and_then(|name| name.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>());
    let Some(latin1) = latin1 else { return Vec::new() };
    let mut member = MAGIC_AND_DEFLATE.to_vec();
    member.push(FLAG_NAME);
    member.extend_from_slice(&NO_TIME);
    member.extend_from_slice(&[0, UNKNOWN_SYSTEM]);
    member.extend_from_slice(&latin1);
    // The end of the name, and an empty block with fixed codes that is the last.
    member.extend_from_slice(&[0, 3, 0]);
    end_member(0, 0, &mut member);
    member
}

#[expect(clippy::cast_possible_truncation, reason = "the field is the length modulo 2^32")]
fn end_member(crc: u32, length: usize, output: &mut Vec<u8>) {
    output.extend_from_slice(&crc.to_le_bytes());
    output.extend_from_slice(&(length as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::tests::noise;

    fn compressed(data: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        Compressor::new().unwrap().compress(data, &mut output, &mut Vec::new()).unwrap();
        output
    }

    /// Members by their first bytes; good enough here, where no content imitates them.
    fn members(output: &[u8]) -> usize {
        output.windows(4).filter(|window| *window == [0x1f, 0x8b, 8, 0]).count()
    }

    #[test]
    fn noise_is_stored_and_text_is_not() {
        let text = b"all work and no play makes jack a dull boy\n".repeat(7000);
        let mut data = text[..2 * GRANULE].to_vec();
        data.extend(noise(3 * GRANULE, 3));
        data.extend(&text[..GRANULE]);
        let output = compressed(&data);
        assert_eq!(members(&output), 3);
        assert!(output.len() > 3 * GRANULE && output.len() < 3 * GRANULE + GRANULE / 8, "{}", output.len());
        assert_eq!(members(&compressed(&text[..4 * GRANULE])), 1);
        assert_eq!(members(&compressed(&noise(16 * GRANULE, 3))), 1);
    }

    #[test]
    fn the_name_is_there_when_it_can_be() {
        assert_eq!(&name_member(OsStr::new("caf\u{e9}.tar.gz"))[10..18], b"caf\xe9.tar");
        assert!(name_member(OsStr::new("\u{20ac}.tar.gz")).is_empty());
    }
}
