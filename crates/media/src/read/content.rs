//! The content of a file on a disc, read from where it is.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use redcedar_system::escape;

/// Bytes of the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) length: u64,
}

/// A file on a disc, open for reading at any place.
#[derive(Debug, Clone)]
pub struct Content {
    pub(super) medium: Arc<File>,
    /// For messages.
    pub(super) path: PathBuf,
    pub(super) extents: Vec<Extent>,
    pub(super) size: u64,
}

impl Content {
    /// Reads some of what is at `offset`; nothing at the end.
    ///
    /// # Errors
    /// When the medium cannot be read there, or ends before the file does.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(left) = self.size.checked_sub(offset).filter(|left| *left > 0 && !buffer.is_empty()) else {
            return Ok(0);
        };
        let Some((place, room)) = self.place(offset) else { return Err(self.cut_off()) };
        let wanted = usize::try_from(room.min(left)).unwrap_or(usize::MAX).min(buffer.len());
        match self.medium.read_at(&mut buffer[..wanted], place) {
            Ok(0) => Err(self.cut_off()),
            Ok(read) => Ok(read),
            Err(error) => {
                let message = format!(
                    "cannot read block {} of {}: {error}",
                    place / super::BLOCK,
                    escape::display(&self.path)
                );
                Err(io::Error::new(error.kind(), message))
            }
        }
    }

    /// Where on the medium a byte of the file is, and how many follow it there.
    fn place(&self, mut offset: u64) -> Option<(u64, u64)> {
        for extent in &self.extents {
            if offset < extent.length {
                return Some((extent.start.checked_add(offset)?, extent.length - offset));
            }
            offset -= extent.length;
        }
        None
    }

    fn cut_off(&self) -> io::Error {
        let message = format!("the disc ends before {} does", escape::display(&self.path));
        io::Error::new(io::ErrorKind::UnexpectedEof, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(extents: &[(u64, u64)], size: u64) -> Content {
        let medium = tempfile::tempfile().unwrap();
        medium.write_all_at(b"0123456789", 0).unwrap();
        let extents =
            extents.iter().map(|(start, length)| Extent { start: *start, length: *length }).collect();
        Content { medium: Arc::new(medium), path: "/x".into(), extents, size }
    }

    fn all(content: &Content) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        let mut buffer = [0; 3];
        loop {
            match content.read_at(&mut buffer, read.len() as u64)? {
                0 => return Ok(read),
                count => read.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn a_file_is_read_from_its_pieces_and_no_further() {
        assert_eq!(all(&content(&[(4, 4), (0, 4)], 6)).unwrap(), b"456701");
        assert_eq!(all(&content(&[], 0)).unwrap(), b"");
        assert_eq!(content(&[(0, 4)], 4).read_at(&mut [0; 2], 9).unwrap(), 0);
    }

    #[test]
    fn a_medium_that_ends_early_is_an_error() {
        for content in [content(&[(8, 4)], 4), content(&[(0, 2)], 4), content(&[(u64::MAX, 4)], 4)] {
            assert!(all(&content).is_err(), "{content:?}");
        }
        let error = all(&content(&[(8, 4)], 4)).unwrap_err();
        assert_eq!(error.to_string(), "the disc ends before /x does");
    }
}
