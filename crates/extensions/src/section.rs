//! Values that mean the same in the sections of several extensions.

use std::fmt;

use redcedar_archive::Compression;

/// What is no compression mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoCompression;

impl fmt::Display for NoCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be `none`, `gzip`, `bzip2` or (ours) `zstd`")
    }
}

/// A `compress_mode`. The originals refuse `zstd`.
pub(crate) fn compression(text: &str) -> Result<Compression, NoCompression> {
    match text {
        "none" => Ok(Compression::None),
        "gzip" => Ok(Compression::Gzip),
        "bzip2" => Ok(Compression::Bzip2),
        "zstd" => Ok(Compression::Zstd),
        _ => Err(NoCompression),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_modes_are_words_without_blanks() {
        assert_eq!(compression("gzip"), Ok(Compression::Gzip));
        for wrong in ["", "GZIP", " gzip ", "xz"] {
            assert_eq!(compression(wrong), Err(NoCompression), "{wrong}");
        }
    }
}
