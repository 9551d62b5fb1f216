//! Random numbers that are the same everywhere for the same seed.

/// A generator of numbers (SplitMix64). A test that fails prints its seed; the same seed gives the same tree again.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator for `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// An index into something of `len` elements, of which there must be one.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("an index below a usize is a usize")
    }

    /// One of `choices`.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())].clone()
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Bytes that do not compress.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.number().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }

    /// Words in lines, which compress about three or four to one.
    pub fn text(&mut self, len: usize) -> Vec<u8> {
        let mut text = Vec::with_capacity(len + 16);
        let mut column = 0;
        while text.len() < len {
            // The square makes some words common and most of them rare, as in a language.
            let word = self.below(64) * self.below(64);
            let start = text.len();
            push_word(&mut text, word);
            column += text.len() - start + 1;
            if column > 72 {
                text.push(b'\n');
                column = 0;
            } else {
                text.push(b' ');
            }
        }
        text.truncate(len);
        text
    }
}

fn push_word(text: &mut Vec<u8>, word: u64) {
    const SYLLABLES: [&str; 16] = [
        "ba", "ce", "do", "fun", "gra", "hel", "it", "ka", "lo", "men", "nor", "pre", "qui", "ter", "us",
        "ven",
    ];
    let mut rest = word * 2_654_435_761 % 65_536;
    for _ in 0..=(word % 4) {
        text.extend_from_slice(SYLLABLES[(rest % 16) as usize].as_bytes());
        rest /= 16;
    }
}
