//! The digests of a file's content, taken from the bytes that are stored.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The digests of what has been seen so far.
pub(super) struct Digests {
    sha256: Sha256,
    sha1: Option<Sha1>,
}

/// The digests of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digested {
    pub(super) sha256: [u8; 32],
    pub(super) sha1: Option<[u8; 20]>,
}

impl Digests {
    pub(super) fn new(sha1: bool) -> Self {
        Self { sha256: Sha256::new(), sha1: sha1.then(Sha1::new) }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
    }

    /// Takes in a hole.
    pub(super) fn update_zeros(&mut self, mut count: u64) {
        static ZEROS: [u8; 65_536] = [0; 65_536];
        while count > 0 {
            let now = count.min(ZEROS.len() as u64);
            self.update(&ZEROS[..usize::try_from(now).unwrap_or(ZEROS.len())]);
            count -= now;
        }
    }

    pub(super) fn finish(self) -> Digested {
        Digested { sha256: self.sha256.finalize().into(), sha1: self.sha1.map(|sha1| sha1.finalize().into()) }
    }
}
