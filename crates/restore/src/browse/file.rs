//! A file that is read at any place.

use std::io::{self, Read};
use std::sync::Arc;

use redcedar_archive::reader::{Member, MemberKind, read_member};

use super::pieces::{Archive, Pieces};
use crate::tree::Content;

/// A regular file in an archive.
pub struct File {
    pieces: Arc<Pieces>,
    archive: Arc<Archive>,
    size: u64,
    /// What is not in a hole, ascending.
    stretches: Vec<Stretch>,
    /// Where in the archive its data ends, or what is there of it.
    end: u64,
}

/// Data that hangs together.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// Where it begins in the file.
    start: u64,
    length: u64,
    /// Where it begins in the archive.
    stored: u64,
}

/// What is looked for from a place in a file on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// Data.
    Data,
    /// A hole; there is one behind the end of every file.
    Hole,
}

impl File {
    /// Reads the header of the member that is at `content`, which has to be a file of `size` bytes.
    pub(super) fn open(
        pieces: &Arc<Pieces>,
        archive: &Arc<Archive>,
        content: Content,
        size: u64,
    ) -> io::Result<Self> {
        let member = read_member(&mut pieces.reader(archive, content.offset), content.offset);
        let member = member.map_err(io::Error::other)?;
        if member.kind != MemberKind::File || member.size != size {
            let text = "the archive holds something else in its place";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let announced = member.data.end - member.data.start;
        let end = member.data.start + content.available.unwrap_or(announced).min(announced);
        let stretches = stretches(&member);
        Ok(Self { pieces: Arc::clone(pieces), archive: Arc::clone(archive), size, stretches, end })
    }

    /// Bytes of content, holes included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What is at `offset`: `length` bytes, or as many as there are before the end of the file.
    ///
    /// # Errors
    /// When the archive cannot be read there, or not all of the file is in it.
    pub fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let end = offset.saturating_add(length as u64).min(self.size);
        let mut buffer = vec![0; usize::try_from(end.saturating_sub(offset)).map_err(io::Error::other)?];
        let first = self.stretches.partition_point(|stretch| stretch.start + stretch.length <= offset);
        for stretch in self.stretches[first..].iter().take_while(|stretch| stretch.start < end) {
            let from = stretch.start.max(offset);
            let to = (stretch.start + stretch.length).min(end);
            let place = |position: u64| usize::try_from(position - offset).map_err(io::Error::other);
            self.read_stored(stretch.stored + (from - stretch.start), &mut buffer[place(from)?..place(to)?])?;
        }
        Ok(buffer)
    }

    fn read_stored(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if position.saturating_add(buffer.len() as u64) > self.end {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "not all of it is in the archive"));
        }
        let read = self.pieces.reader(&self.archive, position).read_exact(buffer);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "the archive ends in the middle of it")
            }
            _ => error,
        })
    }

    /// Where, from `offset` on, the next data or the next hole is. Nothing behind the end, and where no data follows.
    pub fn seek(&self, offset: u64, what: Seek) -> Option<u64> {
        if offset >= self.size {
            return None;
        }
        let mut position = offset;
        for stretch in &self.stretches {
            let (start, end) = (stretch.start, stretch.start + stretch.length);
            if stretch.length == 0 || end <= position {
                continue;
            }
            match what {
                Seek::Data => return Some(start.max(position)),
                Seek::Hole if start > position => return Some(position),
                Seek::Hole => position = end,
            }
        }
        (what == Seek::Hole).then_some(position.min(self.size))
    }
}

/// Where the data of a member belongs.
fn stretches(member: &Member) -> Vec<Stretch> {
    let whole = [(0, member.data.end - member.data.start)];
    let extents = member.extents.as_deref().unwrap_or(&whole);
    let mut stored = member.data.start;
    let stretch = |&(start, length): &(u64, u64)| {
        let stretch = Stretch { start, length, stored };
        stored += length;
        stretch
    };
    extents.iter().map(stretch).collect()
}
