//! Digests as package managers record them.

use std::fmt;
use std::io::{self, Write};

use redcedar_archive::digest::{from_hex, to_hex};
use sha2::Digest as _;

/// A digest of content, of the kind that a package manager has recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// MD5: dpkg, portage, old rpm.
    Md5([u8; 16]),
    /// SHA-1: apk.
    Sha1([u8; 20]),
    /// SHA-256: rpm, pacman.
    Sha256([u8; 32]),
}

impl Digest {
    /// The digest that hexadecimal text stands for, its kind told by its length; nothing when there is no such kind.
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        Self::from_bytes(&from_hex(text)?)
    }

    /// The digest with these bytes, its kind told by their number.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            16 => bytes.try_into().ok().map(Self::Md5),
            20 => bytes.try_into().ok().map(Self::Sha1),
            32 => bytes.try_into().ok().map(Self::Sha256),
            _ => None,
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Md5(bytes) => bytes,
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }
}

/// Computes a [`Digest`] of a kind.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Hasher {
    /// For a digest of the same kind as `digest`; nothing for MD5, of which [`redcedar_archive::md5`] computes many at a time.
    pub(crate) fn like(digest: &Digest) -> Option<Self> {
        match digest {
            Digest::Md5(_) => None,
            Digest::Sha1(_) => Some(Self::Sha1(sha1::Sha1::default())),
            Digest::Sha256(_) => Some(Self::Sha256(sha2::Sha256::default())),
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(data),
            Self::Sha256(hasher) => hasher.update(data),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha1(hasher) => Digest::Sha1(hasher.finalize().into()),
            Self::Sha256(hasher) => Digest::Sha256(hasher.finalize().into()),
        }
    }
}

impl Write for Hasher {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Kind and hexadecimal text: `md5:d41d8c…`.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Md5(_) => "md5",
            Self::Sha1(_) => "sha1",
            Self::Sha256(_) => "sha256",
        };
        write!(f, "{kind}:{}", to_hex(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_hexadecimal_text_tells_the_kind() {
        assert_eq!(Digest::from_hex(&b"0f".repeat(16)), Some(Digest::Md5([15; 16])));
        assert_eq!(Digest::from_hex(&b"0f".repeat(20)), Some(Digest::Sha1([15; 20])));
        assert_eq!(Digest::from_hex(&b"0F".repeat(32)), Some(Digest::Sha256([15; 32])));
        assert_eq!(Digest::from_hex(b""), None);
        assert_eq!(Digest::from_hex(&b"0f".repeat(17)), None);
        assert_eq!(Digest::Md5([1; 16]).to_string(), format!("md5:{}", "01".repeat(16)));
    }
}
