//! Lists of digests, as `sha256sum` writes them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;

use bstr::ByteSlice;
use redcedar_archive::digest;
use redcedar_system::{Interrupt, Interrupted};
use sha2::{Digest, Sha256};

use crate::source::StoredFile;

/// The digest of everything that can be read from `opened`.
pub(crate) fn digest_of(
    opened: io::Result<impl Read>,
    interrupt: &Interrupt,
) -> Result<io::Result<[u8; 32]>, Interrupted> {
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error)),
    };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        interrupt.check()?;
        match opened.read(&mut buffer) {
            Ok(0) => return Ok(Ok(hasher.finalize().into())),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Reads the lines of `sha256sum`.
pub(crate) fn read(file: &StoredFile) -> Result<HashMap<OsString, [u8; 32]>, String> {
    let mut text = Vec::new();
    let read = file.open().and_then(|mut opened| opened.read_to_end(&mut text));
    read.map_err(|error| file.error("cannot read", &error).to_string())?;
    let lines = text.lines().enumerate();
    lines
        .map(|(number, line)| {
            checksum_line(line).ok_or_else(|| format!("line {} cannot be understood", number + 1))
        })
        .collect()
}

/// `DIGEST  NAME`, `DIGEST *NAME`, or either with a backslash before it, where the name has escapes.
fn checksum_line(line: &[u8]) -> Option<(OsString, [u8; 32])> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (digest, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix(b"  ").or_else(|| name.strip_prefix(b" *"))?;
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    Some((OsString::from_vec(name), digest::from_hex_exact(digest)?))
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        plain.push(match (byte, (*byte == b'\\').then(|| bytes.next())) {
            (_, Some(Some(b'n'))) => b'\n',
            (_, Some(Some(b'r'))) => b'\r',
            (_, Some(Some(b'\\'))) => b'\\',
            (_, Some(_)) => return None,
            (byte, None) => *byte,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_lines_are_those_of_sha256sum() {
        let hex = "ab".repeat(32);
        let line = |text: String| checksum_line(text.as_bytes());
        assert_eq!(line(format!("{hex}  a b")), Some(("a b".into(), [0xab; 32])));
        assert_eq!(line(format!("{hex} *x")), Some(("x".into(), [0xab; 32])));
        assert_eq!(line(format!("\\{hex}  a\\nb\\\\")), Some(("a\nb\\".into(), [0xab; 32])));
        assert_eq!(line(format!("{hex} x")), None);
        assert_eq!(line("ab  x".to_owned()), None);
    }
}
