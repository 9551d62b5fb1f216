//! Files of a generation as they lie in the store.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use redcedar_archive::Kind;
use redcedar_archive::writer::Source;
use redcedar_restore::writing::{Walker, relative};
use rustix::fs::{Mode, OFlags, openat};

/// A file in the store, read without its holes.
pub(super) struct Stored {
    source: Source,
    stretches: std::vec::IntoIter<Range<u64>>,
    current: Range<u64>,
    pub(super) extents: Option<Vec<(u64, u64)>>,
    /// Bytes of data.
    pub(super) left: u64,
    pub(super) size: u64,
}

impl Stored {
    pub(super) fn open(tree: &mut Walker<'_>, path: &Path) -> io::Result<Self> {
        let path = relative(path);
        let directory = tree.find(path.parent().unwrap_or(Path::new("")))?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let name = path.file_name().unwrap_or(OsStr::new(""));
        let source = Source::of(File::from(openat(directory, name, flags, Mode::empty())?))?;
        if source.metadata.kind != Kind::File {
            return Err(io::Error::other("it is no file there"));
        }
        let size = source.metadata.size;
        let sparse = source.stretches()?;
        let extents = sparse.as_ref().map(|stretches| {
            stretches.iter().map(|stretch| (stretch.start, stretch.end - stretch.start)).collect()
        });
        let stretches = sparse.unwrap_or_else(|| vec![Range { start: 0, end: size }]);
        let left = stretches.iter().map(|stretch| stretch.end - stretch.start).sum();
        Ok(Self { source, stretches: stretches.into_iter(), current: 0..0, extents, left, size })
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.stretches.next() {
                Some(next) => self.current = next,
                None => return Ok(0),
            }
        }
        let wanted = usize::try_from(self.current.end - self.current.start)
            .map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.source.read_at(&mut buffer[..wanted], self.current.start)?;
        self.current.start += read as u64;
        Ok(read)
    }
}
