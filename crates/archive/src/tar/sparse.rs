//! Files with holes, as GNU tar's type `S`: the map in the header and in blocks after it, then the data without the holes.

use std::io;
use std::ops::Range;
use std::os::fd::AsFd;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::header::encode_number;
use super::{BLOCK, padding};

/// Smaller holes are stored as zeros: the file then is a plain one for every reader.
pub(crate) const WORTH_IT: u64 = 64 << 10;

const IN_HEADER: Range<usize> = 386..482;
const HEADER_CONTINUES: usize = 482;
const REAL_SIZE: Range<usize> = 483..495;

const EXTENSION_CONTINUES: usize = 504;

const ENTRY: usize = 24;

/// Where the data of a file with holes is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SparseMap {
    /// Ascending, not touching. All but the last are whole blocks, so that readers that pad each stretch and readers that
    /// do not agree. A file that ends with a hole has a last, empty one at its end.
    pub(crate) stretches: Vec<Range<u64>>,
    /// Size of the file.
    pub(crate) size: u64,
}

impl SparseMap {
    /// The map of an open file of `size` bytes; nothing when the holes are not worth it or nobody knows of any.
    pub(crate) fn of(file: impl AsFd, size: u64) -> io::Result<Option<Self>> {
        let mut map = Self { stretches: Vec::new(), size };
        let mut from = 0;
        while from < size {
            let data = match seek(&file, SeekFrom::Data(from)) {
                Ok(data) => data,
                Err(Errno::NXIO) => break,
                Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let hole = match seek(&file, SeekFrom::Hole(data)) {
                Ok(hole) => hole,
                // It became shorter while we looked; whoever reads it finds out.
                Err(Errno::NXIO) => size,
                Err(error) => return Err(error.into()),
            };
            map.add(data..hole.max(data + 1));
            from = hole.max(data + 1);
        }
        seek(&file, SeekFrom::Start(0))?;
        if map.stretches.last().is_none_or(|last| last.end < size) {
            map.stretches.push(size..size);
        }
        Ok((map.stored() + WORTH_IT <= size).then_some(map))
    }

    /// Bytes of data.
    pub(crate) fn stored(&self) -> u64 {
        self.stretches.iter().map(|stretch| stretch.end - stretch.start).sum()
    }

    /// Adds a stretch, widened to whole blocks, which can make it touch the one before.
    fn add(&mut self, data: Range<u64>) {
        let start = data.start - data.start % BLOCK as u64;
        let end = (data.end + padding(data.end)).min(self.size);
        match self.stretches.last_mut() {
            Some(last) if last.end >= start => last.end = end,
            _ if start < end => self.stretches.push(start..end),
            _ => {}
        }
    }

    /// Fills in the part of the map that the header holds.
    pub(super) fn encode(&self, header: &mut [u8; BLOCK]) {
        let (first, rest) = self.split();
        encode_entries(&mut header[IN_HEADER], first);
        header[HEADER_CONTINUES] = u8::from(!rest.is_empty());
        encode_number(&mut header[REAL_SIZE], self.size.try_into().unwrap_or(i64::MAX));
    }

    /// Appends the blocks after the header that hold the rest of the map.
    pub(super) fn encode_extensions(&self, output: &mut Vec<u8>) {
        let mut extensions = self.split().1.chunks(EXTENSION_CONTINUES / ENTRY).peekable();
        while let Some(stretches) = extensions.next() {
            let mut block = [0; BLOCK];
            encode_entries(&mut block[..EXTENSION_CONTINUES], stretches);
            block[EXTENSION_CONTINUES] = u8::from(extensions.peek().is_some());
            output.extend_from_slice(&block);
        }
    }

    fn split(&self) -> (&[Range<u64>], &[Range<u64>]) {
        self.stretches.split_at(self.stretches.len().min(IN_HEADER.len() / ENTRY))
    }
}

fn encode_entries(field: &mut [u8], stretches: &[Range<u64>]) {
    for (entry, stretch) in field.chunks_exact_mut(ENTRY).zip(stretches) {
        let (offset, length) = entry.split_at_mut(ENTRY / 2);
        encode_number(offset, stretch.start.try_into().unwrap_or(i64::MAX));
        encode_number(length, (stretch.end - stretch.start).try_into().unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_file_without_holes_needs_no_map() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![1; 300_000], 0).unwrap();
        assert_eq!(SparseMap::of(&file, 300_000).unwrap(), None);
    }

    #[test]
    fn stretches_are_whole_blocks_and_the_end_is_marked() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3_000_001).unwrap();
        file.write_all_at(b"x", 1_000_000).unwrap();
        let map = SparseMap::of(&file, 3_000_001).unwrap().unwrap();
        assert_eq!(map.stretches.len(), 2);
        let data = &map.stretches[0];
        assert!(
            data.contains(&1_000_000) && data.start.is_multiple_of(512) && data.end.is_multiple_of(512),
            "{data:?}"
        );
        assert_eq!(map.stretches[1], 3_000_001..3_000_001);
    }

    #[test]
    fn stretches_that_share_a_block_become_one() {
        let mut map = SparseMap { stretches: Vec::new(), size: 10_000 };
        map.add(100..600);
        map.add(1000..1100);
        map.add(2100..10_000);
        assert_eq!(map.stretches, [0..1536, 2048..10_000]);
    }
}
