//! Answers of whoever sits at the terminal.

use std::io;
use std::os::fd::AsFd;

use redcedar_system::terminal::Lines;
use redcedar_system::{Interrupt, Interrupted};

/// Lines that are waited for, unless the run is to stop.
pub(crate) struct Answers<I = io::Stdin> {
    lines: Lines<I>,
    interrupt: Interrupt,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The run is to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Nobody will answer any more.
    #[error("there is nobody to answer")]
    Nobody,
    /// What is answered cannot be read.
    #[error("cannot read what is answered: {0}")]
    Io(#[from] io::Error),
}

impl Answers {
    /// What is typed, or comes from elsewhere by our standard input.
    pub(crate) fn of_standard_input(interrupt: Interrupt) -> Self {
        Self::new(io::stdin(), interrupt)
    }
}

impl<I: AsFd> Answers<I> {
    pub(crate) fn new(input: I, interrupt: Interrupt) -> Self {
        Self { lines: Lines::new(input, interrupt.clone()), interrupt }
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> Result<String, NoAnswer> {
        let line = self.lines.next_line();
        self.interrupt.check()?;
        let line = line?.ok_or(NoAnswer::Nobody)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn answers_come_one_by_one_until_there_is_nobody() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut answers = Answers::new(reader, Interrupt::new());
        writer.write_all(b"yes\n\nno").unwrap();
        drop(writer);
        assert_eq!(answers.line().unwrap(), "yes");
        assert_eq!(answers.line().unwrap(), "");
        // As in the original, the last line needs no end.
        assert_eq!(answers.line().unwrap(), "no");
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
