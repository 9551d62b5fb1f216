//! Extended attributes: ACLs, capabilities, and what users attach.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs;
use rustix::io::{Errno, Result};
use sha1::{Digest, Sha1};

/// The longest list of names, and the longest value, that Linux has.
const LONGEST: usize = 1 << 16;

/// What the kernel or the security policy makes by itself, and what is of no use on another machine.
const NOT_STORED: [&[u8]; 3] = [b"security.selinux", b"security.ima", b"security.evm"];

/// Names and values, by name.
pub type AttributeList = Vec<(Vec<u8>, Vec<u8>)>;

/// Whose attributes.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// Of an open file.
    Open(&'a File),
    /// Of what is at a path, a link itself.
    Path(&'a Path),
    /// Of what the link at a path leads to.
    Target(&'a Path),
}

/// Reads attributes, with buffers that are used again.
#[derive(Debug)]
pub struct Attributes {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Attributes {
    /// With buffers of the greatest size that can be needed.
    #[expect(clippy::new_without_default, reason = "buffers of this size are better asked for")]
    pub fn new() -> Self {
        Self { names: vec![0; LONGEST], value: vec![0; LONGEST] }
    }

    /// All attributes worth storing, by name.
    ///
    /// # Errors
    /// When they cannot be read; that they are not for us to read is no error.
    pub fn of(&mut self, place: Place<'_>) -> io::Result<AttributeList> {
        let length = match place.list(&mut self.names) {
            Ok(length) => length,
            // File systems without attributes, and attributes that are not for us to read.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::ACCESS) => {
                return Ok(AttributeList::new());
            }
            Err(error) => return Err(error.into()),
        };
        let mut list = AttributeList::new();
        for name in self.names[..length].split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            if NOT_STORED.contains(&name.to_bytes()) {
                continue;
            }
            match place.get(name, &mut self.value) {
                Ok(length) => list.push((name.to_bytes().to_owned(), self.value[..length].to_owned())),
                Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::PERM | Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        list.sort_unstable();
        Ok(list)
    }
}

impl Place<'_> {
    fn list(self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Open(file) => fs::flistxattr(file, buffer),
            Self::Path(path) => fs::llistxattr(path, buffer),
            Self::Target(path) => fs::listxattr(path, buffer),
        }
    }

    fn get(self, name: &CStr, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Open(file) => fs::fgetxattr(file, name, buffer),
            Self::Path(path) => fs::lgetxattr(path, name, buffer),
            Self::Target(path) => fs::getxattr(path, name, buffer),
        }
    }
}

/// The digest by which the extended attributes of a path (a link itself) are compared; none when it has none worth storing.
///
/// # Errors
/// When they cannot be read.
pub fn attributes_digest(path: &Path) -> io::Result<Option<[u8; 20]>> {
    Ok(digest(&Attributes::new().of(Place::Path(path))?))
}

pub(super) fn digest(list: &AttributeList) -> Option<[u8; 20]> {
    if list.is_empty() {
        return None;
    }
    let mut digest = Sha1::new();
    for part in list.iter().flat_map(|(name, value)| [name, value]) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    Some(digest.finalize().into())
}
