//! MD5 of eight files at a time (RFC 1321).
//!
//! Each step of MD5 waits for the one before, so a processor does little else than wait; with a file in each lane of a vector
//! it does four times as much. Debian records nothing but MD5, and so do most objects in buckets.

use std::io::{self, Read};

use wide::u32x8;

/// How many files are digested at a time.
const LANES: usize = 8;
const BLOCK: usize = 64;
/// How much is read of a file at a time. That of all lanes is to stay in the processor's cache.
const BUFFER: usize = 32 * 1024;
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// `floor(2^32 · |sin(i + 1)|)`.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// Something to be digested.
pub trait Source {
    /// Where its content comes from.
    fn content(&mut self) -> &mut impl Read;
}

/// Digests what `next` gives, until it gives no more, and hands each with its digest to `done`.
pub fn digest_all<S: Source>(
    mut next: impl FnMut() -> Option<S>,
    mut done: impl FnMut(S, io::Result<[u8; 16]>),
) {
    let mut lanes: [Option<Lane<S>>; LANES] = std::array::from_fn(|_| None);
    let mut state: [[u32; LANES]; 4] = START.map(|word| [word; LANES]);
    let mut buffers: [Vec<u8>; LANES] = std::array::from_fn(|_| vec![0; BUFFER + 2 * BLOCK]);
    loop {
        let mut blocks = usize::MAX;
        for (index, lane) in lanes.iter_mut().enumerate() {
            prepare(lane, &mut buffers[index], index, &mut state, &mut next, &mut done);
            if let Some(lane) = lane {
                blocks = blocks.min((lane.end - lane.start) / BLOCK);
            }
        }
        if lanes.iter().all(Option::is_none) {
            return;
        }
        let starts = std::array::from_fn(|index| lanes[index].as_ref().map_or(0, |lane| lane.start));
        run(&mut state, &buffers, starts, blocks);
        for lane in lanes.iter_mut().flatten() {
            lane.start += blocks * BLOCK;
        }
    }
}

/// A file being digested. Its lane of the state is valid while it is there.
struct Lane<S> {
    source: S,
    /// What is in the buffer and not digested yet.
    start: usize,
    end: usize,
    /// All bytes so far.
    length: u64,
    /// Everything is in the buffer, with what MD5 appends.
    is_complete: bool,
}

/// Sees to it that there is a block in a lane, with the next file if the last one is done.
fn prepare<S: Source>(
    lane: &mut Option<Lane<S>>,
    buffer: &mut [u8],
    index: usize,
    state: &mut [[u32; LANES]; 4],
    next: &mut impl FnMut() -> Option<S>,
    done: &mut impl FnMut(S, io::Result<[u8; 16]>),
) {
    loop {
        let mut current = match lane.take() {
            Some(current) => current,
            None => match next() {
                Some(source) => {
                    for (word, start) in state.iter_mut().zip(START) {
                        word[index] = start;
                    }
                    Lane { source, start: 0, end: 0, length: 0, is_complete: false }
                }
                None => return,
            },
        };
        if current.is_complete && current.start == current.end {
            let mut digest = [0; 16];
            for (bytes, word) in digest.chunks_exact_mut(4).zip(state.iter()) {
                bytes.copy_from_slice(&word[index].to_le_bytes());
            }
            done(current.source, Ok(digest));
            continue;
        }
        match current.fill(buffer) {
            Ok(()) => {
                *lane = Some(current);
                return;
            }
            Err(error) => done(current.source, Err(error)),
        }
    }
}

impl<S: Source> Lane<S> {
    /// Reads until there is a block.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        while !self.is_complete && self.end - self.start < BLOCK {
            buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            match self.source.content().read(&mut buffer[self.end..BUFFER]) {
                Ok(0) => self.complete(buffer),
                Ok(count) => {
                    self.end += count;
                    self.length += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Appends a one bit, zeros up to a whole number of blocks, and the length in bits at the end of the last.
    fn complete(&mut self, buffer: &mut [u8]) {
        let end = (self.end + 9).next_multiple_of(BLOCK);
        buffer[self.end..end].fill(0);
        buffer[self.end] = 0x80;
        buffer[end - 8..end].copy_from_slice(&self.length.wrapping_mul(8).to_le_bytes());
        self.end = end;
        self.is_complete = true;
    }
}

/// Digests some blocks of each buffer.
fn run(state: &mut [[u32; LANES]; 4], buffers: &[Vec<u8>; LANES], starts: [usize; LANES], blocks: usize) {
    let mut vectors = state.map(u32x8::new);
    for block in 0..blocks {
        let words: [u32x8; BLOCK / 4] = std::array::from_fn(|word| {
            u32x8::new(std::array::from_fn(|lane| {
                let place = starts[lane] + block * BLOCK + word * 4;
                let bytes = buffers[lane][place..].first_chunk().copied().unwrap_or_default();
                u32::from_le_bytes(bytes)
            }))
        });
        compress(&mut vectors, &words);
    }
    *state = vectors.map(u32x8::to_array);
}

fn compress(state: &mut [u32x8; 4], words: &[u32x8; 16]) {
    let after = round::<7, 12, 17, 22>(*state, &SINES[..16], |b, c, d| d ^ (b & (c ^ d)), |i| words[i]);
    let after = round::<5, 9, 14, 20>(
        after,
        &SINES[16..32],
        |b, c, d| c ^ (d & (b ^ c)),
        |i| words[(5 * i + 1) % 16],
    );
    let after =
        round::<4, 11, 16, 23>(after, &SINES[32..48], |b, c, d| b ^ c ^ d, |i| words[(3 * i + 5) % 16]);
    let after = round::<6, 10, 15, 21>(after, &SINES[48..], |b, c, d| c ^ (b | !d), |i| words[7 * i % 16]);
    for (word, after) in state.iter_mut().zip(after) {
        *word += after;
    }
}

/// Sixteen steps with one mixing function; they rotate by `S0` to `S3` bits in turn.
#[inline(always)]
#[expect(clippy::inline_always, reason = "for speed")]
fn round<const S0: u32, const S1: u32, const S2: u32, const S3: u32>(
    [mut a, mut b, mut c, mut d]: [u32x8; 4],
    sines: &[u32],
    mix: impl Fn(u32x8, u32x8, u32x8) -> u32x8,
    word: impl Fn(usize) -> u32x8,
) -> [u32x8; 4] {
    for i in (0..16).step_by(4) {
        a = b + rotate::<S0>(a + mix(b, c, d) + word(i) + u32x8::splat(sines[i]));
        d = a + rotate::<S1>(d + mix(a, b, c) + word(i + 1) + u32x8::splat(sines[i + 1]));
        c = d + rotate::<S2>(c + mix(d, a, b) + word(i + 2) + u32x8::splat(sines[i + 2]));
        b = c + rotate::<S3>(b + mix(c, d, a) + word(i + 3) + u32x8::splat(sines[i + 3]));
    }
    [a, b, c, d]
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "for speed")]
fn rotate<const BITS: u32>(x: u32x8) -> u32x8 {
    (x << BITS) | (x >> (32 - BITS))
}

#[cfg(test)]
mod tests {
    use md5::Digest;
    use proptest::prelude::*;

    use super::*;

    /// Gives a few bytes at a time, and perhaps fails.
    struct Bytes {
        number: usize,
        content: io::Cursor<Vec<u8>>,
        fails: bool,
    }

    impl Read for Bytes {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1000 + self.number);
            match self.content.read(&mut buffer[..length]) {
                Ok(0) if self.fails => Err(io::Error::other("broken")),
                read => read,
            }
        }
    }

    impl Source for Bytes {
        fn content(&mut self) -> &mut impl Read {
            self
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_file_gets_the_digest_that_it_has_alone(
            files in prop::collection::vec((0..6usize, 0..200usize, any::<u8>(), prop::bool::weighted(0.1)), 0..40)
        ) {
            // Lengths around those of blocks and buffers.
            let length = |(base, more): (usize, usize)| [0, 55, 64, 4_000, BUFFER - 100, 2 * BUFFER - 50][base] + more;
            let content = |&(base, more, byte, _): &(usize, usize, u8, bool)| {
                (0..length((base, more))).map(|i| byte.wrapping_add(i.to_le_bytes()[0]) ^ i.to_le_bytes()[1]).collect::<Vec<u8>>()
            };
            let mut sources = files.iter().enumerate().map(|(number, file)| {
                Bytes { number, content: io::Cursor::new(content(file)), fails: file.3 }
            });
            let mut digests = vec![None; files.len()];
            digest_all(|| sources.next(), |source, digest| {
                assert!(digests[source.number].replace(digest.ok()).is_none());
            });
            for (file, digest) in files.iter().zip(digests) {
                let expected = (!file.3).then(|| md5::Md5::digest(content(file)).into());
                prop_assert_eq!(digest, Some(expected));
            }
        }
    }
}
