//! Answers of whoever sits at the terminal.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use redcedar_system::Interrupt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How often it is asked whether to stop while nobody answers.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Lines that are waited for, unless the run is to stop.
pub(crate) struct Answers<I = File> {
    input: I,
    unread: Vec<u8>,
    interrupt: Interrupt,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The run is to stop.
    #[error(transparent)]
    Interrupted(#[from] redcedar_system::Interrupted),
    /// Nobody will answer any more.
    #[error("there is nobody to answer")]
    Nobody,
    /// What is answered cannot be read.
    #[error("cannot read what is answered: {0}")]
    Io(#[from] io::Error),
}

impl Answers {
    /// What is typed, or comes from elsewhere by our standard input.
    pub(crate) fn of_standard_input(interrupt: Interrupt) -> io::Result<Self> {
        // Without the buffer of the standard library, in which a line could lie while we wait for one.
        Ok(Self::new(File::from(io::stdin().as_fd().try_clone_to_owned()?), interrupt))
    }
}

impl<I: Read + AsFd> Answers<I> {
    pub(crate) fn new(input: I, interrupt: Interrupt) -> Self {
        Self { input, unread: Vec::new(), interrupt }
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> Result<String, NoAnswer> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.interrupt.check()?;
            if !self.is_ready()? {
                continue;
            }
            let mut buffer = [0; 4096];
            match self.input.read(&mut buffer)? {
                0 => return Err(NoAnswer::Nobody),
                count => self.unread.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn is_ready(&self) -> io::Result<bool> {
        match poll(&mut [PollFd::new(&self.input, PollFlags::IN)], Some(&TICK)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn lines_come_one_by_one_until_there_is_nobody() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut answers = Answers::new(reader, Interrupt::new());
        writer.write_all(b"yes\n\nno").unwrap();
        assert_eq!(answers.line().unwrap(), "yes");
        assert_eq!(answers.line().unwrap(), "");
        drop(writer);
        assert!(matches!(answers.line(), Err(NoAnswer::Nobody)));
    }

    #[test]
    fn an_interrupt_ends_the_waiting() {
        let (reader, _writer) = io::pipe().unwrap();
        let interrupt = Interrupt::new();
        interrupt.raise();
        assert!(matches!(Answers::new(reader, interrupt).line(), Err(NoAnswer::Interrupted(_))));
    }
}
