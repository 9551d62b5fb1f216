//! Mail: which stored pieces make up a mailbox as of a day, and putting them together.
//!
//! A piece is `mbox-YYYYMMDD-NAME`: a mailbox, or what was new in it, or with `.tar` behind the name those of a whole
//! directory. Nothing in it says whether it is complete.

mod content;
mod find;
mod merge;
mod restore;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use jiff::civil::Date;
use redcedar_archive::Compression;

pub(crate) use content::prove;
pub use find::FindError;
pub(crate) use find::names;
pub use restore::{MailError, Report, Request, Restored, restore};

/// What the name of a piece says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PieceName {
    /// The day it was made.
    pub date: Date,
    /// The normalised name of what was configured, with `.tar` where it has that.
    pub name: OsString,
    /// How it is compressed.
    pub compression: Compression,
}

impl PieceName {
    /// Reads the name of a file; nothing when it is none of a piece.
    pub fn of_file(name: &OsStr) -> Option<Self> {
        let bytes = name.as_bytes().strip_prefix(b"mbox-")?;
        let (digits, bytes) = bytes.split_first_chunk::<8>()?;
        let bytes = bytes.strip_prefix(b"-")?;
        let number = |range: std::ops::Range<usize>| -> Option<i16> {
            let digits = &digits[range];
            let plain = digits.iter().all(u8::is_ascii_digit);
            plain.then(|| str::from_utf8(digits).ok()?.parse().ok())?
        };
        let (month, day) = (i8::try_from(number(4..6)?).ok()?, i8::try_from(number(6..8)?).ok()?);
        let date = Date::new(number(0..4)?, month, day).ok()?;
        let compressed = Compression::ALL.into_iter().filter(|compression| *compression != Compression::None);
        let packed = compressed.filter_map(|compression| {
            Some((bytes.strip_suffix(compression.suffix().as_bytes())?, compression))
        });
        let (name, compression) = packed.into_iter().next().unwrap_or((bytes, Compression::None));
        let name = OsStr::from_bytes(name).to_owned();
        (!name.is_empty()).then_some(Self { date, name, compression })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_piece_says_its_day_and_what_it_is_of() {
        for (file, name, compression) in [
            ("mbox-20261124-home-x", "home-x", Compression::None),
            ("mbox-20261124-home-x.tar", "home-x.tar", Compression::None),
            ("mbox-20261124-home-x.tar.bz2", "home-x.tar", Compression::Bzip2),
            ("mbox-20261124-x.gz.gz", "x.gz", Compression::Gzip),
        ] {
            let date = jiff::civil::date(2026, 11, 24);
            let expected = PieceName { date, name: name.into(), compression };
            assert_eq!(PieceName::of_file(OsStr::new(file)), Some(expected), "{file}");
        }
        for other in
            ["mbox-20261124", "mbox-20261124-", "mbox-20261324-x", "mbox-2026112-x", "mbox-+0261124-x", "x"]
        {
            assert_eq!(PieceName::of_file(OsStr::new(other)), None, "{other}");
        }
    }
}
