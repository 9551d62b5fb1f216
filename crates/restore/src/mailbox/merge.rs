//! Several pieces of one mailbox, put together.

use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;

use redcedar_mailbox::{Content, Sieve};
use redcedar_system::Interrupt;
use redcedar_system::fs::PendingFile;

use super::content::ReadError;

/// Only its owner reads mail.
const MODE: u32 = 0o600;

/// A mailbox that is being put together. Dropped before [`Merged::publish`], it is gone.
pub(super) struct Merged {
    file: BufWriter<PendingFile>,
    sieve: Sieve,
    holds: Holds,
    /// The last bytes written.
    tail: Vec<u8>,
    pub(super) messages: u64,
    pub(super) duplicates: u64,
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Nothing,
    Messages,
    /// Something that is no mailbox; the newest is the one that counts.
    Other,
}

impl Merged {
    pub(super) fn new(file: PendingFile) -> Self {
        let file = BufWriter::with_capacity(1 << 17, file);
        let (sieve, tail) = (Sieve::default(), Vec::new());
        Self { file, sieve, holds: Holds::Nothing, tail, messages: 0, duplicates: 0, bytes: 0 }
    }

    /// Adds a piece, newer than those before.
    pub(super) fn add(&mut self, piece: impl Read, interrupt: &Interrupt) -> Result<(), ReadError> {
        match redcedar_mailbox::open(piece)? {
            Content::Empty => {}
            Content::Messages(mut messages) => {
                if self.holds == Holds::Other {
                    self.restart()?;
                }
                self.holds = Holds::Messages;
                while let Some(message) = messages.next_message()? {
                    interrupt.check()?;
                    if !self.sieve.passes(&message, |_| true) {
                        self.duplicates += 1;
                        continue;
                    }
                    self.separate()?;
                    messages.copy(&message, self)?;
                    self.messages += 1;
                }
            }
            Content::Other(mut other) => {
                self.restart()?;
                self.holds = Holds::Other;
                io::copy(&mut other, self)?;
            }
        }
        Ok(())
    }

    /// Completes the file and gives it its name.
    pub(super) fn publish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.publish(MODE, None)
    }

    /// Where it will be.
    pub(super) fn path(&self) -> &Path {
        self.file.get_ref().path()
    }

    /// A message begins behind a blank line; the last one of a piece need not end with one.
    fn separate(&mut self) -> io::Result<()> {
        if self.tail.is_empty() || self.tail.ends_with(b"\n\n") || self.tail.ends_with(b"\n\r\n") {
            return Ok(());
        }
        let missing: &[u8] = if self.tail.ends_with(b"\n") { b"\n" } else { b"\n\n" };
        self.write_all(missing)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_mut().file_mut().set_len(0)?;
        self.file.rewind()?;
        (self.sieve, self.tail) = (Sieve::default(), Vec::new());
        (self.messages, self.duplicates, self.bytes) = (0, 0, 0);
        Ok(())
    }
}

impl Write for Merged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.tail.extend_from_slice(&bytes[written.saturating_sub(3)..written]);
        self.tail.drain(..self.tail.len().saturating_sub(3));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
