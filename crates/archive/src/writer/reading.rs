//! Getting the content of a file into the archive while others may write to it.
//!
//! The headers announce a size, and exactly so many bytes must follow. A file that changed while it was read is read
//! again, a few times. What is in memory by then has not been written; what was too large for that is taken back.

use std::ops::Range;
use std::path::Path;
use std::slice;
use std::time::Duration;

use redcedar_system::{Accounts, Interrupt};

use super::attributes::{AttributeList, Place, digest};
use super::digests::{Digested, Digests};
use super::source::Source;
use super::{AppendError, ArchiveWriter, Extra};
use crate::manifest::{Entry, Flaw};
use crate::tar::flag;
use crate::tar::sparse::SparseMap;

/// Files up to this size are read whole before anything of them is written.
const WHOLE: u64 = 8 << 20;

/// How much of a larger file is read at a time.
const PIECE: usize = 256 << 10;

/// How long to wait before each further try to read a file that changed.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(250)];

impl ArchiveWriter {
    /// Stores headers and content of a regular file. `source.metadata` and the entry are what the file system said before
    /// the try that counted. The digests are those of the content and of the extended attributes.
    pub(super) fn store_content(
        &mut self,
        path: &Path,
        source: &mut Source,
        accounts: &Accounts,
        interrupt: &Interrupt,
    ) -> Result<(Entry, Digested, Option<[u8; 20]>), AppendError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let pause = pauses.next();
            let last = pause.is_none();
            let mut entry = Entry::of(path, &source.metadata, accounts);
            let attributes =
                self.attributes.of(Place::Open(source.file())).map_err(AppendError::Unreadable)?;
            let sparse = source.sparse_map().map_err(AppendError::Unreadable)?;
            let stored = if sparse.is_none() && source.metadata.size <= WHOLE {
                self.store_whole(source, &mut entry, &attributes, last)?
            } else {
                self.store_pieces(source, sparse.as_ref(), &mut entry, &attributes, last, interrupt)?
            };
            if let Some((digested, flaw)) = stored {
                (entry.sha256, entry.flaw) = (Some(digested.sha256), flaw);
                return Ok((entry, digested, digest(&attributes)));
            }
            interrupt.check()?;
            std::thread::sleep(pause.unwrap_or_default());
            source.metadata = source.ask_again().map_err(AppendError::Unreadable)?;
        }
    }

    /// Reads a file to memory and then writes it. Nothing, and nothing written, when it is worth another try.
    fn store_whole(
        &mut self,
        source: &Source,
        entry: &mut Entry,
        attributes: &AttributeList,
        last: bool,
    ) -> Result<Option<(Digested, Option<Flaw>)>, AppendError> {
        let size = usize::try_from(source.metadata.size).unwrap_or(0);
        if self.content.len() < size {
            self.content.resize(size, 0);
        }
        let mut reading = Reading::new(source);
        reading.fill(&mut self.content[..size], 0)?;
        let Verdict { flaw, try_again } = reading.verdict()?;
        if try_again && !last {
            return Ok(None);
        }
        let extra = Extra { stored: entry.size, attributes, ..Extra::new(flag::FILE) };
        entry.offset = Some(self.write_headers(entry, extra)?);
        let mut digests = Digests::new(self.sha1);
        let content = &self.content[..size];
        digests.update(content);
        self.blocks.write(content)?;
        self.write_padding(entry.size)?;
        Ok(Some((digests.finish(), flaw)))
    }

    /// Writes a file as it is read. Nothing, and everything taken back, when it is worth another try.
    fn store_pieces(
        &mut self,
        source: &Source,
        sparse: Option<&SparseMap>,
        entry: &mut Entry,
        attributes: &AttributeList,
        last: bool,
        interrupt: &Interrupt,
    ) -> Result<Option<(Digested, Option<Flaw>)>, AppendError> {
        let mark = self.blocks.mark()?;
        let extra = match sparse {
            Some(map) => Extra { stored: map.stored(), sparse, attributes, ..Extra::new(flag::SPARSE) },
            None => Extra { stored: entry.size, attributes, ..Extra::new(flag::FILE) },
        };
        let stored = extra.stored;
        entry.offset = Some(self.write_headers(entry, extra)?);
        let all = 0..source.metadata.size;
        let stretches = sparse.map_or(slice::from_ref(&all), |map| &map.stretches);
        match self.copy(source, stretches, interrupt) {
            Ok((digested, verdict)) if last || !verdict.try_again => {
                self.write_padding(stored)?;
                Ok(Some((digested, verdict.flaw)))
            }
            Ok(_) => {
                self.blocks.rewind(mark)?;
                Ok(None)
            }
            Err(AppendError::Archive(error)) => Err(error.into()),
            Err(other) => {
                self.blocks.rewind(mark)?;
                Err(other)
            }
        }
    }

    /// Reads, digests and writes stretches of a file; what is between them is digested as zeros.
    fn copy(
        &mut self,
        source: &Source,
        stretches: &[Range<u64>],
        interrupt: &Interrupt,
    ) -> Result<(Digested, Verdict), AppendError> {
        let mut digests = Digests::new(self.sha1);
        let mut reading = Reading::new(source);
        let mut position = 0;
        if self.content.len() < PIECE {
            self.content.resize(PIECE, 0);
        }
        for stretch in stretches {
            digests.update_zeros(stretch.start - position);
            position = stretch.start;
            while position < stretch.end {
                interrupt.check()?;
                let length = (stretch.end - position).min(PIECE as u64);
                let piece = &mut self.content[..usize::try_from(length).unwrap_or(PIECE)];
                reading.fill(piece, position)?;
                digests.update(piece);
                self.blocks.write(piece)?;
                position += length;
            }
        }
        Ok((digests.finish(), reading.verdict()?))
    }
}

/// One try to read a file.
struct Reading<'a> {
    source: &'a Source,
    /// Whether anything could be read.
    begun: bool,
    end: End,
}

/// How far reading got.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    /// The file ends before the size that was announced.
    Short,
    /// The file could not be read on.
    Failed,
}

/// What one try came to.
struct Verdict {
    flaw: Option<Flaw>,
    try_again: bool,
}

impl<'a> Reading<'a> {
    fn new(source: &'a Source) -> Self {
        Self { source, begun: false, end: End::NotYet }
    }

    /// Fills `buffer` with what is at `offset`. What is not there or cannot be read becomes zeros, and so does all that
    /// follows; only when the very first read fails, that is an error.
    fn fill(&mut self, buffer: &mut [u8], offset: u64) -> Result<(), AppendError> {
        let mut filled = 0;
        while filled < buffer.len() && self.end == End::NotYet {
            match self.source.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => self.end = End::Short,
                Ok(count) => {
                    filled += count;
                    self.begun = true;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if !self.begun => return Err(AppendError::Unreadable(error)),
                Err(_) => self.end = End::Failed,
            }
        }
        buffer[filled..].fill(0);
        Ok(())
    }

    /// Asks the file system whether the file is still what it was.
    fn verdict(&self) -> Result<Verdict, AppendError> {
        let (before, after) =
            (&self.source.metadata, self.source.ask_again().map_err(AppendError::Unreadable)?);
        let changed =
            (before.size, before.modified, before.changed) != (after.size, after.modified, after.changed);
        let flaw = match self.end {
            End::Short | End::Failed => Some(Flaw::Padded),
            End::NotYet if changed => Some(Flaw::Changed),
            End::NotYet => None,
        };
        // A read error comes again, after the same long wait.
        Ok(Verdict { flaw, try_again: changed && self.end != End::Failed })
    }
}
