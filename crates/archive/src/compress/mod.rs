//! Compression in independent blocks: any `zcat`, `bzcat` or `zstdcat` reads the whole, we read a part.

pub(crate) mod blocks;
mod bzip2;
mod gzip;
mod output;
pub mod read;
mod shrinkable;
mod write;
mod zstd;

use std::ffi::OsStr;

pub(crate) use write::BlockWriter;

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// Members of RFC 1952.
    Gzip,
    /// bzip2 streams.
    Bzip2,
    /// Frames of RFC 8878.
    Zstd,
}

impl Compression {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::None, Self::Gzip, Self::Bzip2, Self::Zstd];

    /// What follows `.tar` in the name of an archive.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Bzip2 => ".bz2",
            Self::Zstd => ".zst",
        }
    }

    /// How many bytes of the uncompressed archive go into one block. A block is one or several members, one stream or one
    /// frame; reading can begin at each.
    pub const fn block_size(self) -> usize {
        match self {
            Self::None | Self::Gzip => 1 << 20,
            // What one block of bzip2 at level 9 holds; one byte more would begin a second, nearly empty one.
            Self::Bzip2 => 900_000 - 19,
            Self::Zstd => 4 << 20,
        }
    }

    /// Splits `NAME[.SUFFIX]` into `NAME` and the compression.
    pub fn of_file(name: &OsStr) -> (&OsStr, Self) {
        use std::os::unix::ffi::OsStrExt;
        let compressed = [Self::Gzip, Self::Bzip2, Self::Zstd].into_iter().find_map(|compression| {
            let stem = name.as_bytes().strip_suffix(compression.suffix().as_bytes())?;
            Some((OsStr::from_bytes(stem), compression))
        });
        compressed.unwrap_or((name, Self::None))
    }

    /// Splits `NAME.tar[.SUFFIX]` into `NAME` and the compression; nothing for other names.
    pub fn of_archive(name: &OsStr) -> Option<(&OsStr, Self)> {
        use std::os::unix::ffi::OsStrExt;
        let bytes = name.as_bytes();
        Self::ALL.into_iter().find_map(|compression| {
            let stem = bytes.strip_suffix(compression.suffix().as_bytes())?.strip_suffix(b".tar")?;
            Some((OsStr::from_bytes(stem), compression))
        })
    }
}

#[cfg(test)]
mod tests;
