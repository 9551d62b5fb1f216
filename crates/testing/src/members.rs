//! What is in an archive, as the `tar` crate and plain decompressors see it: a second opinion about our own reader.

use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::path::Path;

/// A member of a tar archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, without a trailing slash.
    pub name: Vec<u8>,
    /// The type byte of its header.
    pub kind: u8,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Modification time in whole seconds.
    pub mtime: i64,
    /// Target of a link, symbolic or hard.
    pub link: Option<Vec<u8>>,
    /// Names of owner and group.
    pub names: (Vec<u8>, Vec<u8>),
    /// Size and SHA-256 of the content.
    pub content: (u64, [u8; 32]),
}

/// All members of the archive at `path`, in order. Its suffix says how it is compressed.
///
/// # Errors
/// When it cannot be read to its end.
pub fn read(path: &Path) -> io::Result<Vec<Member>> {
    let mut archive = tar::Archive::new(decompressed(path)?);
    let mut members = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        let header = entry.header();
        let mut name = entry.path_bytes().into_owned();
        if name.ends_with(b"/") {
            name.pop();
        }
        members.push(Member {
            name,
            kind: header.entry_type().as_byte(),
            mode: header.mode()? & 0o7777,
            uid: header.uid()?,
            gid: header.gid()?,
            // The crate reads it as unsigned: times before 1970 come as numbers near the end of the range.
            mtime: header.mtime()?.cast_signed(),
            link: entry.link_name_bytes().map(std::borrow::Cow::into_owned),
            names: (
                header.username_bytes().unwrap_or_default().to_vec(),
                header.groupname_bytes().unwrap_or_default().to_vec(),
            ),
            content: (content.len() as u64, Sha256::digest(&content).into()),
        });
    }
    Ok(members)
}

/// The bytes of the archive at `path` without their compression.
///
/// # Errors
/// When it cannot be opened.
pub fn decompressed(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = io::BufReader::new(fs_err::File::open(path)?);
    Ok(match path.extension().map(std::ffi::OsStr::as_encoded_bytes) {
        Some(b"gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some(b"bz2") => Box::new(bzip2::read::MultiBzDecoder::new(file)),
        Some(b"zst") => Box::new(zstd::Decoder::new(file)?),
        _ => Box::new(file),
    })
}
