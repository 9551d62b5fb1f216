//! What backups of repositories and databases consist of: names, lists of refs, and how to see that a file is whole. Those who
//! write them and those who restore them share it.

pub mod snapshot;
pub mod sqlite;
pub mod svndump;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::Compression;

/// Puts a file name together from its parts.
fn joined(parts: &[&[u8]]) -> OsString {
    OsString::from_vec(parts.concat())
}

/// Takes the suffix of the compression off a name.
fn unpacked(name: &OsStr) -> (&[u8], Compression) {
    let (stem, compression) = Compression::of_file(name);
    (stem.as_bytes(), compression)
}

/// Reads digits, and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let is_plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_plain.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}
