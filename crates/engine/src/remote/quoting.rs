//! Paths and words for those who take them apart again: a shell on the far side, the one of `su`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// A path with a backslash before each byte that means something to a shell or to a pattern.
pub(super) fn escaped(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in path.as_os_str().as_bytes() {
        if !is_plain(*byte) {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+,:=@%".contains(&byte) || byte >= 0x80
}

/// How a word of the string for `su` is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// The original writes this word with double quotes.
    Always,
    /// The original writes it bare.
    AsNeeded,
    /// The original knows no such word: a star means itself, too.
    Foreign,
}

/// A word of the string for `su`: as the original writes it where that works, else in single quotes.
pub(super) fn quoted(word: &OsStr, quotes: Quotes) -> OsString {
    let bytes = word.as_bytes();
    // The star is left to find nothing here and to reach the far side.
    let is_safe = |byte: &u8| is_plain(*byte) || (*byte == b'*' && quotes != Quotes::Foreign);
    match (!bytes.is_empty() && bytes.iter().all(is_safe), quotes) {
        (true, Quotes::AsNeeded | Quotes::Foreign) => word.to_owned(),
        (true, Quotes::Always) => OsString::from_vec([b"\"", bytes, b"\""].concat()),
        (false, _) => {
            let mut text = vec![b'\''];
            for byte in bytes {
                match byte {
                    b'\'' => text.extend_from_slice(br"'\''"),
                    other => text.push(*other),
                }
            }
            text.push(b'\'');
            OsString::from_vec(text)
        }
    }
}
