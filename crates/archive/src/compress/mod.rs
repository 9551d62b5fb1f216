//! Compression in independent blocks: any `zcat`, `bzcat` or `zstdcat` reads the whole, we read a part.

use std::ffi::OsStr;

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
