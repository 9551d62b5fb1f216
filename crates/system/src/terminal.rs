//! Asking whoever sits at the terminal.

use std::fs::File;
use std::io::{self, Read, Write};
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
        terminal.wait(interrupt)?;
        let mut buffer = [0; LONGEST];
        match (&terminal.file).read(&mut buffer)? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no passphrase was typed")),
            read => line.extend_from_slice(&buffer[..read]),
        }
    }
    line.pop();
    String::from_utf8(line).map_err(|_| io::Error::other("what was typed is not UTF-8"))
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

    /// Waits until something is typed.
    fn wait(&self, interrupt: &Interrupt) -> io::Result<()> {
        let tick = Timespec::try_from(TICK).map_err(io::Error::other)?;
        loop {
            interrupt.check().map_err(io::Error::other)?;
            let mut typed = [PollFd::new(&self.file, PollFlags::IN)];
            match poll(&mut typed, Some(&tick)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // Where that is impossible there is no terminal any more.
        let _gone = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }
}
