//! Copies of SQLite databases: their names, and whether one is whole.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::{joined, unpacked};
use crate::Compression;

const HEADER_LENGTH: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The file that holds the copy of a database: `sqlitedump-NAME.sqlite`, where `database` is its normalised path.
pub fn file_name(database: &OsStr, compression: Compression) -> OsString {
    joined(&[b"sqlitedump-", database.as_bytes(), b".sqlite", compression.suffix().as_bytes()])
}

/// The normalised path of the database whose copy a file is by its name.
pub fn parse(name: &OsStr) -> Option<(OsString, Compression)> {
    let (stem, compression) = unpacked(name);
    let database = stem.strip_prefix(b"sqlitedump-")?.strip_suffix(b".sqlite")?;
    (!database.is_empty()).then(|| (OsString::from_vec(database.to_vec()), compression))
}

/// Why a stream is no whole database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not begin as databases do.
    #[error("it is no SQLite database")]
    NoDatabase,
    /// Its length is not what its header says.
    #[error("it has {found} bytes instead of the {expected} that its header speaks of")]
    Length {
        /// What there is.
        found: u64,
        /// What there should be.
        expected: u64,
    },
}

/// Reads a database to its end, and finds whether it is as long as its header says.
///
/// # Errors
/// When it is not, or cannot be read.
pub fn check(database: &mut dyn Read) -> Result<(), DatabaseError> {
    let mut header = Vec::with_capacity(HEADER_LENGTH);
    database.take(HEADER_LENGTH as u64).read_to_end(&mut header)?;
    // A database that nobody has written anything to has no bytes at all.
    if header.is_empty() {
        return Ok(());
    }
    let header: &[u8; HEADER_LENGTH] = header.as_slice().try_into().map_err(|_| DatabaseError::NoDatabase)?;
    if !header.starts_with(MAGIC) {
        return Err(DatabaseError::NoDatabase);
    }
    let expected = length(header);
    let found = HEADER_LENGTH as u64 + io::copy(database, &mut io::sink())?;
    if found == expected { Ok(()) } else { Err(DatabaseError::Length { found, expected }) }
}

/// Pages times their size. The page size 65536 does not fit its field and is written as 1.
fn length(header: &[u8; HEADER_LENGTH]) -> u64 {
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65536,
        size => u64::from(size),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    u64::from(pages) * page_size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(pages: u32) -> Vec<u8> {
        let mut bytes = vec![0; pages as usize * 512];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..18].copy_from_slice(&512u16.to_be_bytes());
        bytes[28..32].copy_from_slice(&pages.to_be_bytes());
        bytes
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for compression in Compression::ALL {
            let name = file_name(OsStr::new("srv-app.db"), compression);
            assert_eq!(parse(&name), Some(("srv-app.db".into(), compression)));
        }
        assert_eq!(parse(OsStr::new("sqlitedump-.sqlite")), None);
        assert_eq!(parse(OsStr::new("sqlitedump-x.db")), None);
    }

    #[test]
    fn a_database_is_as_long_as_its_header_says() {
        let whole = database(3);
        assert!(check(&mut whole.as_slice()).is_ok());
        assert!(check(&mut [].as_slice()).is_ok());
        for cut in [&whole[..50], b"SQLite format 4".as_slice(), &[7; 512]] {
            assert!(matches!(check(&mut &*cut), Err(DatabaseError::NoDatabase)));
        }
        let error = check(&mut &whole[..1024]).unwrap_err();
        assert_eq!(error.to_string(), "it has 1024 bytes instead of the 1536 that its header speaks of");
    }
}
