//! Bytes of tar archives, in the dialect of old GNU tar that the originals write.
//!
//! What is beyond that dialect is written only where a file needs it: sparse files as GNU tar's type `S`, extended
//! attributes as pax records.

mod decode;
pub(crate) mod header;
mod pax;
pub mod read;
pub mod salvage;
pub(crate) mod sparse;
pub mod stream;

/// Everything in an archive is a multiple of this.
pub const BLOCK: usize = 512;

/// The archive as a whole is a multiple of this.
pub(crate) const RECORD: usize = 20 * BLOCK;

/// A longer name or link target needs an extension header.
pub(crate) const LONGEST_NAME: usize = 100;

/// What begins the record of an extended attribute.
pub(crate) const ATTRIBUTE_PREFIX: &[u8] = b"SCHILY.xattr.";

/// How many zero bytes follow `length` bytes of content.
pub(crate) fn padding(length: u64) -> u64 {
    length.wrapping_neg() % BLOCK as u64
}

/// What the type byte of a header says.
pub(crate) mod flag {
    pub(crate) const FILE: u8 = b'0';
    pub(crate) const HARD_LINK: u8 = b'1';
    pub(crate) const SYMLINK: u8 = b'2';
    pub(crate) const CHARACTER: u8 = b'3';
    pub(crate) const BLOCK: u8 = b'4';
    pub(crate) const DIRECTORY: u8 = b'5';
    pub(crate) const FIFO: u8 = b'6';
    pub(crate) const LONG_LINK: u8 = b'K';
    pub(crate) const LONG_NAME: u8 = b'L';
    pub(crate) const SPARSE: u8 = b'S';
    pub(crate) const PAX: u8 = b'x';
}
