//! Asking whoever sits at the terminal.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::Interrupt;

/// How often the interrupt is looked at while nothing is typed.
const TICK: Duration = Duration::from_millis(100);
/// Nobody types more.
const LONGEST: usize = 4096;

/// Asks for a line that is not shown while it is typed.
///
/// # Errors
/// When there is no terminal, when nothing is typed, and on interrupt.
pub fn ask_secret(question: &str, interrupt: &Interrupt) -> io::Result<String> {
    let no_terminal = |error: io::Error| {
        io::Error::new(error.kind(), format!("there is no terminal to ask for a passphrase on ({error})"))
    };
    let file = fs_err::OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
    let terminal = Silent::new(file.into_file())?;
    write!(&terminal.file, "{question}")?;
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        wait(&terminal.file, interrupt)?;
        let mut buffer = [0; LONGEST];
        match (&terminal.file).read(&mut buffer)? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no passphrase was typed")),
            read => line.extend_from_slice(&buffer[..read]),
        }
    }
    line.pop();
    String::from_utf8(line).map_err(|_| io::Error::other("what was typed is not UTF-8"))
}

/// Lines that somebody types, or that come from a program.
pub struct Lines<F> {
    input: F,
    interrupt: Interrupt,
    unread: Vec<u8>,
    has_ended: bool,
}

impl Lines<io::Stdin> {
    /// Those of standard input, from which nobody else may read.
    pub fn of_stdin(interrupt: Interrupt) -> Self {
        Self::new(io::stdin(), interrupt)
    }
}

impl<F: AsFd> Lines<F> {
    /// Those of `input`.
    pub fn new(input: F, interrupt: Interrupt) -> Self {
        Self { input, interrupt, unread: Vec::new(), has_ended: false }
    }

    /// Waits for the next line and returns it without its end; nothing after the last.
    ///
    /// # Errors
    /// When there is no reading, when the line is too long, and on interrupt.
    pub fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let rest = self.unread.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.unread, rest);
                line.pop();
                return Ok(Some(line));
            }
            if self.has_ended {
                let last = std::mem::take(&mut self.unread);
                return Ok((!last.is_empty()).then_some(last));
            }
            if self.unread.len() >= LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
            }
            wait(&self.input, &self.interrupt)?;
            let mut buffer = [0; LONGEST];
            match rustix::io::read(&self.input, &mut buffer) {
                Ok(0) => self.has_ended = true,
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits until something is typed.
fn wait(input: &impl AsFd, interrupt: &Interrupt) -> io::Result<()> {
    let tick = Timespec::try_from(TICK).map_err(io::Error::other)?;
    loop {
        interrupt.check().map_err(io::Error::other)?;
        let mut typed = [PollFd::new(input, PollFlags::IN)];
        match poll(&mut typed, Some(&tick)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A terminal that does not show what is typed, until it is dropped.
struct Silent {
    file: File,
    before: Termios,
}

impl Silent {
    fn new(file: File) -> io::Result<Self> {
        let before = tcgetattr(&file)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO);
        modes.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON);
        tcsetattr(&file, OptionalActions::Now, &modes)?;
        Ok(Self { file, before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // Where that is impossible there is no terminal any more.
        let _gone = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut lines = Lines::new(reader, Interrupt::new());
        writer.write_all(b"one\n\ntwo \xff\nthr").unwrap();
        let mut next = || lines.next_line().unwrap();
        assert_eq!(next().as_deref(), Some(&b"one"[..]));
        assert_eq!(next().as_deref(), Some(&b""[..]));
        assert_eq!(next().as_deref(), Some(&b"two \xff"[..]));
        writer.write_all(b"ee").unwrap();
        drop(writer);
        assert_eq!(next().as_deref(), Some(&b"three"[..]));
        assert_eq!((next(), next()), (None, None));
    }

    #[test]
    fn an_interrupt_ends_the_waiting_and_a_line_has_its_limit() {
        let (reader, mut writer) = io::pipe().unwrap();
        let interrupt = Interrupt::new();
        let mut lines = Lines::new(reader, interrupt.clone());
        writer.write_all(&[b'x'; LONGEST]).unwrap();
        assert_eq!(lines.next_line().unwrap_err().kind(), io::ErrorKind::InvalidData);
        lines.unread.clear();
        interrupt.raise();
        assert_eq!(lines.next_line().unwrap_err().to_string(), "interrupted");
    }
}
