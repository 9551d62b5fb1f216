//! The standard input of a program, as far as it comes from us.

use std::io::{self, PipeWriter, Read, Write};
use std::ops::Range;
use std::os::fd::AsFd;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::run::BUFFER;

/// What a program is fed with, through a pipe that is never waited for.
pub(super) struct Feed<'a> {
    input: &'a mut dyn Read,
    pipe: Option<PipeWriter>,
    buffer: Vec<u8>,
    /// What of the buffer has still to be written.
    pending: Range<usize>,
}

/// Which side of a pipe failed.
pub(super) enum FeedError {
    Input(io::Error),
    Pipe(io::Error),
}

impl<'a> Feed<'a> {
    pub(super) fn new(input: &'a mut dyn Read, pipe: PipeWriter) -> io::Result<Self> {
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        Ok(Self { input, pipe: Some(pipe), buffer: vec![0; BUFFER], pending: 0..0 })
    }

    /// The pipe, until everything was written or the program stopped reading.
    pub(super) fn pipe(&self) -> Option<impl AsFd + '_> {
        self.pipe.as_ref()
    }

    /// Writes as much as the pipe takes now.
    pub(super) fn write(&mut self) -> Result<(), FeedError> {
        if self.pending.is_empty() {
            let count = self.input.read(&mut self.buffer).map_err(FeedError::Input)?;
            self.pending = 0..count;
        }
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        if self.pending.is_empty() {
            self.pipe = None;
            return Ok(());
        }
        match pipe.write(&self.buffer[self.pending.clone()]) {
            Ok(count) => self.pending.start += count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // Why it stopped reading is for its status to say.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.pipe = None,
            Err(error) => return Err(FeedError::Pipe(error)),
        }
        Ok(())
    }
}
