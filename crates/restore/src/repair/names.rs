//! Which files recovery data is about: whoever made it could have named any file of the machine that repairs.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use bstr::ByteSlice;

/// The type of a packet that describes a file; 48 bytes of header precede it, 56 bytes of digests and length follow it, then the
/// name, filled up with zeros.
const DESCRIPTION: &[u8] = b"PAR 2.0\0FileDesc";
const BEFORE: usize = 48;
const TO_NAME: usize = DESCRIPTION.len() + 56;
/// Where the length of a packet is in its header.
const LENGTH: std::ops::Range<usize> = 8..16;
/// No name is longer.
const LONGEST: usize = 1 << 16;
const CHUNK: usize = 1 << 20;

/// The first name that leads out of the directory of the day. All bytes are looked at, as `par2` does where packets are damaged.
pub(super) fn outside(recovery: &mut impl Read) -> io::Result<Option<PathBuf>> {
    let mut buffer = Vec::new();
    loop {
        let read = recovery.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)?;
        if let Some(name) = names(&buffer).find(|name| leads_outside(name)) {
            return Ok(Some(name.to_owned()));
        }
        if read == 0 {
            return Ok(None);
        }
        // What began here may end in the next chunk.
        let keep = BEFORE + TO_NAME + LONGEST;
        buffer.drain(..buffer.len().saturating_sub(keep));
    }
}

fn names(bytes: &[u8]) -> impl Iterator<Item = &Path> {
    bytes.find_iter(DESCRIPTION).filter_map(|at| {
        let header = bytes.get(at.checked_sub(BEFORE)?..at)?;
        let length = u64::from_le_bytes(header.get(LENGTH)?.try_into().ok()?);
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(BEFORE + TO_NAME + LONGEST);
        let end = (at - BEFORE).saturating_add(length).min(bytes.len());
        let name = bytes.get(at + TO_NAME..end)?;
        Some(Path::new(OsStr::from_bytes(name.split_str("\0").next()?)))
    })
}

fn leads_outside(name: &Path) -> bool {
    name.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(name: &str) -> Vec<u8> {
        let name = [name.as_bytes(), &[0; 3]].concat();
        let length = (BEFORE + TO_NAME + name.len()) as u64;
        [&b"PAR2\0PKT"[..], &length.to_le_bytes(), &[1; 32], DESCRIPTION, &[2; 56], &name].concat()
    }

    #[test]
    fn names_that_lead_outside_are_found_wherever_they_are() {
        let found = |bytes: &[u8]| outside(&mut &*bytes).unwrap();
        assert_eq!(found(&packet("web/etc.tar")), None);
        for bad in ["../x", "/etc/passwd", "web/../../x"] {
            assert_eq!(found(&packet(bad)), Some(bad.into()));
            // Across the border of two chunks, and behind something else.
            for before in [CHUNK - 60, CHUNK - 10, 3 * CHUNK + 5] {
                let bytes = [packet("web/etc.tar"), vec![7; before], packet(bad)].concat();
                assert_eq!(found(&bytes), Some(bad.into()), "{before}");
            }
        }
        assert_eq!(found(&packet("../x")[20..]), None, "it has no header, and is no packet");
        assert_eq!(found(&[]), None);
    }
}
