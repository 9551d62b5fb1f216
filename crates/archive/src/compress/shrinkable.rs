//! Whether compressing a piece of data is worth the time.

use std::io;

use zstd::bulk;

/// Bits a byte. Data that is compressed or encrypted already has more, text and programs have far less.
const ENTROPY_WORTH_A_SECOND_LOOK: f32 = 7.9;

/// A sample below this, which even a small one of noise never is, settles the matter: counting all of a text would take as
/// long as a twentieth of its compression.
const ENTROPY_OF_PLAIN_DATA: f32 = 7.0;
const SAMPLES: usize = 8;
const SAMPLE: usize = 512;

/// Tells data that shrinks from data that does not. Photos, films and archives are most of many trees, and deflate takes
/// longest where it gains nothing.
pub(super) struct Judge {
    compressor: bulk::Compressor<'static>,
    scratch: Vec<u8>,
}

impl Judge {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { compressor: bulk::Compressor::new(1)?, scratch: Vec::new() })
    }

    /// Whether `data` (some ten kilobytes or more) shrinks. Few different bytes decide at once; otherwise there may still be
    /// repetitions, which a fast compressor finds.
    pub(super) fn shrinks(&mut self, data: &[u8]) -> io::Result<bool> {
        if sampled_entropy(data) < ENTROPY_OF_PLAIN_DATA || entropy(data) < ENTROPY_WORTH_A_SECOND_LOOK {
            return Ok(true);
        }
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(data.len()));
        Ok(self.compressor.compress_to_buffer(data, &mut self.scratch)? < data.len())
    }
}

/// The entropy of pieces taken evenly from all over `data`.
fn sampled_entropy(data: &[u8]) -> f32 {
    let mut sample = Vec::with_capacity(SAMPLES * SAMPLE);
    for piece in data.chunks(data.len().div_ceil(SAMPLES).max(1)) {
        sample.extend_from_slice(&piece[..piece.len().min(SAMPLE)]);
    }
    entropy(&sample)
}

/// Entropy of single bytes, in bits a byte.
#[expect(clippy::cast_precision_loss, reason = "counts of some ten thousand are exact")]
fn entropy(data: &[u8]) -> f32 {
    // Four tables: equal neighbours then need not wait for one another's count.
    let mut counts = [[0_u32; 256]; 4];
    let (chunks, rest) = data.as_chunks::<4>();
    for chunk in chunks {
        for (table, byte) in counts.iter_mut().zip(chunk) {
            table[usize::from(*byte)] += 1;
        }
    }
    for byte in rest {
        counts[0][usize::from(*byte)] += 1;
    }
    let total = data.len() as f32;
    let count = |byte: usize| counts.iter().map(|table| table[byte]).sum::<u32>();
    (0..256)
        .map(count)
        .filter(|count| *count > 0)
        .map(|count| {
            let share = count as f32 / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compress::tests::noise;

    #[test]
    fn noise_does_not_shrink_and_the_rest_does() {
        let mut judge = Judge::new().unwrap();
        let noise = noise(65_536, 1);
        assert!(!judge.shrinks(&noise).unwrap());
        assert!(judge.shrinks(&vec![0; 65_536]).unwrap());
        let text: Vec<u8> = noise.iter().map(|byte| b'a' + byte % 26).collect();
        assert!(judge.shrinks(&text).unwrap());
        // All bytes equally often, but the same again and again.
        assert!(judge.shrinks(&noise[..8192].repeat(8)).unwrap());
    }

    #[test]
    fn entropy_is_in_bits() {
        assert!(entropy(&[7; 1000]).abs() < 1e-6);
        assert!((entropy(&(0..=255).collect::<Vec<u8>>()) - 8.0).abs() < 1e-4);
        assert!((entropy(&[0, 1].repeat(501)) - 1.0).abs() < 1e-4);
    }
}
