//! What proves that bytes arrived as they left: a CRC that the server computes too, and the MD5 that most ETags are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm::Crc64Nvme;
use md5::{Digest as _, Md5};

/// The CRC-64/NVME of some bytes, and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crc {
    value: u64,
    length: u64,
}

impl Crc {
    /// Of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { value: crc_fast::checksum(Crc64Nvme, bytes), length: bytes.len() as u64 }
    }

    /// Of what `self` is of, followed by what `next` is of.
    #[must_use]
    pub fn followed_by(self, next: Self) -> Self {
        let length = self.length + next.length;
        let value = match (self.length, next.length) {
            (0, _) => next.value,
            (_, 0) => self.value,
            _ => crc_fast::checksum_combine(Crc64Nvme, self.value, next.value, next.length),
        };
        Self { value, length }
    }

    /// Of how many bytes.
    pub fn length(self) -> u64 {
        self.length
    }

    /// As S3 writes it.
    pub fn base64(self) -> String {
        STANDARD.encode(self.value.to_be_bytes())
    }
}

/// An MD5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Md5Sum([u8; 16]);

impl Md5Sum {
    /// Of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Md5::digest(bytes).into())
    }

    /// As the header `Content-MD5` has it.
    pub fn base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// As an ETag has it, without its quotes.
    pub fn hex(self) -> String {
        self.0.iter().fold(String::with_capacity(32), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// The MD5 that an ETag is, if it looks like one.
    pub fn from_etag(etag: &str) -> Option<Self> {
        let hex = unquoted(etag);
        if hex.len() != 32 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0; 16];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// A [`Crc`] of what comes piece by piece.
pub(crate) struct CrcDigester {
    crc: crc_fast::Digest,
    length: u64,
}

impl CrcDigester {
    pub(crate) fn new() -> Self {
        Self { crc: crc_fast::Digest::new(Crc64Nvme), length: 0 }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.length += bytes.len() as u64;
    }

    pub(crate) fn finish(&self) -> Crc {
        Crc { value: self.crc.finalize(), length: self.length }
    }
}

/// Computes both of what comes piece by piece.
pub(crate) struct Digester {
    crc: CrcDigester,
    /// The size of the parts that have an MD5 each.
    part_size: u64,
    /// How much of the current part is still to come.
    room: u64,
    md5: Md5,
    parts: Vec<Md5Sum>,
}

impl Digester {
    /// With an MD5 for each part of some size, or one of the whole.
    pub(crate) fn new(part_size: Option<u64>) -> Self {
        let part_size = part_size.unwrap_or(u64::MAX);
        Self { crc: CrcDigester::new(), part_size, room: part_size, md5: Md5::new(), parts: Vec::new() }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.crc.update(bytes);
        while !bytes.is_empty() {
            if self.room == 0 {
                self.end_part();
            }
            let some = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
            self.md5.update(&bytes[..some]);
            self.room -= some as u64;
            bytes = &bytes[some..];
        }
    }

    fn end_part(&mut self) {
        let md5 = std::mem::take(&mut self.md5);
        self.parts.push(Md5Sum(md5.finalize().into()));
        self.room = self.part_size;
    }

    pub(crate) fn finish(mut self) -> Fingerprint {
        self.end_part();
        Fingerprint { crc: self.crc.finish(), md5: self.parts }
    }
}

/// What identifies content.
pub(crate) struct Fingerprint {
    pub(crate) crc: Crc,
    /// Of the whole, or of each part.
    md5: Vec<Md5Sum>,
}

impl Fingerprint {
    /// Of what is not divided into parts.
    pub(crate) fn of_whole(crc: Crc, md5: [u8; 16]) -> Self {
        Self { crc, md5: vec![Md5Sum(md5)] }
    }

    /// Whether an ETag that is made of MD5s is that of this content, uploaded in these parts.
    pub(crate) fn has_etag(&self, etag: &str) -> bool {
        match &self.md5[..] {
            [md5] if !etag.contains('-') => md5.hex() == etag,
            parts => etag_of_parts(parts) == etag,
        }
    }
}

/// The ETag of an object that was uploaded in parts: the MD5 of their MD5s, and how many there are.
pub fn etag_of_parts(parts: &[Md5Sum]) -> String {
    let all: Vec<u8> = parts.iter().flat_map(|part| part.0).collect();
    format!("{}-{}", Md5Sum::of(&all).hex(), parts.len())
}

/// In how many parts an object was uploaded, by its ETag; one that was not has none.
pub fn parts_of_etag(etag: &str) -> Option<u64> {
    unquoted(etag).split_once('-').and_then(|(_, parts)| parts.parse().ok())
}

/// An ETag without the quotes around it.
pub fn unquoted(etag: &str) -> &str {
    etag.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_catalogues() {
        assert_eq!(Crc::of(b"123456789").value, 0xae8b_1486_0a79_9888);
        assert_eq!(Md5Sum::of(b"abc").hex(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(Md5Sum::from_etag("\"900150983cd24fb0d6963f7d28e17f72\""), Some(Md5Sum::of(b"abc")));
        for other in ["", "900150983cd24fb0d6963f7d28e17f72-2", "zz0150983cd24fb0d6963f7d28e17f72"] {
            assert_eq!(Md5Sum::from_etag(other), None, "{other}");
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (one, two) = (b"1234".as_slice(), b"56789".as_slice());
        assert_eq!(Crc::of(one).followed_by(Crc::of(two)), Crc::of(b"123456789"));
        assert_eq!(Crc::default().followed_by(Crc::of(two)), Crc::of(two));
        assert_eq!(Crc::of(two).followed_by(Crc::of(b"")), Crc::of(two));
        let etag = etag_of_parts(&[Md5Sum::of(one), Md5Sum::of(two)]);
        assert_eq!(parts_of_etag(&etag), Some(2));
        assert_eq!(parts_of_etag("900150983cd24fb0d6963f7d28e17f72"), None);
    }
}
